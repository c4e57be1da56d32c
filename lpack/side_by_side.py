"""Doing the same for many things at once: on threads, in order, and stopped when the user has had enough."""

from __future__ import annotations

import sysconfig
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .model import Reporter

_GRACE = 1.0
"""Seconds that running tasks have to put things away when the user has had enough."""

_TICK = 0.2
"""Seconds to wait at once: of a signal that comes just before it begins to wait, Python hears when that ends."""

_T = TypeVar("_T")

_Thing = TypeVar("_Thing")


def side_by_side(  # noqa: PLR0913 -- the last one is rarely given
    task: Callable[[_Thing, Reporter], _T],
    things: Sequence[_Thing],
    *,
    label: str,
    workers: int,
    reporter: Reporter,
    when_stopped: Callable[[], None] = lambda: None,
) -> list[_T]:
    """What the task gives for each thing, in their order; it reports by what it is given.

    ``when_stopped`` is called when the user has had enough, before running tasks are waited for.
    """
    if things:
        reporter.progress(label, 0, len(things))
    if len(things) < 2:
        return [task(thing, reporter) for thing in things]
    from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

    # Two threads must not be the first to ask, as those that look for uv would: older Pythons get it wrong (#92452).
    sysconfig.get_config_vars()
    stop = threading.Event()
    stoppable = _Stoppable(reporter, stop)
    pool = ThreadPoolExecutor(max_workers=workers)
    futures = [pool.submit(task, thing, stoppable) for thing in things]
    waiting, count = set(futures), 0
    try:
        while waiting:
            done, waiting = wait(waiting, timeout=_TICK, return_when=FIRST_COMPLETED)
            for _ in done:
                count += 1
                reporter.progress(label, count, len(futures))
    except BaseException:
        stop.set()
        when_stopped()
        pool.shutdown(wait=False, cancel_futures=True)
        wait([future for future in futures if future.running()], timeout=_GRACE)
        raise
    pool.shutdown()
    return [future.result() for future in futures]


class _Stopped(Exception):  # noqa: N818 -- no error: the user has had enough
    pass


@dataclass(frozen=True, slots=True)
class _Stoppable:
    """A Reporter through which a thread learns that it is to end, at its next step."""

    reporter: Reporter
    stop: threading.Event

    def note(self, message: str) -> None:
        self.reporter.note(message)

    def warning(self, message: str) -> None:
        self.reporter.warning(message)

    def progress(self, label: str, done: int, total: int) -> None:
        if self.stop.is_set():
            raise _Stopped
        self.reporter.progress(label, done, total)

    def printed(self, line: str) -> None:
        self.reporter.printed(line)
