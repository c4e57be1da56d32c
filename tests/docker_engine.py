"""The machine's real Docker Engine, for the tests that need one (``@pytest.mark.engine``).

What tests make there has the label LABEL, by which it can be found and removed:
``docker image prune --all --filter label=lpack.test`` frees the room.
"""

from __future__ import annotations

import functools
import os
import uuid
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from lpack.engine import connect, engine
from lpack.errors import ToolError

if TYPE_CHECKING:
    from docker import DockerClient

LABEL = "lpack.test"

ENVIRON = dict(os.environ)
"""What the tests were started with, before any of them changes it."""


@functools.cache
def why_not() -> str:
    """Why no engine can be used here; "" when one can."""
    try:
        engine(ENVIRON)
    except ToolError as error:
        return error.message
    return ""


def connected() -> AbstractContextManager[DockerClient]:
    """A client of the engine."""
    return connect(ENVIRON)


def unique(what: str) -> str:
    """A name for a container or an image that no other test uses."""
    return f"lpack-test-{what}-{uuid.uuid4().hex[:12]}"
