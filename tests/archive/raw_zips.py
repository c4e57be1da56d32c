"""Zips made byte by byte, so that they can lie. The formats are written down once more here, not taken from lpack.

Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

STORED, DEFLATED = 0, 8
UTF8, DESCRIPTOR, ENCRYPTED = 0x800, 0x8, 0x1
REGULAR = 0o100644


def deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


@dataclass(frozen=True)
class Raw:
    """A member. ``said`` is what both of its headers say other than the truth, ``local`` and ``central`` what one says.

    The fields are those of the headers: flags, method, time, date, crc, packed_size, size; and in the directory also
    made_by, attributes and offset. ``packed`` is what lies in the zip, ``after`` what follows it.
    """

    name: bytes = b"a.txt"
    data: bytes = b"content"
    method: int = STORED
    packed: bytes | None = None
    mode: int = REGULAR
    said: Mapping[str, int] = field(default_factory=dict)
    local: Mapping[str, int] = field(default_factory=dict)
    central: Mapping[str, int] = field(default_factory=dict)
    local_name: bytes | None = None
    local_extra: bytes = b""
    central_extra: bytes = b""
    comment: bytes = b""
    after: bytes = b""

    @property
    def bytes_there(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return deflate(self.data) if self.method == DEFLATED else self.data

    def fields(self) -> dict[str, int]:
        return {
            "flags": UTF8,
            "method": self.method,
            "time": 0,
            "date": 0x21,
            "crc": zlib.crc32(self.data),
            "packed_size": len(self.bytes_there),
            "size": len(self.data),
            **self.said,
        }

    def in_front(self) -> bytes:
        name = self.name if self.local_name is None else self.local_name
        said = {**self.fields(), **self.local}
        fields = (said[key] for key in ("flags", "method", "time", "date", "crc", "packed_size", "size"))
        header = struct.pack("<4sHHHHHLLLHH", b"PK\3\4", 20, *fields, len(name), len(self.local_extra))
        return header + name + self.local_extra + self.bytes_there + self.after

    def in_directory(self, offset: int) -> bytes:
        said = {
            "made_by": 3 << 8 | 20,
            "attributes": self.mode << 16,
            "offset": offset,
            **self.fields(),
            **self.central,
        }
        return (
            struct.pack("<4sHHHH", b"PK\1\2", said["made_by"], 20, said["flags"], said["method"])
            + struct.pack("<HHLLL", said["time"], said["date"], said["crc"], said["packed_size"], said["size"])
            + struct.pack("<HHHHH", len(self.name), len(self.central_extra), len(self.comment), 0, 0)
            + struct.pack("<LL", said["attributes"], said["offset"])
            + (self.name + self.central_extra + self.comment)
        )


def raw_zip(*members: Raw, prefix: bytes = b"", comment: bytes = b"", zip64: bool = False, **said: int) -> bytes:
    """The zip of these members; ``said`` are fields of its end (disk, first_disk, here, count, size, start)."""
    body, directory = prefix, b""
    for member in members:
        directory += member.in_directory(len(body))
        body += member.in_front()
    return body + directory + end(len(members), len(directory), len(body), comment=comment, zip64=zip64, **said)


def end(count: int, size: int, start: int, /, *, comment: bytes = b"", zip64: bool = False, **said: int) -> bytes:
    """The end of a zip whose directory of ``count`` entries takes ``size`` bytes from ``start`` on."""
    fields = {"disk": 0, "first_disk": 0, "here": count, "count": count, "size": size, "start": start, **said}
    old = struct.pack("<4sHHHHLLH", b"PK\5\6", *fields.values(), len(comment)) + comment
    if not zip64:
        return old
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
    return record + struct.pack("<4sLQL", b"PK\6\7", 0, start + size, 1) + old


def zip64_extra(*values: int) -> bytes:
    """The extra field with the values that do not fit into a header."""
    return struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values)
