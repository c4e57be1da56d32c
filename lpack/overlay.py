"""Laying the user's files over packages: one Tree, and what was hidden by what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .tree import LINK, Entry, Tree


class Clash(NamedTuple):
    """Two packages that want different files at one path; the first one's is in the tree."""

    path: str
    kept: str
    hidden: str


def overlay(own: Iterable[Entry], packages: Iterable[Sequence[Entry]]) -> tuple[Tree, tuple[Clash, ...]]:
    """The tree of the user's own files and all packages' files.

    Where two want one path, equal content is one file, the user's own wins over a package's, and of two packages the
    one that comes first wins and the clash is returned.
    """
    placed = {entry.path: entry for entry in own}
    clashes = []
    for entries in packages:
        for entry in entries:
            there = placed.setdefault(entry.path, entry)
            if there is not entry and there.package and _differ(there, entry):
                clashes.append(Clash(entry.path, there.package, entry.package))
    return Tree.of(placed.values()), tuple(clashes)


def _differ(one: Entry, other: Entry) -> bool:
    return one.source.sha256 != other.source.sha256 or (one.mode == LINK) != (other.mode == LINK)
