"""awslambdaric, from PyPI.

Source: https://github.com/aws/aws-lambda-python-runtime-interface-client
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..means import Means
from ..model import Target
from ..tree import Tree
from . import FOLDER, Client

if TYPE_CHECKING:
    from ..ecosystems.python.wheels import Wheel

_PINS = Path(__file__).with_name("python.txt")
_NAME = "awslambdaric"
_NOTE = "python-client-1"
_OLDEST = (3, 10)


def python_client(target: Target, means: Means) -> Client:
    """The client for the target's Python and architecture."""
    if tuple(map(int, target.runtime.version.split("."))) < _OLDEST:
        fact = f"AWS's runtime interface client has no version for {target.runtime}"
        raise UsageError(fact, hint=f"use runtime python{_OLDEST[0]}.{_OLDEST[1]} or newer, or AWS's own base image")
    key = hashlib.sha256(_PINS.read_bytes() + str(target).encode()).hexdigest()
    noted = means.store.note(_NOTE, key)
    read = functools.partial(_tree, target, means)
    if noted is None:
        version = next(wheel.version for wheel in _wheels(target, means) if wheel.name == _NAME)
        noted = [version, read().content]
        means.store.make_note(_NOTE, key, noted)
    version, content = noted
    return Client(
        name=_NAME,
        version=version,
        interpreter="python",
        arguments=("-m", _NAME),
        content=content,
        read=read,
        environ={"PYTHONPATH": FOLDER},
    )


def _tree(target: Target, means: Means) -> Tree:
    return Tree.of(entry for wheel in _wheels(target, means) for entry in wheel.entries)


def _wheels(target: Target, means: Means) -> tuple[Wheel, ...]:
    # What knows of wheels takes longer to load than all that is done here when the note is there.
    from ..ecosystems.python.pinned import pinned_wheels

    text = _PINS.read_text(encoding="utf-8")
    return pinned_wheels(text, target, means, subject="AWS's runtime interface client for Python")
