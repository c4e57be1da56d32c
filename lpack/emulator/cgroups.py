"""Control groups: what holds a function to its memory and its number of processes, where the machine allows it.

Sources: https://docs.kernel.org/admin-guide/cgroup-v1/memory.html and
https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")

_PREFIX = "lpack-"
_PATIENCE = 2.0
"""Seconds for killed processes to be gone, so that their group can be removed."""

_MEMORY_LIMIT = ("memory.max", "memory.limit_in_bytes")
_ANONYMOUS = ("anon", "total_rss")
"""What a group's processes have that is not files: those of /tmp are in memory here, and not in Lambda."""


@dataclass(frozen=True, slots=True)
class Group:
    """A control group of one sandbox: one folder, or with cgroups v1 one for each controller."""

    folders: tuple[Path, ...]

    def add(self, process: int) -> None:
        """Put a process into it, with all that it will start."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(process))

    def processes(self) -> tuple[int, ...]:
        """The processes in it."""
        return tuple(map(int, (self.folders[0] / "cgroup.procs").read_text().split()))

    def memory(self) -> int:
        """Bytes that its processes have, without files."""
        for line in (self.folders[0] / "memory.stat").read_text().splitlines():
            key, _, value = line.partition(" ")
            if key in _ANONYMOUS:
                return int(value)
        return 0


def group_of(process: int, name: str, *, root: Path = ROOT) -> Group | None:
    """The control group of that name which somebody else made for the process; None where it is not to be seen."""
    paths = _paths(Path(f"/proc/{process}/cgroup"))
    path = paths.get("memory", paths.get("", ""))
    folder = root / ("memory" if "memory" in paths else "") / path
    return Group((folder,)) if name in path and (folder / "memory.stat").is_file() else None


@contextlib.contextmanager
def group(*, memory: int, processes: int, root: Path = ROOT, own: Path = _OWN) -> Iterator[Group | None]:
    """A new control group, gone when the block ends; None where this user may make none.

    ``memory`` (bytes) is the most that it may use, files in memory included; what is in the group then is ended.
    """
    made = _made(memory, processes, root, own)
    try:
        yield made
    finally:
        if made:
            _remove(made.folders)


def _made(memory: int, processes: int, root: Path, own: Path) -> Group | None:
    name = f"{_PREFIX}{os.getpid()}-{time.time_ns()}"
    for parents in _places(root, own):
        folders = tuple(parent / name for parent in parents)
        made = []
        try:
            for folder in folders:
                _sweep(folder.parent)
                folder.mkdir()
                made.append(folder)
            limit = next(file for file in _MEMORY_LIMIT if (folders[0] / file).exists())
            (folders[0] / limit).write_text(str(memory))
            (folders[-1] / "pids.max").write_text(str(processes))
        except (OSError, StopIteration):  # not for this user, or without the controllers
            _remove(made)
            continue
        return Group(folders)
    return None


def _places(root: Path, own: Path) -> Iterator[tuple[Path, ...]]:
    """Where a group might be made: the folders that its parents are, that of the memory first.

    With cgroups v2 that is one of our own groups, whose processes are all in groups below, as the kernel wants it.
    """
    paths = _paths(own)
    if "memory" in paths and "pids" in paths:
        for ours in (True, False):  # inside a container its own group is at the root
            yield tuple(root / name / (paths[name] if ours else "") for name in ("memory", "pids"))
    elif "" in paths:
        place = root / paths[""]
        for folder in (place, *place.parents):
            if folder != root and not folder.is_relative_to(root):
                return
            with contextlib.suppress(OSError):
                enabled = set((folder / "cgroup.subtree_control").read_text().split())
                if {"memory", "pids"} <= enabled:
                    yield (folder,)


def _paths(own: Path) -> dict[str, str]:
    """The groups that a process is in, by controller; "" for the one of cgroups v2."""
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return {}
    return {controller: path.strip("/") for _, names, path in lines for controller in names.split(",")}


def _sweep(parent: Path) -> None:
    """Remove the groups of runs that were killed: nothing is in them any more."""
    for folder in parent.glob(f"{_PREFIX}*"):
        process = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if process.isdecimal() and not Path("/proc", process).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


def _remove(folders: Iterable[Path]) -> None:
    end = time.monotonic() + _PATIENCE
    for folder in folders:
        while True:
            try:
                folder.rmdir()
            except FileNotFoundError:
                break
            except OSError:  # the last of its processes are still ending
                if time.monotonic() > end:
                    break  # the next run sweeps it
                time.sleep(0.005)
            else:
                break
