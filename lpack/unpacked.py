"""What artifacts unpack to: folders of the store, made once for each content."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .errors import InputError, LpackError
from .folders import FILES, hold, put
from .store import UNPACKED, Store
from .tree import EXECUTABLE, LINK, Tree

TIME = 315_532_800
"""1980-01-01, the time of every member of lpack's zips: what a folder holds is as old as it is in Lambda."""

_TRIES = 100  # a folder is made again when another process removes it, which it will not do for ever


@contextlib.contextmanager
def unpacked(digest: bytes, fill: Callable[[Path], None], store: Store) -> Iterator[Path]:
    """The folder that stands for the digest, which nobody removes while the block lasts; ``fill`` makes it."""
    place = store.folder / UNPACKED / digest.hex()[:2] / digest.hex()
    for _ in range(_TRIES):
        held = hold(place)
        if held:
            with held:
                yield place / FILES
            return
        with store.lock(digest.hex()):
            if not (place / FILES).is_dir():
                _make(place, fill, store)
    raise LpackError(f"`{place}` is removed again and again", hint="is `lpack cache clear` running?")


def _make(place: Path, fill: Callable[[Path], None], store: Store) -> None:
    with store.temporary_folder() as folder:
        made = folder / FILES
        try:
            made.mkdir()
            fill(made)
            made.chmod(0o755)
            put(made, place)
        except OSError as error:
            raise store.unusable(error, "written") from error


def write_tree(tree: Tree, folder: Path) -> None:
    """Write the files and links of a tree to a folder, over what is there, as Lambda merges layers."""
    for path, mode, source, _ in tree:
        write_file(folder / path, mode, source.chunks())


def write_file(file: Path, mode: int, chunks: Iterable[bytes]) -> None:
    """Write one file or link, and the folders above it; InputError when a folder is in its way, or it in a folder's."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        hint = "Lambda can't merge such layers: rename one of them"
        raise InputError(
            f"`{file.name}`, or a folder of its path, is a file in one layer and a folder in another", hint=hint
        ) from error
    if mode == LINK:
        file.symlink_to(b"".join(chunks).decode())
        return
    with file.open("xb") as stream:
        stream.writelines(chunks)
    file.chmod(0o755 if mode == EXECUTABLE else 0o644)
    os.utime(file, (TIME, TIME))
