"""Sending or fetching many things at once: the first failure, or the user, ends it all."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from .model import Reporter

CONNECTIONS = 8
_GRACE = 0.5
"""Seconds for the other threads to clean up after a failure."""

_TICK = 0.2
"""Seconds after which the reporter is told again that nothing has come."""

_Thing = TypeVar("_Thing")
_T = TypeVar("_T")


class Stopped(Exception):  # noqa: N818 -- no error: another transfer failed, or the user has had enough
    """Ends a transfer whose result nobody wants any more."""


class Progress:
    """Counts the bytes of all transfers together, under one ``label``."""

    def __init__(self, label: str, reporter: Reporter) -> None:
        self._label = label
        self._reporter = reporter
        self._lock = threading.Lock()
        self._bytes: dict[object, tuple[int, int]] = {}

    def update(self, key: object, *, done: int, size: int) -> None:
        """``done`` of ``size`` bytes of one transfer."""
        with self._lock:
            self._bytes[key] = (done, max(done, size))
        self.tell()

    def tell(self) -> None:
        """Say how far all are, even if that is no news: a reporter may raise, to end what takes too long."""
        with self._lock:
            done, size = (sum(each[part] for each in self._bytes.values()) for part in (0, 1))
            self._reporter.progress(self._label, done, size)


def transfer_all(
    things: Sequence[_Thing], transfer: Callable[[_Thing], _T], *, stop: threading.Event, progress: Progress
) -> list[_T]:
    """What ``transfer`` gives for each thing, in their order; ``stop`` is set when it should give up.

    The threads are daemons and not an executor's, which would wait for them even when Python ends: one may sit for a
    minute before a silent server, or for longer before another process's lock, when the user has pressed Ctrl-C.
    """
    to_do: queue.SimpleQueue[int] = queue.SimpleQueue()
    outcomes: queue.SimpleQueue[tuple[int, _T | None, BaseException | None]] = queue.SimpleQueue()
    for index in range(len(things)):
        to_do.put(index)

    def work() -> None:
        while not stop.is_set():
            try:
                index = to_do.get_nowait()
            except queue.Empty:
                return
            try:
                outcomes.put((index, transfer(things[index]), None))
            except BaseException as error:  # noqa: BLE001 -- raised again below, in the caller's thread
                outcomes.put((index, None, error))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(CONNECTIONS, len(things)))]
    results: dict[int, _T] = {}
    try:
        for thread in threads:
            thread.start()
        while len(results) < len(things):
            try:
                index, result, error = outcomes.get(timeout=_TICK)
            except queue.Empty:
                progress.tell()
                continue
            if error is not None:
                raise error
            results[index] = result  # type: ignore[assignment] # without an error, it is a result
    finally:
        stop.set()
        deadline = time.monotonic() + _GRACE
        for thread in threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
    return [results[index] for index in range(len(things))]
