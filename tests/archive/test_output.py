from __future__ import annotations

import hashlib
import random
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpack.archive.output import Output
from lpack.errors import InputError, LpackError

MIB = 1 << 20
NOISE = random.Random(1).randbytes(3 * MIB)

_SIZES = st.sampled_from([0, 1, 100, MIB - 1, MIB, MIB + 1, 2 * MIB + 1]) | st.integers(0, 2000)
_STEPS = st.lists(st.tuples(st.sampled_from(["write", "one file", "another file"]), st.integers(0, 1000), _SIZES))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(steps=_STEPS)
def test_bytes_arrive_in_their_order(tmp_path: Path, steps: list[tuple[str, int, int]]) -> None:
    files = {"one file": tmp_path / "one", "another file": tmp_path / "another"}
    contents = {"write": NOISE, "one file": NOISE, "another file": NOISE[::-1]}
    for name, file in files.items():
        file.write_bytes(contents[name])
    with (tmp_path / "output").open("wb") as file, closing(Output(file)) as output:
        for kind, start, size in steps:
            if kind == "write":
                output.write(NOISE[start : start + size])
            else:
                output.copy(files[kind], start, size)
        output.flush()
    expected = b"".join(contents[kind][start : start + size] for kind, start, size in steps)
    assert (tmp_path / "output").read_bytes() == expected
    assert output.size == len(expected)
    assert output.digest.digest() == hashlib.sha256(expected).digest()


def test_what_can_not_be_copied_is_named(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"short")
    with (tmp_path / "output").open("wb") as file, closing(Output(file)) as output:
        with pytest.raises(InputError, match="short` ends in the middle of a member"):
            output.copy(tmp_path / "short", 0, 6)
        with pytest.raises(LpackError, match="absent` can't be read: No such file"):
            output.copy(tmp_path / "absent", 0, 6)
        with pytest.raises(LpackError, match=f"{tmp_path.name}` can't be read: Is a directory"):
            output.copy(tmp_path, 0, 6)
