"""Leaving files out of packages: what the user knows that the code never uses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .config import Trim
from .model import LeftOut
from .sources.patterns import Patterns
from .tree import Entry

REASON = "trim"
EVERY_PACKAGE = "*"


class Trimmed(NamedTuple):
    """What is left of packages, and what was left out: a folder that was left out whole counts once."""

    entries: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...]


def trimmed(entries: Sequence[Entry], trim: Trim) -> Trimmed:
    """The entries of a package, without those that the patterns name; InputError for a pattern that is none."""
    packages = {entry.package for entry in entries}
    # What is said of one package outweighs what is said of all: a table has no order that could mean anything.
    ordered = sorted(trim, key=lambda said: said[0] != EVERY_PACKAGE)
    lines = [line for name, listed in ordered if name == EVERY_PACKAGE or name in packages for line in listed]
    if not lines:
        return Trimmed(tuple(entries), ())
    patterns = Patterns.of(lines, origin=REASON)
    verdicts: dict[str, bool] = {}
    kept = []
    left_out: dict[str, None] = {}
    for entry in entries:
        gone = next((path for path in _ways(entry.path) if _is_trimmed(path, patterns, verdicts)), None)
        if gone:
            left_out[gone] = None
        else:
            kept.append(entry)
    return Trimmed(tuple(kept), tuple(LeftOut(path, REASON) for path in left_out))


def _ways(path: str) -> Iterable[str]:
    """The folders that the path lies in, from the top, each with a slash at its end; then the path itself."""
    end = path.find("/")
    while end >= 0:
        yield path[: end + 1]
        end = path.find("/", end + 1)
    yield path


def _is_trimmed(path: str, patterns: Patterns, verdicts: dict[str, bool]) -> bool:
    if path not in verdicts:
        verdicts[path] = bool(patterns.verdict(path.rstrip("/"), is_folder=path.endswith("/")))
    return verdicts[path]
