"""What a command works with: the machine, the project, and the terminal."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..config import Project, load
from ..errors import UsageError
from ..model import Host
from ..store import Store
from .output import Output
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
        colour = not (no_color or os.environ.get("NO_COLOR"))
        return cls(folder.resolve(), _host(), Output(json=json, verbose=verbose, quiet=quiet, colour=colour))

    @property
    def store(self) -> Store:
        """The store of this machine."""
        return Store(self.host.cache)

    def project(self) -> Project:
        """The project of the folder."""
        return load(self.folder)

    def path(self, given: Path) -> Path:
        """A path from the command line, which starts from the session's folder."""
        return (self.folder / given).resolve()

    def reporting(self) -> AbstractContextManager[TerminalReporter]:
        """Progress and notes, for as long as the block lasts."""
        return TerminalReporter(self.output)


def today() -> datetime:
    """Now, in the one time zone that needs no setting."""
    return datetime.now(UTC)


def _host() -> Host:
    cache = os.environ.get("LPACK_CACHE_DIR")
    if not cache:
        from platformdirs import user_cache_dir

        cache = user_cache_dir("lpack", appauthor=False)
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Host(dict(os.environ), Path(cache).expanduser().absolute(), workers=max(1, min(workers or 1, 8)))
