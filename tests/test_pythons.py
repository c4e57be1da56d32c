from __future__ import annotations

import json
import shlex
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from lpack.model import Host
from lpack.pythons import Python, find_python

OWN = "{}.{}".format(*sys.version_info)
Say = Callable[..., Path]


@pytest.fixture
def pretend(tmp_path: Path) -> Say:
    """Makes a program that says of itself what a Python says: ``pretend("bin/python3.14", version="3.14")``."""

    def make(path: str, *, version: str = "3.14", usual: bool = True, headers: str = "headers", said: str = "") -> Path:
        program = tmp_path / path
        program.parent.mkdir(parents=True, exist_ok=True)
        answer = {
            "version": version,
            "usual": usual,
            "include": str(tmp_path / headers),
            "variables": {"CC": program.name},
        }
        program.write_text(f"#!/bin/sh\nprintf '%s\\n' {shlex.quote(said or json.dumps(answer))}\n")
        program.chmod(0o755)
        return program

    return make


@pytest.fixture
def headers(tmp_path: Path) -> Path:
    folder = tmp_path / "headers"
    folder.mkdir()
    (folder / "Python.h").touch()
    (folder / "pyconfig.h").write_text("#define SIZEOF_LONG 8\n")
    return folder


def found(tmp_path: Path, path: str = "bin", version: str = "3.14", **environ: str) -> Python | str:
    search = ":".join(str(tmp_path / each) for each in path.split(":"))
    return find_python(version, Host({"PATH": search, "HOME": str(tmp_path), **environ}, tmp_path / "store"))


def program(answer: Python | str) -> str:
    assert isinstance(answer, Python), answer
    return answer.program


def test_the_own_one_is_asked_for_all_that_is_needed(tmp_path: Path) -> None:
    python = found(tmp_path, version=OWN)
    assert isinstance(python, Python), "the Python that runs the tests must have its headers"
    assert python.program == sys.executable
    assert (python.include / "Python.h").is_file()
    assert "SIZEOF_LONG" in python.configuration.read_text()
    assert python.variables["EXT_SUFFIX"] == sysconfig.get_config_var("EXT_SUFFIX")


@pytest.mark.usefixtures("headers")
def test_the_path_comes_first_then_uv_s_and_pyenv_s_newest(tmp_path: Path, pretend: Say) -> None:
    pretend(".pyenv/versions/3.14.9/bin/python3.14")
    newest = pretend(".pyenv/versions/3.14.10/bin/python3.14")
    assert program(found(tmp_path)) == str(newest)
    elsewhere = pretend("pyenv/versions/3.14.0/bin/python3.14")
    assert program(found(tmp_path, PYENV_ROOT=str(tmp_path / "pyenv"))) == str(elsewhere)
    of_uv = pretend(".local/share/uv/python/cpython-3.14.1-linux-x86_64-gnu/bin/python3.14")
    assert program(found(tmp_path)) == str(of_uv)
    moved = pretend("pythons/cpython-3.14.0-linux-x86_64-gnu/bin/python3.14")
    assert program(found(tmp_path, UV_PYTHON_INSTALL_DIR=str(tmp_path / "pythons"))) == str(moved)
    second = pretend("other/python3.14")
    assert program(found(tmp_path, "bin:other")) == str(second)
    first = pretend("bin/python3.14")
    assert program(found(tmp_path, "bin:other")) == str(first)


@pytest.mark.usefixtures("headers")
def test_what_is_another_python_or_none_is_passed_over(tmp_path: Path, pretend: Say) -> None:
    pretend("free-threaded/python3.14", usual=False)
    pretend("wrong/python3.14", version="3.13")
    pretend("shim/python3.14", said="pyenv: python3.14: command not found")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "python3.14").write_text("nothing that can be run")
    right = pretend("bin/python3.14")
    assert program(found(tmp_path, "free-threaded:wrong:shim:broken:bin")) == str(right)


def test_one_without_headers_is_named(tmp_path: Path, pretend: Say, headers: Path) -> None:
    bare = pretend("bare/python3.14", headers="no-headers")
    assert found(tmp_path, "bare") == (
        f"`{bare}` has no headers: install `python3.14-dev`, or run `uv python install 3.14`"
    )
    (headers / "pyconfig.h").unlink()
    whole = pretend("bin/python3.14")
    assert "has no headers" in found(tmp_path, "bare:bin")
    (headers / "pyconfig.h").touch()
    assert program(found(tmp_path, "bare:bin")) == str(whole)


def test_without_any_the_error_says_how_to_get_one(tmp_path: Path) -> None:
    assert found(tmp_path) == "it needs a Python 3.14 for its headers, and found none: run `uv python install 3.14`"


def test_debian_s_configuration_is_that_of_this_machine(tmp_path: Path, pretend: Say, headers: Path) -> None:
    pretend("bin/python3.14")
    (headers / "pyconfig.h").write_text(
        "#if defined(__x86_64__)\n#  include <x86_64-linux-gnu/python3.14/pyconfig.h>\n"
        "#elif defined(__aarch64__)\n#  include <aarch64-linux-gnu/python3.14/pyconfig.h>\n#endif\n"
    )
    there = tmp_path / "aarch64-linux-gnu" / "python3.14" / "pyconfig.h"
    there.parent.mkdir(parents=True)
    there.touch()
    python = found(tmp_path)
    assert isinstance(python, Python)
    assert python.configuration == there
