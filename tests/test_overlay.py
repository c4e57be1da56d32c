from __future__ import annotations

from collections.abc import Mapping

import pytest

from lpack.errors import InputError
from lpack.overlay import Clash, overlay
from lpack.tree import EXECUTABLE, LINK, REGULAR, Content, Entry


def entries(files: Mapping[str, bytes], package: str = "", mode: int = REGULAR) -> list[Entry]:
    return [Entry(path, mode, Content.of(data), package) for path, data in files.items()]


def test_all_files_are_in_one_tree() -> None:
    tree, clashes = overlay(entries({"app.py": b"own"}), [entries({"a/x": b"a"}, "a"), entries({"b/x": b"b"}, "b")])
    assert [(entry.path, entry.package) for entry in tree] == [("a/x", "a"), ("app.py", ""), ("b/x", "b")]
    assert clashes == ()


def test_equal_contents_are_one_file() -> None:
    tree, clashes = overlay(entries({"x": b"same"}), [entries({"x": b"same"}, "a"), entries({"x": b"same"}, "b")])
    assert [entry.read() for entry in tree] == [b"same"]
    assert clashes == ()


def test_the_users_own_file_wins_over_packages_without_a_word() -> None:
    tree, clashes = overlay(entries({"x": b"own"}), [entries({"x": b"a"}, "a"), entries({"x": b"b"}, "b")])
    assert [(entry.read(), entry.package) for entry in tree] == [(b"own", "")]
    assert clashes == ()


def test_of_packages_the_first_wins_and_each_clash_is_told() -> None:
    packages = [entries({"x": b"a", "y": b"y"}, "a"), entries({"x": b"b", "y": b"y"}, "b"), entries({"x": b"c"}, "c")]
    tree, clashes = overlay([], packages)
    assert [(entry.path, entry.read(), entry.package) for entry in tree] == [("x", b"a", "a"), ("y", b"y", "a")]
    assert clashes == (Clash("x", kept="a", hidden="b"), Clash("x", kept="a", hidden="c"))


def test_a_link_is_not_a_file_that_holds_its_target() -> None:
    _, clashes = overlay([], [entries({"x": b"y"}, "a", LINK), entries({"x": b"y"}, "b")])
    assert clashes == (Clash("x", "a", "b"),)


def test_the_same_file_with_another_mode_is_the_same_file() -> None:
    tree, clashes = overlay([], [entries({"x": b"y"}, "a", EXECUTABLE), entries({"x": b"y"}, "b")])
    assert [entry.mode for entry in tree] == [EXECUTABLE]
    assert clashes == ()


def test_a_file_where_another_has_its_folder_is_an_error() -> None:
    with pytest.raises(InputError, match="`x` is a file, and also the folder of `x/y`"):
        overlay(entries({"x": b""}), [entries({"x/y": b""}, "a")])
