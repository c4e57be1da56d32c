"""Running finished artifacts as Lambda would: in environments under AWS's Runtime Interface Emulator.

::

    runnable = runnable_of(project.function("orders"), output)
    with environment(runnable, Settings(), Means(store, host, reporter)) as running:
        invocation = running.invoke(b'{"order": 1}')
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..means import Means
from .environment import PAYLOAD_BYTES, Environment, Started, checked_event
from .invocations import Failure, Invocation
from .runnable import Artifact, Runnable, runnable_of

__all__ = [
    "PAYLOAD_BYTES",
    "Artifact",
    "Backend",
    "Environment",
    "Failure",
    "Invocation",
    "Runnable",
    "Settings",
    "Started",
    "checked_event",
    "environment",
    "runnable_of",
]

Backend = Literal["sandbox", "docker"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run: in a sandbox or by Docker (None: what fits), with or without a network, by which emulator."""

    backend: Backend | None = None
    network: bool = True
    rie: Path | None = None
    base: str | None = None


@contextlib.contextmanager
def environment(runnable: Runnable, settings: Settings, means: Means) -> Iterator[Environment]:
    """A running environment of the function; it ends with the block.

    It also ends with the thread that enters the block: an environment is for a thread of its own, where there are
    several. ToolError says what this machine lacks, and what else can be done.
    """
    if _backend(runnable, settings, means) == "docker":
        from .containers import contained

        with contained(runnable, means, network=settings.network, rie=settings.rie, base=settings.base) as started:
            yield started
        return
    from .sandbox import sandboxed

    with sandboxed(runnable, means, network=settings.network, rie=settings.rie) as started:
        yield started


def _backend(runnable: Runnable, settings: Settings, means: Means) -> Backend:
    """What the user wants; else the sandbox, and Docker for what can't run in one."""
    from .sandbox import unavailable

    if settings.backend:
        return settings.backend
    if settings.base:
        return "docker"
    refusal = unavailable(means.host, runnable)
    if refusal is None:
        return "sandbox"
    if not runnable.is_image:
        means.reporter.note(f"{refusal.message}, so it runs in a container")
    return "docker"
