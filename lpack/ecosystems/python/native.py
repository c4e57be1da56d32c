"""Wheels with native code: who makes one for a target, when no index has one that fits.

Adding a builder is adding a room with a function that gives it, and a line in ``_rooms``. What they make is kept in the
store by the hash of the sources, the target, the builder and its settings, and proved like every other wheel; native
code that can't be loaded fails the artifact's ELF checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from ...config import Building
from ...errors import ResolveError, ToolError
from ...model import Host, Reporter, Target
from .. import Ask
from .missing_wheels import WAYS


class Job(NamedTuple):
    """A wheel to make: of the sources in ``project``, a copy that may be written to, for ``target``.

    ``title`` is how messages call the sources. ``folder`` is empty, lies on the store's disk, and is gone afterwards.
    ``environ`` is the host's, with what makes builds alike. ``failed`` takes all that a build printed, the command
    first, and gives the error to raise: it shows the last lines, and where the rest is kept.
    """

    title: str
    project: Path
    folder: Path
    target: Target
    environ: Mapping[str, str]
    reporter: Reporter
    failed: Callable[[str], ToolError]


class Builder(Protocol):
    """Who makes wheels with native code for one target."""

    @property
    def name(self) -> str:
        """Its name in the configuration: "container", "zig"."""

    @property
    def settings(self) -> str:
        """All about it, its own version among it, that decides about a wheel's bytes; known without asking anybody."""

    def why_not(self) -> str:
        """Why it can't build on this machine ("no Docker Engine answers"); "" when it can."""

    def make(self, job: Job) -> Path:
        """The wheel, anywhere in the job's folder; its tags must fit the target."""


Room = Callable[[Building, Target, Host], Builder]
"""Gives the builder for a target; quickly, as it is asked for what the store holds already, too."""


@dataclass(frozen=True, slots=True)
class Native:
    """The ways to native code that the project allows on this machine."""

    building: Building
    host: Host

    @property
    def builds_all(self) -> bool:
        """Whether even what holds no native code is not to be built on the host."""
        return self.building.backend == "container"

    def builders(self, target: Target) -> tuple[Builder, ...]:
        """The builders for the target in the order in which they are tried."""
        rooms = _rooms()
        match "container" if self.builds_all else self.building.native:
            case "never":
                return ()
            case "auto":
                return tuple(room(self.building, target, self.host) for room in rooms.values())
            case name:
                return (rooms[name](self.building, target, self.host),)

    def able(self, target: Target) -> Builder | tuple[str, ...]:
        """The first builder that can build here for the target; else, for each, why it can't."""
        reasons = []
        for builder in self.builders(target):
            reason = builder.why_not()
            if not reason:
                return builder
            reasons.append(f"{builder.name}: {reason}")
        return tuple(reasons)

    def can_build(self, target: Target) -> bool:
        """Whether anybody can build here for the target."""
        return self.why_nobody(target) is None

    def why_nobody(self, target: Target) -> tuple[str, ...] | None:
        """For each builder, why it can't build here for the target; None if one can."""
        able = self.able(target)
        return able if isinstance(able, tuple) else None


def native_of(ask: Ask) -> Native:
    """The ways that the project of the question allows."""
    return Native(ask.project.building, ask.host)


def _rooms() -> Mapping[str, Room]:
    """The builders by name, in the order in which they are tried."""
    from . import in_container, zig

    return {"container": in_container.builder, "zig": zig.builder}


def refusal(title: str, reason: str, target: Target, why_nobody: tuple[str, ...] = ()) -> ResolveError:
    """The error for sources with native code that nobody can build here."""
    return ResolveError(
        f"{title} holds native code ({reason}), and there is no wheel of it for {target.description}",
        hint=f"{WAYS}, ask for a version that has a wheel, use another runtime, give a wheel that you built for Amazon "
        "Linux (by its path or with `--find-links`), or leave it out with `exclude-packages`",
        details=why_nobody,
    )
