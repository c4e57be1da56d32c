"""What lies at /var/task, /opt and /var/runtime: folders of the store, held while they are used."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..aws.layer_paths import BOOTSTRAP
from ..clients import Client
from ..errors import UsageError
from ..store import Store
from ..unpacked import unpacked, write_tree, write_zip
from .runnable import Artifact, Runnable
from .surroundings import LAYERS, TASK


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders that become /var/task, /opt and /var/runtime."""

    task: Path
    layers: Path
    runtime: Path | None


@contextlib.contextmanager
def laid_out(runnable: Runnable, client: Client | None, store: Store) -> Iterator[Folders]:
    """The unpacked artifact, its merged layers, and the client's files; nobody removes them while the block lasts."""
    with contextlib.ExitStack() as stack:
        yield Folders(
            task=stack.enter_context(_unpacked([runnable.artifact], store)),
            layers=stack.enter_context(_unpacked(runnable.layers, store)),
            runtime=stack.enter_context(_of_client(client, store)) if client else None,
        )


def bootstrap(runnable: Runnable, folders: Folders) -> str:
    """The program of a custom runtime: the function's own, else that of a layer. UsageError when there is none."""
    for folder, place in ((folders.task, TASK), (folders.layers, LAYERS)):
        if (folder / BOOTSTRAP).exists():
            return f"{place}/{BOOTSTRAP}"
    fact = f"`{runnable.name}` has no `{BOOTSTRAP}`, neither of its own nor in a layer"
    raise UsageError(fact, hint=f"`lpack check {runnable.name}` tells more")


@contextlib.contextmanager
def _unpacked(artifacts: Sequence[Artifact], store: Store) -> Iterator[Path]:
    """What zips unpack to, the later ones over those before."""
    digest = hashlib.sha256(b"".join(each.sha256 for each in artifacts)).digest()

    def fill(folder: Path) -> None:
        for artifact in artifacts:
            write_zip(artifact.file, folder)

    with unpacked(digest, fill, store) as folder:
        yield folder


@contextlib.contextmanager
def _of_client(client: Client, store: Store) -> Iterator[Path]:
    digest = bytes.fromhex(client.content)
    with unpacked(digest, lambda folder: write_tree(client.tree, folder), store) as folder:
        yield folder
