"""What a command works with: the machine, the project, and the terminal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from ..config import Project, load
from ..errors import UsageError
from ..model import Host
from ..store import Store
from .output import Output, output_of
from .progress import TerminalReporter


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a command in the folder that it was given."""

    folder: Path
    host: Host
    output: Output

    @classmethod
    def start(cls, folder: Path, *, json: bool, verbose: bool, quiet: bool, no_color: bool) -> Session:
        """A session in ``folder``; UsageError when that is none."""
        if not folder.is_dir():
            raise UsageError(f"`{folder}` is not a folder", hint="give `-C` the folder that holds lpack.toml")
        output = output_of(json=json, verbose=verbose, quiet=quiet, no_color=no_color)
        return cls(folder.resolve(), _host(), output)

    @property
    def store(self) -> Store:
        """The store of this machine."""
        return Store(self.host.cache)

    def project(self) -> Project:
        """The project of the folder."""
        return load(self.folder)

    def path(self, given: Path | str) -> Path:
        """A path from the command line, which starts from the session's folder."""
        return (self.folder / given).resolve()

    def reporting(self) -> TerminalReporter:
        """Progress and notes, for as long as the block lasts."""
        return TerminalReporter(self.output)


def today() -> date:
    """The day, in the one time zone that needs no setting."""
    return datetime.now(UTC).date()


def short(path: Path) -> str:
    """The path as one would type it here: from this folder, unless that is the longer way."""
    return min(os.path.relpath(path), str(path), key=len)


def _host() -> Host:
    cache = os.environ.get("LPACK_CACHE_DIR")
    if not cache:
        from platformdirs import user_cache_dir

        cache = user_cache_dir("lpack", appauthor=False)
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    folder = Path(os.path.expanduser(cache)).absolute()  # noqa: PTH111 -- Path's raises for unknown users
    return Host(dict(os.environ), folder, workers=min(workers, 8))
