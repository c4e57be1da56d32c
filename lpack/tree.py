"""The Tree: what goes into an artifact, as an immutable, sorted list of entries without duplicates.

Ecosystems make Trees, archives write them, checks read them. An entry's bytes stay where they are (in a wheel of the
store, on disk, in memory) until an archive wants them.

The tuples here are NamedTuples, not dataclasses: a Tree has thousands of them and a build makes it in milliseconds.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from .errors import InputError, LpackError

REGULAR = 0o100644
EXECUTABLE = 0o100755
LINK = 0o120777

_CHUNK = 1 << 20


class Member(NamedTuple):
    """Bytes inside a zip archive: ``packed_size`` bytes at ``offset``, which inflate to ``size`` bytes.

    ``method`` is the zip method, 0 (stored) or 8 (deflated); ``sha256`` is the digest of the inflated bytes.
    """

    archive: Path
    offset: int
    packed_size: int
    size: int
    method: int
    crc32: int
    sha256: bytes

    def chunks(self) -> Iterator[bytes]:
        """The inflated bytes, piece by piece; InputError if they are not what was recorded."""
        inflater = zlib.decompressobj(-zlib.MAX_WBITS) if self.method == 8 else None
        remaining, produced, crc = self.packed_size, 0, 0
        with self.archive.open("rb") as file:
            file.seek(self.offset)
            while remaining:
                packed = file.read(min(_CHUNK, remaining))
                if not packed:
                    raise InputError(f"`{self.archive}` ends in the middle of a member")
                remaining -= len(packed)
                while packed:
                    try:
                        data = inflater.decompress(packed, _CHUNK) if inflater else packed
                    except zlib.error as error:
                        raise InputError(f"`{self.archive}` holds a broken member: {error}") from error
                    packed = inflater.unconsumed_tail if inflater else b""
                    produced += len(data)
                    if produced > self.size:
                        raise InputError(f"`{self.archive}` holds a member that is larger than it says")
                    crc = zlib.crc32(data, crc)
                    yield data
        if inflater:
            data = inflater.flush()
            produced += len(data)
            crc = zlib.crc32(data, crc)
            yield data
        if produced != self.size or crc != self.crc32:
            raise InputError(f"`{self.archive}` holds a member that is not what its directory says")


class DiskFile(NamedTuple):
    """A file on disk, as it was when it was looked at."""

    path: Path
    size: int
    sha256: bytes

    def chunks(self) -> Iterator[bytes]:
        """The file's bytes, piece by piece; LpackError if it is no longer the same."""
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while data := file.read(_CHUNK):
                digest.update(data)
                yield data
        if digest.digest() != self.sha256:
            raise LpackError(f"`{self.path}` changed while it was being packed", hint="run the command again")


class Content(NamedTuple):
    """Bytes in memory: made by lpack, or the target of a link."""

    data: bytes
    sha256: bytes

    @classmethod
    def of(cls, data: bytes) -> Content:
        """The content with its digest."""
        return cls(data, hashlib.sha256(data).digest())

    @property
    def size(self) -> int:
        """The number of bytes."""
        return len(self.data)

    def chunks(self) -> Iterator[bytes]:
        """All bytes at once."""
        yield self.data


Source = Member | DiskFile | Content


class Entry(NamedTuple):
    """A file or link in an artifact.

    ``path`` is relative to the artifact's root, with ``/``; ``mode`` one of REGULAR, EXECUTABLE and LINK (whose source
    is the link's target); ``package`` the name of the package it belongs to, or "" for the user's own files.
    """

    path: str
    mode: int
    source: Source
    package: str = ""

    def read(self) -> bytes:
        """All bytes of the entry; for a link, its target."""
        return b"".join(self.source.chunks())


def sort_key(entry: Entry) -> bytes:
    """Entries are sorted by the bytes of their path, which no locale changes."""
    return entry.path.encode()


@dataclass(frozen=True)
class Tree:
    """Entries sorted by path, each path once, no path inside another path's file. Make one with ``Tree.of``."""

    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Tree:
        """The tree of these entries; InputError names paths that are unsafe, occur twice or lie inside a file."""
        ordered = sorted(entries, key=sort_key)
        files = {entry.path for entry in ordered}
        if len(files) != len(ordered):
            previous = ""
            for entry in ordered:
                if entry.path == previous:
                    raise InputError(f"`{entry.path}` occurs twice")
                previous = entry.path
        folders: set[str] = set()
        for path in files:
            parent = path.rpartition("/")[0]
            if parent not in folders:
                for folder in _parents(path):
                    if folder in files:
                        raise InputError(f"`{folder}` is a file, and also the folder of `{path}`")
                    folders.add(folder)
        return cls(tuple(ordered))

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def by_path(self) -> dict[str, Entry]:
        """The entries by their path."""
        return {entry.path: entry for entry in self.entries}

    @cached_property
    def size(self) -> int:
        """The unzipped size in bytes: what Lambda's limit counts."""
        return sum(entry.source.size for entry in self.entries)

    @cached_property
    def content(self) -> str:
        """A digest (hex SHA-256) over sorted path, mode and data, which no compressor can change."""
        digest = hashlib.sha256()
        for path, mode, source, _ in self.entries:
            digest.update(b"%b\0%o\0%b" % (path.encode(), mode, source.sha256))
        return digest.hexdigest()


def _parents(path: str) -> Iterator[str]:
    end = path.find("/")
    while end != -1:
        yield path[:end]
        end = path.find("/", end + 1)


def unsafe(path: str) -> str | None:
    """Why ``path`` must not be in an artifact ("leaves the root", …), or None when it is fine."""
    if not path:
        return "is empty"
    if path.startswith("/") or (len(path) > 1 and path[1] == ":"):
        return "is absolute"
    if "\\" in path:
        return "contains a backslash"
    if not path.isprintable() and any(ord(character) < 32 or ord(character) == 127 for character in path):
        return "contains a control character"
    segments = path.split("/")
    if ".." in segments:
        return "leaves the root"
    if "" in segments or "." in segments:
        return "is not in its simplest form"
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if len(encoded) > 4095 or any(len(segment.encode()) > 255 for segment in segments):
        return "is too long for a file system"
    return None
