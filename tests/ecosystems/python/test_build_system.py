from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpack.ecosystems.python.build_system import build_system, needs_compiler, version_is_in_history
from lpack.errors import InputError


def requiring(*requirements: str) -> str:
    return f"[build-system]\nrequires = {list(requirements)}\n"


def test_a_project_without_pyproject_toml_is_built_by_setuptools(tmp_path: Path) -> None:
    assert build_system(tmp_path).requires == ("setuptools",)


def test_required_names_are_normalised_and_bare(project: Callable[..., Path]) -> None:
    folder = project(
        {"pyproject.toml": requiring("Setuptools_SCM[toml]>=8", "wheel; python_version>'3'", "x @ https://y")}
    )
    assert build_system(folder).requires == ("setuptools-scm", "wheel", "x")


@pytest.mark.parametrize(
    "table", ["build-system = 1", "[build-system]\nrequires = 'a'", "[build-system]\nrequires = [1]"]
)
def test_a_build_system_of_the_wrong_shape_is_an_error(project: Callable[..., Path], table: str) -> None:
    with pytest.raises(InputError, match="lists no requirements"):
        build_system(project({"pyproject.toml": table}))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(), st.text("[]build-system.requires=\"', \n").map(str.encode)))
def test_any_bytes_are_a_build_system_or_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pyproject.toml").write_bytes(content)
    with contextlib.suppress(InputError):
        assert isinstance(build_system(tmp_path).requires, tuple)


@pytest.mark.parametrize(
    "tool", ["maturin>=1.5", "Cython", "pybind11", "scikit_build_core", "setuptools-rust", "numpy"]
)
def test_native_sources_with_a_tool_that_compiles_them_need_a_compiler(project: Callable[..., Path], tool: str) -> None:
    folder = project({"pyproject.toml": requiring("setuptools", tool), "src/fast.pyx": "", "src/lib.rs": ""})
    assert needs_compiler(folder) == build_system(folder).requires[1]


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": requiring("cython"), "src/demo.py": ""},
        {"pyproject.toml": requiring("setuptools"), "docs/example.c": ""},
        {"setup.py": ""},
    ],
    ids=["no native sources", "no tool for them", "no pyproject.toml"],
)
def test_other_projects_may_be_pure(project: Callable[..., Path], files: dict[str, str]) -> None:
    assert needs_compiler(project(files)) is None


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": requiring("setuptools", "setuptools_scm[toml]>=8")}, True),
        ({"pyproject.toml": requiring("hatchling", "hatch-vcs")}, True),
        ({"pyproject.toml": '[tool.pdm.version]\nsource = "scm"'}, True),
        ({"versioneer.py": "", "setup.py": ""}, True),
        ({"pyproject.toml": '[tool.pdm.version]\nsource = "file"'}, False),
        ({"pyproject.toml": "[tool.pdm]\nversion = 1"}, False),
        ({"pyproject.toml": "tool = 1"}, False),
        ({"setup.py": ""}, False),
    ],
)
def test_versions_made_from_history_are_recognised(
    project: Callable[..., Path], files: dict[str, str], *, expected: bool
) -> None:
    folder = project(files)
    assert version_is_in_history(build_system(folder), folder) is expected
