"""A build by zig that is interrupted leaves no program behind, and nothing half-made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# It needs nothing from the network, and is compiled for as long as one likes.
BACKEND = """
import os, subprocess, sys

def build_wheel(folder, config_settings=None, metadata_directory=None):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    with open(os.environ["DEMO_STARTED"], "w") as file:
        file.write(f"{os.getpid()} {child.pid}")
    child.wait()
"""
FILES = {
    "lpack.toml": (
        '[build]\nnative = "zig"\n[function.orders]\nruntime = "python{version}"\narchitecture = "arm64"\n'
        'source = "src"\nhandler = "app.handler"\nrequirements = ["./demo"]\n'
    ),
    "src/app.py": "def handler(event, context): ...\n",
    "demo/pyproject.toml": (
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "demo"\nversion = "1.0"\n'
    ),
    "demo/setup.py": "# ext_modules\n",
    "demo/demo.c": "int demo;\n",
    "demo/backend.py": BACKEND,
}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_ends_all_that_it_started(tmp_path: Path, store_folder: Path, number: int) -> None:
    for name, text in FILES.items():
        file = tmp_path / "project" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("{version}", "{}.{}".format(*sys.version_info)))
    started = tmp_path / "started"
    process = subprocess.Popen(
        [sys.executable, "-m", "lpack", "build"],
        cwd=tmp_path / "project",
        env={**os.environ, "DEMO_STARTED": str(started)},
        stderr=subprocess.PIPE,
        text=True,
    )
    pids = waited_for(started, process)
    assert all(map(runs, pids))
    process.send_signal(number)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 128 + number, told
    assert not any(map(runs, pids))
    assert not list(store_folder.glob("tmp/*"))
    assert not list(store_folder.glob("built/**/*.whl"))
    assert not (tmp_path / "project" / "dist").exists()


def waited_for(file: Path, process: subprocess.Popen[str]) -> list[int]:
    """The numbers that come to stand in the file."""
    end = time.monotonic() + 60
    while not (file.exists() and len(file.read_text().split()) == 2):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.02)
    return [int(number) for number in file.read_text().split()]


def runs(pid: int) -> bool:
    """Whether there is such a process, which has not ended yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
