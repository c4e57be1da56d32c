"""The runtime families: each room locks the dependencies of a function or layer, and lays its packages out.

Adding a family is adding a room that follows the Protocol, and a line in ``ecosystem_of``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from ..aws.runtimes import Runtime
from ..config import Dependencies, Function, Layer, Project
from ..errors import UsageError
from ..model import Finding, Host, LeftOut, Package, Reporter, Target
from ..sources import OwnFiles, Selection, read_source
from ..store import Store
from ..tree import Entry, Tree

Policy = Literal["keep", "upgrade", "frozen"]
"""For a lock: keep what fits, take the newest of everything, or fail rather than change anything."""


class Part(NamedTuple):
    """A package and what it unpacks to, with paths relative to the folder that packages are installed in."""

    package: Package
    entries: tuple[Entry, ...]


class Installed(NamedTuple):
    """The packages of a lock for one target, and what was left out of them.

    ``archives`` are the files of the store that they take bytes from, with the SHA-256 that they must have.
    """

    parts: tuple[Part, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    archives: tuple[tuple[Path, bytes], ...] = ()


class Provided(NamedTuple):
    """A package that a layer brings to a function: its version, and which layer asked for what."""

    version: str
    layer: Dependencies


class Ask(NamedTuple):
    """What is to be had, and with what: dependencies of a project, the store, the machine, and whom to tell.

    ``provided`` are the packages, by their names, that layers bring: they are not carried again.
    """

    wanted: Dependencies
    project: Project
    store: Store
    host: Host
    reporter: Reporter
    provided: Mapping[str, Provided]


class Locked(Protocol):
    """A lock, as far as everybody may know it."""

    @property
    def file(self) -> Path | None:
        """Where lpack keeps it; None for a lock of another tool."""

    @property
    def changes(self) -> tuple[str, ...]:
        """What was changed in it, in words."""


class Ecosystem(Protocol):
    """A runtime family."""

    def lock(self, ask: Ask, policy: Policy) -> Locked:
        """The lock of the dependencies for all their targets."""

    def brings(self, ask: Ask, locked: Any, target: Target) -> Mapping[str, str]:
        """The versions of the packages that are installed for the target, by name; "" where no lock knows one."""

    def install(self, ask: Ask, locked: Any, target: Target) -> Installed:
        """Fetch what the lock names for the target, and lay it out."""

    def own_files(self, function: Function, ask: Ask, locked: Any, output: Path) -> OwnFiles:
        """The function's own files as they lie in its artifact: its source, or what is made of it.

        ``output`` is never part of them.
        """

    def check_code(self, tree: Tree, target: Target, store: Store) -> list[Finding]:
        """What is wrong with code that the target's language has to load, as far as no other check knows it."""

    def check_handler(self, tree: Tree, handler: str, target: Target, store: Store) -> list[Finding]:
        """What is wrong with the handler, found by reading the tree."""

    def required_by(self, ask: Ask, locked: Any, target: Target) -> Mapping[str, tuple[str, ...]]:
        """For each package of the lock, which others of it need it; "" among them stands for the user."""


def ecosystem_of(runtime: Runtime) -> Ecosystem:
    """The room that knows the runtime's family; UsageError when there is none yet."""
    match runtime.family:
        case "python":
            from . import python

            return python
        case "nodejs":
            from . import node

            return node
        case "java":
            from . import java

            return java
        case "provided":
            from . import custom

            return custom
        case family:
            raise UsageError(f"lpack can't build for {family} runtimes yet")


def layer_files(layer: Layer, ask: Ask, target: Target, output: Path) -> dict[str, OwnFiles]:
    """The files of a layer's own for a target, by the folder of the layer that they go to, "" for its root.

    A custom runtime, which lies at the root, may have to be built.
    """
    include, exclude = layer.include, layer.exclude
    found: dict[str, OwnFiles] = {}
    for folder, source in layer.source:
        if target.runtime.family == "provided" and not folder:
            from . import custom

            origin = custom.Origin(name=layer.name, source=source, include=include, exclude=exclude, follow_links=True)
            found[folder] = custom.files_of(origin, target, ask, output)
        else:
            found[folder] = read_source(source, Selection(include, exclude, output), follow_links=True)
    return found


def packages_in(tree: Tree) -> tuple[Tree, tuple[Package, ...]]:
    """The packages that a tree of unknown origin holds, and the tree with their entries marked."""
    from . import java, node, python

    tree, of_python = python.packages_in(tree)
    tree, of_node = node.packages_in(tree)
    tree, of_java = java.packages_in(tree)
    return tree, of_python + of_node + of_java
