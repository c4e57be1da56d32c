"""Files in requests: the same bytes as if the whole was encoded, from anywhere, as often as wanted."""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpack.publish.streaming import Body, FileContent, files_in


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 100_000])
def test_the_body_is_what_it_would_be(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    content = FileContent(tmp_path / "file")
    request = json.dumps({"a": 1, "ZipFile": content.mark.decode(), "b": 2}).encode()
    with Body(request, content) as body:
        expected = json.dumps({"a": 1, "ZipFile": base64.b64encode(data).decode(), "b": 2}).encode()
        assert len(body) == len(expected)
        assert body.read() == expected
        assert body.seek(0) == body.tell() == 0
        assert body.read() == expected


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=50), reads=st.lists(st.tuples(st.integers(0, 99), st.integers(1, 20))))
def test_it_is_read_from_anywhere(tmp_path: Path, data: bytes, reads: list[tuple[int, int]]) -> None:
    (tmp_path / "file").write_bytes(data)
    content = FileContent(tmp_path / "file")
    with Body(b"<<" + content.mark + b">>", content) as body:
        expected = io.BytesIO(b"<<" + base64.b64encode(data) + b">>")
        for at, count in reads:
            body.seek(at)
            expected.seek(at)
            wanted = expected.read(count)
            got = b""
            while len(got) < len(wanted):  # a raw stream may give less than it is asked for
                piece = body.read(len(wanted) - len(got))
                assert piece
                got += piece
            assert got == wanted


def test_files_are_found_in_nested_parameters(tmp_path: Path) -> None:
    one, other = FileContent(tmp_path / "a"), FileContent(tmp_path / "b")
    assert list(files_in({"x": "y", "ZipFile": one, "Content": {"ZipFile": other}})) == [one, other]
    assert one.mark != other.mark
