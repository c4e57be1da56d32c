"""What a project's `pyproject.toml` says about how it is built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputError
from .requirements import normalised, read_toml

_VERSION_FROM_HISTORY = {
    *("dunamai", "flit-scm", "hatch-vcs", "pbr", "poetry-dynamic-versioning", "setuptools-git-versioning"),
    *("setuptools-scm", "uv-dynamic-versioning", "vcs-versioning", "versioneer", "versioningit"),
}
_COMPILING = {
    *("cffi", "cmake", "cython", "maturin", "meson-python", "nanobind", "numpy", "py-build-cmake", "pybind11"),
    *("scikit-build", "scikit-build-core", "setuptools-rust", "sip", "swig"),
}
_EXTENSIONS = re.compile(rb"\bext[_-]modules\b|\brust[_-]extensions\b")
_NATIVE_SOURCES = {".c", ".cc", ".cpp", ".cu", ".cxx", ".f", ".f90", ".pyx", ".rs"}


@dataclass(frozen=True, slots=True)
class BuildSystem:
    """The names of what a project's `[build-system]` requires, and its `[tool]` table."""

    requires: tuple[str, ...]
    tool: dict[str, Any]


def build_system(folder: Path) -> BuildSystem:
    """The build system of a project; setuptools where it names none (PEP 517). InputError for a broken file."""
    file = folder / "pyproject.toml"
    document = read_toml(file) if file.is_file() else {}
    table = document.get("build-system", {})
    requires = table.get("requires", ["setuptools"]) if isinstance(table, dict) else None
    if not isinstance(requires, list) or not all(isinstance(each, str) for each in requires):
        raise InputError(f"`{file}` has a `build-system` that lists no requirements")
    tool = document.get("tool", {})
    return BuildSystem(tuple(map(_name, requires)), tool if isinstance(tool, dict) else {})


def version_is_in_history(system: BuildSystem, folder: Path) -> bool:
    """Whether the project's version is made from tags and commits, as far as one can see without building it."""
    if _VERSION_FROM_HISTORY.intersection(system.requires) or (folder / "versioneer.py").is_file():
        return True
    pdm = system.tool.get("pdm", {})
    return isinstance(pdm, dict) and isinstance(pdm.get("version"), dict) and pdm["version"].get("source") == "scm"


def needs_compiler(folder: Path) -> str | None:
    """Which tool compiles the project's native code ("maturin", say); None when nothing says that there is any."""
    compiling = _COMPILING.intersection(build_system(folder).requires)
    return min(compiling) if compiling and any(_native_sources(folder)) else None


def may_compile(folder: Path) -> str | None:
    """The sign that setuptools would compile something, if a compiler is there; None without one.

    Many such projects go without their native code where it can't be compiled.
    """
    for name in ("setup.py", "pyproject.toml", "setup.cfg"):
        file = folder / name
        if file.is_file() and _EXTENSIONS.search(file.read_bytes()) and any(_native_sources(folder)):
            return f"its {name} names extension modules"
    return None


def _native_sources(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix.lower() in _NATIVE_SOURCES and path.is_file())


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]*", requirement.strip())
    return normalised(found[0]) if found else ""
