"""What a terminal shows, and what a pipe, a full disk or a narrow encoding gets instead."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from index_server import IndexServer, _Handler

pytestmark = pytest.mark.slow  # each starts lpack on a terminal of its own

Project = Callable[[Mapping[str, str | bytes]], Path]

CONFIGURATION = '[function.hello]\nruntime = "python3.13"\nhandler = "app.handler"\n'
FILES = {"lpack.toml": CONFIGURATION, "app.py": "def handler(event, context): ...\n"}
LPACK = [sys.executable, "-m", "lpack"]
RED, GREEN = "\x1b[1;31m", "\x1b[32m"


def on_a_terminal(arguments: Sequence[str], folder: Path, **environ: str) -> str:
    """All that lpack writes to a terminal of 100 columns."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    settings = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [*LPACK, *arguments],
        cwd=folder,
        env={**settings, "TERM": "xterm-256color", **environ},
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    pieces = []
    while True:
        try:
            piece = os.read(controller, 65536)
        except OSError:  # Linux says so when the other side has closed the terminal
            break
        if not piece:
            break
        pieces.append(piece)
    process.wait()
    os.close(controller)
    return b"".join(pieces).decode()


@pytest.fixture
def half_broken(project: Project) -> Path:
    """A function that can be built, and one that can't."""
    broken = '[function.broken]\nruntime = "python3.13"\nhandler = "app.nothing"\n'
    return project({**FILES, "lpack.toml": CONFIGURATION + broken})


def test_a_terminal_gets_colours(half_broken: Path) -> None:
    shown = on_a_terminal(["build"], half_broken)
    assert f"{GREEN}built\x1b[0m" in shown
    assert f"{RED}error:\x1b[0m broken: the handler `app.nothing` was not found" in shown


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [(["--no-color"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"})],
    ids=["--no-color", "NO_COLOR", "TERM=dumb"],
)
def test_no_colours_for_those_who_want_none(half_broken: Path, arguments: list[str], environ: dict[str, str]) -> None:
    shown = on_a_terminal(["build", *arguments], half_broken, **environ)
    assert "error: broken: " in shown
    assert "\x1b" not in shown


@pytest.fixture
def slow_project(index: IndexServer, make_wheel: Callable[..., Path], project: Project) -> Path:
    """A function whose only package takes a second to arrive."""
    wheel = make_wheel("demo", "1.0", {"demo.py": "#" * 200_000})

    def trickle(handler: _Handler, data: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        for start in range(0, len(data), len(data) // 8):
            handler.wfile.write(data[start : start + len(data) // 8])
            time.sleep(0.12)

    index.answers[wheel.name] = iter([trickle])
    return project({**FILES, "requirements.txt": f"--index-url {index.index_url}\ndemo\n"})


def test_a_terminal_shows_progress_and_wipes_it_away(slow_project: Path) -> None:
    shown = on_a_terminal(["build"], slow_project)
    assert "building" in shown
    assert "fetching" in shown
    assert "100 %" in shown
    assert "\x1b[2K" in shown  # a line that is erased
    assert shown.rindex("building") < shown.index("artifact")


def test_the_quiet_see_no_progress(slow_project: Path) -> None:
    assert on_a_terminal(["build", "--quiet"], slow_project) == ""


def test_a_pipe_gets_no_progress_and_no_colours(slow_project: Path) -> None:
    process = subprocess.run([*LPACK, "build"], cwd=slow_project, capture_output=True, text=True, check=True)
    assert "\x1b" not in process.stdout + process.stderr
    assert "fetching" not in process.stderr
    assert process.stdout.splitlines()[1].startswith("dist/hello.zip  python3.13  x86_64")


def test_a_log_of_both_streams_is_in_order(half_broken: Path) -> None:
    process = subprocess.run(
        [*LPACK, "build"], cwd=half_broken, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    words = [line.split()[0] for line in process.stdout.splitlines()]
    assert words == ["artifact", "dist/hello.zip", "dist/broken.zip", "error:", "hint:", "1", "error:"]


def test_a_reader_that_goes_away_is_no_error(project: Project) -> None:
    files = {f"file-{number}.txt": "" for number in range(3000)}
    folder = project({**FILES, **files})
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [*LPACK, "inspect", "hello", "-v"], cwd=folder, stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    os.read(reading, 100)
    os.close(reading)
    assert process.communicate()[1] == ""
    assert process.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_stdout_that_is_full_is_told(project: Project) -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [*LPACK, "inspect", "hello"],
            cwd=project(FILES),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert process.returncode == 1
    assert process.stderr.startswith("error: ")
    assert "the disk is full" in process.stderr
    assert "Traceback" not in process.stderr


def test_closed_streams_are_no_error(project: Project) -> None:
    folder = project(FILES)
    command = f"{sys.executable} -m lpack build >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], cwd=folder, check=False).returncode == 0
    assert (folder / "dist" / "hello.zip").is_file()


def test_a_narrow_encoding_takes_every_name(project: Project) -> None:
    folder = project({**FILES, "größe-→.txt": ""})
    environ = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    for arguments, name in ((["inspect", "hello"], rb"gr\xf6\xdfe-\u2192.txt"), (["inspect", "hello", "--json"], b"")):
        process = subprocess.run([*LPACK, *arguments], cwd=folder, env=environ, capture_output=True, check=False)
        assert process.returncode == 0, process.stderr
        assert name in process.stdout
    assert "größe-→.txt" in {file["path"] for file in json.loads(process.stdout)["files"]}
