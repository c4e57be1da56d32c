"""Trees for tests, of contents in memory, on disk and in wheels."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from lpack.archive.zip_reader import read_zip
from lpack.store import sha256_of
from lpack.tree import EXECUTABLE, LINK, REGULAR, Content, DiskFile, Entry, Member, Tree

LINKED = b"link:"
PROGRAM = b"#!"


def tree_of(files: Mapping[str, bytes]) -> Tree:
    """A tree of these contents: ``link:…`` is a link, what starts with ``#!`` is executable."""
    return Tree.of(Entry(path, _mode(data), Content.of(data.removeprefix(LINKED))) for path, data in files.items())


def _mode(data: bytes) -> int:
    if data.startswith(LINKED):
        return LINK
    return EXECUTABLE if data.startswith(PROGRAM) else REGULAR


def disk_file(path: Path, data: bytes) -> DiskFile:
    """A file that is written to disk for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return DiskFile(path, len(data), sha256_of(path))


def members(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> dict[str, Member]:
    """The members of a zip that Python writes for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return {entry.path: entry.source for entry in read_zip(path) if isinstance(entry.source, Member)}
