"""Files inside of requests to Lambda, which takes them in base64 amid JSON: read as they are sent, never held whole.

AWS's library would hold a zip four times over: as bytes, in base64, in JSON, and encoded.
"""

from __future__ import annotations

import base64
import io
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self


class FileContent(bytes):
    """A parameter that stands for what is in a file; its own bytes are only a mark, which no other parameter holds."""

    file: Path

    def __new__(cls, file: Path) -> Self:
        """The mark for a file."""
        content = super().__new__(cls, secrets.token_bytes(24))
        content.file = file
        return content

    @property
    def mark(self) -> bytes:
        """What stands for it in the body of a request."""
        return base64.b64encode(self)

    @property
    def size(self) -> int:
        """The bytes of the file."""
        return self.file.stat().st_size


def files_in(parameters: Mapping[str, Any]) -> Iterator[FileContent]:
    """The parameters, also those within others, that stand for files."""
    for value in parameters.values():
        if isinstance(value, FileContent):
            yield value
        elif isinstance(value, Mapping):
            yield from files_in(value)


class Body(io.RawIOBase):
    """The body of a request, with a file in base64 in place of its mark; it can be read again, as retries do."""

    def __init__(self, body: bytes, content: FileContent) -> None:
        super().__init__()
        self._before, _, self._after = body.partition(content.mark)
        self._file = content.file.open("rb", buffering=0)
        self._encoded = -(-os.fstat(self._file.fileno()).st_size // 3) * 4
        self._size = len(self._before) + self._encoded + len(self._after)
        self._at = 0

    def __len__(self) -> int:
        return self._size

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read starts."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Read on from elsewhere."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer as far as one piece of the body goes; 0 at the end."""
        piece = self._piece(len(buffer))[: len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _piece(self, count: int) -> bytes:
        """Some of what comes next; of the file, so many bytes at least."""
        inside = self._at - len(self._before)
        if inside < 0:
            return self._before[self._at :]
        if inside < self._encoded:
            fours, rest = divmod(inside, 4)  # three bytes are four in base64, and are encoded without those before
            return base64.b64encode(os.pread(self._file.fileno(), (rest + count + 3) // 4 * 3, fours * 3))[rest:]
        return self._after[inside - self._encoded :]
