"""A function's code, as it was found in a folder or as it is to be written there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..errors import UsageError


class Code(NamedTuple):
    """Where a function's code is or will be, its handler, and the texts of the files that are yet to be written.

    ``programs`` are those of the files that are to be executable; ``greeting`` is what a new function's HTTP response
    has for a body, written in TOML, when its event names Ada.
    """

    source: str
    handler: str
    files: dict[str, str]
    programs: frozenset[str] = frozenset()
    greeting: str = '{ message = "Hello, Ada!" }'


def places(name: str) -> tuple[str, str]:
    """Where the code of a function may be: in the project's folder, or in one of its own."""
    return (".", f"src/{name}")


def first_match(folder: Path, names: Iterable[str], pattern: re.Pattern[bytes]) -> tuple[str, re.Match[bytes]] | None:
    """The first of the named files in the folder in which the pattern is found.

    Searched, not parsed: the code may be written for a newer version of its language than anything here reads.
    """
    for name in names:
        file = folder / name
        try:
            found = pattern.search(file.read_bytes()) if file.is_file() else None
        except OSError as error:
            raise UsageError(f"`{file}` can't be read: {error.strerror}") from error
        if found:
            return name, found
    return None
