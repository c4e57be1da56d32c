"""The runtime families: each room locks the dependencies of a function, and makes its Tree.

Adding a family is adding a room that follows the Protocol, and a line in ``ecosystem_of``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from ..config import Function, Project
from ..errors import UsageError
from ..model import Finding, Host, LeftOut, Package, Reporter, Target
from ..store import Store
from ..tree import Tree

Policy = Literal["keep", "upgrade", "frozen"]
"""For a lock: keep what fits, take the newest of everything, or fail rather than change anything."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """What goes into an artifact, and what is known about it.

    ``archives`` are the files of the store that it takes bytes from, with the SHA-256 that they must have.
    """

    tree: Tree
    packages: tuple[Package, ...]
    left_out: tuple[LeftOut, ...]
    findings: tuple[Finding, ...]
    archives: tuple[tuple[Path, bytes], ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be made, and with what: a function of a project, the store, the machine, and whom to tell."""

    function: Function
    project: Project
    store: Store
    host: Host
    reporter: Reporter


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
        """The lock of the function's dependencies, for ``assemble``."""

    def assemble(self, ask: Ask, locked: Any, output: Path) -> Assembly:
        """Fetch what the lock names and lay it out with the function's own files."""

    def check_handler(self, tree: Tree, handler: str, target: Target) -> list[Finding]:
        """What is wrong with the handler, found by reading the tree."""

    def required_by(self, ask: Ask, locked: Any) -> Mapping[str, tuple[str, ...]]:
        """For each package of the lock, which others of it need it; "" among them stands for the user."""


def ecosystem_of(target: Target) -> Ecosystem:
    """The room that knows the target's runtime family; UsageError when there is none yet."""
    match target.runtime.family:
        case "python":
            from . import python

            return python
        case family:
            raise UsageError(f"lpack can't build for {family} runtimes yet, only for python")


def packages_in(tree: Tree) -> tuple[Tree, tuple[Package, ...]]:
    """The packages that a tree of unknown origin holds, and the tree with their entries marked."""
    from . import python

    return python.packages_in(tree)
