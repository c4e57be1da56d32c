"""The tar writer: a Tree becomes a tar whose bytes depend on the Tree alone.

The layout is fixed: entries sorted by path, each folder before what is in it, 1980-01-01 as in lpack's zips, owned by
root, modes 0644/0755 only, ustar headers, and PAX records only for what these have no room for. There are no hard
links, on which Lambda stumbles.

Source: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from struct import Struct

from ..tree import Entry, Tree

LAYOUT = 1
"""The version of the layout above; another number means that the same Tree gives other bytes."""

BLOCK = 512
TIME = 315_532_800
"""1 January 1980, the earliest day a zip can name: a function that zips its own files can do so in an image, too."""

FILE, LINK, FOLDER, EXTENDED = b"0", b"2", b"5", b"x"
FOLDER_MODE = 0o755
END = bytes(2 * BLOCK)

# name, mode, user, group, size, time, checksum, type, link's target, magic and version, user's name, group's name,
# device's numbers, prefix of the name
_HEADER = Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_CHECKSUM = slice(148, 156)
_LARGEST = 8**11 - 1  # what eleven octal digits can say


def tar_pieces(tree: Tree) -> Iterator[bytes]:
    """The tree's tar, piece by piece."""
    folders: set[str] = set()
    for entry in tree:
        for folder in _parents(entry.path):
            if folder not in folders:
                folders.add(folder)
                yield header(f"{folder}/", FOLDER, FOLDER_MODE)
        yield from _entry(entry)
    yield END


def header(path: str, kind: bytes, mode: int, *, size: int = 0, target: bytes = b"") -> bytes:
    """A member's header, after a PAX header for what does not fit into it."""
    name = path.encode()
    records = {
        b"path": name if len(name) > 100 or not path.isascii() else None,
        b"linkpath": target if len(target) > 100 or not target.isascii() else None,
        b"size": str(size).encode() if size > _LARGEST else None,
    }
    extended = b"".join(_record(key, value) for key, value in records.items() if value is not None)
    before = b""
    if extended:
        before = _ustar(b"PaxHeader", EXTENDED, 0o644, len(extended), b"") + padded(extended)
    return before + _ustar(name, kind, mode, 0 if size > _LARGEST else size, target)


def padded(data: bytes) -> bytes:
    """The data, filled up to whole blocks."""
    return data + bytes(-len(data) % BLOCK)


def _entry(entry: Entry) -> Iterator[bytes]:
    if stat.S_ISLNK(entry.mode):
        yield header(entry.path, LINK, 0o777, target=entry.read())
        return
    size = entry.source.size
    yield header(entry.path, FILE, stat.S_IMODE(entry.mode), size=size)
    yield from entry.source.chunks()
    yield bytes(-size % BLOCK)


def _parents(path: str) -> Iterable[str]:
    """The folders above the path, the outermost first."""
    parts = path.split("/")[:-1]
    return ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def _ustar(name: bytes, kind: bytes, mode: int, size: int, target: bytes) -> bytes:
    fields = (
        *(name[:100], b"%07o" % mode, b"%07o" % 0, b"%07o" % 0, b"%011o" % size, b"%011o" % TIME, b" " * 8),
        *(kind, target[:100], b"ustar\x0000", b"", b"", b"%07o" % 0, b"%07o" % 0, b""),
    )
    block = bytearray(_HEADER.pack(*fields))
    block[_CHECKSUM] = b"%06o\0 " % sum(block)
    return bytes(block)


def _record(key: bytes, value: bytes) -> bytes:
    """A record of a PAX header: it begins with its own length, whose digits count."""
    body = b" %b=%b\n" % (key, value)
    length = len(body)
    while len(b"%d" % length) + len(body) != length:
        length = len(b"%d" % length) + len(body)
    return b"%d%b" % (length, body)
