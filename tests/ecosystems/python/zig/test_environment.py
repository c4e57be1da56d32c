"""What is said to build systems: real Pythons and compilers are asked in the guise of the target's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lpack.aws.architectures import ARM64
from lpack.aws.runtimes import runtime
from lpack.ecosystems.python.zig.environment import Workshop, workshop
from lpack.model import Host, Target
from lpack.pythons import Python, find_python

OWN = "{}.{}".format(*sys.version_info)
TARGET = Target(runtime(f"python{OWN}"), ARM64)

ASK = """
import json, os, platform, sysconfig
names = ("EXT_SUFFIX", "SOABI", "CC", "LDSHARED", "AR", "MULTIARCH", "Py_ENABLE_SHARED", "INCLUDEPY")
print(json.dumps({
    "variables": sysconfig.get_config_vars(*names),
    "platform": sysconfig.get_platform(),
    "include": sysconfig.get_path("include"),
    "machines": [platform.machine(), os.uname().machine],
    "library": sysconfig.get_path("purelib"),
}))
"""


@pytest.fixture
def python(tmp_path: Path) -> Python:
    found = find_python(OWN, Host({}, tmp_path))
    assert isinstance(found, Python), found
    return found


@pytest.fixture
def equipped(tmp_path: Path, python: Python) -> Workshop:
    given = {
        "PATH": os.environ["PATH"],
        "CC": "gcc-of-here",
        "CPATH": "/usr/include",
        "CMAKE_ARGS": "-DX=1",
        "MINE": "kept",
    }
    folder = tmp_path / "made"
    folder.mkdir()
    return workshop(folder, python, "/opt/zig", TARGET, given)


def asked(python: Python, environ: Mapping[str, str]) -> dict[str, Any]:
    process = subprocess.run([python.program, "-c", ASK], env=environ, capture_output=True, text=True, check=True)
    return dict(json.loads(process.stdout))


def test_the_python_answers_for_the_target(tmp_path: Path, python: Python, equipped: Workshop) -> None:
    answer = asked(python, equipped.environ)
    number, folder = OWN.replace(".", ""), tmp_path / "made"
    cc = str(folder / "compilers" / "cc")
    include = str(folder / "python" / "include" / f"python{OWN}")
    assert answer["variables"] == [
        *(f".cpython-{number}-aarch64-linux-gnu.so", f"cpython-{number}-aarch64-linux-gnu", cc, f"{cc} -shared"),
        *(str(folder / "compilers" / "ar"), "aarch64-linux-gnu", 0, include),
    ]
    assert answer["platform"] == "linux-aarch64"
    assert answer["include"] == include
    assert answer["machines"] == ["aarch64", "aarch64"]
    assert answer["library"] == asked(python, {})["library"], "what is installed is found as ever"
    assert (Path(include) / "Python.h").is_file()


def test_compilers_of_this_machine_give_way_and_other_settings_stay(tmp_path: Path, equipped: Workshop) -> None:
    environ = equipped.environ
    assert environ["CC"] == str(tmp_path / "made" / "compilers" / "cc")
    assert "CPATH" not in environ
    assert environ["MINE"] == "kept"
    assert environ["CMAKE_ARGS"] == f"-DX=1 -DCMAKE_TOOLCHAIN_FILE={tmp_path / 'made' / 'toolchain.cmake'}"
    assert environ["CARGO_BUILD_TARGET"] == "aarch64-unknown-linux-gnu"
    assert environ["CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER"] == environ["CC"]
    assert environ["MATURIN_PEP517_ARGS"] == "--target=aarch64-unknown-linux-gnu"
    assert f"c = '{environ['CC']}'" in equipped.cross_file.read_text()


def test_code_for_this_processor_alone_is_not_asked_for(tmp_path: Path, python: Python) -> None:
    said = tmp_path / "zig"
    said.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    said.chmod(0o755)
    folder = tmp_path / "made"
    folder.mkdir()
    equipped = workshop(folder, python, str(said), TARGET, {})
    command = [equipped.environ["CC"], "-O3", "-march=native", "-mtune=native", "-DTEXT=a b", "x.c"]
    arguments = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    glibc = "{}.{}".format(*TARGET.runtime.system.glibc)
    assert arguments[:3] == ["cc", "-target", f"aarch64-linux-gnu.{glibc}"]
    assert arguments[-3:] == ["-O3", "-DTEXT=a b", "x.c"]
    assert f"-ffile-prefix-map={tmp_path}=." in arguments
    assert not any("native" in each for each in arguments)


def test_cargo_s_crates_have_the_same_name_everywhere(tmp_path: Path, equipped: Workshop) -> None:
    crates = tmp_path / "cargo" / "registry" / "src" / "index-0123"
    crates.mkdir(parents=True)
    environ = {"CARGO_HOME": str(tmp_path / "cargo"), "PATH": os.environ["PATH"]}
    command = [equipped.environ["RUSTC_WRAPPER"], "echo", "--crate-name=demo"]
    printed = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    assert printed == f"--crate-name=demo --remap-path-prefix={crates}=registry --remap-path-prefix={tmp_path}=.\n"
