"""Digests: of the whole and of the parts, as S3 would have them."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

import pytest

from lpack.publish.digests import PART_BYTES, digests_of
from lpack.store import Store


def in_base64(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES])
def test_small_files_have_one_part(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    digests = digests_of(tmp_path / "file", Store(tmp_path / "store"))
    assert (digests.size, digests.whole, digests.in_parts) == (size, hashlib.sha256(data).digest(), False)
    assert digests.are_those_of(in_base64(data))
    assert not digests.are_those_of(in_base64(data) + "-1")
    assert not digests.are_those_of("")


@pytest.mark.parametrize("size", [PART_BYTES + 1, 2 * PART_BYTES, 2 * PART_BYTES + 12345])
def test_large_files_are_known_by_their_parts(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    store = Store(tmp_path / "store")
    digests = digests_of(tmp_path / "file", store)
    pieces = [data[at : at + PART_BYTES] for at in range(0, size, PART_BYTES)]
    assert digests.parts == tuple(hashlib.sha256(piece).digest() for piece in pieces)
    together = in_base64(b"".join(digests.parts))
    assert digests.are_those_of(f"{together}-{len(pieces)}")
    assert digests.are_those_of(together)
    assert not digests.are_those_of(f"{together}-{len(pieces) + 1}")
    assert not digests.are_those_of(in_base64(data))
    assert digests_of(tmp_path / "file", store) == digests
