"""How findings name packages and list files: a hundred bad files are one finding, not a hundred."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..model import Package

MOST_DETAILS = 10


def details(lines: Sequence[str]) -> tuple[str, ...]:
    """The first of many lines, and how many more there are."""
    if len(lines) <= MOST_DETAILS:
        return tuple(lines)
    return (*lines[:MOST_DETAILS], f"and {len(lines) - MOST_DETAILS} more")


def quoted(names: Iterable[str], *, most: int = 5) -> str:
    """Names in one phrase: "`a`, `b` and `c`"."""
    ordered = [f"`{name}`" for name in names]
    if len(ordered) > most:
        ordered[most - 1 :] = [f"{len(ordered) - most + 1} more"]
    return " and ".join(filter(None, (", ".join(ordered[:-1]), ordered[-1])))


def files(paths: Sequence[str]) -> str:
    """The one file by its name, several by their number."""
    return f"`{paths[0]}`" if len(paths) == 1 else f"{len(paths)} files"


def versions(packages: Iterable[Package]) -> dict[str, str]:
    """The versions of the packages by their name."""
    return {package.name: package.version for package in packages}


def owner(package: str, versions: Mapping[str, str]) -> str:
    """A package with its version; files that belong to none are the artifact's own."""
    if not package:
        return "the artifact"
    return f"`{package}` {versions[package]}" if package in versions else f"`{package}`"


def printable(text: str) -> str:
    """The text without what could move a terminal's cursor or colour its words: such characters are shown as escapes.

    Names inside of files are whatever their makers like.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
