"""A file's SHA-256, whole and part by part, as S3 computes it: from these it is known whether an object is the file.

S3 keeps a SHA-256 of the whole only for objects that were sent at once. One that came in parts has that of its parts'
digests: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

PART_BYTES = 8 << 20
"""The size of a part, and of the largest file that is sent at once."""

_BLOCK = 1 << 20


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


def digests_of(file: Path) -> Digests:
    """Read the file once, a block at a time."""
    whole, parts, size = hashlib.sha256(), [], 0
    with file.open("rb") as stream:
        if (length := file.stat().st_size) <= PART_BYTES:
            data = stream.read(length + 1)
            digest = hashlib.sha256(data).digest()
            return Digests(len(data), digest, (digest,))
        part = hashlib.sha256()
        while block := stream.read(_BLOCK):
            if size and size % PART_BYTES == 0:
                parts.append(part.digest())
                part = hashlib.sha256()
            whole.update(block)
            part.update(block)
            size += len(block)
    return Digests(size, whole.digest(), (*parts, part.digest()))


def in_base64(digest: bytes) -> str:
    """The digest as AWS prints it."""
    return base64.b64encode(digest).decode()
