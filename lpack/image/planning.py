"""Which files go into which layer of an image, so that a change leaves as many layers as possible as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from ..tree import Entry, Tree, sort_key
from .starting import RUNTIME_ROOT, TASK_ROOT

LARGE = 4 << 20
"""A package from so many bytes on is worth a layer of its own."""

BUDGET = 10
"""Layers for large packages at most: an image can have 127, and each one costs whoever pulls it a request."""

BOOTSTRAP = "bootstrap"
"""What a custom runtime starts with."""

DEPENDENCIES, OWN_PACKAGES, SOURCE = "dependencies", "own packages", "source"


class PlannedLayer(NamedTuple):
    """A layer to be: what is in it in a word (a package's name, or one of the words above), and its files."""

    name: str
    tree: Tree


def planned_layers(tree: Tree, own_packages: Collection[str] = ()) -> tuple[PlannedLayer, ...]:
    """The layers for a tree, what changes most often last.

    First large packages, one each, then all others, the packages of the project itself (``own_packages``), and the
    user's files. The order of names decides, and not that of sizes: a package that grows a little moves no layer.
    """
    groups: dict[str, list[Entry]] = {}
    for entry in tree:
        groups.setdefault(entry.package, []).append(entry)
    source = groups.pop("", [])
    own = [entry for name in groups if name in own_packages for entry in groups[name]]
    others = {name: entries for name, entries in groups.items() if name not in own_packages}
    large = _large(others)
    rest = [entry for name, entries in others.items() if name not in large for entry in entries]
    layers = [*((name, others[name]) for name in large), (DEPENDENCIES, rest), (OWN_PACKAGES, own), (SOURCE, source)]
    # Parts of a tree are trees, once they are sorted.
    return tuple(PlannedLayer(name, Tree(tuple(sorted(entries, key=sort_key)))) for name, entries in layers if entries)


def placed(tree: Tree, *, has_bootstrap: bool) -> Tree:
    """A function's files where they lie in an image: in the task's folder.

    A custom runtime's ``bootstrap`` lies where AWS's base images look for it, with the runtimes.
    """
    task, runtime = TASK_ROOT.lstrip("/"), RUNTIME_ROOT.lstrip("/")
    entries = [
        entry._replace(path=f"{runtime if has_bootstrap and entry.path == BOOTSTRAP else task}/{entry.path}")
        for entry in tree
    ]
    return Tree(tuple(sorted(entries, key=sort_key)))


def _large(packages: dict[str, list[Entry]]) -> list[str]:
    sizes = {name: _size(entries) for name, entries in packages.items()}
    large = [name for name, size in sizes.items() if size >= LARGE]
    # Where there are too many, those of the same size to the nearest power of two change places for no small reason.
    large.sort(key=lambda name: (-sizes[name].bit_length(), name))
    return sorted(large[:BUDGET])


def _size(entries: Iterable[Entry]) -> int:
    return sum(entry.source.size for entry in entries)
