from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lpack.errors import ToolError

Write = Callable[..., Path]
Make = Callable[..., Any]

PROJECT = "cmake_minimum_required(VERSION 3.16)\nproject(hello C)\nadd_executable(bootstrap main.c)\n"
MAIN = "#include <stdio.h>\nint main(void) { puts(__FILE__); return 0; }\n"

# Zig keeps the C library that it made in the user's home, which tests without the network have not.
builds = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs("cmake")]


class TestBuilding:
    pytestmark = builds

    def test_two_folders_make_the_same_program(self, project: Write, make: Make, tmp_path: Path) -> None:
        folder = project({"CMakeLists.txt": PROJECT, "main.c": MAIN, "data.txt": "data"})
        asked = {"architecture": "arm64", "runtime": "provided.al2"}
        first = make(folder, store=tmp_path / "store", **asked)
        assert not make(folder, store=tmp_path / "store", **asked).notes
        assert {path.name for path in folder.iterdir()} == {"CMakeLists.txt", "main.c", "data.txt"}
        elsewhere = folder.rename(tmp_path / "elsewhere")
        second = make(elsewhere, store=tmp_path / "other-store", **asked)
        assert second.notes == ["building `hello` with CMake"]
        assert first.program == second.program
        assert str(tmp_path).encode() not in first.program
        assert first.paths == ["bootstrap", "data.txt"]
        assert not [found for found in first.findings if found.check != "runtime-deprecated"]

    def test_cpp_makes_the_same_program_in_two_folders(
        self, copied_fixture: Callable[[str], Path], make: Make, tmp_path: Path
    ) -> None:
        source = copied_fixture("custom-cpp") / "src"
        first = make(source, architecture="x86_64", store=tmp_path / "store")
        elsewhere = shutil.copytree(source, tmp_path / "a" / "b")
        second = make(elsewhere, architecture="x86_64", store=tmp_path / "other-store")
        assert second.notes
        assert first.program == second.program

    def test_the_project_may_put_its_program_where_it_wants(self, project: Write, make: Make, tmp_path: Path) -> None:
        elsewhere = (
            "set_target_properties(bootstrap PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/far/away)\n"
        )
        folder = project({"CMakeLists.txt": PROJECT + elsewhere, "main.c": MAIN})
        assert make(folder, store=tmp_path / "store").program.startswith(b"\x7fELF")

    def test_libraries_of_this_machine_are_not_found(self, project: Write, make: Make, tmp_path: Path) -> None:
        text = f"{PROJECT}find_library(HERE NAMES c z m REQUIRED)\n"
        with pytest.raises(ToolError, match="ended with exit code 1") as caught:
            make(project({"CMakeLists.txt": text, "main.c": MAIN}), store=tmp_path / "store")
        assert any("Could not find HERE" in line for line in caught.value.details)

    def test_what_does_not_compile_is_told_with_the_compilers_words(
        self, project: Write, make: Make, tmp_path: Path
    ) -> None:
        folder = project({"CMakeLists.txt": PROJECT, "main.c": "int main(void) { return missing; }\n"})
        with pytest.raises(
            ToolError, match="`hello` with CMake can't be built: `cmake` ended with exit code"
        ) as caught:
            make(folder, store=tmp_path / "store")
        assert any("undeclared identifier 'missing'" in line for line in caught.value.details)

    def test_a_project_needs_a_target_of_that_name(self, project: Write, make: Make, tmp_path: Path) -> None:
        folder = project({"CMakeLists.txt": PROJECT.replace("bootstrap", "other"), "main.c": MAIN})
        with pytest.raises(ToolError, match="`hello` with CMake can't be built") as caught:
            make(folder, store=tmp_path / "store")
        assert any("bootstrap" in line for line in caught.value.details[1:])


def test_without_cmake_the_error_says_what_needs_it_and_how_to_get_it(project: Write, make: Make) -> None:
    with pytest.raises(ToolError, match="`cmake` is not installed, and `hello` with CMake needs it") as caught:
        make(project({"CMakeLists.txt": PROJECT, "main.c": MAIN}), environ={"PATH": ""})
    assert "pip install cmake" in str(caught.value.hint)
