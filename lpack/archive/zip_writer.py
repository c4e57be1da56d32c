"""The splicing zip writer: a Tree becomes a zip file whose bytes depend on the Tree alone.

What is deflated in a wheel is copied as it is behind a new local header. The layout is fixed: entries sorted by path,
1980-01-01, made by Unix, UTF-8 names, no extra fields unless zip64 needs them, no data descriptors, no folder entries.
"""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..errors import LpackError
from ..store import Store, replacing
from ..tree import Entry, Tree
from .output import Output
from .packing import pack, pack_ahead
from .zip_format import (
    CENTRAL_HEADER,
    CENTRAL_SIGNATURE,
    DOS_DATE_1980,
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
    UNIX,
    UTF8,
    VERSION,
    VERSION_ZIP64,
)
from .zip_reader import read_directory

LAYOUT = 1
"""The version of the layout above; another number means that the same Tree gives other bytes."""


class Written(NamedTuple):
    """A finished zip: its size in bytes, its SHA-256 (hex), and the same as Lambda prints it (base64)."""

    path: Path
    size: int
    sha256: str
    code_sha256: str


def write_zip(tree: Tree, destination: Path, *, store: Store, workers: int = 1) -> Written:
    """Write the tree's zip in place of ``destination``, which is replaced whole or not at all.

    The finished file is read back and held against the tree before it gets its name. LpackError when the folder can't
    be written or the disk is full.
    """
    pack_ahead(tree, store, workers=workers)
    try:
        with replacing(destination) as file, contextlib.closing(Output(file)) as output:
            _reserve(file, tree)
            members = _write_members(tree, output, store)
            _write_directory(members, output)
            output.flush()
            file.truncate(output.size)
            _read_back(Path(file.name), members)
    except OSError as error:
        raise LpackError(
            f"`{destination}` can't be written: {error.strerror}",
            hint="choose another folder with `--output`, or make room on the disk",
        ) from error
    digest = output.digest.digest()
    return Written(destination, output.size, digest.hex(), base64.b64encode(digest).decode())


def _reserve(file: BinaryIO, tree: Tree) -> None:
    """Ask for the room of the whole zip at once: on ext4, writing into it takes a fraction of the kernel's time.

    It is an estimate: what is too much is given back when the zip is finished.
    """
    headers = LOCAL_HEADER.size + CENTRAL_HEADER.size
    size = END.size + sum(
        headers + 2 * len(entry.path.encode()) + getattr(entry.source, "packed_size", entry.source.size)
        for entry in tree
    )
    if hasattr(os, "posix_fallocate"):
        # A file system that can't do it, or has no room for an estimate, may still take the zip itself.
        with contextlib.suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, size)


class _Placed(NamedTuple):
    """A member of the new zip, without its bytes; ``offset`` is that of its local header."""

    entry: Entry
    name: bytes
    method: int
    crc32: int
    packed_size: int
    size: int
    offset: int


def _write_members(tree: Tree, output: Output, store: Store) -> list[_Placed]:
    members = []
    for entry in tree:
        source = entry.source
        packed = pack(source, store)
        member = _Placed(entry, entry.path.encode(), packed.method, packed.crc32, packed.size, source.size, output.size)
        members.append(member)
        output.write(_local_header(member))
        if packed.file is None:
            output.write(packed.data)
        else:
            output.copy(packed.file, packed.offset, packed.size)
    return members


def _write_directory(members: Sequence[_Placed], output: Output) -> None:
    start = output.size
    for member in members:
        output.write(_central_header(member))
    output.write(_end(start, output.size - start, len(members)))


def _local_header(member: _Placed) -> bytes:
    _, name, method, crc32, packed_size, size, _ = member
    zip64 = size >= MAX_32 or packed_size >= MAX_32
    extra = _zip64_extra(size, packed_size) if zip64 else b""  # here both sizes, even if only one needs it
    header = LOCAL_HEADER.pack(
        LOCAL_SIGNATURE,
        VERSION_ZIP64 if zip64 else VERSION,
        UTF8,
        method,
        0,
        DOS_DATE_1980,
        crc32,
        MAX_32 if zip64 else packed_size,
        MAX_32 if zip64 else size,
        len(name),
        len(extra),
    )
    return header + name + extra


def _central_header(member: _Placed) -> bytes:
    entry, name, method, crc32, packed_size, size, offset = member
    large = [value for value in (size, packed_size, offset) if value >= MAX_32]
    extra = _zip64_extra(*large) if large else b""
    version = VERSION_ZIP64 if large else VERSION
    header = CENTRAL_HEADER.pack(
        CENTRAL_SIGNATURE,
        version,
        UNIX,
        version,
        UTF8,
        method,
        0,
        DOS_DATE_1980,
        crc32,
        min(packed_size, MAX_32),
        min(size, MAX_32),
        len(name),
        len(extra),
        0,
        0,
        0,
        entry.mode << 16,
        min(offset, MAX_32),
    )
    return header + name + extra


def _zip64_extra(*values: int) -> bytes:
    return EXTRA_HEADER.pack(EXTRA_ZIP64, 8 * len(values)) + b"".join(value.to_bytes(8, "little") for value in values)


def _end(start: int, size: int, count: int) -> bytes:
    """What ends a zip whose directory has ``count`` entries in ``size`` bytes from ``start`` on."""
    records = b""
    if start >= MAX_32 or size >= MAX_32 or count >= MAX_16:
        length, version = END_ZIP64.size - 12, VERSION_ZIP64
        records += END_ZIP64.pack(
            END_ZIP64_SIGNATURE, length, version | UNIX << 8, version, 0, 0, count, count, size, start
        )
        records += LOCATOR_ZIP64.pack(LOCATOR_ZIP64_SIGNATURE, 0, start + size, 1)
    counted = min(count, MAX_16)
    return records + END.pack(END_SIGNATURE, 0, 0, counted, counted, min(size, MAX_32), min(start, MAX_32), 0)


def _read_back(path: Path, members: Sequence[_Placed]) -> None:
    found = read_directory(path)
    if len(found) != len(members):
        raise LpackError(f"`{path}` was read back with {len(found)} entries instead of {len(members)}")
    for record, (entry, _, method, crc32, packed_size, size, _) in zip(found, members, strict=True):
        written = (entry.path, entry.mode, method, crc32, packed_size, size)
        if record[:-1] != written:
            raise LpackError(f"`{path}` was read back with another `{entry.path}` than was written")
