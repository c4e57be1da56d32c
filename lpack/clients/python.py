"""awslambdaric, from PyPI.

Source: https://github.com/aws/aws-lambda-python-runtime-interface-client
"""

from __future__ import annotations

from pathlib import Path

from ..ecosystems.python.pinned import pinned_wheels
from ..errors import UsageError
from ..means import Means
from ..model import Target
from ..tree import Tree
from . import FOLDER, Client

_PINS = Path(__file__).with_name("python.txt")
_NAME = "awslambdaric"
_OLDEST = (3, 10)


def python_client(target: Target, means: Means) -> Client:
    """The client for the target's Python and architecture."""
    if tuple(map(int, target.runtime.version.split("."))) < _OLDEST:
        fact = f"AWS's runtime interface client has no version for {target.runtime}"
        raise UsageError(fact, hint=f"use runtime python{_OLDEST[0]}.{_OLDEST[1]} or newer, or AWS's own base image")
    text = _PINS.read_text(encoding="utf-8")
    wheels = pinned_wheels(text, target, means, subject="AWS's runtime interface client for Python")
    return Client(
        name=_NAME,
        version=next(wheel.version for wheel in wheels if wheel.name == _NAME),
        interpreter="python",
        arguments=("-m", _NAME),
        tree=Tree.of(entry for wheel in wheels for entry in wheel.entries),
        environ={"PYTHONPATH": FOLDER},
    )
