"""A function's files as the room makes them, and AWS's own emulator to run them in."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import clean_roots
import pytest
from filelock import FileLock

from lpack.archive.zip_writer import write_zip
from lpack.aws.architectures import ARCHITECTURES
from lpack.aws.runtimes import RUNTIMES
from lpack.check import Subject, check
from lpack.check.elf import elf_facts
from lpack.config import Function, Project
from lpack.ecosystems import Ask, custom
from lpack.model import Finding, Host, LeftOut, Silent, Target
from lpack.store import Store
from lpack.tree import Tree

CHECKOUT = Path(__file__).parents[3]
HERE = "x86_64" if platform.machine() == "x86_64" else "arm64"
EMULATOR = "aws-sam-cli==1.170.0"
PATIENCE = 60.0


@dataclass
class Notes(Silent):
    """What the reporter was told."""

    notes: list[str] = field(default_factory=list)

    def note(self, message: str) -> None:
        self.notes.append(message)


@dataclass(frozen=True)
class Made:
    """What became of a source: the artifact's tree, what was left out, and what was said on the way."""

    tree: Tree
    left_out: tuple[LeftOut, ...]
    notes: list[str]
    target: Target
    store: Store

    @property
    def paths(self) -> list[str]:
        return [entry.path for entry in self.tree]

    @property
    def program(self) -> bytes:
        return self.tree.by_path["bootstrap"].read()

    @property
    def findings(self) -> list[Finding]:
        """What lpack's checks say about it."""
        subject = Subject(name="hello", target=self.target, today=date(2026, 11, 1), allow_deprecated=True)
        facts = elf_facts(self.tree, self.store)
        found = check(self.tree, subject, packages=(), elf=facts)
        return [*found, *custom.check_handler(self.tree, "hello", self.target)]

    def zip(self, folder: Path) -> Path:
        file = folder / "function.zip"
        write_zip(self.tree, file, store=self.store)
        return file


@pytest.fixture
def make(tmp_path: Path, store_folder: Path) -> Callable[..., Made]:
    """Makes the files of a function: ``make(source, architecture="arm64", build=("make",))``."""

    def files(
        source: Path,
        *,
        architecture: str = HERE,
        runtime: str = "provided.al2023",
        name: str = "hello",
        store: Path = store_folder,
        project: Path | None = None,
        environ: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Made:
        target = Target(RUNTIMES[runtime], ARCHITECTURES[architecture])
        function = Function(name=name, target=target, source=source, handler="hello", **options)
        notes = Notes()
        host = Host({**os.environ, **(environ or {})}, store)
        whole = Project(project or source, source / "lpack.toml", (function,))
        ask = Ask(function.dependencies, whole, Store(store), host, notes, {})
        locked = custom.lock(ask, "keep")
        own = custom.own_files(function, ask, locked, tmp_path / "dist")
        return Made(Tree.of(own.entries), own.left_out, notes.notes, target, Store(store))

    return files


@pytest.fixture
def invoke(tmp_path: Path) -> Callable[..., Any]:
    """Has AWS's Runtime Interface Emulator run unpacked artifacts: ``invoke(event, task=zip, layer=other_zip)``."""
    emulator = _emulator_program()

    def response(
        event: Any, *, task: Path, layer: Path | None = None, handler: str = "hello", architecture: str = HERE
    ) -> Any:
        task_folder, layer_folder = _unpacked(task, tmp_path), _unpacked(layer, tmp_path)
        own = task_folder / "bootstrap"
        bootstrap = "/var/task/bootstrap" if own.exists() else "/opt/bootstrap"
        ports = _free_port(), _free_port()
        command = [
            *("bwrap", "--dev-bind", "/", "/", "--die-with-parent", "--tmpfs", "/var", "--tmpfs", "/opt"),
            *("--ro-bind", task_folder, "/var/task", "--ro-bind", layer_folder, "/opt", "--chdir", "/var/task"),
            *("--ro-bind", emulator, "/var/rie", "/var/rie"),
            *("--runtime-interface-emulator-address", f"127.0.0.1:{ports[0]}"),
            *("--runtime-api-address", f"127.0.0.1:{ports[1]}"),
            *(*_interpreter(architecture, own), bootstrap, handler),
        ]
        environ = {"PATH": os.environ["PATH"], "LAMBDA_TASK_ROOT": "/var/task"}
        log = Path(tempfile.mkstemp(suffix=".log", dir=tmp_path)[1])
        with log.open("wb") as file, subprocess.Popen(command, env=environ, stdout=file, stderr=file) as process:
            try:
                _wait_for(ports[0], process, log)
                return _posted(ports[0], event)
            finally:
                process.terminate()

    return response


def _unpacked(artifact: Path | None, place: Path) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="unpacked-", dir=place))
    if artifact:
        subprocess.run(["unzip", "-q", artifact, "-d", folder], check=True)
    return folder


def _interpreter(architecture: str, bootstrap: Path) -> list[str | Path]:
    """What runs a program of another architecture here."""
    emulator = clean_roots.emulator(architecture)
    if emulator is None or not bootstrap.exists():
        return []
    root = clean_roots._root("3.13", architecture)  # noqa: SLF001 -- the root alone is needed, not its Python
    return [shutil.which(emulator) or emulator, "-L", root]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


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


def _emulator_program() -> Path:
    """AWS's program, which comes in the wheel of its SAM command line."""
    kept = CHECKOUT / ".cache" / "emulator"
    program = kept / EMULATOR / "aws-lambda-rie"
    kept.mkdir(parents=True, exist_ok=True)
    with FileLock(kept / ".lock"):
        if not program.exists():
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={kept}", EMULATOR]
            subprocess.run(command, check=True)
            program.parent.mkdir(exist_ok=True)
            with zipfile.ZipFile(next(kept.glob("aws_sam_cli-*.whl"))) as wheel:
                program.write_bytes(wheel.read(f"samcli/local/rapid/aws-lambda-rie-{HERE}"))
            program.chmod(0o755)
    return program
