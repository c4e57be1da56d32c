"""Deflate, once for each content: what a zip member's bytes are, for sources that are not compressed yet.

The compressors are bundled with their packages, so the bytes depend on the pinned versions alone, not on the host's
zlib: libdeflate for all but the largest files, miniz_oxide for those, since libdeflate wants a whole file in memory.
"""

from __future__ import annotations

import functools
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..store import Store, replacing
from ..tree import Content, DiskFile, Member, Source, Tree
from .zip_format import DEFLATED, STORED

LEVEL = 6
IN_MEMORY = 8 << 20
"""Files up to this size are compressed whole, by libdeflate."""

KEPT_FROM = 32 << 10
"""Smaller files are compressed faster than they are found in the store."""

_CHUNK = 1 << 20
_KIND = "packed"
_PREFIX = 33  # a SHA-256 of what follows it, and the zip method


@dataclass(frozen=True, slots=True)
class Packed:
    """The bytes of one zip member: those in ``data``, or ``size`` bytes of ``file`` from ``offset`` on."""

    method: int
    size: int
    crc32: int
    data: bytes | None = None
    file: Path | None = None
    offset: int = 0


def version(tree: Tree) -> str:
    """The compressors that decide about the bytes of the tree's zip, for the build record."""
    import deflate

    used = f"libdeflate level {LEVEL} (deflate {deflate.__version__})"
    if any(_is_large(entry.source) for entry in tree):
        import cramjam

        used += f", miniz_oxide level {LEVEL} (cramjam {cramjam.__version__})"
    return used


def _is_large(source: Source) -> bool:
    return source.size > IN_MEMORY and not (isinstance(source, Member) and source.method == DEFLATED)


def pack(source: Source, store: Store) -> Packed:
    """The member for a source: spliced when it is deflated already, else compressed or found in the store."""
    match source:
        case Member(method=8):
            return Packed(DEFLATED, source.packed_size, source.crc32, file=source.archive, offset=source.offset)
        case _ if source.size > IN_MEMORY:
            return _pack_large(source, store)
        case _:
            data = b"".join(source.chunks())
            crc = zlib.crc32(data)
            if len(data) < KEPT_FROM:
                return _smaller(data, _deflated(data), crc)
            return _pack_kept(data, crc, source.sha256, store)


def pack_ahead(tree: Tree, store: Store, *, workers: int) -> None:
    """Compress what is worth keeping and not in the store yet, on several threads; the compressors release the GIL."""
    waiting = {
        entry.source.sha256: entry.source
        for entry in tree
        if entry.source.size >= KEPT_FROM
        and not (isinstance(entry.source, Member) and entry.source.method == DEFLATED)
        and not store.find(_KIND, entry.source.sha256, _name(large=_is_large(entry.source)))
    }
    if len(waiting) > 1:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(max_workers=workers) as pool:
            for _ in pool.map(lambda source: pack(source, store), waiting.values()):
                pass


def _deflated(data: bytes) -> bytes:
    import deflate

    return bytes(deflate.deflate_compress(data, LEVEL))


def _smaller(data: bytes, deflated: bytes, crc: int) -> Packed:
    if len(deflated) < len(data):
        return Packed(DEFLATED, len(deflated), crc, data=deflated)
    return Packed(STORED, len(data), crc, data=data)


@functools.cache
def _name(*, large: bool) -> str:
    """The name of what a compressor made, in the store: another version makes another file."""
    import cramjam
    import deflate

    return f"miniz{LEVEL}-{cramjam.__version__}" if large else f"libdeflate{LEVEL}-{deflate.__version__}"


def _pack_kept(data: bytes, crc: int, digest: bytes, store: Store) -> Packed:
    kept = store.find(_KIND, digest, _name(large=False))
    if kept:
        document = kept.read_bytes()
        if len(document) >= _PREFIX and hashlib.sha256(document[32:]).digest() == document[:32]:
            method, deflated = document[32], document[_PREFIX:]
            return Packed(method, len(deflated) or len(data), crc, data=deflated or data)
        store.discard(kept)
    packed = _smaller(data, _deflated(data), crc)
    # A file that does not get smaller is noted as such: the next build need not try.
    body = bytes([packed.method]) + (packed.data or b"" if packed.method == DEFLATED else b"")
    with replacing(store.path(_KIND, digest, _name(large=False))) as file:
        file.write(hashlib.sha256(body).digest() + body)
    return packed


def _pack_large(source: Source, store: Store) -> Packed:
    kept = store.path(_KIND, source.sha256, _name(large=True))
    found = _large_in_store(kept, source, store)
    if found:
        return found
    import cramjam

    compressor = cramjam.deflate.Compressor(level=LEVEL)
    crc = 0
    with replacing(kept) as file:
        digest = hashlib.sha256(bytes([DEFLATED]))
        file.write(bytes(32) + bytes([DEFLATED]))
        for chunk in _blocks(source):
            crc = zlib.crc32(chunk, crc)
            compressor.compress(chunk)
            # Flushed after each block of a fixed size, not with the chunks that happen to come: the bytes must not
            # depend on them.
            piece = bytes(compressor.flush())
            digest.update(piece)
            file.write(piece)
        piece = bytes(compressor.finish())
        digest.update(piece)
        file.write(piece)
        size = file.tell() - _PREFIX
        if size >= source.size:
            digest = hashlib.sha256(bytes([STORED]))
            file.seek(_PREFIX)
            for chunk in _blocks(source):
                digest.update(chunk)
                file.write(chunk)
            file.truncate()
            file.seek(32)
            file.write(bytes([STORED]))
            size = source.size
        file.seek(0)
        file.write(digest.digest())
    method = DEFLATED if size < source.size else STORED
    return Packed(method, size, crc, file=kept, offset=_PREFIX)


def _large_in_store(kept: Path, source: Source, store: Store) -> Packed | None:
    if not store.find(_KIND, source.sha256, kept.name):
        return None
    with kept.open("rb") as file:
        expected, method = file.read(32), file.read(1)
        digest = hashlib.sha256(method)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
        size = file.tell() - _PREFIX
    if digest.digest() != expected:
        store.discard(kept)
        return None
    crc = 0
    for chunk in source.chunks():
        crc = zlib.crc32(chunk, crc)
    return Packed(method[0], size, crc, file=kept, offset=_PREFIX)


def _blocks(source: Content | DiskFile | Member) -> Iterator[bytes]:
    """The source's bytes in blocks of exactly ``_CHUNK`` bytes, the last one excepted."""
    waiting = bytearray()
    for chunk in source.chunks():
        waiting += chunk
        while len(waiting) >= _CHUNK:
            yield bytes(waiting[:_CHUNK])
            del waiting[:_CHUNK]
    if waiting:
        yield bytes(waiting)
