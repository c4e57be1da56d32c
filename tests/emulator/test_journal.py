"""What is read off an emulator's two streams."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import IO

import pytest

from lpack.emulator.journal import Journal

Streams = tuple[IO[bytes], IO[bytes]]
"""The ends that the emulator writes to: the function's output, and its own journal."""


@pytest.fixture
def heard() -> Iterator[tuple[Journal, Callable[[str], None], Callable[[str], None]]]:
    """A journal, what prints to the function's output, and what writes into the journal."""
    pairs = [os.pipe() for _ in range(2)]
    readers = [os.fdopen(number, "rb") for number, _ in pairs]
    writers = [os.fdopen(number, "wb", buffering=0) for _, number in pairs]

    def write(to: IO[bytes]) -> Callable[[str], None]:
        return lambda text: to.write(text.encode()) and None

    def end() -> None:
        for writer in writers:
            writer.close()

    with Journal.of(readers[0], readers[1], end) as journal:
        yield journal, write(writers[0]), write(writers[1])
    for reader in readers:
        reader.close()


def soon(happened: Callable[[], object]) -> None:
    """Wait until what was written has been read, by threads of the journal."""
    end = time.monotonic() + 5
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.001)


Heard = tuple[Journal, Callable[[str], None], Callable[[str], None]]


def test_the_functions_output_is_told_from_the_emulators_own_lines(heard: Heard) -> None:
    journal, printing, noting = heard
    printing("START RequestId: 1-2 Version: $LATEST\nhello\nno end of lineEND RequestId: 1-2\n")
    printing("REPORT RequestId: 1-2\tDuration: 1.00 ms\n")
    noting("25 Nov 2026 14:55:18,550 [DEBUG] (rapid) API request - GET /2018-06-01/runtime/invocation/next, Headers\n")
    noting("25 Nov 2026 14:55:18,551 [DEBUG] (rapid) Invoke() success\n")
    facts, output = journal.settle(5)
    assert output == "hello\nno end of line"
    assert facts.request_id == "1-2"
    assert facts.known
    assert facts.settled
    assert not facts.is_error


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("API request - POST /2018-06-01/runtime/invocation/1-2/error, Headers:map[]", {"is_error": True}),
        ("API request - POST /2018-06-01/runtime/init/error, Headers:map[]", {"is_error": True}),
        ("API request - POST /2018-06-01/runtime/invocation/1-2/response, Headers:map[]", {"is_error": False}),
        ("INIT REPORT(durationMs: 500.000000)", {"init_seconds": 0.5}),
        ("Reset initiated: Timeout", {"reset": "Timeout"}),
        ("Invoke failed error=exit status 3 InvokeID=1-2", {"reason": "exit status 3"}),
        ("Invoke failed InvokeID=1-2 error=no such file", {"reason": "no such file"}),
        ("Sending Error Response: Runtime.ExitError", {"kind": "Runtime.ExitError"}),
        ("Invoke DONE failed: Sandbox.Failure", {"settled": True}),
    ],
)
def test_facts_are_read_off_the_journal(heard: Heard, line: str, told: dict[str, object]) -> None:
    journal, _, noting = heard
    noting(f"25 Nov 2026 14:55:18,551 [DEBUG] (rapid) {line}\n")
    soon(journal.last_lines)
    facts, _ = journal.settle(0)
    assert {name: getattr(facts, name) for name in told} == told


def test_what_was_told_is_forgotten_before_the_next_invocation(heard: Heard) -> None:
    journal, printing, noting = heard
    printing("late\n")
    noting("(rapid) API request - POST /2018-06-01/runtime/init/error,\n")
    soon(journal.last_lines)
    soon(lambda: journal.settle(0)[1])
    assert journal.reset() == ""
    facts, output = journal.settle(0)
    assert (facts.is_error, facts.known, output) == (False, True, "")


def test_of_another_emulators_journal_nothing_is_known(heard: Heard) -> None:
    journal, _, noting = heard
    noting("25 Nov 2026 14:55:18,551 [INFO] (rapid) something else\n")
    soon(journal.last_lines)
    assert not journal.settle(0)[0].known
    assert journal.last_lines()[0].endswith("something else")
