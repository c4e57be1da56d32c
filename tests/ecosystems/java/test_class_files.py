from __future__ import annotations

import contextlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpack.ecosystems.java.class_files import ABSTRACT, PUBLIC, STATIC, java_version, read_class
from lpack.errors import InputError

# What a compiler makes of `interface A { void b(); }`, without attributes.
SMALL = bytes.fromhex(
    "cafebabe 0000 0034 0007"
    "0700 02 01 0001 41 07 0004 01 0010 6a6176612f6c616e672f4f626a656374 01 0001 62 01 0003 282956"
    "0601 0001 0003 0000 0000 0001 0401 0005 0006 0000 0000".replace(" ", "")
)


def test_a_class_says_what_it_is_and_what_it_has() -> None:
    found = read_class(SMALL)
    assert (found.java, found.name, found.superclass, found.interfaces) == (8, "A", "java/lang/Object", ())
    assert [(method.name, method.descriptor) for method in found.methods] == [("b", "()V")]
    assert found.methods[0].flags & ABSTRACT


@pytest.mark.needs("javac")
def test_what_a_compiler_makes_is_understood(compiled: Mapping[str, bytes]) -> None:
    found = read_class(compiled["example/App.class"])
    assert (found.java, found.name, found.superclass) == (17, "example/App", "example/Base")
    written = {method.name: method.flags & (PUBLIC | STATIC) for method in found.methods if method.is_written}
    assert written == {"<init>": PUBLIC, "handle": PUBLIC, "hidden": 0, "fixed": PUBLIC | STATIC}


@pytest.mark.parametrize("end", range(len(SMALL) - 2))
def test_a_class_file_that_is_cut_off_is_an_error(end: int) -> None:
    with pytest.raises(InputError):
        read_class(SMALL[:end])


@given(st.binary(max_size=200))
def test_any_bytes_get_a_clear_answer(data: bytes) -> None:
    for text in (data, SMALL[:8] + data, SMALL[:10] + data):
        with contextlib.suppress(InputError):
            read_class(text)


@given(st.integers(8, len(SMALL) - 1), st.integers(0, 255))
def test_a_damaged_class_file_gets_a_clear_answer(position: int, value: int) -> None:
    damaged = bytearray(SMALL)
    damaged[position] = value
    with contextlib.suppress(InputError):
        read_class(bytes(damaged))


@pytest.mark.parametrize(
    ("start", "version"),
    [("cafebabe00000034", 8), ("cafebabe00000045", 25), ("cafebabe0003002d", 1), ("cafebabe", None), ("00" * 8, None)],
)
def test_the_release_is_told_by_the_first_bytes(start: str, version: int | None) -> None:
    assert java_version(bytes.fromhex(start)) == version
