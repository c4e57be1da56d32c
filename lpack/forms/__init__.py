"""The forms of artifacts: how what was assembled becomes a file, a zip or a container image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..check import ImageFacts
from ..model import Host
from ..record import ImageRecord, Record
from ..store import Store
from ..tree import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that was written: what its record says of it, sizes in bytes."""

    size: int
    sha256: str
    code_sha256: str
    unzipped_size: int
    image: ImageRecord | None = None


class Form(Protocol):
    """How an artifact's file is made."""

    @property
    def layout(self) -> int:
        """The version of how files are laid out in it."""

    def compressors(self) -> str:
        """What decides about its compressed bytes."""

    def inputs(self) -> list[Any]:
        """All that decides about its bytes, besides what lies in it; JSON can hold it."""

    def facts(self) -> ImageFacts | None:
        """What the checks want to know of an image, before it is made; None for what is none."""

    def reads(self, store: Store) -> Iterable[Entry]:
        """The entries whose bytes are wanted to write it: not those of what the store has made of them before."""

    def write(self, file: Path, *, store: Store, host: Host) -> Written:
        """Write the file whole, in the place of an old one, or not at all."""

    def written_before(self, record: Record, *, size: int, sha256: str) -> Written:
        """What is to be said of a file of that size and digest that was written from the same inputs."""
