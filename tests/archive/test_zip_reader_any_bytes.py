"""Whatever bytes it is given, the zip reader ends with a right answer or an InputError."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_zips import DEFLATED, DESCRIPTOR, STORED, Raw, raw_zip, zip64_extra

from lpack.archive.zip_reader import MAX_UNZIPPED, read_zip
from lpack.errors import InputError
from lpack.tree import LINK, Tree, unsafe

MAX_32 = 0xFFFFFFFF

SAMPLE = raw_zip(
    Raw(name=b"app.py", method=DEFLATED, data=b"def handler(event, context): ...\n" * 30),
    Raw(name="data/é".encode(), local_extra=zip64_extra(7, 7), local={"size": MAX_32, "packed_size": MAX_32}),
    Raw(name=b"data/", data=b"", mode=0o040755),
    Raw(name=b"stream", said={"flags": DESCRIPTOR}, local={"crc": 0, "packed_size": 0, "size": 0}, after=bytes(12)),
    Raw(name=b"link", data=b"app.py", mode=LINK),
    zip64=True,
    comment=b"a comment",
)

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def is_an_answer(path: Path, data: bytes) -> Tree | None:
    path.write_bytes(data)
    refusal = ""
    try:
        tree = read_zip(path)
    except InputError as error:
        refusal = str(error)
    if refusal:
        assert str(path) in refusal
        return None
    assert tree.size <= MAX_UNZIPPED
    for entry in tree:
        assert unsafe(entry.path) is None
        assert len(entry.read()) == entry.source.size
    return tree


@relaxed
@given(data=st.binary(max_size=400))
def test_any_bytes(tmp_path: Path, data: bytes) -> None:
    is_an_answer(tmp_path / "some.zip", data)


_EDITS = st.lists(
    st.tuples(st.integers(0, len(SAMPLE)), st.integers(0, 6), st.binary(max_size=6)),
    min_size=1,
    max_size=4,
)


@settings(relaxed, max_examples=300)
@given(edits=_EDITS)
def test_a_zip_with_other_bytes_here_and_there(tmp_path: Path, edits: list[tuple[int, int, bytes]]) -> None:
    data = SAMPLE
    for position, removed, added in edits:
        data = data[:position] + added + data[position + removed :]
    is_an_answer(tmp_path / "some.zip", data)


@pytest.mark.parametrize("change", [0x01, 0x80, 0xFF])
def test_a_zip_with_any_byte_changed(tmp_path: Path, change: int) -> None:
    for position in range(len(SAMPLE)):
        data = bytearray(SAMPLE)
        data[position] ^= change
        is_an_answer(tmp_path / "some.zip", bytes(data))


_NUMBERS = st.sampled_from([0, 1, 7, 8, 0xFFFE, 0xFFFF]) | st.integers(0, 0xFFFF)
_LARGE = st.sampled_from([0, 1, 6, 7, 8, 1 << 31, MAX_32 - 1, MAX_32]) | st.integers(0, MAX_32)
_SHORT_FIELDS = ("flags", "method", "time", "date")
_LONG_FIELDS = ("crc", "packed_size", "size")
_SAID = {**dict.fromkeys(_SHORT_FIELDS, _NUMBERS), **dict.fromkeys(_LONG_FIELDS, _LARGE)}
_NAMES = st.sampled_from([b"a", b"a/", b"a/b", b"b", b"..", b"/a", b"", b"a\\b"]) | st.binary(max_size=5)
_EXTRAS = st.just(b"") | st.lists(st.integers(0, (1 << 64) - 1), max_size=3).map(lambda them: zip64_extra(*them))
_MEMBERS = st.builds(
    Raw,
    name=_NAMES,
    data=st.binary(max_size=20),
    method=st.sampled_from([STORED, DEFLATED]),
    packed=st.none() | st.binary(max_size=20),
    mode=st.sampled_from([0, 0o100644, 0o100755, 0o120777, 0o040755]) | st.integers(0, 0xFFFF),
    local=st.fixed_dictionaries({}, optional=_SAID),
    central=st.fixed_dictionaries({}, optional={**_SAID, "offset": _LARGE, "attributes": _LARGE}),
    local_name=st.none() | _NAMES,
    local_extra=_EXTRAS,
    central_extra=_EXTRAS,
    after=st.binary(max_size=16),
)
_END = {**dict.fromkeys(("disk", "first_disk", "here", "count"), _NUMBERS), **dict.fromkeys(("size", "start"), _LARGE)}


@settings(relaxed, max_examples=150)
@given(members=st.lists(_MEMBERS, max_size=3), said=st.fixed_dictionaries({}, optional=_END), zip64=st.booleans())
def test_a_zip_that_lies_anywhere(tmp_path: Path, members: list[Raw], said: dict[str, int], *, zip64: bool) -> None:
    is_an_answer(tmp_path / "some.zip", raw_zip(*members, zip64=zip64, **said))


_FILES = st.dictionaries(
    st.text(st.characters(exclude_categories=["C"], exclude_characters="\\/:"), min_size=1, max_size=20).filter(
        lambda name: name not in {".", ".."}
    ),
    st.binary(max_size=300),
    max_size=5,
)


@relaxed
@given(files=_FILES, method=st.sampled_from([STORED, DEFLATED]), comment=st.binary(max_size=50))
def test_a_right_zip_is_read_as_python_reads_it(
    tmp_path: Path, files: dict[str, bytes], method: int, comment: bytes
) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.comment = comment.replace(b"PK", b"")
    tree = is_an_answer(tmp_path / "some.zip", stream.getvalue())
    assert tree is not None
    assert {entry.path: entry.read() for entry in tree} == files
