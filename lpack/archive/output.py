"""The file that an archive is written to: small things are gathered, large ones copied, and all of it is digested."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError, LpackError

_SIZE = 1 << 20
_WINDOW = 1 << 16


class Output:
    """Appends to a file by way of one buffer, into which other files' bytes are read directly.

    ``size`` is the number of bytes so far, ``digest`` their SHA-256 once all are flushed. Close it when all is written.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self._file = file
        self._buffer = memoryview(bytearray(_SIZE))
        self._filled = 0
        self._source: Path | None = None
        self._descriptor = -1
        self._window = memoryview(bytearray(_WINDOW))
        self._window_start = self._window_end = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append the bytes."""
        end = self._filled + len(data)
        if end > _SIZE:
            self.flush()
            end = len(data)
        if end > _SIZE:
            self._put(data)
        else:
            self._buffer[self._filled : end] = data
            self._filled = end
        self.size += len(data)

    def copy(self, path: Path, offset: int, size: int) -> None:
        """Append ``size`` bytes of another file from ``offset`` on; LpackError if they can't be had."""
        # A wheel stays open until another file is wanted: most of its members come one after another.
        if path is not self._source:
            self._open(path)
        if size < _WINDOW:
            self._copy_small(offset, size)
            return
        while size:
            if self._filled == _SIZE:
                self.flush()
            count = self._read(self._buffer[self._filled : self._filled + size], offset, 1)
            self._filled += count
            self.size += count
            offset += count
            size -= count

    def flush(self) -> None:
        """Hand all bytes to the file and the digest."""
        self._put(self._buffer[: self._filled])
        self._filled = 0
        self._file.flush()

    def close(self) -> None:
        """Close what was copied from; the file itself belongs to the caller."""
        if self._source:
            os.close(self._descriptor)
            self._source = None

    def _copy_small(self, offset: int, size: int) -> None:
        # What follows a small member is read with it. Each read hands the interpreter to another thread and back: ten
        # thousand files of a few kilobytes each would spend more time on that than on their bytes.
        if not self._window_start <= offset <= offset + size <= self._window_end:
            self._window_start = self._window_end = offset  # it holds nothing, should the read fail
            self._window_end += self._read(self._window, offset, size)
        start = offset - self._window_start
        self.write(self._window[start : start + size])

    def _open(self, path: Path) -> None:
        self.close()
        try:
            self._descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise _unreadable(path, error) from error
        self._source = path
        self._window_start = self._window_end = 0

    def _read(self, room: memoryview, offset: int, least: int) -> int:
        """Read into the room from the open file's ``offset`` on, ``least`` bytes at least; how many they were."""
        count = 0
        while count < least:
            try:
                read = os.preadv(self._descriptor, [room[count:]], offset + count)
            except OSError as error:
                raise _unreadable(self._source, error) from error
            if not read:
                raise InputError(f"`{self._source}` ends in the middle of a member")
            count += read
        return count

    def _put(self, data: bytes | memoryview) -> None:
        self.digest.update(data)
        self._file.write(data)


def _unreadable(path: Path | None, error: OSError) -> LpackError:
    return LpackError(f"`{path}` can't be read: {error.strerror}")
