"""Zips, of functions and layers."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..archive import packing
from ..archive.zip_writer import LAYOUT, write_zip
from ..check import ImageFacts
from ..model import Host
from ..record import Record
from ..store import Store
from ..tree import Entry, Tree
from . import Written


@dataclass(frozen=True, slots=True)
class Zip:
    """The form of a zip of a tree."""

    tree: Tree

    @property
    def layout(self) -> int:
        """That of lpack's zips."""
        return LAYOUT

    def compressors(self) -> str:
        """libdeflate, and for large files another one."""
        return packing.version(self.tree)

    def inputs(self) -> list[Any]:
        """The compressors and the layout."""
        return [packing.version(self.tree), LAYOUT]

    def facts(self) -> ImageFacts | None:
        """Nothing."""
        return None

    def reads(self, store: Store) -> Iterable[Entry]:  # noqa: ARG002 -- the Protocol's
        """All of them."""
        return self.tree

    def write(self, file: Path, *, store: Store, host: Host) -> Written:
        """Write the zip."""
        done = write_zip(self.tree, file, store=store, workers=host.workers)
        return Written(size=done.size, sha256=done.sha256, code_sha256=done.code_sha256, unzipped_size=self.tree.size)

    def written_before(self, record: Record, *, size: int, sha256: str) -> Written:  # noqa: ARG002 -- the Protocol's
        """What its own bytes say."""
        code_sha256 = base64.b64encode(bytes.fromhex(sha256)).decode()
        return Written(size=size, sha256=sha256, code_sha256=code_sha256, unzipped_size=self.tree.size)
