"""Deflate, once for each content: what a zip member's bytes are, for sources that are not compressed yet.

The compressors are bundled with their packages, so the bytes depend on the pinned versions alone, not on the host's
zlib: libdeflate for all but the largest files, miniz_oxide for those, since libdeflate wants a whole file in memory.
"""

from __future__ import annotations

import functools
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..store import Store
from ..tree import Member, Source, Tree
from .zip_format import DEFLATED, STORED

LEVEL = 6
IN_MEMORY = 8 << 20
"""Files up to this size are compressed whole, by libdeflate."""

KEPT_FROM = 8 << 10
"""For smaller files the store would save too little time for the room that it takes."""

_CHUNK = 1 << 20
_KIND = "packed"
_DIGEST = 32
_PREFIX = _DIGEST + 1


class Packed(NamedTuple):
    """The bytes of one zip member: those in ``data``, or ``size`` bytes of ``file`` from ``offset`` on."""

    method: int
    size: int
    crc32: int
    data: bytes = b""
    file: Path | None = None
    offset: int = 0


def version(tree: Tree) -> str:
    """The compressors that decide about the bytes of the tree's zip, for the build record."""
    import deflate

    used = f"libdeflate level {LEVEL} (deflate {deflate.__version__})"
    if any(_is_large(entry.source) and not _is_taken_as_it_is(entry.source) for entry in tree):
        import cramjam

        used += f", miniz_oxide level {LEVEL} (cramjam {cramjam.__version__})"
    return used


def pack(source: Source, store: Store) -> Packed:
    """The member for a source: spliced when it is deflated already, else compressed or found in the store."""
    if isinstance(source, Member) and _is_taken_as_it_is(source):
        return Packed(source.method, source.packed_size, source.crc32, file=source.archive, offset=source.offset)
    if _is_large(source):
        return _pack_large(source, store)
    data = b"".join(source.chunks())
    if len(data) < KEPT_FROM:
        return _smaller(data)
    return _pack_kept(data, source.sha256, store)


def pack_ahead(tree: Tree, store: Store, *, workers: int) -> None:
    """Compress what is worth keeping and not in the store yet, on several threads: libdeflate lets others run."""
    waiting = {
        entry.source.sha256: entry.source
        for entry in tree
        if entry.source.size >= KEPT_FROM
        and not _is_taken_as_it_is(entry.source)
        and not store.find(_KIND, entry.source.sha256, _name(large=_is_large(entry.source)))
    }
    if len(waiting) > 1:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(max_workers=workers) as pool:
            for _ in pool.map(lambda source: pack(source, store), waiting.values()):
                pass


def _is_taken_as_it_is(source: Source) -> bool:
    """Whether the bytes go into the archive as they are: those of a deflated member, and whole jars.

    A jar is a zip itself, and no member of one, all of which have a header before them.
    """
    return isinstance(source, Member) and (source.method == DEFLATED or source.offset == 0)


def _is_large(source: Source) -> bool:
    return source.size > IN_MEMORY


def _smaller(data: bytes) -> Packed:
    import deflate

    crc, deflated = zlib.crc32(data), bytes(deflate.deflate_compress(data, LEVEL))
    if len(deflated) < len(data):
        return Packed(DEFLATED, len(deflated), crc, data=deflated)
    return Packed(STORED, len(data), crc, data=data)


# What the store keeps: a SHA-256 of all that follows, the zip method, and the deflated bytes. Where deflate gains
# nothing, the method is STORED, so that the next build need not try, and a small file's own bytes are left out.


def _name(*, large: bool) -> str:
    """The name of what a compressor made, in the store: another version makes another file."""
    if large:
        import cramjam

        return f"miniz{LEVEL}-{cramjam.__version__}"
    import deflate

    return f"libdeflate{LEVEL}-{deflate.__version__}"


def _pack_kept(data: bytes, digest: bytes, store: Store) -> Packed:
    name = _name(large=False)
    with store.reading(_KIND, digest, name) as file:
        kept = file.read() if file else b""
    if len(kept) >= _PREFIX and hashlib.sha256(kept[_DIGEST:]).digest() == kept[:_DIGEST]:
        bytes_there = kept[_PREFIX:] or data
        return Packed(kept[_DIGEST], len(bytes_there), zlib.crc32(data), data=bytes_there)
    packed = _smaller(data)
    body = bytes([packed.method]) + (packed.data if packed.method == DEFLATED else b"")
    with store.writing(_KIND, digest, name) as file:
        file.write(hashlib.sha256(body).digest() + body)
    return packed


def _pack_large(source: Source, store: Store) -> Packed:
    name = _name(large=True)
    with store.reading(_KIND, source.sha256, name) as file:
        kept = _checked(file) if file else None
    method, size = kept or _keep_large(source, name, store)
    crc = functools.reduce(lambda crc, chunk: zlib.crc32(chunk, crc), source.chunks(), 0)
    return Packed(method, size, crc, file=store.path(_KIND, source.sha256, name), offset=_PREFIX)


def _checked(file: BinaryIO) -> tuple[int, int] | None:
    """The method and the size of the bytes in a kept file; None if it is damaged."""
    expected, method = file.read(_DIGEST), file.read(1)
    digest = hashlib.sha256(method)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return (method[0], file.tell() - _PREFIX) if digest.digest() == expected else None


def _keep_large(source: Source, name: str, store: Store) -> tuple[int, int]:
    with store.writing(_KIND, source.sha256, name) as file:
        size = _write_kept(file, DEFLATED, _deflate(_blocks(source)))
        if size < source.size:
            return DEFLATED, size
        return STORED, _write_kept(file, STORED, source.chunks())


def _write_kept(file: BinaryIO, method: int, pieces: Iterable[bytes]) -> int:
    digest = hashlib.sha256(bytes([method]))
    file.seek(_PREFIX)
    for piece in pieces:
        digest.update(piece)
        file.write(piece)
    size = file.tell() - _PREFIX
    file.truncate()
    file.seek(0)
    file.write(digest.digest() + bytes([method]))
    return size


def _deflate(blocks: Iterable[bytes]) -> Iterator[bytes]:
    import cramjam

    compressor = cramjam.deflate.Compressor(level=LEVEL)
    for block in blocks:
        compressor.compress(block)
        yield bytes(compressor.flush())
    yield bytes(compressor.finish())


def _blocks(source: Source) -> Iterator[bytes]:
    """The source's bytes in blocks of exactly ``_CHUNK`` bytes, the last one excepted.

    Flushing the compressor leaves its mark: after each block, and not after the chunks that happen to be read.
    """
    waiting = bytearray()
    for chunk in source.chunks():
        waiting += chunk
        while len(waiting) >= _CHUNK:
            yield bytes(waiting[:_CHUNK])
            del waiting[:_CHUNK]
    if waiting:
        yield bytes(waiting)
