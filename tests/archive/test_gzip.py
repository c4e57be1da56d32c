"""Gzip in one member by libdeflate: any bytes come back, the same file whatever the pieces and the threads."""

from __future__ import annotations

import functools
import gzip as standard
import random
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpack.archive import gzip
from lpack.archive.gzip import gzipped

REAL_BLOCK = gzip.BLOCK

numbers = random.Random(1)
# Repeated after more than deflate looks back for, so that it packs like a text of this length.
TEXT = b"\n".join(b"line %d" % number for number in numbers.choices(range(100_000), k=100_000)) * 8
NOISE = numbers.randbytes(2 << 20)
BLOCK = 512 << 10
"""Smaller than the real ones, which take longer; what becomes of those is looked at once."""
DATA = {
    "nothing": b"",
    "a byte": b"x",
    "one block": TEXT[:BLOCK],
    "a byte more than a block": TEXT[: BLOCK + 1],
    "text": TEXT[: 2 * BLOCK + 12_345],
    "zeros": bytes(2 * BLOCK + 99_999),
    "noise": NOISE,
    "noise in text": TEXT[: BLOCK - 70_000] + NOISE[:140_000] + TEXT[:BLOCK],
    "text in noise": NOISE[: BLOCK - 9_000] + TEXT[:18_000] + NOISE[:BLOCK],
}


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzip, "BLOCK", BLOCK)


@functools.cache
def packed(name: str) -> bytes:
    """One of DATA as a file, made once: that takes longer than looking at it."""
    return b"".join(gzipped([DATA[name]], workers=2))


@pytest.mark.parametrize("name", DATA)
def test_what_comes_back_is_what_went_in(name: str) -> None:
    assert standard.decompress(packed(name)) == DATA[name]


@pytest.mark.parametrize("name", DATA)
def test_there_is_one_member(name: str) -> None:
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert inflater.decompress(packed(name)) == DATA[name]
    assert inflater.eof
    assert inflater.unused_data == b""


def test_neither_pieces_nor_threads_change_a_byte() -> None:
    data = DATA["noise in text"]
    pieces = [data[start : start + 77_777] for start in range(0, len(data), 77_777)]
    assert b"".join(gzipped(pieces, workers=1)) == packed("noise in text")
    assert b"".join(gzipped(pieces, workers=3)) == packed("noise in text")


def test_real_blocks_cost_next_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import deflate

    monkeypatch.setattr(gzip, "BLOCK", REAL_BLOCK)
    assert len(TEXT) > 2 * REAL_BLOCK
    whole = len(deflate.gzip_compress(TEXT, gzip.LEVEL))
    cut = b"".join(gzipped([TEXT], workers=2))
    assert len(cut) < 1.001 * whole
    assert standard.decompress(cut) == TEXT


@pytest.mark.needs("gzip")
def test_another_program_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "some.gz"
    file.write_bytes(packed("text"))
    with file.open("rb") as read:
        unpacked = subprocess.run([str(shutil.which("gzip")), "-dc"], stdin=read, stdout=subprocess.PIPE, check=True)
    assert unpacked.stdout == DATA["text"]


PARTS = st.one_of(
    st.integers(1, 400_000).map(lambda size: NOISE[:size]),
    st.integers(1, 400_000).map(lambda size: TEXT[:size]),
    st.integers(1, 400_000).map(bytes),
    st.binary(max_size=200).map(lambda pattern: pattern * 500),
)


@given(st.lists(PARTS, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
def test_any_block_is_left_open(parts: list[bytes]) -> None:
    block = b"".join(parts)
    opened = gzip._open_ended(block)  # noqa: SLF001 -- a block of 4 MB is too much to try many
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    assert inflater.decompress(opened) == block
    assert not inflater.eof
    assert inflater.decompress(zlib.compress(b"more", wbits=-zlib.MAX_WBITS)) == b"more"
    assert inflater.eof


def test_a_block_whose_end_is_not_found_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    # As another version of libdeflate might make it: nothing says where its last block begins.
    monkeypatch.setattr(gzip, "_first_difference", lambda _one, _other: (0, 0x80))
    data = DATA["noise in text"]
    stored = b"".join(gzipped([data]))
    assert standard.decompress(stored) == data
    assert len(stored) > BLOCK
