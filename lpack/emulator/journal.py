"""What the emulator says while it works: the function's output on one stream, its own journal on the other.

The journal is that of RIE with ``--log-level debug``. It tells for certain what the emulator's answers don't: whether a
body is a response or an error, when the handler was there, and that a function took too long.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import IO, Self

_START = re.compile(r"START RequestId: (?P<id>\S+) Version: \S*\n?")
_LAST = re.compile(r"(?:END|REPORT) RequestId: \S+.*\n?")
_ERROR = re.compile(r"API request - POST /2018-06-01/runtime/(?:init|invocation/[^/]+)/error,")
_INIT = re.compile(r"INIT REPORT\(durationMs: (?P<milliseconds>[\d.]+)\)")
_RESET = re.compile(r"Reset initiated: (?P<reason>\w+)")
_SETTLED = re.compile(r"Invoke\(\) success|Invoke DONE failed|FastInvoke\(\) error")
_REASON = re.compile(r"Invoke failed (?:InvokeID=\S+ )?error=(?P<reason>.+?)(?: InvokeID=\S+)?\s*$")
_KIND = re.compile(r"Sending Error Response: (?P<kind>[\w.]+)")
_KNOWN = "API request - "

_KEPT_LINES = 200
_PATIENCE = 5.0
"""Seconds for the streams of a program that was ended to end."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the journal told since it was last asked.

    ``known`` is False for an emulator whose journal is another: then nothing is known. ``is_error`` says that the
    function, or its runtime, reported an error; ``init_seconds`` that it was started, and how long that took; ``reset``
    why it was ended; ``kind`` and ``reason`` why there is no response.
    """

    known: bool = False
    is_error: bool = False
    init_seconds: float | None = None
    reset: str = ""
    kind: str = ""
    reason: str = ""
    settled: bool = False
    request_id: str = ""
    reported: bool = False


class Journal:
    """Reads both streams of an emulator, in threads of its own, until they end."""

    def __init__(self, output: IO[bytes], journal: IO[bytes]) -> None:
        self._changed = threading.Condition()
        self._facts = Facts()
        self._output: list[str] = []
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._threads = [
            threading.Thread(target=self._read, args=(stream, take), daemon=True)
            for stream, take in ((output, self._take_output), (journal, self._take_fact))
        ]
        for thread in self._threads:
            thread.start()

    @classmethod
    @contextlib.contextmanager
    def of(cls, output: IO[bytes], journal: IO[bytes], end: Callable[[], None]) -> Iterator[Self]:
        """The journal of an emulator, which is ended, by ``end``, with the block."""
        made = cls(output, journal)
        try:
            yield made
        finally:
            end()
            for thread in made._threads:
                thread.join(_PATIENCE)

    def reset(self) -> str:
        """Forget what was said so far; the function's output that nobody asked for."""
        with self._changed:
            before, self._output = "".join(self._output), []
            self._facts = Facts(known=self._facts.known)
        return before

    def settle(self, patience: float) -> tuple[Facts, str]:
        """The facts and the function's output, once all of an invocation was said, or after so many seconds."""
        end = time.monotonic() + patience
        with self._changed:
            while not self._complete() and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)
            output, self._output = "".join(self._output), []
            return self._facts, output

    def last_lines(self) -> tuple[str, ...]:
        """The end of the journal, for when the emulator itself fails."""
        with self._changed:
            return tuple(self._lines)[-15:]

    def _complete(self) -> bool:
        return self._facts.settled and (self._facts.reported or self._facts.is_error or bool(self._facts.reset))

    def _read(self, stream: IO[bytes], take: Callable[[str], None]) -> None:
        for line in iter(stream.readline, b""):
            with self._changed:
                take(line.decode(errors="replace"))
                self._changed.notify_all()

    def _take_output(self, line: str) -> None:
        # What a function prints without an end of line stands before the emulator's own words.
        if start := _START.search(line):
            self._facts = replace(self._facts, request_id=start["id"])
            line = line[: start.start()] + line[start.end() :]
        elif last := _LAST.search(line):
            self._facts = replace(self._facts, reported=self._facts.reported or "REPORT" in last[0])
            line = line[: last.start()] + line[last.end() :]
        if line:
            self._output.append(line)

    def _take_fact(self, line: str) -> None:
        self._lines.append(line.rstrip())
        facts = self._facts
        if _KNOWN in line:
            facts = replace(facts, known=True)
        if _ERROR.search(line):
            facts = replace(facts, is_error=True)
        elif init := _INIT.search(line):
            # What fails is started once more, for the event.
            facts = replace(facts, init_seconds=(facts.init_seconds or 0) + float(init["milliseconds"]) / 1000)
        elif reset := _RESET.search(line):
            facts = replace(facts, reset=reset["reason"])
        elif reason := _REASON.search(line):
            facts = replace(facts, reason=reason["reason"])
        if kind := _KIND.search(line):
            facts = replace(facts, kind=kind["kind"])
        if _SETTLED.search(line):
            facts = replace(facts, settled=True)
        self._facts = facts
