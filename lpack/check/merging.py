"""Where layers meet: Lambda unpacks them into one folder, in their order."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..tree import Entry, Tree


class Clash(NamedTuple):
    """A path that is a file in one tree and a folder in another, by their positions."""

    path: str
    file_in: int
    folder_in: int


class Overwritten(NamedTuple):
    """An entry of one tree in whose place another tree puts another content."""

    before: Entry
    after: Entry


def clashes(trees: Sequence[Tree]) -> list[Clash]:
    """The paths that can't be both; each once, for the first trees that have it."""
    files: dict[str, int] = {}
    folders: dict[str, int] = {}
    for position, tree in enumerate(trees):
        for entry in tree:
            files.setdefault(entry.path, position)
            for folder in _folders(entry.path):
                if folder in folders:
                    break
                folders[folder] = position
    return [Clash(path, files[path], folders[path]) for path in sorted(files.keys() & folders.keys())]


def _folders(path: str) -> Iterator[str]:
    """The folders that a path lies in, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield path


def overwritten(trees: Sequence[Tree]) -> dict[tuple[int, int], list[Overwritten]]:
    """What is lost when the trees are unpacked one after the other: by the positions of the two that meet."""
    there: dict[str, tuple[int, Entry]] = {}
    lost: dict[tuple[int, int], list[Overwritten]] = {}
    for position, tree in enumerate(trees):
        for entry in tree:
            earlier, before = there.get(entry.path, (position, entry))
            if _content(before) != _content(entry):
                lost.setdefault((earlier, position), []).append(Overwritten(before, entry))
            there[entry.path] = position, entry
    return lost


def _content(entry: Entry) -> tuple[bool, bytes]:
    return stat.S_ISLNK(entry.mode), entry.source.sha256
