"""The zip reader: strict about what a zip may hold, because what it reads is unpacked on somebody's machine.

Whatever the bytes are, the answer is a right one or an UnsafeArchiveError that says what is wrong.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..errors import InputError, UnsafeArchiveError
from ..tree import REGULAR, Entry, Member, Tree, inflated, unsafe
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

_BUFFER = 256 << 10

_MAX_RATIO = 1040  # deflate can't do better than 1032:1, https://zlib.net/zlib_tech.html


class Record(NamedTuple):
    """What a zip says about one member. ``mode`` is a whole Unix mode; ``offset`` that of its data."""

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

    Modes are as the archive has them. UnsafeArchiveError names the member and what is wrong with it; InputError is
    raised for what is no zip, or a broken one.
    """
    with _opened(path) as file:
        records = [record for record in _directory(file, path) if not record.is_folder]
        entries = [Entry(record.path, record.mode, _proved(file, path, record)) for record in records]
    try:
        return Tree.of(entries)
    except InputError as error:
        raise UnsafeArchiveError(f"`{path}` can't be unpacked: {error}") from error


def read_directory(path: Path) -> list[Record]:
    """What the zip's directory and local headers say, without looking at the data."""
    with _opened(path) as file:
        return _directory(file, path)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"`{path}` is not a file")
        with path.open("rb", buffering=_BUFFER) as file:
            yield file
    except OSError as error:
        raise InputError(f"`{path}` can't be read: {error.strerror}") from error


def _proved(file: BinaryIO, path: Path, record: Record) -> Member:
    member = Member(path, record.offset, record.packed_size, record.size, record.method, record.crc32, b"")
    digest = hashlib.sha256()
    for data in inflated(file, member, name=f"`{record.path}`"):
        digest.update(data)
    return member._replace(sha256=digest.digest())


def _directory(file: BinaryIO, path: Path) -> list[Record]:
    count, size, start = _end(file, path)
    file.seek(start)
    directory = file.read(size)
    records, spans = [], []
    seen: set[str] = set()
    position = total = 0
    for _ in range(count):
        listed, position = _listed(directory, position, path)
        _refuse(listed, path)
        plain_name = listed.name.removesuffix("/")
        if plain_name in seen:
            raise UnsafeArchiveError(f"`{path}` holds `{plain_name}` twice")
        seen.add(plain_name)
        total += listed.size
        offset = _data_offset(file, path, listed, start)
        spans.append((listed.header, offset + listed.packed_size, listed.name))
        records.append(
            Record(listed.name, listed.mode, listed.method, listed.crc32, listed.packed_size, listed.size, offset)
        )
    if position != size:
        raise InputError(f"`{path}` is a broken zip: its directory holds more than {count} entries")
    if total > MAX_UNZIPPED:
        raise UnsafeArchiveError(f"`{path}` would unpack to {total} bytes, more than anything Lambda takes")
    _refuse_overlaps(spans, start, path)
    return records


def _end(file: BinaryIO, path: Path) -> tuple[int, int, int]:
    """Number of entries, size and offset of the directory."""
    length = file.seek(0, os.SEEK_END)
    tail_size = min(length, END.size + MAX_16)
    file.seek(length - tail_size)
    tail = file.read(tail_size)
    found = tail.rfind(END_SIGNATURE, 0, max(0, len(tail) - END.size + len(END_SIGNATURE)))
    if found == -1:
        raise InputError(f"`{path}` is not a zip, or it is cut off")
    _, *said, comment_size = END.unpack_from(tail, found)
    end = length - tail_size + found
    if end + END.size + comment_size != length:
        raise InputError(f"`{path}` is a broken zip: something follows its end")
    located = _end_zip64(file, end, path)
    if located:
        # What does not fit into the old record is in the new one alone; all else must be in both.
        for short, long, most in zip(said, located, (MAX_16,) * 4 + (MAX_32,) * 2, strict=True):
            if short not in (long, most):
                raise InputError(f"`{path}` is a broken zip: it says two things about its directory")
        said = list(located)
        end -= LOCATOR_ZIP64.size + END_ZIP64.size
    disk, first_disk, here, count, size, start = said
    if disk or first_disk or here != count:
        raise InputError(f"`{path}` is one part of a zip that was split")
    if start + size != end:
        raise InputError(f"`{path}` is a broken zip: its directory is not where it should be")
    return count, size, start


def _end_zip64(file: BinaryIO, end: int, path: Path) -> tuple[int, ...] | None:
    """The fields of the zip64 record that precedes the end record at ``end``, if there is one."""
    start = end - LOCATOR_ZIP64.size - END_ZIP64.size
    if start < 0:
        return None
    file.seek(start)
    record = END_ZIP64.unpack(file.read(END_ZIP64.size))
    signature, _, offset, _ = LOCATOR_ZIP64.unpack(file.read(LOCATOR_ZIP64.size))
    if signature != LOCATOR_ZIP64_SIGNATURE:
        return None
    if record[0] != END_ZIP64_SIGNATURE or record[1] != END_ZIP64.size - 12 or offset != start:
        raise InputError(f"`{path}` is a broken zip: its zip64 record is not where it should be")
    return record[4:]


class _Listed(NamedTuple):
    """An entry of the directory; ``header`` is the offset of the member's local header."""

    name: str
    raw_name: bytes
    flags: int
    mode: int
    method: int
    crc32: int
    packed_size: int
    size: int
    header: int


def _listed(directory: bytes, position: int, path: Path) -> tuple[_Listed, int]:
    """The entry at ``position`` of the directory, and the position of the next."""
    name_start = position + CENTRAL_HEADER.size
    if name_start > len(directory):
        raise InputError(f"`{path}` is a broken zip: its directory is cut off")
    fields = CENTRAL_HEADER.unpack_from(directory, position)
    signature, _, _, _, flags, method, _, _, crc, packed_size, size, name_size, extra_size, comment_size = fields[:14]
    _, _, attributes, header = fields[14:]
    name_end = name_start + name_size
    end = name_end + extra_size + comment_size
    if signature != CENTRAL_SIGNATURE or end > len(directory):
        raise InputError(f"`{path}` is a broken zip: its directory is damaged")
    raw_name = directory[name_start:name_end]
    try:
        name = raw_name.decode()  # also where no flag says that it is UTF-8: Info-ZIP never sets one
    except UnicodeDecodeError as error:
        if flags & UTF8:
            raise UnsafeArchiveError(f"`{path}` holds a member whose name is not valid UTF-8: {raw_name!r}") from error
        name = raw_name.decode("cp437")
    if MAX_32 in (packed_size, size, header):
        extra = directory[name_end : name_end + extra_size]
        size, packed_size, header = _resolved(extra, (size, packed_size, header), path)
    return _Listed(name, raw_name, flags, _mode(attributes), method, crc, packed_size, size, header), end


def _mode(attributes: int) -> int:
    mode = attributes >> 16
    if not mode:
        return REGULAR  # made where files have no modes
    return mode if stat.S_IFMT(mode) else mode | stat.S_IFREG


def _resolved(extra: bytes, fields: tuple[int, ...], path: Path) -> list[int]:
    """The fields, where those that are too large for their place are in the zip64 extra field."""
    position = 0
    while position + EXTRA_HEADER.size <= len(extra):
        kind, length = EXTRA_HEADER.unpack_from(extra, position)
        position += EXTRA_HEADER.size
        if kind == EXTRA_ZIP64:
            body = extra[position : position + length]
            values = iter([int.from_bytes(body[at : at + 8], "little") for at in range(0, len(body) - 7, 8)])
            resolved = [next(values, None) if field == MAX_32 else field for field in fields]
            if None not in resolved:
                return [value for value in resolved if value is not None]
        position += length
    raise InputError(f"`{path}` is a broken zip: it lacks the sizes of a large member")


def _refuse(listed: _Listed, path: Path) -> None:
    name, is_folder = listed.name, listed.name.endswith("/")
    reason = unsafe(name[:-1] if is_folder else name)
    if reason:
        raise UnsafeArchiveError(f"`{path}` holds a member whose name {reason}: {name!a}")
    if listed.flags & ENCRYPTED:
        raise UnsafeArchiveError(f"`{path}` holds an encrypted member, `{name}`")
    if listed.method not in (STORED, DEFLATED):
        raise UnsafeArchiveError(
            f"`{path}` holds `{name}`, compressed by method {listed.method}",
            hint="Lambda and wheels know deflate (8) and no compression (0) only",
        )
    if is_folder:
        if listed.size:
            raise UnsafeArchiveError(f"`{path}` holds a folder with data, `{name}`")
    elif stat.S_IFMT(listed.mode) not in (stat.S_IFREG, stat.S_IFLNK):
        raise UnsafeArchiveError(f"`{path}` holds `{name}`, which is neither a file nor a link")
    impossible = listed.packed_size != listed.size if listed.method == STORED else listed.size > _most(listed)
    if impossible:
        raise UnsafeArchiveError(f"`{path}` holds `{name}`, which lies about its size")


def _most(listed: _Listed) -> int:
    return listed.packed_size * _MAX_RATIO + _MAX_RATIO


def _data_offset(file: BinaryIO, path: Path, listed: _Listed, directory: int) -> int:
    """Where the member's data starts; its local header must say what the directory, which starts later, says."""
    header = os.pread(file.fileno(), LOCAL_HEADER.size + len(listed.raw_name), min(listed.header, directory))
    if len(header) < LOCAL_HEADER.size or not header.startswith(LOCAL_SIGNATURE):
        raise InputError(f"`{path}` is a broken zip: the header of `{listed.name}` is not where it should be")
    _, _, flags, method, _, _, crc, packed_size, size, name_size, extra_size = LOCAL_HEADER.unpack_from(header)
    extra_start = listed.header + LOCAL_HEADER.size + name_size
    if MAX_32 in (size, packed_size):
        file.seek(extra_start)
        extra = file.read(extra_size)
        size, packed_size = _resolved(extra, (size, packed_size), path)
    said, expected = (crc, packed_size, size), (listed.crc32, listed.packed_size, listed.size)
    # Whoever writes a stream knows some of these only afterwards, says so by a flag, and leaves the fields empty.
    same = said == expected or (
        flags & DATA_DESCRIPTOR and all(value in (0, right) for value, right in zip(said, expected, strict=True))
    )
    same_name = name_size == len(listed.raw_name) and header[LOCAL_HEADER.size :] == listed.raw_name
    same_way = method == listed.method and not flags & ENCRYPTED
    if not (same and same_name and same_way):
        raise UnsafeArchiveError(f"`{path}` describes `{listed.name}` in two ways")
    return int(extra_start + extra_size)


def _refuse_overlaps(spans: list[tuple[int, int, str]], directory: int, path: Path) -> None:
    """Each member has its bytes, from its header to the end of its data, for itself."""
    end = 0
    for start, next_end, name in sorted(spans):
        if start < end:
            raise UnsafeArchiveError(f"`{path}` uses the bytes of `{name}` twice, as a zip bomb does")
        end = next_end
    if end > directory:
        raise InputError(f"`{path}` is a broken zip: a member reaches into the directory")
