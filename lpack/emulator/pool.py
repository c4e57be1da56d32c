"""Environments side by side: each in a thread of its own, started when it is needed, and kept for the next event."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from ..errors import LpackError
from .environment import Environment
from .invocations import Invocation

Start = Callable[[], contextlib.AbstractContextManager[Environment]]

_PATIENCE = 10.0
"""Seconds for environments to end."""


class Busy(Exception):  # noqa: N818 -- what it means is for the caller to say
    """As many environments as there may be are at work."""


@dataclass(frozen=True, slots=True)
class _Call:
    """An event, and who waits for what comes of it."""

    event: bytes
    headers: dict[str, str]
    outcome: Future[Invocation] = field(default_factory=Future)


class _Worker:
    """A thread with an environment: it lives and ends with the thread."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._environment: Environment | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def call(self, call: _Call) -> Invocation:
        """What comes of the event; LpackError when there is no environment for it."""
        self._calls.put(call)
        return call.outcome.result()

    def end(self) -> None:
        """End the environment, whatever it is doing."""
        self._calls.put(None)
        environment = self._environment
        if environment:
            environment.end()

    def join(self, patience: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(patience)

    def _work(self) -> None:
        while True:
            call = self._calls.get()
            if call is None:
                return
            try:
                with self._start() as environment:
                    self._environment = environment
                    while call:
                        call.outcome.set_result(environment.invoke(call.event, headers=call.headers))
                        call = self._calls.get()
                    return
            except BaseException as error:  # noqa: BLE001 -- it is raised where the event came from
                self._environment = None
                if call:
                    call.outcome.set_exception(error)


class Pool:
    """At most so many environments of one function."""

    def __init__(self, start: Start, most: int) -> None:
        self._start = start
        self._most = most
        self._changed = threading.Condition()
        self._idle: list[_Worker] = []
        self._workers: list[_Worker] = []
        self._ended = False

    @classmethod
    @contextlib.contextmanager
    def of(cls, start: Start, most: int) -> Iterator[Pool]:
        """A pool whose environments end with the block."""
        pool = cls(start, most)
        try:
            yield pool
        finally:
            pool._end()

    def invoke(self, event: bytes, headers: dict[str, str], *, wait: bool = False) -> Invocation:
        """Invoke the function in an environment that is idle, else in a new one; Busy when there may be no more.

        With ``wait`` it is waited for one instead.
        """
        worker = self._taken(wait=wait)
        try:
            return worker.call(_Call(event, headers))
        finally:
            with self._changed:
                self._idle.append(worker)  # the one that was used last is the next: others may be forgotten
                self._changed.notify()

    def _taken(self, *, wait: bool) -> _Worker:
        with self._changed:
            while True:
                if self._ended:
                    raise LpackError("lpack is ending")
                if self._idle:
                    return self._idle.pop()
                if len(self._workers) < self._most:
                    worker = _Worker(self._start)
                    self._workers.append(worker)
                    return worker
                if not wait:
                    raise Busy
                self._changed.wait()

    def _end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.end()
        for worker in self._workers:
            worker.join(_PATIENCE)
