"""``lpack invoke``: what is on stdout and stderr, and every way to be refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from command_line import Run
from functions import HERE, PYTHON
from in_process import lpack as lpack_here

from lpack import events

CODE = """
import os, sys, time

print("loading")

def handler(event, context):
    print("called with", event)
    match event:
        case "raise":
            raise LookupError("no such order")
        case "exit":
            os._exit(7)
        case "sleep":
            time.sleep(60)
    return {"event": event}
"""

CONFIGURATION = f"""
[function.orders]
runtime = "{PYTHON}"
architecture = "{HERE}"
source = "src"
handler = "app.handler"
memory = 256
timeout = 20
"""

Project = Callable[[Mapping[str, str]], Path]
Lpack = Callable[..., Run]

sandbox = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs("bwrap")]


@pytest.fixture
def orders(project: Project) -> Path:
    folder = project({"lpack.toml": CONFIGURATION, "src/app.py": CODE})
    run = lpack_here("build", folder=folder)
    assert run.exit_code == 0, run.stderr
    return folder


class TestInASandbox:
    pytestmark = sandbox

    def test_the_response_is_on_stdout_and_the_rest_on_stderr(self, orders: Path, lpack: Lpack) -> None:
        run = lpack("invoke", "orders", "--event", '{"name": "Ada"}', folder=orders)
        assert run.exit_code == 0, run.stderr
        assert run.stdout == '{"event": {"name": "Ada"}}\n'
        first, second, summary = run.stderr.splitlines()[-3:]
        assert (first, second) == ("loading", "called with {'name': 'Ada'}")
        assert summary.startswith("orders: ")
        assert " ms to start, " in summary
        assert lpack("invoke", "orders", "-q", folder=orders).stderr == ""

    def test_the_event_may_come_from_a_file_or_from_standard_input(self, orders: Path, lpack: Lpack) -> None:
        (orders / "event.json").write_text('["from", "a file"]')
        run = lpack("invoke", "orders", "--event", "@event.json", folder=orders)
        assert json.loads(run.stdout) == {"event": ["from", "a file"]}
        run = lpack("invoke", "orders", "--event", "-", folder=orders, stdin='"from standard input"')
        assert json.loads(run.stdout) == {"event": "from standard input"}
        assert json.loads(lpack("invoke", "orders", folder=orders).stdout) == {"event": {}}

    def test_a_sample_event_is_filled_in_and_sent(self, orders: Path, lpack: Lpack) -> None:
        options = (
            "--event-option",
            "bucket=orders",
            "--event-option",
            "key=ä b",
            "--event-option",
            "region=cn-north-1",
        )
        run = lpack("invoke", "orders", "--event-source", "s3:put", *options, folder=orders)
        expected = {"bucket": "orders", "key": "ä b", "region": "cn-north-1"}
        assert json.loads(run.stdout) == {"event": events.filled_in(events.sample("s3:put"), expected)}

    def test_the_document_says_what_was_seen_and_what_was_started(self, orders: Path, lpack: Lpack) -> None:
        run = lpack("invoke", "orders", "--repeat", "4", "--json", folder=orders)
        document = run.json
        assert document["response"] == {"event": {}}
        assert document["error"] is None
        assert [each["cold"] for each in document["invocations"]] == [True, False, False, False]
        assert 0 < document["warm_seconds"] < document["cold_seconds"]
        assert document["invocations"][0]["logs"] == "loading\ncalled with {}\n"
        assert document["logs"] == "called with {}\n"
        started = document["started"]
        assert started["backend"] == "sandbox"
        assert started["client"] == "awslambdaric 4.2.2"
        if started["holds_memory"]:
            assert 1 << 20 < document["peak_memory"] < 256 << 20

    @pytest.mark.parametrize(
        ("event", "failure", "said"),
        [
            ("raise", "LookupError: no such order", 'File "/var/task/app.py", line 10, in handler'),
            ("exit", "Runtime.ExitError: Runtime exited with error: exit status 7", "its process ended"),
            ("sleep", "Sandbox.Timedout: Task timed out after 1.00 seconds", "--timeout"),
        ],
    )
    def test_a_failure_is_code_six(self, orders: Path, lpack: Lpack, event: str, failure: str, said: str) -> None:
        arguments = ("invoke", "orders", "--event", json.dumps(event), "--timeout", "1")
        run = lpack(*arguments, folder=orders)
        assert run.exit_code == 6
        assert run.stdout == ""
        assert f"error: `orders` failed: {failure}" in run.stderr
        assert said in run.stderr
        document: Any = lpack(*arguments, "--json", folder=orders).json
        assert document["response"] is None
        assert document["error"]["exit_code"] == 6
        assert f"{document['failure']['type']}: {document['failure']['message']}" == failure

    def test_without_namespaces_it_says_so(self, orders: Path, lpack: Lpack, tmp_path: Path) -> None:
        # What bubblewrap says where the kernel allows none, which this machine does.
        place = tmp_path / "programs" / "bwrap"
        place.parent.mkdir()
        place.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
        place.chmod(0o755)
        run = lpack("invoke", "orders", folder=orders, environ={"PATH": f"{place.parent}:{os.environ['PATH']}"})
        assert run.exit_code == 4
        assert "error: bubblewrap can't make a sandbox here\n  bwrap: No permissions to create" in run.stderr
        assert "--backend docker" in run.stderr

    def test_an_emulator_of_ones_own_must_be_one(self, orders: Path, lpack: Lpack) -> None:
        run = lpack("invoke", "orders", "--rie", "/nowhere/rie", folder=orders)
        assert run.exit_code == 2
        assert "error: `/nowhere/rie`, given as the emulator, does not exist" in run.stderr
        run = lpack("invoke", "orders", folder=orders, environ={"LPACK_RIE": "/bin/false"})
        assert run.exit_code == 1
        assert "error: the emulator of `orders` did not start" in run.stderr


@pytest.mark.parametrize(
    ("event", "fact"),
    [
        ("{broken", "error: the event is not JSON: Expecting property name"),
        ("text", "error: the event is not JSON: Expecting value"),
        ("NaN", "error: the event is not JSON: NaN is no value of JSON"),
        ("[" * 100_000, "error: the event is not JSON: it is nested too deep"),
        ("@nowhere.json", "error: the event's file `nowhere.json` can't be read: No such file or directory"),
    ],
)
def test_a_broken_event_is_refused(orders: Path, event: str, fact: str) -> None:
    run = lpack_here("invoke", "orders", "--event", event, folder=orders)
    assert run.exit_code == 2
    assert fact in run.stderr
    assert "hint: " in run.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--event-source", "s3:putt"), "error: `s3:putt` is not a sample event\nhint: did you mean `s3:put`?\n"),
        (
            ("--event-source", "s3:put", "--event-option", "bukket=x"),
            "error: `s3:put` has no option `bukket`\nhint: did you mean `bucket`?\n",
        ),
        (
            ("--event-source", "s3:put", "--event", "{}"),
            "error: `--event` and `--event-source` are two events\nhint: leave out one of the two\n",
        ),
        (
            ("--event-option", "bucket=x"),
            "error: `--event-option` goes with `--event-source`\nhint: name one: `lpack events` lists them\n",
        ),
        (
            ("--event-source", "s3:put", "--keep"),
            "error: `--keep` serves events of others\nhint: leave out `--event` and `--repeat`\n",
        ),
    ],
)
def test_a_sample_event_that_there_is_not_is_refused(orders: Path, arguments: tuple[str, ...], told: str) -> None:
    run = lpack_here("invoke", "orders", *arguments, folder=orders)
    assert (run.exit_code, run.stdout, run.stderr) == (2, "", told)


def test_what_was_not_built_is_not_run(project: Project) -> None:
    folder = project({"lpack.toml": CONFIGURATION, "src/app.py": CODE})
    run = lpack_here("invoke", "orders", folder=folder)
    assert run.exit_code == 2
    assert "error: `orders` was not built" in run.stderr
    assert "hint: run `lpack build orders`" in run.stderr
    run = lpack_here("invoke", "ordres", folder=folder)
    assert run.exit_code == 2
    assert "did you mean `orders`?" in run.stderr


def test_an_artifact_that_changed_is_not_run(orders: Path) -> None:
    artifact = orders / "dist" / "orders.zip"
    artifact.write_bytes(artifact.read_bytes() + b"x")
    run = lpack_here("invoke", "orders", folder=orders)
    assert run.exit_code == 1
    assert "changed since it was built: its record is of other bytes" in run.stderr
    (orders / "dist" / "orders.zip.json").unlink()
    assert "has no build record" in lpack_here("invoke", "orders", folder=orders).stderr


def test_an_artifact_for_another_target_is_not_run(orders: Path) -> None:
    (orders / "lpack.toml").write_text(CONFIGURATION.replace(PYTHON, "python3.10"))
    run = lpack_here("invoke", "orders", folder=orders)
    assert run.exit_code == 1
    assert f"was built for {PYTHON} on {HERE}, and `orders` is for python3.10 on {HERE} now" in run.stderr


def test_without_bubblewrap_it_says_what_to_install(orders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    run = lpack_here("invoke", "orders", "--backend", "sandbox", folder=orders)
    assert run.exit_code == 4
    assert "`bwrap` is not installed" in run.stderr
    assert "apt install bubblewrap" in run.stderr
    assert "--backend docker" in run.stderr
