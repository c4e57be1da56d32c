"""An execution environment: one emulator with one function in it, called once at a time, as Lambda does."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ..errors import LpackError, UsageError
from ..values import parsed_json
from .invocations import EXIT, OUT_OF_MEMORY, TIMEOUT, Failure, Invocation, reported, unhandled
from .journal import Facts, Journal
from .memory import MemoryWatch
from .runnable import Runnable

PAYLOAD_BYTES = 6 << 20
"""The largest event: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_PATH = "/2015-03-31/functions/function/invocations"
_BAD_GATEWAY = 502
_SETTLE = 0.5
"""Seconds for the emulator to say what it did, after it has answered."""

_GRACE = 60.0
"""Seconds beyond the function's timeout after which the emulator itself must hang."""

_START_PATIENCE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What was started: the backend, and what runs the function in it.

    ``emulator`` is the program's path, ``client`` the runtime interface client's name and version ("" for a custom
    runtime, or where the image brings one), ``interpreter`` the language's program, ``image`` the container's image.
    ``holds_memory`` says whether the function gets no more memory than it may.
    """

    backend: str
    emulator: str = ""
    client: str = ""
    interpreter: str = ""
    image: str = ""
    network: bool = True
    holds_memory: bool = True


def checked_event(data: bytes) -> bytes:
    """The event as it is sent, in UTF-8 without a byte order mark; ValueError when it is no JSON."""
    text = data.decode("utf-8-sig")
    parsed_json(text)
    return text.encode()


class Place(Protocol):
    """Where an emulator runs: how to reach it, and whether it still does."""

    def connect(self) -> socket.socket:
        """A new connection to the emulator; OSError while there is none."""

    def is_running(self) -> bool:
        """Whether the emulator's process is there."""

    def end(self) -> None:
        """End all that runs there, from any thread."""


class Environment:
    """A running environment. One thread at a time may call ``invoke``; others wait."""

    def __init__(
        self, runnable: Runnable, started: Started, place: Place, journal: Journal, memory: MemoryWatch | None
    ) -> None:
        self.started = started
        self._runnable = runnable
        self._place = place
        self._journal = journal
        self._memory = memory
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None
        self._warm = False

    def wait(self, *, patience: float = _START_PATIENCE) -> None:
        """Wait until the emulator listens; LpackError with what it said when it does not."""
        end = time.monotonic() + patience
        pause = 0.001
        while time.monotonic() < end:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._connection = self._connected()
                # Where a port is passed on, somebody listens before the emulator does: only it knows what is not there.
                self._connection.request("GET", "/")
                self._connection.getresponse().read()
                return
            if not self._place.is_running():
                break
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        raise self._broken("did not start")

    def invoke(self, event: bytes, *, headers: Mapping[str, str] | None = None) -> Invocation:
        """Invoke the function with an event and wait for what comes of it.

        UsageError for an event that is larger than Lambda takes, LpackError when the emulator itself breaks.
        """
        if len(event) > PAYLOAD_BYTES:
            raise UsageError(
                f"the event has {len(event)} bytes, and Lambda takes no more than {PAYLOAD_BYTES}",
                hint="put the data into S3, and send its address",
            )
        with self._lock:
            self._journal.reset()
            with self._memory.watching() if self._memory else contextlib.nullcontext():
                started = time.monotonic()
                status, body = self._posted(event, headers or {})
                seconds = time.monotonic() - started
            facts, logs = self._journal.settle(_SETTLE)
            failure = self._failure(status, body, facts)
            cold = facts.init_seconds is not None or not self._warm
            # What ended its process, or was ended, starts anew the next time.
            self._warm = failure is None or failure.handled
            return Invocation(
                request_id=facts.request_id,
                response=b"" if failure else body,
                failure=failure,
                logs=logs,
                cold=cold,
                seconds=seconds,
                init_seconds=facts.init_seconds,
                peak_memory=self._memory.peak if self._memory else None,
            )

    def end(self) -> None:
        """End it, from any thread: an invocation that is under way breaks off."""
        self._place.end()

    def close(self) -> None:
        """Give up the connection."""
        if self._connection:
            self._connection.close()

    def _failure(self, status: int, body: bytes, facts: Facts) -> Failure | None:
        """Why the function failed, if it did: the emulator says 200 to most of what can go wrong."""
        if self._memory and self._memory.exceeded:
            limit = f"the function took more than its {self._runnable.memory} MB of memory, and was ended"
            return unhandled(OUT_OF_MEMORY, limit, facts.request_id)
        if facts.reset == "Timeout" or (not facts.known and body.startswith(b"Task timed out after ")):
            seconds = f"Task timed out after {self._runnable.timeout}.00 seconds"
            answer = {"errorType": TIMEOUT, "errorMessage": f"RequestId: {facts.request_id} Error: {seconds}"}
            return Failure(TIMEOUT, seconds, payload=json.dumps(answer).encode())
        if status == _BAD_GATEWAY:
            found = reported(body)
            if found is None:  # it was never started
                return unhandled(facts.kind or EXIT, facts.reason or "there is no response", facts.request_id)
            return Failure(found.kind, found.message.rpartition(" Error: ")[2], payload=body)
        if status != http.client.OK:
            raise self._broken(f"answers with status {status}")
        if facts.is_error or (not facts.known and reported(body)):
            return reported(body) or Failure("Unhandled", body.decode(errors="replace"), payload=body, handled=True)
        return None

    def _posted(self, event: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """The emulator's status and answer. It is asked once: another time, the function might do all twice."""
        try:
            if self._connection is None:
                self._connection = self._connected()
            self._connection.request("POST", _PATH, event, {"Content-Type": "application/json", **headers})
            response = self._connection.getresponse()
            return response.status, response.read()
        except (http.client.HTTPException, OSError) as error:
            self.close()
            self._connection = None
            raise self._broken("broke off") from error

    def _connected(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("function")
        connection.sock = self._place.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sock.settimeout(self._runnable.timeout + _GRACE)
        return connection

    def _broken(self, fact: str) -> LpackError:
        return LpackError(
            f"the emulator of `{self._runnable.name}` {fact}",
            hint="run the command again; `lpack doctor` tells what this machine has",
            details=self._journal.last_lines(),
        )
