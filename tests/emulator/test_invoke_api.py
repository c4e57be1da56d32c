"""Lambda's Invoke API on a port: boto3 is the client."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from command_line import Run
from functions import HERE, PYTHON

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs("bwrap")]

CONFIGURATION = f"""
[function.orders]
runtime = "{PYTHON}"
architecture = "{HERE}"
source = "src"
handler = "app.handler"
memory = 256
timeout = 5
"""

CODE = """
import os, sys, time, uuid

environment = uuid.uuid4().hex
calls = 0

def handler(event, context):
    global calls
    calls += 1
    print("called with", event)
    match event:
        case {"raise": text}:
            raise LookupError(text)
        case {"exit": code}:
            os._exit(code)
        case {"seconds": seconds}:
            time.sleep(seconds)
        case {"context": _}:
            return context.client_context.custom
    return {"environment": environment, "calls": calls, "event": event}
"""


class Served:
    """A server, which was started as users start it, and a client of it."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log
        assert process.stdout is not None
        lines = []
        while (line := process.stdout.readline()) != "}\n":
            assert line, log.read_text()
            lines.append(line)
        self.url = json.loads("".join([*lines, "}"]))["url"]
        import boto3
        from botocore.config import Config

        self.client = boto3.client(
            "lambda",
            endpoint_url=self.url,
            region_name="eu-west-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
            config=Config(max_pool_connections=10, retries={"total_max_attempts": 1}),
        )

    def invoke(self, event: Any = None, **options: Any) -> Any:
        return self.client.invoke(FunctionName="orders", Payload=json.dumps(event), **options)

    def value(self, event: Any = None) -> Any:
        return json.loads(self.invoke(event)["Payload"].read())


Serve = Callable[..., Served]


@pytest.fixture
def serve(project: Callable[[Mapping[str, str]], Path], lpack: Callable[..., Run], tmp_path: Path) -> Iterator[Serve]:
    folder = project({"lpack.toml": CONFIGURATION, "src/app.py": CODE})
    assert lpack("build", folder=folder).exit_code == 0
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> Served:
        log = tmp_path / f"log-{len(started)}"
        command = [sys.executable, "-m", "lpack", "invoke", "orders", "--keep", "--port", "0", "--json", *options]
        with log.open("w") as file:
            process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=file, text=True)
        started.append(process)
        return Served(process, log)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_request_is_answered_as_lambda_does(serve: Serve) -> None:
    served = serve()
    answer = served.invoke({"name": "Ada"}, LogType="Tail")
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    value = json.loads(answer["Payload"].read())
    assert value["event"] == {"name": "Ada"}
    start, said, end, report = base64.b64decode(answer["LogResult"]).decode().splitlines()
    request = answer["ResponseMetadata"]["RequestId"]
    assert start == f"START RequestId: {request} Version: $LATEST"
    assert said == "called with {'name': 'Ada'}"
    assert end == f"END RequestId: {request}"
    assert report.startswith(f"REPORT RequestId: {request}\tDuration: ")
    assert "\tMemory Size: 256 MB\t" in report
    assert "\tInit Duration: " in report
    again = served.value()
    assert again == {"environment": value["environment"], "calls": 2, "event": None}
    for name in ("arn:aws:lambda:us-east-1:123456789012:function:orders", "123456789012:function:orders:live"):
        assert served.client.invoke(FunctionName=name)["StatusCode"] == 200


def test_errors_of_the_function_are_told_in_the_header(serve: Serve) -> None:
    served = serve("--timeout", "1")
    for event, kind in (
        ({"raise": "no such order"}, "LookupError"),
        ({"exit": 3}, "Runtime.ExitError"),
        ({"seconds": 30}, "Sandbox.Timedout"),
    ):
        answer = served.invoke(event)
        assert answer["StatusCode"] == 200
        assert answer["FunctionError"] == "Unhandled"
        payload = json.loads(answer["Payload"].read())
        assert payload["errorType"] == kind
        assert payload["errorMessage"]
    assert "FunctionError" not in served.invoke()


def test_a_client_context_is_passed_on(serve: Serve) -> None:
    context = base64.b64encode(json.dumps({"custom": {"shop": "one"}}).encode()).decode()
    answer = serve().invoke({"context": True}, ClientContext=context)
    assert json.loads(answer["Payload"].read()) == {"shop": "one"}


@pytest.mark.parametrize(
    ("code", "status", "options"),
    [
        ("ResourceNotFoundException", 404, {"FunctionName": "others"}),
        ("InvalidRequestContentException", 400, {"Payload": b"{broken"}),
        ("RequestTooLargeException", 413, {"Payload": b'"%b"' % (b"x" * (6 << 20))}),
        ("RequestTooLargeException", 413, {"Payload": b'"%b"' % (b"x" * (1 << 20)), "InvocationType": "Event"}),
    ],
)
def test_what_lambda_refuses_is_refused(serve: Serve, code: str, status: int, options: Mapping[str, Any]) -> None:
    client = serve().client
    with pytest.raises(ClientError) as caught:
        client.invoke(**{"FunctionName": "orders", **options})
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


BROKEN: tuple[tuple[bytes, str, int, bytes], ...] = (
    (b"[" * 100_000, "Content-Length: 100000", 400, b"it is nested too deep"),
    (b"[NaN]", "Content-Length: 5", 400, b"NaN is no value of JSON"),
    ("[]".encode("utf-16"), "Content-Length: 6", 400, b"codec can't decode byte"),
    (b"2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked", 411, b"needs a Content-Length"),
    (b"{}", "Content-Length: many", 411, b"needs a Content-Length"),
    (b"{}", "Content-Length: -2", 411, b"needs a Content-Length"),
)


def test_bodies_that_no_client_of_aws_sends_are_refused(serve: Serve) -> None:
    served = serve()
    for body, header, status, told in BROKEN:
        with contextlib.closing(
            http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=10)
        ) as connection:
            connection.putrequest("POST", "/2015-03-31/functions/orders/invocations")
            connection.putheader(*header.split(": "))
            connection.endheaders(body)
            response = connection.getresponse()
            assert (response.status, told in response.read()) == (status, True), header
    assert served.log.read_text() == ""


def test_what_nobody_waits_for_is_tried_three_times(serve: Serve) -> None:
    served = serve()
    assert served.invoke({"raise": "later"}, InvocationType="Event")["StatusCode"] == 202
    assert served.invoke({"fine": 1}, InvocationType="Event")["StatusCode"] == 202
    assert served.invoke({"never": 1}, InvocationType="DryRun")["StatusCode"] == 204
    end = time.monotonic() + 20
    while served.log.read_text().count("called with {'raise': 'later'}") < 3 and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(1.5)
    log = served.log.read_text()
    assert log.count("called with {'raise': 'later'}") == 3
    assert log.count("called with {'fine': 1}") == 1
    assert "never" not in log


def test_each_of_several_at_once_has_an_environment_of_its_own(serve: Serve) -> None:
    served = serve("--concurrency", "3")
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        three = [threads.submit(served.value, {"seconds": 2}) for _ in range(3)]
        time.sleep(1)
        with pytest.raises(ClientError) as caught:
            served.invoke()
        assert caught.value.response["Error"]["Code"] == "TooManyRequestsException"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        environments = {each.result()["environment"] for each in three}
    assert len(environments) == 3
    # Their state is kept: the next event finds one of them as it was left.
    again = served.value()
    assert again["environment"] in environments
    assert again["calls"] == 2


def test_a_port_in_use_is_refused(serve: Serve, lpack: Callable[..., Run], tmp_path: Path) -> None:
    port = serve().url.rpartition(":")[2]
    run = lpack("invoke", "orders", "--keep", "--port", port, folder=tmp_path / "project")
    assert run.exit_code == 2
    assert f"error: the port {port} can't be used: Address already in use" in run.stderr
    assert "--port" in run.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_running(serve: Serve, number: signal.Signals) -> None:
    served = serve("--concurrency", "2")
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        busy = threads.submit(served.invoke, {"seconds": 4})
        time.sleep(1)
        served.value()
        before = descendants(served.process.pid)
        assert sum("aws-lambda-rie" in command for command in before.values()) >= 2
        served.process.send_signal(number)
        code = served.process.wait(timeout=5)
        assert code == {signal.SIGINT: 130, signal.SIGTERM: 143}.get(number, -signal.SIGKILL)
        with pytest.raises(Exception, match=r"Connection was closed|Could not connect|broke off"):
            busy.result()
    end = time.monotonic() + 5
    while left := {process for process in before if Path("/proc", str(process)).exists()}:
        assert time.monotonic() < end, {before[process] for process in left}
        time.sleep(0.05)


def descendants(process: int) -> dict[int, str]:
    """The processes that a process has started, and those that these have: their commands."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found: dict[int, str] = {}
    waiting = [process]
    while waiting:
        parent = waiting.pop()
        for child in [each for each, of in parents.items() if of == parent]:
            waiting.append(child)
            found[child] = Path("/proc", str(child), "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found
