"""Functions under AWS's emulator in a sandbox: what comes of an invocation, and in how many ways it can go wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from functions import HERE, Started, answer, called

from lpack.aws.architectures import ARCHITECTURES
from lpack.emulator import PAYLOAD_BYTES, Settings
from lpack.emulator.rie import rie_program
from lpack.errors import UsageError
from lpack.means import Means

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs("bwrap")]


def test_the_response_the_output_and_the_cold_start(started: Started) -> None:
    code = """
import sys
print("loading")

calls = 0

def handler(event, context):
    global calls
    calls += 1
    print("called", calls)
    print("and said", file=sys.stderr)
    return {"event": event, "calls": calls, "id": context.aws_request_id}
"""
    with started(code) as running:
        first, second = called(running, {"name": "Ada"}), called(running, "Grüße")
    assert first.value == {"event": {"name": "Ada"}, "calls": 1, "id": first.request_id}
    assert first.logs == "loading\ncalled 1\nand said\n"
    assert first.cold
    assert first.init_seconds is not None
    assert 0 < first.init_seconds < first.seconds
    assert second.value == {"event": "Grüße", "calls": 2, "id": second.request_id}
    assert second.logs == "called 2\nand said\n"
    assert not second.cold
    assert second.init_seconds is None
    assert second.seconds < first.seconds


def test_what_the_handler_raises_is_a_failure_with_its_stack(started: Started) -> None:
    code = "def handler(event, context):\n    raise LookupError('no such order')\n"
    with started(code) as running:
        invocation = called(running)
        assert invocation.failure is not None
        assert invocation.failure.kind == "LookupError"
        assert invocation.failure.message == "no such order"
        assert invocation.failure.handled
        assert any("/var/task/app.py" in line for line in invocation.failure.stack)
        assert json.loads(invocation.failure.payload)["errorType"] == "LookupError"
        assert not called(running).cold


def test_a_response_that_looks_like_an_error_is_none(started: Started) -> None:
    code = "def handler(event, context):\n    return {'errorType': 'Mine', 'errorMessage': 'is what I return'}\n"
    with started(code) as running:
        assert answer(running) == {"errorType": "Mine", "errorMessage": "is what I return"}


def test_what_fails_on_import_is_told_each_time(started: Started) -> None:
    with started("import nothing_that_exists\n\ndef handler(event, context):\n    pass\n") as running:
        for _ in range(2):
            failure = called(running).failure
            assert failure is not None
            assert failure.kind == "Runtime.ImportModuleError"
            assert "nothing_that_exists" in failure.message


def test_a_process_that_ends_is_a_failure_and_the_next_call_starts_anew(started: Started) -> None:
    code = "import os\n\ndef handler(event, context):\n    os._exit(event) if event else None\n    return 'fine'\n"
    with started(code) as running:
        assert answer(running) == "fine"
        failure = called(running, 3).failure
        assert failure is not None
        assert failure.kind == "Runtime.ExitError"
        assert failure.message == "Runtime exited with error: exit status 3"
        assert not failure.handled
        again = called(running)
        assert again.value == "fine"
        assert again.cold


def test_time_that_is_up_is_a_failure(started: Started) -> None:
    code = (
        "import time\n\ndef handler(event, context):\n    print('waiting')\n    time.sleep(event)\n    return 'fine'\n"
    )
    with started(code, timeout=1) as running:
        late = called(running, 30)
        assert late.failure is not None
        assert late.failure.kind == "Sandbox.Timedout"
        assert late.failure.message == "Task timed out after 1.00 seconds"
        assert late.logs == "waiting\n"
        assert 1 <= late.seconds < 5
        again = called(running, 0)
        assert again.value == "fine"
        assert again.cold


def test_events_and_responses_up_to_six_megabytes(started: Started) -> None:
    code = "def handler(event, context):\n    return event if isinstance(event, str) else 'x' * event\n"
    with started(code, memory=512) as running:
        largest = "x" * (PAYLOAD_BYTES - 2)
        event = json.dumps(largest).encode()
        assert len(event) == PAYLOAD_BYTES
        assert running.invoke(event).value == largest
        with pytest.raises(UsageError, match="6291457 bytes, and Lambda takes no more than 6291456"):
            running.invoke(event + b" ")
        failure = called(running, PAYLOAD_BYTES + 1000).failure
        assert failure is not None
        assert failure.kind == "Function.ResponseSizeTooLarge"
        assert called(running, "still here").value == "still here"


def test_an_event_may_be_anything_that_json_can_hold_and_must_be_json(started: Started) -> None:
    with started("def handler(event, context):\n    return [event]\n") as running:
        for event in (None, 0, "", [], {}, "\x00\u2028", {"a": [1.5, True]}):
            assert answer(running, event) == [event]
        failure = running.invoke(b"{broken").failure
        assert failure is not None
        assert failure.kind == "Runtime.UnmarshalError"


def test_what_json_can_not_hold_is_a_failure(started: Started) -> None:
    with started("def handler(event, context):\n    return {1, 2}\n") as running:
        failure = called(running).failure
        assert failure is not None
        assert failure.kind == "Runtime.MarshalError"


def test_a_great_deal_of_output_is_kept_whole(started: Started) -> None:
    code = """
def handler(event, context):
    for number in range(50_000):
        print("line", number)
    print("end", end="")
"""
    with started(code) as running:
        logs = called(running).logs
        assert logs.splitlines()[:1] + logs.splitlines()[-2:] == ["line 0", "line 49999", "end"]
        assert len(logs.splitlines()) == 50_001


def test_an_emulator_without_a_journal_is_understood_by_its_answers(
    started: Started, means: Means, tmp_path: Path
) -> None:
    """As another version of it may be, given with ``--rie``: here AWS's own, which is kept from telling more."""
    wrapper = tmp_path / "rie"
    wrapper.write_text('#!/bin/sh\nshift 2\nexec /var/task/rie --log-level error "$@"\n')
    wrapper.chmod(0o755)
    code = """
import os, time

def handler(event, context):
    match event:
        case "raise":
            raise LookupError("no such order")
        case "exit":
            os._exit(3)
        case "sleep":
            time.sleep(30)
    return event
"""
    program = rie_program(ARCHITECTURES[HERE], None, means).read_bytes()
    files = {"app.py": code, "rie": program}
    with started(files, Settings(rie=wrapper), executable=("rie",), timeout=1) as running:
        assert answer(running, {"fine": 1}) == {"fine": 1}
        kinds = [failure.kind for event in ("raise", "exit", "sleep") if (failure := called(running, event).failure)]
        assert kinds == ["LookupError", "Runtime.ExitError", "Sandbox.Timedout"]
        assert answer(running, "fine") == "fine"
