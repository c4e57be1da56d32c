"""gitignore's patterns, held against git itself."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lpack.errors import InputError
from lpack.sources.patterns import Patterns

FOLDERS = ["a", "b", "ab"]
FILES = ["c.py", "x", "#h", " s", "s ", "[", "]", "!n", "A"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    for depth in range(3):
        for parents in itertools.product(FOLDERS, repeat=depth):
            place = folder.joinpath("work", *parents)
            place.mkdir(parents=True, exist_ok=True)
            for name in FILES:
                (place / name).write_bytes(b"")
    subprocess.run(["git", "init", "--quiet", folder / "work"], check=True)
    return folder


def kept_by_git(repository: Path, lines: Sequence[str]) -> list[str]:
    (repository / "patterns").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = ["git", "ls-files", "-z", "--others", "--exclude-from=../patterns"]
    process = subprocess.run(command, cwd=repository / "work", capture_output=True, text=True, check=True)
    return sorted(filter(None, process.stdout.split("\0")))


def kept(repository: Path, lines: Sequence[str]) -> list[str]:
    patterns = Patterns.of(lines, origin="exclude")
    found, waiting = [], [""]
    while waiting:
        parent = waiting.pop()
        for child in os.scandir(repository / "work" / parent):
            path = f"{parent}/{child.name}" if parent else child.name
            if child.name != ".git" and not patterns.verdict(path, is_folder=child.is_dir()):
                (waiting if child.is_dir() else found).append(path)
    return sorted(found)


@pytest.mark.needs("git")
@pytest.mark.parametrize(
    "lines",
    [
        ["x"],
        ["/x"],
        ["a"],
        ["a/"],
        ["x/"],
        ["/a/b"],
        ["a/b"],
        ["*"],
        ["**"],
        ["/*", "!/a/"],
        ["*", "!/a/", "!/a/x"],
        ["*", "!*/", "!*.py"],
        ["a/**"],
        ["a/**", "!a/x"],
        ["a/*", "!a/x"],
        ["a/", "!a/x"],
        ["**/b"],
        ["**/b/"],
        ["a/**/c.py"],
        ["a/**/b/**/x"],
        ["*.py", "!/c.py"],
        ["*.p?"],
        ["[a-c].py"],
        ["[!a-c]*"],
        ["[^c].py", "[]a]", "[[]"],
        ["[[:alpha:]]", "[[:upper:]]", "[[:space:]]*"],
        ["#h"],
        ["\\#h"],
        ["\\!n"],
        ["!n"],
        ["s"],
        ["s "],
        ["s\\ "],
        [" s"],
        ["c.py   "],
        ["?"],
        ["["],
        ["[a"],
        ["a\\"],
        ["\\a"],
        ["", "   ", "#", "!", "/"],
        ["a", "!a", "a"],
        ["***", "!***/c.py"],
        ["a**b"],
        ["*/"],
        ["**/"],
        ["a//"],
    ],
    ids=" ".join,
)
def test_patterns_mean_what_they_mean_to_git(repository: Path, lines: list[str]) -> None:
    assert kept(repository, lines) == kept_by_git(repository, lines)


_NAMES = ["a", "b", "ab", "c.py", "x", "#h", " s", "s ", "!n"]
_WILD = ["*", "**", "***", "?", "?*", "*.py", "*b*", "[ab]", "[!a]", "[^a-b]", "[]a]", "[a-]", "[A-Z]", "[[:alpha:]]"]
_QUOTED = ["\\a", "\\#h", "s\\ ", "[\\a]", "\\*", "a\\", "["]
_SEGMENTS = st.sampled_from([*_NAMES, *_WILD, *_QUOTED])
_LINES = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(_SEGMENTS, min_size=1, max_size=3).map("/".join),
    st.sampled_from(["", "", "/", "/**", "/*", " "]),
)


@pytest.mark.needs("git")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(_LINES, min_size=1, max_size=4))
def test_any_patterns_mean_what_they_mean_to_git(repository: Path, lines: list[str]) -> None:
    assert kept(repository, lines) == kept_by_git(repository, lines)


@given(line=st.text(st.sampled_from("ab/*?[]!^-\\:é #"), max_size=12))
def test_any_line_is_a_pattern_or_an_error(line: str) -> None:
    try:
        patterns = Patterns.of([line], origin="exclude")
    except InputError as error:
        assume(str(error).startswith("`exclude` holds a pattern that is not one of gitignore's: "))
    else:
        for path in ("a", "a/b", "[", "é"):
            assert patterns.verdict(path, is_folder=False) in {True, False, None}


@pytest.mark.parametrize("line", ["[b-a]", "[[:unknown:]]"])
def test_a_pattern_that_can_not_be_understood_is_named(line: str) -> None:
    with pytest.raises(InputError) as caught:
        Patterns.of(["*.py", line], origin=".lpackignore")
    assert str(caught.value) == f"`.lpackignore` holds a pattern that is not one of gitignore's: `{line}`"


def test_other_letters_are_letters() -> None:
    """To git they are two bytes or more, of which `?` stands for one."""
    for line in ("é", "?", "[é]", "[à-ö]", "*"):
        assert Patterns.of([line], origin="exclude").verdict("é", is_folder=False) is True


def test_what_no_pattern_speaks_of_has_no_verdict() -> None:
    patterns = Patterns.of(["*.py", "!a.py"], origin="include")
    assert patterns.verdict("b.py", is_folder=False) is True
    assert patterns.verdict("a.py", is_folder=False) is False
    assert patterns.verdict("c.txt", is_folder=False) is None
    assert patterns
    assert not Patterns.of(["# only a comment"], origin="include")
