"""How much of an artifact is whose: bytes and files by package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .model import Package
from .tree import Entry, Tree


class Weight(NamedTuple):
    """How much something takes in an artifact: ``size`` in bytes, unzipped, and the number of ``files``."""

    size: int = 0
    files: int = 0


def sizes_by_package(tree: Tree, packages: Sequence[Package]) -> dict[Package | None, Weight]:
    """What each of the packages takes, in their order, and under None, at the end, what belongs to none of them.

    A package that the tree names and the list does not is one without a version.
    """
    sizes = dict.fromkeys(packages, 0)
    files = dict.fromkeys(packages, 0)
    own = Weight()
    for package, entry in with_owners(tree, packages):
        size = entry.source.size
        if package is None:
            own = Weight(own.size + size, own.files + 1)
        else:
            sizes[package] = sizes.get(package, 0) + size
            files[package] = files.get(package, 0) + 1
    return {**{package: Weight(size, files[package]) for package, size in sizes.items()}, None: own}


def with_owners(tree: Tree, packages: Sequence[Package]) -> Iterator[tuple[Package | None, Entry]]:
    """The tree's entries, each with the package it belongs to; None is the user.

    Of a package that the artifact holds several times it is the one whose root is nearest above the entry.
    """
    candidates: dict[str, list[Package]] = {}
    for package in sorted(packages, key=lambda package: -len(package.root)):
        candidates.setdefault(package.name, []).append(package)
    for entry in tree:
        if not entry.package:
            yield None, entry
            continue
        known = candidates.get(entry.package)
        if known is None:
            known = candidates[entry.package] = [Package(entry.package, "", "", "")]
        # Programs, say, may lie outside of all roots.
        yield next((each for each in known[:-1] if is_inside(entry.path, each.root)), known[-1]), entry


def is_inside(path: str, folder: str) -> bool:
    """Whether the path is in the folder, of which "" is the artifact's root."""
    return not folder or path.startswith(f"{folder}/")
