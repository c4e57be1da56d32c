"""Clean root file systems with nothing but a Python in them, to load artifacts in as Lambda would.

They are Debian releases, unpacked by mmdebstrap when a test first asks for one, and kept for the next run. Programs run
in them inside bubblewrap, without network; those of the other architecture by QEMU.

Under QEMU, Python would spend most of its time compiling modules. Byte code is the same on all machines, so that the
Python of the same release for this machine compiles what the other one imports.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

RELEASES = {"3.11": "bookworm", "3.13": "trixie", "3.14": "sid"}
"""The Debian release that has that version of Python."""

ROOTS = Path(os.environ.get("LPACK_TEST_ROOTS") or Path(__file__).parent.parent / ".cache" / "roots").absolute()

ENVIRON = dict(os.environ)
"""The developer's own, with the way to a mirror: the test that is the first to ask may be one without network."""

_DEBIAN_NAMES = {"x86_64": "amd64", "arm64": "arm64"}
_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
_PROCESSORS = {"x86_64": "max", "arm64": "neoverse-n1"}
"""What QEMU stands in for. Lambda's Graviton2 is a Neoverse N1; newer ones sign pointers, ten times as slow in QEMU."""

_PACKAGES = "python3,libstdc++6,zlib1g"

_TASK = "/var/task"
_ENVIRONMENT = {
    "LANG": "en_US.UTF-8",
    "TZ": ":/etc/localtime",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    "LAMBDA_TASK_ROOT": _TASK,
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    # In Lambda the runtime itself, which lies there, puts the task's folder on the path.
    "PYTHONPATH": _TASK,
}
"""What Lambda sets: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""

_INVOKE = """
import importlib, json, os, sys
module, _, function = sys.argv[1].rpartition(".")
handler = getattr(importlib.import_module(module.replace("/", ".")), function)
print(json.dumps(handler(json.load(sys.stdin), None)), flush=True)
os._exit(0)
"""
"""As in Lambda, Python is not brought to its end: threads of native packages may not live to see that unharmed."""


def emulator(architecture: str) -> str | None:
    """The program that runs that architecture's programs here; None where the machine itself does."""
    machine = _MACHINES[architecture]
    return None if platform.machine() == machine else f"qemu-{machine}-static"


def needs(architecture: str) -> pytest.MarkDecorator:
    """The mark for a test that runs programs of that architecture in a clean root."""
    programs = ["mmdebstrap", "bwrap", emulator(architecture)]
    return pytest.mark.needs(*filter(None, programs))


def invoke(
    task: Path, handler: str, event: Any, *, python: str, architecture: str, folders: Mapping[str, Path] | None = None
) -> Any:
    """Import a handler from the unpacked artifact in ``task``, call it with the event, and return what it returns.

    ``folders`` are what else is there, by the places.
    """
    root, mounted = _root(python, architecture), {_TASK: task, **(folders or {})}
    if emulator(architecture):
        for place, folder in mounted.items():
            _compile(folder, place, python)
    command = _sandbox(root)
    for place, folder in mounted.items():
        command += ["--ro-bind", folder, place]
    command += ["--chdir", _TASK, *_emulated(architecture), f"/usr/bin/python{python}", "-c", _INVOKE, handler]
    process = subprocess.run(command, input=json.dumps(event), capture_output=True, text=True, timeout=300, check=False)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


def _compile(folder: Path, place: str, python: str) -> None:
    """Put byte code beside all modules of a folder, which will be at that place when they are imported."""
    native = next((name for name in _MACHINES if not emulator(name)), None)
    if native:
        command = [*_sandbox(_unpacked_root(python, native)), "--bind", folder, "/compiled"]
        command += [f"/usr/bin/python{python}", "-I", "-m", "compileall", "-qq", "-s", "/compiled", "-p", place]
        # Some modules are for other versions of Python, and can't be compiled: the exit code says nothing. And nobody
        # imports the packages' own tests, which are the better part of some.
        subprocess.run([*command, "-x", "/tests/", "/compiled"], capture_output=True, check=False)


def _skip_without_sandbox() -> None:
    process = subprocess.run(
        ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"], capture_output=True, check=False
    )
    if process.returncode != 0:
        pytest.skip(f"bubblewrap can't make namespaces here: {process.stderr.decode().strip()}")


def _sandbox(root: Path) -> list[str | Path]:
    command: list[str | Path] = ["bwrap", "--unshare-all", "--die-with-parent", "--clearenv"]
    for name, value in _ENVIRONMENT.items():
        command += ["--setenv", name, value]
    command += ["--ro-bind", root / "usr", "/usr"]
    for name in ("bin", "lib", "lib64"):
        command += ["--symlink", f"usr/{name}", f"/{name}"]
    return [*command, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]


def _emulated(architecture: str) -> list[str | Path]:
    program = emulator(architecture)
    return (
        ["--ro-bind", _found(program), "/emulator", "/emulator", "-cpu", _PROCESSORS[architecture]] if program else []
    )


def _found(program: str) -> str:
    place = shutil.which(program)
    assert place, f"{program} is missing: the test lacks `needs`"
    return place


def _root(python: str, architecture: str) -> Path:
    root = _unpacked_root(python, architecture)
    compiled = ROOTS / f".{root.name}.compiled"
    if not compiled.exists():
        with FileLock(ROOTS / f".{root.name}.compiled.lock"):
            if not compiled.exists():
                library = f"usr/lib/python{python}"
                _compile(root / library, f"/{library}", python)
                compiled.touch()
    return root


def _unpacked_root(python: str, architecture: str) -> Path:
    release, debian = RELEASES[python], _DEBIAN_NAMES[architecture]
    root = ROOTS / f"{release}-{debian}"
    ROOTS.mkdir(parents=True, exist_ok=True)
    with FileLock(ROOTS / f".{root.name}.lock"):
        if not root.is_dir():
            partial = ROOTS / f".{root.name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            (ROOTS / f".{root.name}.compiled").unlink(missing_ok=True)
            _unpack(release, debian, partial)
            partial.rename(root)
    return root


def _unpack(release: str, architecture: str, folder: Path) -> None:
    command = [
        "mmdebstrap",
        "--variant=extract",  # unpacked only: nothing of the other architecture has to run
        f"--architectures={architecture}",
        f"--include={_PACKAGES}",
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        '--aptopt=Acquire::Check-Valid-Until "false"',  # a mirror of sid may be some days behind
        '--aptopt=Acquire::Retries "5"',
        release,
        str(folder),
    ]
    process = subprocess.run(
        command, env=ENVIRON, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
