"""The same project gives the same bytes: on another day, in another folder, under other settings, in any order."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import pytest

from lpack.build import Options, build_artifacts
from lpack.cli.session import today
from lpack.config import load
from lpack.model import Host, Silent

pytestmark = pytest.mark.slow  # each builds several times

Bytes = Mapping[str, bytes]

ANOTHER_WORLD = """
import os, random, time

real_scandir, real_listdir, real_time = os.scandir, os.listdir, time.time


class Shuffled:
    def __init__(self, path="."):
        with real_scandir(path) as entries:
            found = list(entries)
        random.shuffle(found)
        self.entries = iter(found)
    def __iter__(self):
        return self
    def __next__(self):
        return next(self.entries)
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pass
    def close(self):
        pass


def listdir(path="."):
    names = real_listdir(path)
    random.shuffle(names)
    return names


os.scandir, os.listdir, time.time = Shuffled, listdir, lambda: real_time() - 23 * 3_600
"""
"""A sitecustomize: folders list their files in any order, and it is almost a day ago.

The store takes what is a whole day off for somebody else's leftovers: its files keep the time of the disk.
"""

SETTINGS = {
    "here": {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "1", "umask": "022"},
    "there": {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "31337", "umask": "077"},
}

CONFIGURATION = """
[defaults]
runtime = "python3.13"
handler = "app.handler"
requirements = "requirements.txt"

[function.north]
source = "src"
exclude = ["*.tmp"]

[function.east]
source = "src"
architecture = "arm64"
exclude-packages = ["helper"]
layers = ["native"]

[layer.native]
runtimes = ["python3.12", "python3.13"]
architectures = ["x86_64", "arm64"]
requirements = "native.txt"

[layer.shared]
runtimes = ["python3.12", "python3.13"]
requirements = "requirements.txt"
source = { python = "src/data", bin = "src" }
exclude = ["*.tmp"]
"""


def files() -> dict[str, bytes]:
    """A project with everything that could depend on the machine: many files, folders, modes, links, odd names."""
    noise = random.Random(0)
    many = {f"src/data/{number % 7}/{number:03}.txt": f"{number}\n".encode() * 50 for number in range(60)}
    return {
        "lpack.toml": CONFIGURATION.encode(),
        "requirements.txt": b"--no-index\n--find-links wheels\ndemo\n",
        "native.txt": b"--no-index\n--find-links wheels\nnative\n",
        "src/app.py": b"import demo\n\ndef handler(event, context):\n    return demo.VERSION\n",
        "src/run.sh": b"#!/bin/sh\n",
        "src/gr\xc3\xb6\xc3\x9fe.txt".encode("latin-1").decode(): b"large",
        "src/Upper.txt": b"",
        "src/upper-.txt": b"",
        "src/text.txt": b"text that is worth keeping compressed\n" * 4000,
        "src/noise.bin": noise.randbytes(100_000),
        "src/scrap.tmp": b"",
        **many,
    }


def lay_out(folder: Path, *, seed: int, wheels: Path) -> None:
    """Write the project in an order, and with times, that depend on the seed."""
    chance = random.Random(seed)
    contents = list(files().items())
    chance.shuffle(contents)
    for name, data in contents:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    shutil.copytree(wheels, folder / "wheels")
    (folder / "src" / "run.sh").chmod(0o755 if seed else 0o700)
    (folder / "src" / "link.txt").symlink_to("text.txt")
    for path in folder.rglob("*"):
        moment = chance.uniform(0, 2_000_000_000)
        os.utime(path, (moment, moment), follow_symlinks=False)


def outputs(folder: Path) -> Bytes:
    return {path.name: path.read_bytes() for path in sorted((folder / "dist").iterdir())}


def built(folder: Path, world: str, customize: Path) -> Bytes:
    """What a process in another world makes of the project."""
    umask = SETTINGS[world]["umask"]
    command = f'umask {umask}; exec "$0" -m lpack build -q'
    environ = {**os.environ, **SETTINGS[world], "LPACK_CACHE_DIR": str(folder.parent / f"{folder.name}-store")}
    if world == "there":
        environ["PYTHONPATH"] = str(customize)
        if hasattr(os, "sched_setaffinity"):
            processor = min(os.sched_getaffinity(0))
            command = command.replace("exec", f"exec taskset -c {processor}")
    process = subprocess.run(
        ["sh", "-c", command, sys.executable], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout == process.stderr == ""
    return outputs(folder)


@pytest.fixture
def customize(tmp_path: Path) -> Path:
    folder = tmp_path / "customize"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(ANOTHER_WORLD)
    return folder


@pytest.fixture
def wheels(tmp_path: Path, make_wheel: Callable[..., Path]) -> Path:
    make_wheel(
        "demo",
        "1.0",
        {"demo.py": 'VERSION = "1.0"\n', "demo/data.txt": "data\n" * 5000, "{data}/scripts/demo": "#!python\n"},
        requires=["helper"],
        entry_points="[console_scripts]\ndemo-run = demo:main\n",
    )
    make_wheel("helper", "2.0", {f"helper/{number}.py": f"# {number}\n" for number in range(20)})
    for machine in ("x86_64", "aarch64"):
        for python in ("cp312", "cp313"):
            module = {"native.py": f"# {machine} {python}\n"}
            make_wheel("native", "1.0", module, tag=f"{python}-{python}-manylinux_2_17_{machine}")
    return tmp_path / "wheels"


@pytest.mark.needs("taskset")
def test_the_world_around_it_does_not_matter(tmp_path: Path, wheels: Path, customize: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "a much longer" / "path to another"
    lay_out(one, seed=1, wheels=wheels)
    lay_out(other, seed=0, wheels=wheels)
    here, there = built(one, "here", customize), built(other, "there", customize)
    names = ("east", "native-arm64", "native-x86_64", "north", "shared")
    assert list(here) == [f"{name}{end}" for name in names for end in (".zip", ".zip.json")]
    assert here == there


def test_neither_the_number_of_workers_nor_what_the_store_holds_matters(tmp_path: Path, wheels: Path) -> None:
    folder, seen = tmp_path / "project", []
    lay_out(folder, seed=2, wheels=wheels)
    project = load(folder)
    for workers, store in ((1, "a"), (2, "b"), (7, "b")):
        shutil.rmtree(folder / "dist", ignore_errors=True)
        host = Host(dict(os.environ), tmp_path / store, workers=workers)
        options = Options(output=folder / "dist", today=today())
        outcomes = build_artifacts(project, project.parts, options, host=host, reporter=Silent())
        assert [outcome.error for outcome in outcomes] == [None] * 5
        seen.append(outputs(folder))
    assert seen[0] == seen[1] == seen[2]


def test_another_day_leaves_everything_alone(tmp_path: Path, wheels: Path) -> None:
    folder = tmp_path / "project"
    lay_out(folder, seed=3, wheels=wheels)
    project = load(folder)
    host = Host(dict(os.environ), tmp_path / "store")
    seen = []
    for day in (date(2026, 11, 21), date(2026, 12, 24)):
        options = Options(output=folder / "dist", today=day)
        outcomes = build_artifacts(project, project.parts, options, host=host, reporter=Silent())
        seen.append(
            {
                path.name: (path.stat().st_ino, path.stat().st_mtime_ns, path.stat().st_size)
                for path in (folder / "dist").iterdir()
            }
        )
        assert {outcome.unchanged for outcome in outcomes} == {day.month == 12}
    assert seen[0] == seen[1]


@pytest.mark.network
@pytest.mark.needs("taskset")
@pytest.mark.parametrize("name", ["python-pandas", "python-local-package"])
def test_real_functions_are_the_same_everywhere(
    name: str, copied_fixture: Callable[[str], Path], tmp_path: Path, customize: Path
) -> None:
    one = copied_fixture(name)
    command = [sys.executable, "-m", "lpack", "lock", "-q"]
    subprocess.run(command, cwd=one, check=True)  # tomorrow the index may offer more
    other = tmp_path / "elsewhere" / "and deeper"
    shutil.copytree(one, other)
    here, there = built(one, "here", customize), built(other, "there", customize)
    assert [name for name in here if name.endswith(".zip")]
    assert here == there
