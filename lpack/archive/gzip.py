"""Gzip by libdeflate: one member, the same bytes everywhere, on several threads, in memory that does not grow.

libdeflate takes its input whole and ends what it makes of it; it can't be told that more follows. So what is to be
compressed is cut into blocks, each is compressed alone, and the end mark of each but the last is taken back: a deflate
stream is a row of blocks, of which the last one says so in its first bit, see https://www.rfc-editor.org/rfc/rfc1951.
"""

from __future__ import annotations

import functools
import hashlib
import struct
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future

LEVEL = 6
BLOCK = 4 << 20
"""Bytes that are compressed at once. The next block knows nothing of this one, which costs a thousandth of the size."""

HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no name, no time, and no system that it was made on. Source: https://www.rfc-editor.org/rfc/rfc1952"""

_LONGEST_STORED = 0xFFFF
_EMPTY_STORED = b"\x00\x00\xff\xff"  # length and its complement, which follow the block's three bits
_EMPTY_LAST = b"\x03\x00"

# libdeflate ends a block after 300,000 bytes when 5,000 more follow, so that after these no block that began before
# them is the last one. Noise, because what can't be compressed is laid out in another way when it can be.
_MORE = 305_000


def version() -> str:
    """The compressor that decides about the bytes, for names and records."""
    import deflate

    return f"libdeflate level {LEVEL} (deflate {deflate.__version__})"


def gzipped(pieces: Iterable[bytes], *, workers: int = 1) -> Iterator[bytes]:
    """The gzip file of the pieces, which may be cut anywhere, itself in pieces; blocks are compressed side by side."""
    yield HEADER
    blocks = _with_last(_blocks(pieces))
    first, is_last = next(blocks)
    if is_last:  # as most functions' own files are: they need no threads
        yield _ended(first)
        yield _trailer(zlib.crc32(first), len(first))
        return
    from concurrent.futures import ThreadPoolExecutor

    crc = size = 0
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            for block, is_last in chain([(first, False)], blocks):
                crc, size = zlib.crc32(block, crc), size + len(block)
                waiting.append(pool.submit(_ended if is_last else _open_ended, block))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()
    yield _trailer(crc, size)


def _trailer(crc: int, size: int) -> bytes:
    return struct.pack("<2L", crc, size & 0xFFFFFFFF)


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of the pieces in blocks of exactly ``BLOCK`` bytes, the last one excepted, which may be empty."""
    gathered = bytearray()
    for piece in pieces:
        gathered += piece
        while len(gathered) >= BLOCK:
            yield bytes(gathered[:BLOCK])
            del gathered[:BLOCK]
    yield bytes(gathered)


def _with_last(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    previous = None
    for block in blocks:
        if previous is not None:
            yield previous, False
        previous = block
    if previous is not None:
        yield previous, True


def _ended(block: bytes) -> bytes:
    import deflate

    return bytes(deflate.deflate_compress(block, LEVEL))


def _open_ended(block: bytes) -> bytes:
    """What the block is compressed to, up to a byte's end, so that more can follow.

    Compressed once more with something behind it, the block gives the same bits up to the one that says "this is the
    last block". Whatever comes out is inflated by zlib before it is believed.
    """
    alone = bytearray(_ended(block))
    at, mask = _first_difference(alone, _ended(block + _noise()))
    if at < len(alone) and alone[at] & mask:
        alone[at] ^= mask
        # An empty stored block leads to the end of a byte. Its three bits, all zero, may have room in the last one.
        for padding in (b"", b"\0"):
            joined = bytes(alone) + padding + _EMPTY_STORED
            if _is_open_ended(joined, block):
                return joined
    return _stored(block)


@functools.cache
def _noise() -> bytes:
    return hashlib.shake_128(b"").digest(_MORE)


def _first_difference(one: bytes | bytearray, other: bytes) -> tuple[int, int]:
    """The first byte in which the two differ, and a mask with the first bit that does: the lowest bits come first."""
    same, end = 0, min(len(one), len(other))
    while same < end:
        middle = (same + end + 1) // 2
        if one[same:middle] == other[same:middle]:
            same = middle
        else:
            end = middle - 1
    if same == min(len(one), len(other)):
        return len(one), 0
    differing = one[same] ^ other[same]
    return same, differing & -differing


def _is_open_ended(joined: bytes, block: bytes) -> bool:
    """Whether the bytes inflate to the block, and end where another one can begin."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(joined, len(block) + 1)
        if inflated != block or inflater.eof or inflater.unconsumed_tail:
            return False
        return inflater.decompress(_EMPTY_LAST) == b"" and inflater.eof and not inflater.unused_data
    except zlib.error:
        return False


def _stored(block: bytes) -> bytes:
    """The block as it is, in stored blocks of which none is the last."""
    pieces = (block[start : start + _LONGEST_STORED] for start in range(0, len(block), _LONGEST_STORED))
    return b"".join(b"\0" + struct.pack("<2H", len(piece), len(piece) ^ 0xFFFF) + piece for piece in pieces)
