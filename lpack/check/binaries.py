"""An artifact's ELF files, with what the checks ask of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .elf import ElfFacts


class Binary(NamedTuple):
    """An ELF file of the artifact; ``package`` is "" for the user's own."""

    path: str
    package: str
    facts: ElfFacts

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path.rpartition("/")[2]


def by_package(binaries: Iterable[Binary]) -> dict[str, list[Binary]]:
    """The files of each package, in the order they come."""
    groups: dict[str, list[Binary]] = {}
    for binary in binaries:
        groups.setdefault(binary.package, []).append(binary)
    return groups
