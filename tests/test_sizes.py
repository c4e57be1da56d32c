from __future__ import annotations

import pytest

from lpack.sizes import shown


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1 KB"),
        (1536, "1.5 KB"),
        (1024 * 1024 - 1, "1 MB"),
        (12_345_678, "11.8 MB"),
        (52_428_800, "50 MB"),
        (262_144_000, "250 MB"),
        (1023 << 20, "1 GB"),
        (10 << 30, "10 GB"),
        (5000 << 30, "5000 GB"),
    ],
)
def test_sizes_are_shown_in_lambdas_units(size: int, words: str) -> None:
    assert shown(size) == words
