"""Functions whose own ``bootstrap`` speaks the Runtime API: what no client of AWS would send, or leave behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from functions import Started, called

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs("bwrap", "curl")]

BOOTSTRAP = """#!/bin/sh
set -eu
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
    curl -sSf -D /tmp/headers -o /tmp/event "$api/next"
    id=$(tr -d '\\r' < /tmp/headers | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: *//p')
    {}
done
"""


def custom(answer: str) -> dict[str, Any]:
    """What starts a function whose shell script answers so: ``$api/$id/response`` takes it."""
    return {
        "files": {"bootstrap": BOOTSTRAP.replace("{}", answer)},
        "runtime": "provided.al2023",
        "executable": ["bootstrap"],
    }


def test_a_response_of_any_bytes_arrives_as_it_is(started: Started) -> None:
    answer = (
        'head -c 65536 /dev/urandom > /tmp/bytes; curl -sSf --data-binary @/tmp/bytes "$api/$id/response" > /dev/null'
    )
    with started(**custom(answer)) as running:
        first, second = called(running), called(running)
    assert len(first.response) == len(second.response) == 65536
    assert first.response != second.response
    assert first.failure is second.failure is None


def test_a_streamed_response_arrives_whole(started: Started) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
    answer = """(printf 'Hello, '; sleep 0.2; printf 'Ada!') | curl -sSf -X POST -T - \\
        -H 'Lambda-Runtime-Function-Response-Mode: streaming' -H 'Transfer-Encoding: chunked' \\
        -H 'Content-Type: text/plain' "$api/$id/response" > /dev/null"""
    with started(**custom(answer)) as running:
        invocation = called(running)
        assert (invocation.failure, invocation.response, invocation.value) == (None, b"Hello, Ada!", "Hello, Ada!")
        assert invocation.handler_seconds > 0.2
        assert called(running).value == "Hello, Ada!"


def test_what_a_function_leaves_running_ends_with_its_environment(started: Started) -> None:
    seconds = f"600{time.time_ns() % 10**6}"  # for which nobody else sleeps
    answer = f"setsid sleep {seconds} < /dev/null > /dev/null 2>&1 & curl -sSf -d '1' \"$api/$id/response\" > /dev/null"
    with started(**custom(answer)) as running:
        assert [called(running).value, called(running).value] == [1, 1]
        wait_until(lambda: sleepers(seconds) == 2)
    wait_until(lambda: sleepers(seconds) == 0)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def sleepers(seconds: str) -> int:
    """The processes on this machine that sleep for so long."""
    count = 0
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            count += file.read_bytes() == b"sleep\0%b\0" % seconds.encode()
        except OSError:  # it ended meanwhile
            continue
    return count
