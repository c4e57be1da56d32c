"""Functions to run: written by a test, zipped as they are, and invoked in environments of lpack's."""

from __future__ import annotations

import contextlib
import json
import platform
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lpack.aws.architectures import ARCHITECTURES
from lpack.aws.runtimes import RUNTIMES
from lpack.emulator import Artifact, Environment, Invocation, Runnable
from lpack.model import Target
from lpack.store import sha256_of

HERE = "x86_64" if platform.machine() == "x86_64" else "arm64"
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"

Started = Callable[..., contextlib.AbstractContextManager[Environment]]


def zipped(file: Path, files: Mapping[str, str | bytes], *, executable: Sequence[str] = ()) -> Artifact:
    """The files in a zip, as an artifact without a record."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o100755 if name in executable else 0o100644) << 16
            archive.writestr(info, content)
    return Artifact(file, sha256_of(file))


def runnable(folder: Path, files: str | Mapping[str, str | bytes], **options: Any) -> Runnable:
    """A function of Python for this machine, from the code of its only module or from several files."""
    if isinstance(files, str):
        files = {"app.py": files}
    target = Target(RUNTIMES[options.pop("runtime", PYTHON)], ARCHITECTURES[options.pop("architecture", HERE)])
    artifact = zipped(folder / "function.zip", files, executable=options.pop("executable", ()))
    usual: dict[str, Any] = {"name": "orders", "handler": "app.handler", "memory": 256, "timeout": 10}
    return Runnable(target=target, artifact=artifact, **{**usual, **options})


def called(running: Environment, event: Any = None) -> Invocation:
    """What comes of an event."""
    return running.invoke(json.dumps(event).encode())


def answer(running: Environment, event: Any = None) -> Any:
    """The response to an event, which the function must not fail at."""
    invocation = called(running, event)
    assert invocation.failure is None, (invocation.failure, invocation.logs)
    return invocation.value
