"""AWS's runtime interface clients for the tests' own emulator: what calls a handler in Lambda.

That of Python is installed by pip, so that one way leads past lpack's own; the others are lpack's. Each is kept in
.cache, and becomes /var/runtime.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emulator import HERE, kept

from lpack.aws.architectures import ARCHITECTURES
from lpack.aws.layer_paths import package_folders
from lpack.aws.runtimes import RUNTIMES
from lpack.clients import client_for
from lpack.means import Means
from lpack.model import Host, Silent, Target
from lpack.store import Store
from lpack.unpacked import write_tree

PYTHON_CLIENT = "awslambdaric==4.2.2"

NEEDS = {
    "python": (),
    # The client is compiled, with the curl and the aws-lambda-cpp that it brings.
    "node": ("node", "npm", "cmake", "make", "g++", "autoconf", "automake", "libtoolize"),
    "java": ("java", "javac", "mvn"),
    "custom": ("curl",),
}
"""Programs for building a function of the family, and for running it."""


@dataclass(frozen=True)
class Client:
    """How this machine does what a runtime of Lambda does: its command, before the handler, and its environment."""

    runtime: str
    command: tuple[str, ...]
    folder: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict)


def client(family: str) -> Client:
    """That of the family, for the version of the language that is installed here."""
    return {"python": _python, "node": _node, "java": _java, "custom": _custom}[family]()


def _python() -> Client:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"

    def fill(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:", f"--target={folder}"]
        subprocess.run([*pip, PYTHON_CLIENT], check=True)

    runtime = f"python{version}"
    places = ["/var/task", *_layer_folders(runtime), "/var/runtime"]
    # Without `site`, so that what is installed for the tests can't stand in for a package that the artifact lacks.
    command = (sys.executable, "-S", "-m", "awslambdaric")
    return Client(runtime, command, kept(f"{PYTHON_CLIENT}-{runtime}", fill), {"PYTHONPATH": ":".join(places)})


def _node() -> Client:
    said = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout
    runtime = f"nodejs{said.removeprefix('v').partition('.')[0]}.x"
    folder, arguments = _of_lpack(runtime)
    return Client(runtime, ("node", *arguments), folder, {"NODE_PATH": ":".join(_layer_folders(runtime))})


def _java() -> Client:
    runtime = "java17"  # whose classes newer ones run, too
    folder, arguments = _of_lpack(runtime)
    return Client(runtime, ("java", *arguments), folder)


def _of_lpack(runtime: str) -> tuple[Path, tuple[str, ...]]:
    """The files of lpack's own client, which takes long to compile, and its arguments; the emulator is the tests'."""
    store = Path(os.environ["LPACK_CACHE_DIR"])
    target = Target(RUNTIMES[runtime], ARCHITECTURES[HERE])
    made = client_for(target, Means(Store(store), Host(dict(os.environ), store), Silent()))
    assert made is not None
    return kept(f"{made}-{runtime}".replace(" ", "-"), lambda folder: write_tree(made.tree, folder)), made.arguments


def _custom() -> Client:
    return Client("provided.al2023", ("/var/task/bootstrap",))


def _layer_folders(runtime: str) -> list[str]:
    return [f"/opt/{folder}" for folder in package_folders(RUNTIMES[runtime])]
