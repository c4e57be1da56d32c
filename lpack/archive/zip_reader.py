"""The zip reader: strict about what a zip may hold, because what it reads is unpacked on somebody's machine.

Whatever the bytes are, the answer is a right one or an UnsafeArchiveError that says what is wrong.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..errors import InputError, UnsafeArchiveError
from ..tree import REGULAR, Entry, Member, Tree, unsafe
from .zip_format import (
    CENTRAL_HEADER,
    CENTRAL_SIGNATURE,
    DATA_DESCRIPTOR,
    DEFLATED,
    ENCRYPTED,
    END,
    END_SIGNATURE,
    END_ZIP64,
    END_ZIP64_SIGNATURE,
    EXTRA_HEADER,
    EXTRA_ZIP64,
    LOCAL_HEADER,
    LOCAL_SIGNATURE,
    LOCATOR_ZIP64,
    LOCATOR_ZIP64_SIGNATURE,
    MAX_16,
    MAX_32,
    STORED,
    UTF8,
)

MAX_UNZIPPED = 10 << 30
"""More than the largest artifact that Lambda takes (an image) can't be meant; a bomb is."""

_CHUNK = 1 << 20
_MAX_RATIO = 1040  # deflate can't do better than 1032:1, https://zlib.net/zlib_tech.html


class Record(NamedTuple):
    """What a zip's directory says about one member. ``mode`` is a whole Unix mode; ``offset`` that of its data."""

    path: str
    mode: int
    method: int
    crc32: int
    packed_size: int
    size: int
    offset: int

    @property
    def is_folder(self) -> bool:
        """Whether this is an entry for a folder, which holds no data."""
        return self.path.endswith("/")


def read_zip(path: Path) -> Tree:
    """The files and links of a zip, inflated once to prove sizes and checksums and to learn their digests.

    Modes are as the archive has them. UnsafeArchiveError names the member and what is wrong with it; InputError is raised
    for what is no zip, or a broken one.
    """
    entries = []
    with _opened(path) as file:
        for record in _directory(file, path):
            if record.is_folder:
                continue
            digest = _prove(file, path, record)
            member = Member(path, record.offset, record.packed_size, record.size, record.method, record.crc32, digest)
            entries.append(Entry(record.path, record.mode, member))
    return Tree.of(entries)


def read_directory(path: Path) -> list[Record]:
    """What the zip's directory and local headers say, without looking at the data."""
    with _opened(path) as file:
        return _directory(file, path)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"`{path}` can't be read: {error.strerror}") from error


def _directory(file: BinaryIO, path: Path) -> list[Record]:
    count, size, start = _end(file, path)
    file.seek(start)
    directory = file.read(size)
    if len(directory) != size:
        raise InputError(f"`{path}` is a broken zip: its directory is cut off")
    records = []
    seen: set[str] = set()
    position = total = 0
    for _ in range(count):
        record, position = _central(directory, position, path)
        _refuse(record, path, seen)
        seen.add(record.path)
        total += record.size
        records.append(record._replace(offset=_data_offset(file, path, record)))
    if total > MAX_UNZIPPED:
        raise UnsafeArchiveError(f"`{path}` would unpack to {total} bytes, more than anything Lambda takes")
    _refuse_overlaps(records, start, path)
    return records


def _end(file: BinaryIO, path: Path) -> tuple[int, int, int]:
    """Number of entries, size and offset of the directory."""
    length = file.seek(0, os.SEEK_END)
    tail_size = min(length, END.size + MAX_16)
    file.seek(length - tail_size)
    tail = file.read(tail_size)
    found = tail.rfind(END_SIGNATURE)
    while found != -1 and found + END.size > len(tail):
        found = tail.rfind(END_SIGNATURE, 0, found)
    if found == -1:
        raise InputError(f"`{path}` is not a zip, or it is cut off")
    _, disk, first_disk, here, count, size, start, comment = END.unpack_from(tail, found)
    end = length - tail_size + found
    if end + END.size + comment != length:
        raise InputError(f"`{path}` is a broken zip: something follows its end")
    if MAX_16 in (here, count) or MAX_32 in (size, start):
        located = _end_zip64(file, end)
        if located:
            disk, first_disk, here, count, size, start, end = located
    if disk or first_disk or here != count:
        raise InputError(f"`{path}` is one part of a zip that was split")
    if start + size != end:
        raise InputError(f"`{path}` is a broken zip: its directory is not where it should be")
    if count * CENTRAL_HEADER.size > size:
        raise InputError(f"`{path}` is a broken zip: its directory is too small for {count} entries")
    return count, size, start


def _end_zip64(file: BinaryIO, end: int) -> tuple[int, int, int, int, int, int, int] | None:
    if end < LOCATOR_ZIP64.size:
        return None
    file.seek(end - LOCATOR_ZIP64.size)
    signature, _, offset, _ = LOCATOR_ZIP64.unpack(file.read(LOCATOR_ZIP64.size))
    if signature != LOCATOR_ZIP64_SIGNATURE or offset > end - END_ZIP64.size:
        return None
    file.seek(offset)
    record = END_ZIP64.unpack(file.read(END_ZIP64.size))
    if record[0] != END_ZIP64_SIGNATURE:
        return None
    _, _, _, _, disk, first_disk, here, count, size, start = record
    return disk, first_disk, here, count, size, start, offset


def _central(directory: bytes, position: int, path: Path) -> tuple[Record, int]:
    """The record at ``position`` and the position of the next; its offset is still that of the local header."""
    try:
        fields = CENTRAL_HEADER.unpack_from(directory, position)
    except Exception as error:
        raise InputError(f"`{path}` is a broken zip: its directory is cut off") from error
    signature, _, _, _, flags, method, _, _, crc, packed_size, size, name_size, extra_size, comment_size = fields[:14]
    _, _, attributes, offset = fields[14:]
    name_end = position + CENTRAL_HEADER.size + name_size
    end = name_end + extra_size + comment_size
    if signature != CENTRAL_SIGNATURE or end > len(directory):
        raise InputError(f"`{path}` is a broken zip: its directory is damaged")
    raw_name = directory[position + CENTRAL_HEADER.size : name_end]
    try:
        name = raw_name.decode("utf-8" if flags & UTF8 else "cp437")
    except UnicodeDecodeError as error:
        raise UnsafeArchiveError(f"`{path}` holds a member whose name is not valid UTF-8: {raw_name!r}") from error
    if flags & ENCRYPTED:
        raise UnsafeArchiveError(f"`{path}` holds an encrypted member, `{name}`")
    if method not in (STORED, DEFLATED):
        raise UnsafeArchiveError(
            f"`{path}` holds `{name}`, compressed by method {method}",
            hint="Lambda and wheels know deflate (8) and no compression (0) only",
        )
    if MAX_32 in (packed_size, size, offset):
        size, packed_size, offset = _zip64_sizes(
            directory[name_end : name_end + extra_size], size, packed_size, offset, path
        )
    mode = attributes >> 16
    if not stat.S_IFMT(mode):
        mode |= stat.S_IFREG
    return Record(name, mode if mode & 0o7777 else REGULAR, method, crc, packed_size, size, offset), end


def _zip64_sizes(extra: bytes, size: int, packed_size: int, offset: int, path: Path) -> tuple[int, int, int]:
    position = 0
    while position + EXTRA_HEADER.size <= len(extra):
        kind, length = EXTRA_HEADER.unpack_from(extra, position)
        position += EXTRA_HEADER.size
        if kind == EXTRA_ZIP64:
            body = extra[position : position + length]
            values = iter(int.from_bytes(body[start : start + 8], "little") for start in range(0, len(body) - 7, 8))
            resolved = [next(values, value) if value == MAX_32 else value for value in (size, packed_size, offset)]
            return resolved[0], resolved[1], resolved[2]
        position += length
    raise InputError(f"`{path}` is a broken zip: it lacks the sizes of a large member")


def _refuse(record: Record, path: Path, seen: set[str]) -> None:
    name = record.path.removesuffix("/") if record.is_folder else record.path
    reason = unsafe(name)
    if reason:
        raise UnsafeArchiveError(f"`{path}` holds a member whose name {reason}: `{record.path}`")
    if record.path in seen:
        raise UnsafeArchiveError(f"`{path}` holds `{record.path}` twice")
    kind = stat.S_IFMT(record.mode)
    if record.is_folder:
        if record.size:
            raise UnsafeArchiveError(f"`{path}` holds a folder with data, `{record.path}`")
    elif kind not in (stat.S_IFREG, stat.S_IFLNK):
        raise UnsafeArchiveError(f"`{path}` holds `{record.path}`, which is neither a file nor a link")
    if record.method == STORED and record.size != record.packed_size:
        raise UnsafeArchiveError(f"`{path}` lies about the size of `{record.path}`")
    if record.size > record.packed_size * _MAX_RATIO + _MAX_RATIO:
        raise UnsafeArchiveError(f"`{path}` lies about the size of `{record.path}`: deflate can't shrink that much")


def _data_offset(file: BinaryIO, path: Path, record: Record) -> int:
    """Where the member's data starts; its local header must say what the directory says."""
    file.seek(record.offset)
    header = file.read(LOCAL_HEADER.size)
    if len(header) != LOCAL_HEADER.size or not header.startswith(LOCAL_SIGNATURE):
        raise InputError(f"`{path}` is a broken zip: the header of `{record.path}` is not where it should be")
    _, _, flags, method, _, _, _, packed_size, size, name_size, extra_size = LOCAL_HEADER.unpack(header)
    raw_name = file.read(name_size)
    same_name = raw_name.decode("utf-8" if flags & UTF8 else "cp437", errors="replace") == record.path
    same_sizes = flags & DATA_DESCRIPTOR or (
        packed_size in (record.packed_size, MAX_32) and size in (record.size, MAX_32)
    )
    if not same_name or method != record.method or flags & ENCRYPTED or not same_sizes:
        raise UnsafeArchiveError(f"`{path}` describes `{record.path}` in two ways")
    return record.offset + LOCAL_HEADER.size + int(name_size) + int(extra_size)


def _refuse_overlaps(records: list[Record], directory: int, path: Path) -> None:
    end = 0
    for record in sorted(records, key=lambda each: each.offset):
        if record.offset < end:
            raise UnsafeArchiveError(f"`{path}` uses the bytes of `{record.path}` twice, as a zip bomb does")
        end = record.offset + record.packed_size
    if end > directory:
        raise InputError(f"`{path}` is a broken zip: a member reaches into the directory")


def _prove(file: BinaryIO, path: Path, record: Record) -> bytes:
    """The SHA-256 of a member's data, which must inflate to exactly the size and checksum that were announced."""
    digest, crc, size = hashlib.sha256(), 0, 0
    try:
        for data in _inflated(file, record):
            size += len(data)
            if size > record.size:
                break
            digest.update(data)
            crc = zlib.crc32(data, crc)
    except zlib.error as error:
        raise InputError(f"`{path}` is a broken zip: `{record.path}` can't be inflated ({error})") from error
    if size != record.size:
        raise UnsafeArchiveError(f"`{path}` lies about the size of `{record.path}`")
    if crc != record.crc32:
        raise InputError(f"`{path}` is a broken zip: the checksum of `{record.path}` is wrong")
    return digest.digest()


def _inflated(file: BinaryIO, record: Record) -> Iterator[bytes]:
    file.seek(record.offset)
    remaining = record.packed_size
    if record.method == STORED:
        while remaining and (data := file.read(min(_CHUNK, remaining))):
            remaining -= len(data)
            yield data
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    while remaining and (packed := file.read(min(_CHUNK, remaining))):
        remaining -= len(packed)
        while packed and not inflater.eof:
            yield inflater.decompress(packed, _CHUNK)
            packed = inflater.unconsumed_tail
        if inflater.eof and (inflater.unused_data or remaining):
            raise zlib.error("something follows the end of its data")
    yield inflater.flush()
    if not inflater.eof:
        raise zlib.error("its data is cut off")
