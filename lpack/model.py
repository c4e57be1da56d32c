"""The words of lpack: what is built, for which target, from which packages, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from .aws.architectures import Architecture
from .aws.runtimes import Runtime


class Target(NamedTuple):
    """Where an artifact will run: a Lambda runtime and an architecture, never the machine lpack itself runs on."""

    runtime: Runtime
    architecture: Architecture

    def __str__(self) -> str:
        return f"{self.runtime} on {self.architecture}"

    @property
    def description(self) -> str:
        """The target with the operating system behind it, for messages about native code."""
        system = self.runtime.system
        return f"{self} ({system.name}, glibc {system.glibc[0]}.{system.glibc[1]})"


class Package(NamedTuple):
    """A third-party package in an artifact.

    ``sha256`` (hex) is that of the archive it was taken from, or "" when only the finished artifact is known. ``root``
    is the folder of the artifact that it is installed in, "" for the artifact's own root: a layer for several versions
    of a language may hold one package several times. ``is_own`` tells whether its source is the user's, in a folder of
    this machine.
    """

    name: str
    version: str
    purl: str
    sha256: str
    root: str = ""
    is_own: bool = False


class Severity(StrEnum):
    """How bad a finding is. An error stops the artifact from leaving the build."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(NamedTuple):
    """One thing a check has to say: subject and fact in ``message``, the next step in ``hint``.

    ``check`` is the stable name of the rule ("unzipped-size", "elf-glibc", …), for machines.
    """

    severity: Severity
    check: str
    message: str
    hint: str | None = None
    details: tuple[str, ...] = ()


class LeftOut(NamedTuple):
    """A path of the source that is not in the artifact, and the rule that says so."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Host:
    """The machine lpack runs on, as the command line found it.

    ``environ`` are its environment variables, ``cache`` is the store's folder, ``workers`` the number of threads, or
    processes, that build side by side.
    """

    environ: Mapping[str, str]
    cache: Path
    workers: int = 2


class Reporter(Protocol):
    """Whom the rooms tell about progress. The command line prints it; a library user may ignore it."""

    def note(self, message: str) -> None:
        """Something was decided for the user, or takes a while."""

    def warning(self, message: str) -> None:
        """Something is probably not as the user wants it."""

    def progress(self, label: str, done: int, total: int) -> None:
        """``done`` of ``total`` bytes or steps of ``label``; called often, from any thread."""

    def printed(self, line: str) -> None:
        """Another program that runs at the moment printed a line; called often, from any thread."""


class Silent:
    """A Reporter that says nothing."""

    def note(self, message: str) -> None:
        """Say nothing."""

    def warning(self, message: str) -> None:
        """Say nothing."""

    def progress(self, label: str, done: int, total: int) -> None:
        """Say nothing."""

    def printed(self, line: str) -> None:
        """Say nothing."""
