"""The memory of a function: what it has, and the end of it when it has more than it may.

Linux counts files in memory, such as those of /tmp, along with the rest; Lambda does not. So the limit of the control
group leaves room for them, and what a function itself has is looked at while it runs: in the group, or where there can
be none in its processes, one by one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_ALONE = 3
"""bubblewrap's process in the sandbox, the emulator, and a function without processes of its own."""

_TICK = 0.01
"""Seconds between two looks while the function runs: it may have more than it may for so long."""


class Measured(Protocol):
    """Processes, and what they have together; a control group is one."""

    def processes(self) -> tuple[int, ...]:
        """The processes."""

    def memory(self) -> int:
        """Bytes that they have, without files."""


@dataclass(frozen=True, slots=True)
class Family:
    """A process with all that it has started, for where there is no control group."""

    first: int

    def processes(self) -> tuple[int, ...]:
        """The process and its descendants."""
        found = [self.first]
        for process in found:
            for children in Path(f"/proc/{process}/task").glob("*/children"):
                with contextlib.suppress(OSError):  # it has just ended
                    found += map(int, children.read_text().split())
        return tuple(found)

    def memory(self) -> int:
        """Bytes that they have, without files; what forked processes share counts once, which takes longer to find."""
        processes = self.processes()
        several = len(processes) > _ALONE
        return sum(map(_share if several else anonymous, processes))


class MemoryWatch:
    """Looks at the memory of processes while ``watching``; those that were there before are not counted."""

    def __init__(self, group: Measured, *, limit: int) -> None:
        self._group = group
        self._limit = limit
        self._own: Collection[int] = ()
        self.peak = 0
        self.exceeded = False

    def begin(self) -> None:
        """From now on: what is in the group now is the emulator's own."""
        self._own = frozenset(self._group.processes())

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch for as long as the block lasts, and start with nothing."""
        self.peak, self.exceeded = 0, False
        done = threading.Event()
        thread = threading.Thread(target=self._watch, args=(done,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self._look()

    def _watch(self, done: threading.Event) -> None:
        while not done.wait(_TICK):
            self._look()

    def _look(self) -> None:
        with contextlib.suppress(OSError):  # the group is being removed
            used = max(0, self._group.memory() - sum(map(anonymous, self._own)))
            self.peak = max(self.peak, used)
            if used > self._limit and not self.exceeded:
                self.exceeded = True
                for process in set(self._group.processes()) - set(self._own):
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(process, signal.SIGKILL)


def anonymous(process: int) -> int:
    """Bytes of a process that are not files."""
    return _line(process, "status", "RssAnon:")


def _share(process: int) -> int:
    """Bytes of a process that are not files, of those that others share its part."""
    return _line(process, "smaps_rollup", "Pss_Anon:")


def _line(process: int, file: str, key: str) -> int:
    with contextlib.suppress(OSError):  # it has ended, or is somebody else's
        for line in Path(f"/proc/{process}/{file}").read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1]) * 1024
    return 0
