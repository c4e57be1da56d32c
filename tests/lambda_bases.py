"""Base images that stand in for AWS's, which no registry here has: Debian with the language, and what AWS adds to it.

AWS's are described in https://docs.aws.amazon.com/lambda/latest/dg/images-create.html and in the Dockerfiles of
https://github.com/aws/aws-lambda-base-images: the entry script, the Runtime Interface Emulator, the client in
/var/runtime, and the variables are as they are there. Each is made once, and kept in .cache.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

import base_images
import runtime_clients
from base_images import TO_RUN, Recipe
from conftest import SHARED_STORE
from emulator import HERE, kept

from lpack.aws.architectures import ARCHITECTURES
from lpack.aws.runtimes import RUNTIMES
from lpack.clients import client_for
from lpack.emulator.rie import rie_program
from lpack.image.archive_writer import write_archive
from lpack.image.composing import composed
from lpack.image.config import Execution
from lpack.image.local import read_local
from lpack.image.making import make_layer
from lpack.image.model import Image, with_layers
from lpack.image.opening import ENGINE, opened
from lpack.image.packing import packed
from lpack.means import Means
from lpack.model import Host, Silent, Target
from lpack.store import Store
from lpack.tree import EXECUTABLE, Content, DiskFile, Entry, Tree

_FORMAT = 1
"""A new number when the same family is to have another base."""

EMULATOR = "/usr/local/bin/aws-lambda-rie"

ENTRY_SCRIPT = """\
#!/bin/sh
if [ $# -ne 1 ]; then
  echo "entrypoint requires the handler name to be the first argument" 1>&2
  exit 142
fi
export _HANDLER="$1"
RUNTIME_ENTRYPOINT=/var/runtime/bootstrap
if [ -z "${AWS_LAMBDA_RUNTIME_API}" ]; then
  exec /usr/local/bin/aws-lambda-rie $RUNTIME_ENTRYPOINT
else
  exec $RUNTIME_ENTRYPOINT
fi
"""

ENVIRONMENT = (
    "LANG=en_US.UTF-8",
    "TZ=:/etc/localtime",
    "PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    "LAMBDA_TASK_ROOT=/var/task",
    "LAMBDA_RUNTIME_DIR=/var/runtime",
)


@dataclass(frozen=True)
class Family:
    """A family of runtimes: what its base is made of, and the runtime whose language that has."""

    recipe: Recipe
    runtime: str
    needs: tuple[str, ...] = ()

    @property
    def target(self) -> Target:
        """The runtime on this machine's architecture."""
        return Target(RUNTIMES[self.runtime], ARCHITECTURES[HERE])


FAMILIES = {
    "python": Family(TO_RUN["python"], "python3.11"),
    "node": Family(TO_RUN["node"], "nodejs20.x", runtime_clients.NEEDS["node"]),
    "java": Family(TO_RUN["java"], "java17", ("java", "javac", "mvn")),
    "custom": Family(TO_RUN["custom"], "provided.al2023", ("go",)),
}


def base(family: str, *, with_client: bool) -> Image:
    """The base of a family, with AWS's additions or without; its language is in it either way."""
    name = f"lambda-base-{_FORMAT}-{family}-{FAMILIES[family].recipe.key}{'-client' if with_client else ''}"

    def fill(folder: Path) -> None:
        image = _with_aws(family) if with_client else _plain(family)
        write_archive(image, family, folder / "image.tar")

    return read_local(kept(name, fill) / "image.tar", None)


def emulator() -> Path:
    """AWS's emulator, for containers of bases that have none."""
    return rie_program(ARCHITECTURES[HERE], None, _means())


def _plain(family: str) -> Image:
    """The family's image in the engine, its layers compressed."""
    reference = base_images.image(FAMILIES[family].recipe)
    means = _means()
    with opened(f"{ENGINE}{reference}", None, folder=Path(), host=means.host, reporter=means.reporter) as saved:
        return with_layers(saved, [packed(layer, means) for layer in saved.layers])


def _with_aws(family: str) -> Image:
    plain = base(family, with_client=False)
    program = emulator()
    client = client_for(FAMILIES[family].target, _means())
    entries = [
        Entry("lambda-entrypoint.sh", EXECUTABLE, Content.of(ENTRY_SCRIPT.encode())),
        Entry(EMULATOR.lstrip("/"), EXECUTABLE, _disk_file(program)),
    ]
    if client:
        start = shlex.join([_interpreter(family), *client.arguments])
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in client.environ.items())
        script = f'#!/bin/sh\n{exports}exec {start} "$_HANDLER"\n'
        entries.append(Entry("var/runtime/bootstrap", EXECUTABLE, Content.of(script.encode())))
        entries += [entry._replace(path=f"var/runtime/{entry.path}", package="") for entry in client.tree]
    made = make_layer("AWS", Tree.of(entries), _means())
    execution = Execution(env=ENVIRONMENT, entrypoint=("/lambda-entrypoint.sh",), working_dir="/var/task")
    return composed(plain, [made], replace(execution, labels=plain.config.execution.labels))


def _interpreter(family: str) -> str:
    return {"python": "python3.11"}.get(family, family)


def _disk_file(path: Path) -> DiskFile:
    data = path.read_bytes()
    return DiskFile(path, len(data), Content.of(data).sha256)


def _means() -> Means:
    return Means(Store(SHARED_STORE), Host(dict(os.environ), SHARED_STORE), Silent())
