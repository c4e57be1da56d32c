"""The memory of a function: what it has, and the end of it when it has more than it may.

Linux counts files in memory, such as those of /tmp, along with the rest; Lambda does not. So the limit of the control
group leaves room for them, and what a function itself has is looked at while it runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

from .cgroups import Group

_TICK = 0.01
"""Seconds between two looks while the function runs: it may have more than it may for so long."""


class MemoryWatch:
    """Looks at the memory of a group's processes while ``watching``; those that were there before are not counted."""

    def __init__(self, group: Group, *, limit: int) -> None:
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
            used = max(0, self._group.memory() - sum(map(_anonymous, self._own)))
            self.peak = max(self.peak, used)
            if used > self._limit and not self.exceeded:
                self.exceeded = True
                for process in set(self._group.processes()) - set(self._own):
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(process, signal.SIGKILL)


def _anonymous(process: int) -> int:
    """Bytes of a process that are not files."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return 0
