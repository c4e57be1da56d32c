"""Whether an invocation is what its test expects of it."""

from __future__ import annotations

from collections.abc import Iterator

from ..config.tests import FunctionTest
from ..emulator import Failure, Invocation
from ..sizes import shown
from ..values import quoted
from .differences import differences, in_short

_MB = 1 << 20


def problems_of(test: FunctionTest, invocation: Invocation) -> tuple[str, ...]:
    """What is not as the test wants it, in words; nothing when it passed."""
    return (*_of_result(test, invocation), *_of_time(test, invocation), *_of_memory(test, invocation))


def _of_result(test: FunctionTest, invocation: Invocation) -> Iterator[str]:
    failure = invocation.failure
    if test.expect_error is not None:
        if failure is None:
            yield f"expected the error {quoted(test.expect_error)}, got the response {in_short(invocation.value)}"
        elif not _is_meant(test.expect_error, failure):
            yield f"expected the error {quoted(test.expect_error)}, got {_told(failure)}"
    elif failure:
        yield _told(failure)
        if not all(line.strip() in invocation.logs for line in failure.stack):
            yield from failure.stack
    elif test.expect is not None:
        yield from map(str, differences(test.expect, invocation.value))


def _is_meant(expected: str, failure: Failure) -> bool:
    """Whether the text is the error's type, with or without what is before its last dot, or is in its message."""
    return expected in {failure.kind, failure.kind.rpartition(".")[2]} or expected in failure.message


def _told(failure: Failure) -> str:
    return f"{failure.kind}: {failure.message}" if failure.message else failure.kind


def _of_time(test: FunctionTest, invocation: Invocation) -> Iterator[str]:
    milliseconds = 1000 * invocation.handler_seconds
    if test.max_duration is not None and milliseconds > test.max_duration:
        yield f"its handler took {milliseconds:.0f} ms, and may take {test.max_duration:g} ms"


def _of_memory(test: FunctionTest, invocation: Invocation) -> Iterator[str]:
    if test.max_memory is None:
        return
    if invocation.peak_memory is None:
        yield "how much memory it takes can't be measured here: leave out `max-memory`, or use another backend"
    elif invocation.peak_memory > test.max_memory * _MB:
        yield f"it took {shown(invocation.peak_memory)} of memory, and may take {test.max_memory:g} MB"
