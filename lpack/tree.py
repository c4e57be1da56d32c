"""The Tree: what goes into an artifact, as an immutable, sorted list of entries without duplicates.

Ecosystems make Trees, archives write them, checks read them. An entry's bytes stay where they are (in a wheel of the
store, on disk, in memory) until an archive wants them.

The tuples here are NamedTuples, not dataclasses: a Tree has thousands of them and a build makes it in milliseconds.
"""

from __future__ import annotations

import functools
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from .errors import InputError, LpackError, UnsafeArchiveError

REGULAR = 0o100644
EXECUTABLE = 0o100755
LINK = 0o120777

_CHUNK = 1 << 20

_LONGEST_NAME = 255  # bytes, in all of Linux's usual file systems
_LONGEST_PATH = 4095  # PATH_MAX of Linux, less its closing zero


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
        try:
            with self.archive.open("rb") as file:
                yield from inflated(file, self, name="a member")
        except OSError as error:
            raise InputError(f"`{self.archive}` can't be read: {error.strerror}") from error


def inflated(file: BinaryIO, member: Member, *, name: str) -> Iterator[bytes]:
    """The inflated bytes of a member of the open archive, piece by piece and never more than was recorded.

    InputError says of the member, called ``name``, how its bytes are not what was recorded.
    """
    problem = f"`{member.archive}` holds {name}, which"
    pieces = _packed(file, member, problem)
    size, crc = 0, 0
    try:
        for data in _inflate(pieces) if member.method == 8 else pieces:
            size += len(data)
            if size > member.size:
                break
            crc = zlib.crc32(data, crc)
            yield data
    except zlib.error as error:
        raise InputError(f"{problem} can't be inflated: {error}") from error
    if size != member.size:
        raise UnsafeArchiveError(f"{problem} lies about its size")
    if crc != member.crc32:
        raise InputError(f"{problem} has another checksum than its archive says")


def _packed(file: BinaryIO, member: Member, problem: str) -> Iterator[bytes]:
    file.seek(member.offset)
    remaining = member.packed_size
    while remaining:
        data = file.read(min(_CHUNK, remaining))
        if not data:
            raise InputError(f"{problem} is cut off")
        remaining -= len(data)
        yield data


def _inflate(pieces: Iterable[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for piece in pieces:
        packed = piece
        while packed:
            yield inflater.decompress(packed, _CHUNK)  # a bomb's pieces are no larger than others
            packed = inflater.unconsumed_tail
            if inflater.unused_data:
                raise zlib.error("something follows its end")
    yield inflater.flush()
    if not inflater.eof:
        raise zlib.error("it has no end")


class DiskFile(NamedTuple):
    """A file on disk, as it was when it was looked at."""

    path: Path
    size: int
    sha256: bytes

    def chunks(self) -> Iterator[bytes]:
        """The file's bytes, piece by piece; LpackError if it is no longer the same."""
        digest, size = hashlib.sha256(), 0
        try:
            with self.path.open("rb") as file:
                while size <= self.size and (data := file.read(_CHUNK)):
                    digest.update(data)
                    size += len(data)
                    yield data
        except OSError as error:
            raise LpackError(f"`{self.path}` can't be read: {error.strerror}") from error
        if size != self.size or digest.digest() != self.sha256:
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
        given = tuple(entries)
        for entry in given:
            problem = unsafe(entry.path)
            if problem:
                raise InputError(f"`{entry.path!a}` can't be a path in an artifact: it {problem}")
        ordered = sorted(given, key=sort_key)
        for one, other in pairwise(ordered):
            if one.path == other.path:
                raise InputError(f"`{one.path}` occurs twice")
        # Sorted like this, a path comes right before those inside of it.
        nested = sorted([entry.path.replace("/", "\0") for entry in ordered])
        for folder, path in pairwise(nested):
            if path.startswith(folder + "\0"):
                file, inside = folder.replace("\0", "/"), path.replace("\0", "/")
                raise InputError(f"`{file}` is a file, and also the folder of `{inside}`")
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


@functools.lru_cache(maxsize=1 << 15)  # functions of one project share most of their paths
def unsafe(path: str) -> str | None:
    """Why ``path`` must not be in an artifact ("leaves the root", …), or None when it is fine."""
    if not path:
        return "is empty"
    if path.startswith("/") or path[1:2] == ":":
        return "is absolute"
    if "\\" in path:
        return "contains a backslash"
    plain = path.isascii() and path.isprintable()
    if not plain and any(ord(character) < 32 or 127 <= ord(character) < 160 for character in path):
        return "contains a control character"
    framed = f"/{path}/"
    if "/../" in framed:
        return "leaves the root"
    if "//" in framed or "/./" in framed:
        return "is not in its simplest form"
    if plain and len(path) <= _LONGEST_NAME:
        return None  # as most are: there are thousands to look at
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if len(encoded) > _LONGEST_PATH or max(map(len, encoded.split(b"/"))) > _LONGEST_NAME:
        return "is too long for a file system"
    return None
