"""AWS's Runtime Interface Emulator, which runs unpacked artifacts where Lambda puts them: /var/task and /opt.

It runs inside bubblewrap, in a process namespace of its own: what it started ends with it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

HERE = "x86_64" if platform.machine() == "x86_64" else "arm64"
"""This machine's architecture, as Lambda calls it."""

PROGRAMS = ("bwrap", "unzip")
"""What a test that uses the emulator needs."""

CACHE = Path(__file__).parent.parent / ".cache" / "emulator"
EMULATOR = "aws-sam-cli==1.170.0"
PATIENCE = 60.0
"""Seconds for the emulator to listen, and for a function to answer."""

Invoke = Callable[[Any], Any]


@contextlib.contextmanager
def emulated(
    command: Sequence[str | Path],
    *,
    task: Path,
    layers: Sequence[Path] = (),
    runtime: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Invoke]:
    """What invokes a function: it posts an event, and returns the response.

    ``command`` runs in /var/task and ends with the handler. ``task`` and ``layers`` are zips; ``runtime`` is the folder
    that becomes /var/runtime.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        place = Path(folder)
        emulator, runtime_api = _free_ports(2)
        sandbox = [
            *("bwrap", "--dev-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "--die-with-parent"),
            *("--tmpfs", "/var", "--ro-bind", _unpacked([task], place / "task"), "/var/task"),
            *("--tmpfs", "/opt", "--ro-bind", _unpacked(layers, place / "opt"), "/opt"),
            *(("--ro-bind", runtime, "/var/runtime") if runtime else ()),
            *("--ro-bind", kept(EMULATOR, _take_emulator) / "aws-lambda-rie", "/var/rie", "--chdir", "/var/task"),
            *("/var/rie", "--runtime-interface-emulator-address", f"127.0.0.1:{emulator}"),
            *("--runtime-api-address", f"127.0.0.1:{runtime_api}"),
        ]
        own = {"PATH": os.environ["PATH"], "LAMBDA_TASK_ROOT": "/var/task", **(environ or {})}
        log = place / "log"
        file = stack.enter_context(log.open("wb"))
        process = stack.enter_context(subprocess.Popen([*sandbox, *command], env=own, stdout=file, stderr=file))
        try:
            _wait_for(emulator, process, log)
            yield lambda event: _posted(emulator, event)
        finally:
            process.terminate()
            print(log.read_text(errors="replace"))  # which pytest shows when the test fails


def kept(name: str, fill: Callable[[Path], None]) -> Path:
    """The folder of that name in the cache, which ``fill`` fills when it is first asked for."""
    folder = CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / f".{name}.lock"):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=CACHE) as place:
                made = Path(place) / name
                made.mkdir()
                fill(made)
                made.rename(folder)
    return folder


def _take_emulator(folder: Path) -> None:
    """AWS's program comes in the wheel of its SAM command line."""
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={place}", EMULATOR]
        subprocess.run(command, check=True)
        (wheel,) = Path(place).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            program = archive.read(f"samcli/local/rapid/aws-lambda-rie-{HERE}")
    (folder / "aws-lambda-rie").write_bytes(program)
    (folder / "aws-lambda-rie").chmod(0o755)


def _unpacked(artifacts: Sequence[Path], folder: Path) -> Path:
    """A folder with the files of all, the last one's above those before, as Lambda merges layers."""
    folder.mkdir()
    for artifact in artifacts:
        subprocess.run(["unzip", "-q", "-o", artifact, "-d", folder], check=True)
    return folder


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    pytest.fail(f"the emulator does not answer: {log.read_text()}")


def _posted(port: int, event: Any) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("POST", "/2015-03-31/functions/function/invocations", json.dumps(event))
        return json.loads(connection.getresponse().read())
