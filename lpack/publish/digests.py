"""A file's SHA-256, whole and part by part, as S3 computes it: from these it is known whether an object is the file.

S3 keeps a SHA-256 of the whole only for objects that were sent at once. One that came in parts has that of its parts'
digests: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..store import Store

PART_BYTES = 8 << 20
"""The size of a part, and of the largest file that is sent at once."""

_BLOCK = 1 << 20
_PARTS = "parts"


@dataclass(frozen=True, slots=True)
class Digests:
    """The size of a file in bytes, and the SHA-256 of it and of each of its parts."""

    size: int
    whole: bytes
    parts: tuple[bytes, ...]

    @property
    def in_parts(self) -> bool:
        """Whether the file is sent in parts."""
        return len(self.parts) > 1

    def are_those_of(self, checksum: str) -> bool:
        """Whether a checksum that S3's API prints is of this file; of parts, it may tell the number as well."""
        digest, _, count = checksum.partition("-")
        if not self.in_parts:
            return not count and digest == in_base64(self.whole)
        of_parts = hashlib.sha256(b"".join(self.parts)).digest()
        return count in {"", str(len(self.parts))} and digest == in_base64(of_parts)


def digests_of(file: Path, store: Store) -> Digests:
    """Read the file a block at a time; what its parts are was noted when it was first read."""
    with file.open("rb") as stream:
        whole, size = hashlib.file_digest(stream, "sha256").digest(), stream.tell()
        if size <= PART_BYTES:
            return Digests(size, whole, (whole,))
        key = f"{PART_BYTES}-{whole.hex()}"
        known = store.note(_PARTS, key)
        if known is None:
            known = [digest.hex() for digest in _parts(stream)]
            store.make_note(_PARTS, key, known)
        return Digests(size, whole, tuple(map(bytes.fromhex, known)))


def _parts(stream: BinaryIO) -> Iterator[bytes]:
    stream.seek(0)
    while block := stream.read(_BLOCK):
        part = hashlib.sha256(block)
        for _ in range(PART_BYTES // _BLOCK - 1):
            part.update(stream.read(_BLOCK))
        yield part.digest()


def in_base64(digest: bytes) -> str:
    """The digest as AWS prints it."""
    return base64.b64encode(digest).decode()
