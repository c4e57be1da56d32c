"""The splicing zip writer: a Tree becomes a zip file whose bytes depend on the Tree alone.

What is deflated in a wheel is copied as it is behind a new local header. The layout is fixed: entries sorted by path,
1980-01-01, made by Unix, UTF-8 names, no extra fields unless zip64 needs them, no data descriptors, no folder entries.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError, LpackError
from ..store import Store, replacing
from ..tree import Tree
from .packing import Packed, pack, pack_ahead
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

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Written:
    """A finished zip: its size in bytes, its SHA-256 (hex), and the same as Lambda prints it (base64).

    ``packed_sizes`` are the compressed sizes of its members by path.
    """

    path: Path
    size: int
    sha256: str
    code_sha256: str
    packed_sizes: dict[str, int]


def write_zip(tree: Tree, destination: Path, *, store: Store, workers: int = 1) -> Written:
    """Write the tree's zip in place of ``destination``, which is replaced whole or not at all.

    The finished file is read back and held against the tree before it gets its name. LpackError when the folder can't
    be written or the disk is full.
    """
    pack_ahead(tree, store, workers=workers)
    try:
        with replacing(destination) as file:
            writer = _Writer(file)
            packed_sizes = {}
            for entry in tree:
                packed = pack(entry.source, store)
                writer.add(entry.path, entry.mode, entry.source.size, packed)
                packed_sizes[entry.path] = packed.size
            writer.finish()
            file.flush()
            _read_back(Path(file.name), tree, writer.directory)
    except OSError as error:
        raise LpackError(
            f"`{destination}` can't be written: {error.strerror}",
            hint="choose another folder with `--output`, or make room on the disk",
        ) from error
    digest = writer.digest.digest()
    return Written(destination, writer.offset, digest.hex(), base64.b64encode(digest).decode(), packed_sizes)


class _Writer:
    """Members one after another, then the directory; bytes are gathered to pieces of about a megabyte."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self.offset = 0
        self.directory: list[tuple[bytes, int, int, Packed, int]] = []
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._archives = _OpenArchives()

    def add(self, path: str, mode: int, size: int, packed: Packed) -> None:
        name = path.encode()
        # Each field is compared on its own: zip64 readers expect exactly the fields that overflow.
        zip64 = size >= MAX_32 or packed.size >= MAX_32
        extra = _zip64_extra(size, packed.size) if zip64 else b""
        self.directory.append((name, mode, size, packed, self.offset))
        self._write(
            LOCAL_HEADER.pack(
                LOCAL_SIGNATURE,
                VERSION_ZIP64 if zip64 else VERSION,
                UTF8,
                packed.method,
                0,
                DOS_DATE_1980,
                packed.crc32,
                MAX_32 if zip64 else packed.size,
                MAX_32 if zip64 else size,
                len(name),
                len(extra),
            )
            + name
            + extra
        )
        if packed.data is not None:
            self._write(packed.data)
        elif packed.file is not None:
            for piece in self._archives.pieces(packed.file, packed.offset, packed.size):
                self._write(piece)

    def finish(self) -> None:
        start = self.offset
        for name, mode, size, packed, offset in self.directory:
            large = [value for value in (size, packed.size, offset) if value >= MAX_32]
            extra = _zip64_extra(*large) if large else b""
            self._write(
                CENTRAL_HEADER.pack(
                    CENTRAL_SIGNATURE,
                    VERSION_ZIP64 if large else VERSION,
                    UNIX,
                    VERSION_ZIP64 if large else VERSION,
                    UTF8,
                    packed.method,
                    0,
                    DOS_DATE_1980,
                    packed.crc32,
                    min(packed.size, MAX_32),
                    min(size, MAX_32),
                    len(name),
                    len(extra),
                    0,
                    0,
                    0,
                    mode << 16,
                    min(offset, MAX_32),
                )
                + name
                + extra
            )
        self._finish_directory(start, self.offset - start, len(self.directory))
        self._flush()
        self._archives.close()

    def _finish_directory(self, start: int, size: int, count: int) -> None:
        if start >= MAX_32 or size >= MAX_32 or count >= MAX_16:
            end = self.offset
            version = VERSION_ZIP64 | UNIX << 8
            length = END_ZIP64.size - 12
            self._write(
                END_ZIP64.pack(END_ZIP64_SIGNATURE, length, version, VERSION_ZIP64, 0, 0, count, count, size, start)
            )
            self._write(LOCATOR_ZIP64.pack(LOCATOR_ZIP64_SIGNATURE, 0, end, 1))
        counted = min(count, MAX_16)
        self._write(END.pack(END_SIGNATURE, 0, 0, counted, counted, min(size, MAX_32), min(start, MAX_32), 0))

    def _write(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waiting_size += len(data)
        self.offset += len(data)
        if self._waiting_size >= _CHUNK:
            self._flush()

    def _flush(self) -> None:
        piece = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_size = 0
        self.digest.update(piece)
        self.file.write(piece)


class _OpenArchives:
    """Keeps the files open that members are copied from: a tree has thousands of members in a few wheels."""

    def __init__(self) -> None:
        self._open: dict[Path, int] = {}

    def pieces(self, path: Path, offset: int, size: int) -> Iterator[bytes]:
        descriptor = self._open.get(path)
        if descriptor is None:
            descriptor = self._open[path] = os.open(path, os.O_RDONLY)
        while size:
            piece = os.pread(descriptor, min(size, _CHUNK), offset)
            if not piece:
                raise InputError(f"`{path}` ends in the middle of a member")
            yield piece
            offset += len(piece)
            size -= len(piece)

    def close(self) -> None:
        while self._open:
            os.close(self._open.popitem()[1])


def _zip64_extra(*values: int) -> bytes:
    return EXTRA_HEADER.pack(EXTRA_ZIP64, 8 * len(values)) + b"".join(value.to_bytes(8, "little") for value in values)


def _read_back(path: Path, tree: Tree, planned: list[tuple[bytes, int, int, Packed, int]]) -> None:
    found = read_directory(path)
    if len(found) != len(tree):
        raise LpackError(f"`{path}` was read back with {len(found)} entries instead of {len(tree)}")
    for record, entry, (_, _, _, packed, _) in zip(found, tree, planned, strict=True):
        expected = (entry.path, entry.mode, entry.source.size, packed.size, packed.crc32)
        if expected != (record.path, record.mode, record.size, packed.size, record.crc32):
            raise LpackError(f"`{path}` was read back with another `{entry.path}` than was written")
