from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpack.archive.output import Output
from lpack.errors import InputError, LpackError

KIB = 1 << 10
MIB = 1 << 20
WINDOW = 64 * KIB
"""What is read at once of a file with small members."""

NOISE = random.Random(1).randbytes(3 * MIB)

_STARTS = st.integers(0, 1000) | st.integers(WINDOW - 100, WINDOW + 100) | st.integers(0, MIB - 1)
_SIZES = st.sampled_from([0, 1, WINDOW - 1, WINDOW, WINDOW + 1, MIB - 1, MIB, MIB + 1, 2 * MIB + 1]) | st.integers(
    0, 2000
)
_STEPS = st.lists(st.tuples(st.sampled_from(["write", "one file", "another file"]), _STARTS, _SIZES))


CONTENTS = {"write": NOISE, "one file": NOISE, "another file": NOISE[::-1]}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    for name in ("one file", "another file"):
        (folder / name).write_bytes(CONTENTS[name])
    return {file.name: file for file in folder.iterdir()}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(steps=_STEPS)
def test_bytes_arrive_in_their_order(tmp_path: Path, files: dict[str, Path], steps: list[tuple[str, int, int]]) -> None:
    with (tmp_path / "output").open("wb") as file, closing(Output(file)) as output:
        for kind, start, size in steps:
            if kind == "write":
                output.write(NOISE[start : start + size])
            else:
                output.copy(files[kind], start, size)
        output.flush()
    expected = b"".join(CONTENTS[kind][start : start + size] for kind, start, size in steps)
    assert (tmp_path / "output").read_bytes() == expected
    assert output.size == len(expected)
    assert output.digest.digest() == hashlib.sha256(expected).digest()


@contextmanager
def output_to(file: Path) -> Iterator[Output]:
    with file.open("wb") as opened, closing(Output(opened)) as output:
        yield output


def copied(source: Path, members: Sequence[tuple[int, int]], destination: Path) -> bytes:
    """What the members (their offsets and sizes), copied in that order, come out as."""
    with output_to(destination) as output:
        for offset, size in members:
            output.copy(source, offset, size)
        output.flush()
    return destination.read_bytes()


@pytest.mark.parametrize(
    "members",
    [
        [(0, 10), (WINDOW - 5, 5), (WINDOW, 5), (WINDOW - 5, 10)],
        [(WINDOW - 1, 1), (WINDOW - 1, 2), (0, 1), (2 * WINDOW - 2, 1)],
        [(900, 100), (500, 100), (0, 100), (950, 50), (450, 100)],
        [(0, WINDOW - 1), (WINDOW - 1, WINDOW - 1), (2 * WINDOW - 2, WINDOW - 1)],
        [(0, WINDOW), (0, 10), (10, WINDOW + 1), (5, 10)],
        [(10, 10), (0, MIB + 1), (15, 10), (15, 0), (5, 20)],
        [(3 * MIB - 10, 10), (3 * MIB, 0), (3 * MIB - WINDOW + 1, WINDOW - 1), (3 * MIB - 1, 1)],
    ],
    ids=["over the edge", "at the edge", "backwards", "as large as can be", "large between", "none", "at the end"],
)
def test_members_come_in_any_order(tmp_path: Path, members: list[tuple[int, int]]) -> None:
    (tmp_path / "source").write_bytes(NOISE)
    expected = b"".join(NOISE[offset : offset + size] for offset, size in members)
    assert copied(tmp_path / "source", members, tmp_path / "output") == expected


def test_members_of_several_files_do_not_mix(tmp_path: Path) -> None:
    files = [tmp_path / str(number) for number in range(3)]
    for number, file in enumerate(files):
        file.write_bytes(bytes([number]) * 100)
    with output_to(tmp_path / "output") as output:
        for offset in range(50):
            for file in files:
                output.copy(file, offset, 2)
        output.flush()
    assert (tmp_path / "output").read_bytes() == b"\0\0\1\1\2\2" * 50


@pytest.mark.parametrize(
    ("length", "offset", "size"),
    [
        (0, 0, 1),
        (10, 8, 3),
        (10, 10, 1),
        (10, 2 * MIB, 1),
        (WINDOW - 1, 10, WINDOW - 10),
        (WINDOW - 1, 0, WINDOW),
        (WINDOW + 10, WINDOW + 5, 6),
        (MIB, 10, MIB),
    ],
)
def test_a_file_that_ends_in_the_middle_is_an_error(tmp_path: Path, length: int, offset: int, size: int) -> None:
    (tmp_path / "short").write_bytes(NOISE[:length])
    with output_to(tmp_path / "output") as output:
        output.copy(tmp_path / "short", 0, min(length, 4))  # so that its beginning has been read
        with pytest.raises(InputError, match="short` ends in the middle of a member"):
            output.copy(tmp_path / "short", offset, size)


def test_a_member_that_can_not_be_had_spoils_no_other(tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes(b"0123456789")
    with output_to(tmp_path / "output") as output:
        output.copy(short, 0, 5)
        with pytest.raises(InputError):
            output.copy(short, 8, 5)
        output.copy(short, 0, 5)
        output.flush()
        assert output.size == 10
    assert (tmp_path / "output").read_bytes() == b"01234" * 2


def test_what_can_not_be_copied_is_named(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"short")
    with (tmp_path / "output").open("wb") as file, closing(Output(file)) as output:
        with pytest.raises(InputError, match="short` ends in the middle of a member"):
            output.copy(tmp_path / "short", 0, 6)
        with pytest.raises(LpackError, match="absent` can't be read: No such file"):
            output.copy(tmp_path / "absent", 0, 6)
        with pytest.raises(LpackError, match=f"{tmp_path.name}` can't be read: Is a directory"):
            output.copy(tmp_path, 0, 6)
