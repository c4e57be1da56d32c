"""The tar reader: what is in a tar, member by member, and nothing believed that is not so.

It reads what engines and registries hold: ustar, PAX and GNU headers. Python's own reader takes a damaged header for
the end of the archive; here it is an error, as is whatever would make two readers see two different archives.

Source: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html and
https://www.gnu.org/software/tar/manual/html_node/Standard.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple, Protocol

from ..errors import UnsafeArchiveError

Kind = Literal["file", "folder", "link", "hard link", "character device", "block device", "pipe"]

_BLOCK = 512
_CHUNK = 1 << 18
_LARGEST_EXTENSION = 1 << 20
"""Bytes of a PAX header or a long name: paths have at most 4,096."""

_KINDS: dict[bytes, Kind] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"S": "file",
    b"1": "hard link",
    b"2": "link",
    b"3": "character device",
    b"4": "block device",
    b"5": "folder",
    b"6": "pipe",
}
_PAX, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK, _SPARSE = b"x", b"g", b"L", b"K", b"S"
_EXTENSIONS = frozenset({_PAX, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK})


class Member(NamedTuple):
    """A member of a tar: its ``path`` as it is written, its ``size`` and the ``offset`` of its data in the tar.

    ``target`` is that of a link, or, of a hard link, the other member's path.
    """

    path: str
    kind: Kind
    mode: int
    owner: int
    group: int
    size: int
    target: str
    offset: int


class Bytes(Protocol):
    """What a tar is read from, from its start to its end."""

    def read(self, size: int, /) -> bytes:
        """The next bytes: ``size`` of them, or fewer at the end alone."""

    def skip(self, size: int, /) -> None:
        """Leave out bytes that nobody wants."""


class Opened:
    """The bytes of a file that can be read from anywhere."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read
        self._file = file

    def skip(self, size: int) -> None:
        """Leave out bytes that nobody wants."""
        self._file.seek(size, os.SEEK_CUR)


class Streamed:
    """The bytes of chunks as they come, ``most`` of them: what unpacks to more is no layer but a bomb."""

    def __init__(self, chunks: Iterator[bytes], subject: str, *, most: int) -> None:
        self._chunks = chunks
        self._subject = subject
        self._most = most
        self._there = b""
        self.position = 0

    def read(self, size: int) -> bytes:
        """The next bytes: ``size`` of them, or fewer at the end alone."""
        parts = []
        wanted = size
        while wanted and (self._there or self._fill()):
            part, self._there = self._there[:wanted], self._there[wanted:]
            parts.append(part)
            wanted -= len(part)
        self.position += size - wanted
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """Leave out bytes that nobody wants."""
        while size and (passed := len(self.read(min(size, _CHUNK)))):
            size -= passed

    def _fill(self) -> bool:
        self._there = next(self._chunks, b"")
        if self.position + len(self._there) > self._most:
            raise UnsafeArchiveError(f"{self._subject} unpacks to more than {self._most:,} bytes")
        return bool(self._there)


def read_members(source: Bytes, subject: str) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """The members of a tar with their data, which is there until the next one is asked for.

    UnsafeArchiveError, about ``subject``, for what is no tar, or ends early.
    """
    reader = _Reader(source, subject)
    while member := reader.next_member():
        yield member, reader.data()


class _Reader:
    """A place in a tar: before a header, or in the data of a member."""

    def __init__(self, source: Bytes, subject: str) -> None:
        self._source = source
        self._subject = subject
        self._position = 0
        self._left = 0
        self._padding = 0
        self._global: dict[str, str] = {}

    def next_member(self) -> Member | None:
        self._skip(self._left + self._padding)
        self._left = self._padding = 0
        extended = dict(self._global)
        is_extended = False
        while header := self._header():
            kind, size = header[156:157], self._number(header, 124, 12)
            if kind not in _EXTENSIONS:
                return self._member(header, kind, size, extended)
            is_extended = is_extended or kind != _PAX_GLOBAL
            data = self._extension(size)
            if kind == _LONG_NAME:
                extended["path"] = _text(data.split(b"\0")[0])
            elif kind == _LONG_LINK:
                extended["linkpath"] = _text(data.split(b"\0")[0])
            elif kind == _PAX_GLOBAL:
                self._global.update(self._records(data))
                extended = {**self._global, **extended}
            else:
                extended.update(self._records(data))
        if is_extended:
            raise self._damaged("ends after a header that tells of another one")
        return None

    def data(self) -> Iterator[bytes]:
        while self._left:
            data = self._read(min(_CHUNK, self._left))
            if not data:
                raise self._damaged("ends in the middle of a file")
            self._left -= len(data)
            yield data

    def _member(self, header: bytes, kind: bytes, size: int, extended: dict[str, str]) -> Member:
        known = _KINDS.get(kind)
        if known is None:
            raise self._damaged(f"has a member of a kind that is not known, {kind!r}")
        is_posix = header[257:263] == b"ustar\0"
        prefix = _text(header[345:500].split(b"\0")[0]) if is_posix else ""
        name = _text(header[:100].split(b"\0")[0])
        path = extended.get("GNU.sparse.name") or extended.get("path") or (f"{prefix}/{name}" if prefix else name)
        if known == "file" and path.endswith("/"):
            known = "folder"
        if "size" in extended:
            size = self._decimal(extended["size"])
        if kind == _SPARSE:
            self._skip_sparse_maps(header)
        self._left = size if known == "file" else 0
        self._padding = -self._left % _BLOCK
        return Member(
            path=path,
            kind=known,
            mode=self._number(header, 100, 8) & 0o7777,
            owner=self._number(header, 108, 8),
            group=self._number(header, 116, 8),
            size=self._left,
            target=extended.get("linkpath") or _text(header[157:257].split(b"\0")[0]),
            offset=self._position,
        )

    def _header(self) -> bytes | None:
        """The next header; None at the end, for which there are two blocks of zeros, or one, or none."""
        block = self._read(_BLOCK)
        if not block or not any(block):
            if any(self._read(_BLOCK)):
                raise self._damaged("goes on after its end")
            return None
        unsigned = sum(block) - sum(block[148:156]) + 8 * 0x20
        if len(block) < _BLOCK or self._number(block, 148, 8) != unsigned:
            raise self._damaged("has a damaged header" if self._position > _BLOCK else "is no tar")
        return block

    def _extension(self, size: int) -> bytes:
        if size > _LARGEST_EXTENSION:
            raise self._damaged(f"has a header of {size:,} bytes")
        data = self._read(size)
        if len(data) < size:
            raise self._damaged("ends in the middle of a header")
        self._skip(-size % _BLOCK)
        return data

    def _records(self, data: bytes) -> dict[str, str]:
        """The records of a PAX header: each begins with its own length."""
        records = {}
        while data:
            digits, blank, _ = data.partition(b" ")
            size = self._decimal(_text(digits)) if blank else 0
            key, equals, value = data[len(digits) + 1 : size].partition(b"=")
            if not len(digits) + 1 < size <= len(data) or not equals or not value.endswith(b"\n"):
                raise self._damaged("has a damaged PAX header")
            records[_text(key)] = _text(value[:-1])
            data = data[size:]
        return records

    def _skip_sparse_maps(self, header: bytes) -> None:
        """Pass by the blocks that say where the holes of GNU's sparse files are, which have no place in an image."""
        is_continued = header[482]
        while is_continued:
            block = self._read(_BLOCK)
            if len(block) < _BLOCK:
                raise self._damaged("ends in the middle of a header")
            is_continued = block[504]

    def _number(self, header: bytes, start: int, length: int) -> int:
        field = header[start : start + length]
        if field and field[0] & 0x80:  # GNU's way to write large numbers
            return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:])
        digits = field.strip(b" \0")
        if digits.strip(b"01234567"):
            raise self._damaged("has a damaged header" if self._position > _BLOCK else "is no tar")
        return int(digits or b"0", 8)

    def _decimal(self, text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or len(text) > 20:
            raise self._damaged("has a damaged PAX header")
        return int(text)

    def _read(self, size: int) -> bytes:
        data = self._source.read(size)
        self._position += len(data)
        return data

    def _skip(self, size: int) -> None:
        self._source.skip(size)
        self._position += size

    def _damaged(self, fact: str) -> UnsafeArchiveError:
        return UnsafeArchiveError(f"{self._subject} {fact}")


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
