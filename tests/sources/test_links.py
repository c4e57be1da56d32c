"""Links that are replaced by what they lead to, as `cp -rL` does it."""

from __future__ import annotations

import os
import posixpath
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpack.errors import InputError
from lpack.sources import Selection, read_source
from lpack.tree import EXECUTABLE, LINK, REGULAR

Project = Callable[[Mapping[str, str | bytes]], Path]


def linked(folder: Path, links: Mapping[str, str]) -> Path:
    for path, destination in links.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(destination)
    return folder


def read(folder: Path, *, exclude: tuple[str, ...] = ()) -> dict[str, bytes]:
    own = read_source(folder, Selection(exclude=exclude), follow_links=True)
    assert all(entry.mode in {REGULAR, EXECUTABLE} for entry in own.entries)
    return {entry.path: entry.read() for entry in own.entries}


def test_a_link_to_a_file_becomes_the_file_with_its_mode(project: Project) -> None:
    folder = linked(project({"tools/run": "#!/bin/sh"}), {"bin/run": "../tools/run"})
    (folder / "tools" / "run").chmod(0o755)
    own = read_source(folder, Selection(), follow_links=True)
    assert [(entry.path, entry.mode) for entry in own.entries] == [("bin/run", EXECUTABLE), ("tools/run", EXECUTABLE)]
    assert [entry.mode for entry in read_source(folder, Selection()).entries] == [LINK, EXECUTABLE]


def test_a_link_to_a_folder_becomes_all_that_is_in_it(project: Project) -> None:
    folder = linked(project({"real/a.py": "a", "real/deep/b.py": "b", "really": "c"}), {"alias": "real"})
    assert read(folder) == {
        "alias/a.py": b"a",
        "alias/deep/b.py": b"b",
        "real/a.py": b"a",
        "real/deep/b.py": b"b",
        "really": b"c",
    }


def test_links_lead_on_to_other_links(project: Project) -> None:
    folder = linked(project({"real/a": "a"}), {"one": "two", "two": "three/a", "three": "four", "four": "real"})
    assert read(folder) == {"real/a": b"a", "one": b"a", "two": b"a", "three/a": b"a", "four/a": b"a"}


def test_links_inside_of_linked_folders_are_followed(project: Project) -> None:
    links = {"alias": "real", "real/up": "../other.py", "real/lib": "../libs", "libs/same": "x"}
    folder = linked(project({"real/a": "a", "other.py": "o", "libs/x": "x"}), links)
    assert read(folder) == {
        "alias/a": b"a",
        "alias/lib/same": b"x",
        "alias/lib/x": b"x",
        "alias/up": b"o",
        "libs/same": b"x",
        "libs/x": b"x",
        "other.py": b"o",
        "real/a": b"a",
        "real/lib/same": b"x",
        "real/lib/x": b"x",
        "real/up": b"o",
    }


@pytest.mark.parametrize(
    ("links", "told"),
    [
        ({"a/up": ".."}, "a/up"),
        ({"a/self": "."}, "a/self"),
        ({"a/b/up": "../../a"}, "a/b/up"),
        ({"a/to": "../b", "b/fro": "../a"}, "a/to"),
        ({"first": "a", "a/up": "../"}, "a/up"),
    ],
)
def test_a_link_to_a_folder_that_it_lies_in_is_refused(project: Project, links: dict[str, str], told: str) -> None:
    folder = linked(project({"a/x": "", "b/x": ""}), links)
    with pytest.raises(InputError, match=f"the link `{told}` leads to a folder that it lies in") as raised:
        read(folder)
    assert raised.value.hint == "remove the link, or exclude it"
    assert read(folder, exclude=tuple(links)) == {"a/x": b"", "b/x": b""}


def test_folders_whose_names_begin_alike_are_no_circle(project: Project) -> None:
    folder = linked(project({"lib/x": "x", "lib2/y": "y"}), {"lib/two": "../lib2", "lib2/x": "../lib/x"})
    assert read(folder) == {"lib/two/x": b"x", "lib/two/y": b"y", "lib/x": b"x", "lib2/x": b"x", "lib2/y": b"y"}


def test_what_is_left_out_of_a_folder_is_not_in_its_copies(project: Project) -> None:
    folder = linked(project({"real/a": "", "real/secret": "", "real/__pycache__/a.pyc": ""}), {"alias": "real"})
    assert read(folder, exclude=("secret",)) == {"real/a": b"", "alias/a": b""}


@pytest.mark.parametrize("destination", ["nowhere", "/etc/hostname", "../outside", "empty"])
def test_broken_links_and_those_that_leave_the_source_stay_errors(project: Project, destination: str) -> None:
    folder = linked(project({"a": ""}), {"link": destination})
    (folder / "empty").mkdir()
    (folder.parent / "outside").write_text("")
    with pytest.raises(InputError, match="the link `link`"):
        read(folder)


# Held against cp

NAMES = st.sampled_from("abc")
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


@pytest.mark.needs("cp")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(files=st.sets(PATHS, min_size=1, max_size=4), links=st.dictionaries(PATHS, PATHS, max_size=3))
def test_the_files_are_those_that_cp_copies(tmp_path: Path, files: set[str], links: dict[str, str]) -> None:
    folder, copy = tmp_path / "source", tmp_path / "copy"
    for place in (folder, copy):
        shutil.rmtree(place, ignore_errors=True)
    folder.mkdir()
    for number, path in enumerate(sorted(files)):
        if not (folder / path).exists() and not any((folder / path).parents[depth].is_file() for depth in range(3)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(str(number))
    for path, destination in links.items():
        parent = (folder / path).parent
        if parent.is_dir() and not parent.is_symlink() and not os.path.lexists(folder / path):
            (folder / path).symlink_to(posixpath.relpath(destination, posixpath.dirname(path) or "."))
    copied = subprocess.run(["cp", "-rL", folder, copy], capture_output=True, text=True, check=False)
    if copied.returncode == 0 and not _leads_to_empty(folder):
        there = {str(path.relative_to(copy)): path.read_bytes() for path in copy.rglob("*") if path.is_file()}
        assert read(folder) == there
    else:
        with pytest.raises(InputError, match="the link"):
            read(folder)


def _leads_to_empty(folder: Path) -> bool:
    """Whether there is a link to a folder without any file, which lpack refuses and cp does not."""
    links = (path for path in folder.rglob("*") if path.is_symlink() and path.is_dir())
    return any(not any(inner.is_file() for inner in link.resolve().rglob("*")) for link in links)
