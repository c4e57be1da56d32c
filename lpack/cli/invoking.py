"""``lpack invoke``."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..emulator import Environment, Invocation, Runnable, Settings, checked_event, environment, runnable_of
from ..errors import UsageError
from ..events import filled_in, sample
from ..means import Means
from ..sizes import shown
from .events import event_options
from .output import error_document
from .session import Session

_NOTHING = "{}"


@dataclass(frozen=True, slots=True)
class Event:
    """The event that the command line means: JSON, ``@FILE`` or ``-``, or a sample event and its options."""

    given: str | None
    source: str | None
    options: Sequence[str]


@dataclass(frozen=True, slots=True)
class Calls:
    """How a function is called: where it was built to, with which event, how often, and for how long at most."""

    output: Path
    event: Event
    repeat: int
    timeout: int | None


def invoke_named(session: Session, name: str, calls: Calls, settings: Settings) -> int:
    """Invoke a function, once or several times in one environment, and print the last response; 6 when it failed."""
    event = event_of(session, calls.event)
    runnable = runnable_named(session, name, calls.output, calls.timeout)
    with session.reporting() as reporter:
        means = Means(session.store, session.host, reporter)
        with environment(runnable, settings, means) as running:
            invocations = [_invoked(session, running, event) for _ in range(calls.repeat)]
            started = running.started
    last = invocations[-1]
    errors = [each.failure.as_error(name) for each in invocations if each.failure]
    session.output.document(
        name=name,
        response=last.value,
        error=error_document(errors[0]) if errors else None,
        failure=_failure_document(next((each for each in invocations if each.failure), None)),
        logs=last.logs,
        cold_seconds=next((each.seconds for each in invocations if each.cold), None),
        warm_seconds=_warm_seconds(invocations),
        peak_memory=max((each.peak_memory or 0 for each in invocations), default=0) or None,
        invocations=[invocation_document(each) for each in invocations],
        started=asdict(started),
    )
    if not session.output.json and not errors:
        print_response(last)
    session.output.remark(summary(invocations, runnable))
    if errors:
        session.output.error(errors[0])
        return errors[0].exit_code
    return 0


def runnable_named(session: Session, name: str, output: Path, timeout: int | None) -> Runnable:
    """The function of that name as it was built, with another timeout if one is given."""
    runnable = runnable_of(session.project().function(name), output)
    return replace(runnable, timeout=timeout) if timeout else runnable


def event_of(session: Session, event: Event) -> bytes:
    """The event that the command line means; UsageError for what is no JSON, and for what there is not."""
    if event.source:
        if event.given is not None:
            raise UsageError("`--event` and `--event-source` are two events", hint="leave out one of the two")
        made = filled_in(sample(event.source), event_options(session, event.options))
        return json.dumps(made, ensure_ascii=False).encode()
    if event.options:
        raise UsageError("`--event-option` goes with `--event-source`", hint="name one: `lpack events` lists them")
    data, source = _text_of(session, _NOTHING if event.given is None else event.given)
    try:
        return checked_event(data)
    except ValueError as error:
        hint = "an event is JSON; text needs its quotes: '\"text\"'"
        raise UsageError(f"the event{source} is not JSON: {error}", hint=hint) from error


def _text_of(session: Session, given: str) -> tuple[bytes, str]:
    if given == "-":
        return sys.stdin.buffer.read(), " from standard input"
    if given.startswith("@"):
        file = session.path(given[1:])
        try:
            return file.read_bytes(), f" in `{given[1:]}`"
        except OSError as error:
            raise UsageError(
                f"the event's file `{given[1:]}` can't be read: {error.strerror}",
                hint="`--event` takes JSON, `@FILE` or `-`",
            ) from error
    return given.encode(errors="surrogateescape"), ""


def print_response(invocation: Invocation) -> None:
    """The response as it is, on a line of its own where it is text."""
    sys.stdout.flush()
    sys.stdout.buffer.write(invocation.response)
    if not invocation.response.endswith(b"\n"):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


def print_logs(invocation: Invocation) -> None:
    """What the function printed, on stderr."""
    write_log(invocation.logs)


def write_log(text: str) -> None:
    """Text on stderr, in lines: runtimes end those of a traceback with a carriage return, for CloudWatch's sake."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    sys.stderr.write(lines if lines.endswith("\n") or not lines else f"{lines}\n")
    sys.stderr.flush()


def summary(invocations: Sequence[Invocation], runnable: Runnable) -> str:
    """One line about time and memory."""
    parts = []
    first = invocations[0]
    if first.init_seconds is not None:
        parts.append(f"{milliseconds(first.init_seconds)} to start")
    parts.append(f"{milliseconds(first.handler_seconds)} to answer")
    warm = [each.seconds for each in invocations if not each.cold]
    if warm:
        median = milliseconds(statistics.median(warm))
        parts.append(f"{len(warm)} warm: median {median}, slowest {milliseconds(max(warm))}")
    peak = max((each.peak_memory or 0 for each in invocations), default=0)
    if peak:
        parts.append(f"{shown(peak)} of {runnable.memory} MB")
    return f"{runnable.name}: {', '.join(parts)}"


def _invoked(session: Session, running: Environment, event: bytes) -> Invocation:
    invocation = running.invoke(event)
    if not session.output.quiet:
        print_logs(invocation)
    return invocation


def _warm_seconds(invocations: Sequence[Invocation]) -> float | None:
    warm = [each.seconds for each in invocations if not each.cold]
    return statistics.median(warm) if warm else None


def milliseconds(seconds: float) -> str:
    """Seconds as milliseconds, in words."""
    return f"{1000 * seconds:.3g} ms" if seconds < 0.1 else f"{1000 * seconds:.0f} ms"


def _failure_document(invocation: Invocation | None) -> dict[str, Any] | None:
    if invocation is None or invocation.failure is None:
        return None
    failure = invocation.failure
    return {"type": failure.kind, "message": failure.message, "stack": list(failure.stack), "handled": failure.handled}


def invocation_document(invocation: Invocation) -> dict[str, Any]:
    """An invocation as JSON holds it."""
    return {
        "request_id": invocation.request_id,
        "cold": invocation.cold,
        "seconds": invocation.seconds,
        "init_seconds": invocation.init_seconds,
        "handler_seconds": invocation.handler_seconds,
        "peak_memory": invocation.peak_memory,
        "response": invocation.value,
        "failure": _failure_document(invocation),
        "logs": invocation.logs,
    }
