"""What an invocation was answered with, and how a failure is told from a response."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..errors import FunctionError

TIMEOUT = "Sandbox.Timedout"
OUT_OF_MEMORY = "Runtime.OutOfMemory"
EXIT = "Runtime.ExitError"
INVALID = "Runtime.InvalidEntrypoint"
TOO_LARGE = "Function.ResponseSizeTooLarge"

_MOST_FRAMES = 40


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a function failed: its error's type, message and stack, and the ``payload`` that Lambda answers with.

    ``handled`` says that the function's own code, or its runtime, reported it; else its process ended or was ended.
    """

    kind: str
    message: str
    stack: tuple[str, ...] = ()
    payload: bytes = b""
    handled: bool = False

    def as_error(self, name: str) -> FunctionError:
        """The error that the command line tells, of the function ``name``."""
        title = f"{self.kind}: {self.message}" if self.message else self.kind
        return FunctionError(f"`{name}` failed: {title}", hint=_HINTS.get(self.kind), details=self.stack[:_MOST_FRAMES])


_HINTS = {
    TIMEOUT: "give it more seconds with `timeout`, or for once with `--timeout`",
    OUT_OF_MEMORY: "give it more with `memory`",
    EXIT: "its process ended; what it printed before is above",
    INVALID: "what is to be started is not there, can't be executed, or is for another machine",
    TOO_LARGE: "Lambda takes no larger response: keep the result in S3, and return its address",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One invocation: the response, or the failure, and what was observed.

    ``response`` are the bytes that the handler returned, JSON or not. ``logs`` is what the function printed.
    ``seconds`` is how long the caller waited; of them ``init_seconds`` went by until the handler was there, if this was
    a cold start. ``peak_memory`` is the most memory (bytes) that the function's processes had, None where it is not
    known.
    """

    request_id: str
    response: bytes
    failure: Failure | None
    logs: str
    cold: bool
    seconds: float
    init_seconds: float | None
    peak_memory: int | None

    @property
    def handler_seconds(self) -> float:
        """How long the handler took, without what went by until it was there: what Lambda reports as duration."""
        return max(0.0, self.seconds - (self.init_seconds or 0.0))

    @property
    def value(self) -> Any:
        """The response as JSON has it, or as text where it is none; None for a failure."""
        if self.failure:
            return None
        try:
            return json.loads(self.response) if self.response else None
        except ValueError:
            return self.response.decode(errors="replace")


def reported(body: bytes) -> Failure | None:
    """The failure that a runtime interface client reports with this body; None when no client would."""
    try:
        document = json.loads(body)
    except ValueError:
        return None
    if not isinstance(document, dict) or not {"errorType", "errorMessage"} & document.keys():
        return None
    stack = document.get("stackTrace") or document.get("trace") or ()
    return Failure(
        kind=str(document.get("errorType") or "Unhandled"),
        message=str(document.get("errorMessage") or ""),
        stack=tuple(line for frame in stack for line in str(frame).splitlines()) if isinstance(stack, list) else (),
        payload=body,
        handled=True,
    )


def unhandled(kind: str, message: str, request_id: str) -> Failure:
    """A failure that the function could not report itself, with what Lambda answers."""
    payload = {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {message}"}
    return Failure(kind, message, payload=json.dumps(payload).encode())
