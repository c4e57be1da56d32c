"""What of a source goes into the artifact: given programs, and those made by commands, which need no compiler."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lpack.errors import CheckError, UsageError
from lpack.tree import EXECUTABLE

SCRIPT = "#!/bin/sh\n"
Write = Callable[..., Path]
Make = Callable[..., Any]


def executable(place: Path) -> None:
    place.chmod(0o755)


def reasons(made: Any) -> dict[str, str]:
    return {each.path: each.reason for each in made.left_out}


def test_a_given_bootstrap_and_what_lies_beside_it_are_taken_as_they_are(project: Write, make: Make) -> None:
    folder = project({"bootstrap": SCRIPT, "main.go": "package main\n", "data/a.txt": "a"})
    executable(folder / "bootstrap")
    made = make(folder)
    assert made.paths == ["bootstrap", "data/a.txt", "main.go"]
    assert not made.findings


def test_a_given_bootstrap_wins_over_what_one_could_be_built_from_and_that_is_said(project: Write, make: Make) -> None:
    folder = project({"bootstrap": SCRIPT, "go.mod": "module example.com/a\n"})
    executable(folder / "bootstrap")
    made = make(folder, environ={"PATH": ""})
    assert made.paths == ["bootstrap", "go.mod"]
    assert "is taken as it is; without it, one would be built from go.mod" in made.notes[0]


def test_a_bootstrap_that_is_not_executable_is_an_error_that_says_chmod(project: Write, make: Make) -> None:
    (found,) = make(project({"bootstrap": SCRIPT})).findings
    assert found.message == "`bootstrap` has mode 0644, so Lambda can't run it"
    assert found.hint == "run `chmod 755 bootstrap`"


def test_an_artifact_becomes_the_bootstrap_and_sources_stay_out(project: Write, make: Make) -> None:
    folder = project({"out/app": SCRIPT, "src/main.cpp": "", "CMakeLists.txt": "", "data.json": "{}", "go.mod": ""})
    executable(folder / "out/app")
    made = make(folder, artifact="out/app")
    assert made.paths == ["bootstrap", "data.json"]
    assert made.program == SCRIPT.encode()
    assert made.tree.by_path["bootstrap"].mode == EXECUTABLE
    assert set(reasons(made)) == {"CMakeLists.txt", "go.mod", "out/", "src/"}
    assert set(reasons(made).values()) == {"what `bootstrap` is built from"}


def test_include_brings_sources_back_and_exclude_keeps_its_own_reason(project: Write, make: Make) -> None:
    folder = project({"app": SCRIPT, "a.h": "", "b.h": "", "notes.md": "", "sub/c.h": "", "sub/d.h": ""})
    executable(folder / "app")
    made = make(folder, artifact="app", include=("a.h", "sub/", "!d.h"), exclude=("*.md",))
    assert made.paths == ["a.h", "bootstrap", "sub/c.h"]
    assert reasons(made)["notes.md"] == "exclude"
    assert {"app", "b.h", "sub/d.h"} < reasons(made).keys()


def test_an_artifact_may_be_a_folder_whose_files_are_all_there_is(project: Write, make: Make) -> None:
    folder = project({"out/bootstrap": SCRIPT, "out/lib/a.so": "", "README.md": ""})
    executable(folder / "out/bootstrap")
    made = make(folder, artifact="out")
    assert made.paths == ["bootstrap", "lib/a.so"]
    assert reasons(made) == {"./": "`artifact` is out"}


def test_an_artifact_that_is_missing_is_a_mistake_of_the_configuration(project: Write, make: Make) -> None:
    with pytest.raises(UsageError, match=r"`artifact` of `hello`, `.*/out/app`, can't be read: No such file") as caught:
        make(project({"data.json": ""}), artifact="out/app")
    assert "build it first" in str(caught.value.hint)


def test_an_artifact_that_is_not_executable_is_an_error_that_says_chmod(project: Write, make: Make) -> None:
    with pytest.raises(CheckError, match="is not executable") as caught:
        make(project({"app": SCRIPT}), artifact="app")
    assert str(caught.value.hint).startswith("run `chmod +x ")


def test_a_folder_where_cmake_built_something_stays_out(project: Write, make: Make) -> None:
    folder = project({"app": SCRIPT, "debug/CMakeCache.txt": "", "debug/bin/tool": "", "data/x": ""})
    executable(folder / "app")
    made = make(folder, artifact="app")
    assert made.paths == ["bootstrap", "data/x"]
    assert "debug/" in reasons(made)


def test_projects_in_the_project_stay_out_with_all_that_they_have(project: Write, make: Make) -> None:
    folder = project({"app": SCRIPT, "deps/curl/CMakeLists.txt": "", "deps/curl/docs/a.md": "", "deps/data.txt": ""})
    executable(folder / "app")
    made = make(folder, artifact="app")
    assert made.paths == ["bootstrap", "deps/data.txt"]
    assert "deps/curl/" in reasons(made)


def test_packages_are_refused(project: Write, make: Make) -> None:
    with pytest.raises(UsageError, match=r"`requirements` of `hello` is about packages, and provided.al2023 has none"):
        make(project({"bootstrap": SCRIPT}), requirements=("requests",))


def test_a_function_without_a_bootstrap_may_find_one_in_a_layer(project: Write, make: Make) -> None:
    made = make(project({"orders.sh": ""}))
    assert made.paths == ["orders.sh"]
    assert [found.check for found in made.findings] == ["handler"]
