"""``lpack test``: finished artifacts against what their tests expect."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import junitparser
import pytest
import root_images
from command_line import Run
from functions import HERE, PYTHON
from in_process import lpack

Project = Callable[[Mapping[str, str | bytes]], Path]


def runs(test: Callable[..., None]) -> Callable[..., None]:
    """A test that runs functions: it fetches AWS's emulator, once, and needs bubblewrap."""
    return pytest.mark.network(pytest.mark.slow(pytest.mark.needs("bwrap")(test)))


CODE = """
import json, os, time

def handler(event, context):
    print("called with", json.dumps(event))
    if "fail" in event:
        raise ValueError(event["fail"])
    time.sleep(event.get("sleep", 0))
    with open("/tmp/calls", "a") as calls:
        calls.write("x")
    name = event.get("name") or event["Records"][0]["s3"]["object"]["key"]
    body = json.dumps({"greeting": f"Hello, {name}!"})
    return {"statusCode": 200, "body": body, "calls": os.stat("/tmp/calls").st_size}
"""

FUNCTION = f"""
[function.{{}}]
runtime = "{PYTHON}"
architecture = "{HERE}"
handler = "app.handler"
"""


@pytest.fixture
def built(project: Project) -> Callable[..., Path]:
    """A project whose functions, all of the same code, are built: of each, the tables of its tests."""

    def build(**functions: str) -> Path:
        text = "".join(
            FUNCTION.format(name) + tests.replace("[", f"[function.{name}.tests.") for name, tests in functions.items()
        )
        folder = project({"lpack.toml": text, "app.py": CODE})
        assert lpack("build", "-q", folder=folder).exit_code == 0
        return folder

    return build


GREETS = '[greets]\nevent = { name = "Ada" }\nexpect = { statusCode = 200, body = { greeting = "Hello, Ada!" } }\n'
WRONG = '[wrong]\nevent = { name = "Ada" }\nexpect = { statusCode = 404, body = { greeting = "Hello, Bob!" } }\n'


def rows(told: str) -> list[tuple[str, str]]:
    """Of the table, each test and what came of it."""
    lines = [line.split() for line in told.splitlines()[1:]]
    return [(line[0], line[-1]) for line in lines]


# Tests that run


@runs
def test_what_passes_is_listed_with_what_it_took(built: Callable[..., Path]) -> None:
    run = lpack("test", folder=built(hello=GREETS))
    assert run.exit_code == 0, run.stderr
    header, row = run.stdout.splitlines()
    assert header.split() == ["test", "cold", "start", "handler", "memory"]
    name, _, ms, *_, status = row.split()
    assert (name, ms, status) == ("hello:greets", "ms", "passed")
    assert run.stderr.splitlines()[-1].startswith("1 passed in ")


@runs
def test_what_fails_is_told_with_its_differences_and_what_the_function_printed(built: Callable[..., Path]) -> None:
    run = lpack("test", folder=built(hello=GREETS + WRONG))
    assert run.exit_code == 6
    assert rows(run.stdout) == [("hello:greets", "passed"), ("hello:wrong", "failed")]
    *_, last = run.stderr.splitlines()
    assert last.startswith("1 passed, 1 failed in ")
    assert (
        """error: `hello:wrong` failed
  statusCode: expected 404, got 200
  body.greeting: expected "Hello, Bob!", got "Hello, Ada!"
  what it printed:
    called with {"name": "Ada"}
"""
        in run.stderr
    )


@runs
def test_each_test_has_an_environment_of_its_own(built: Callable[..., Path]) -> None:
    tests = "".join(f"[test-{number}]\nevent = {{ name = 'Ada' }}\nexpect = {{ calls = 1 }}\n" for number in range(6))
    run = lpack("test", "-j", "3", folder=built(hello=tests, other=tests))
    assert run.exit_code == 0, run.stderr
    assert len(rows(run.stdout)) == 12
    assert {status for _, status in rows(run.stdout)} == {"passed"}


@runs
def test_environments_run_side_by_side(built: Callable[..., Path]) -> None:
    tests = "".join(f"[test-{number}]\nevent = {{ name = 'Ada', sleep = 1 }}\n" for number in range(4))
    folder = built(hello=tests)
    assert lpack("test", "hello:test-0", folder=folder).exit_code == 0  # all that is fetched and unpacked once is there
    started = time.monotonic()
    assert lpack("test", "-j", "4", folder=folder).exit_code == 0
    assert time.monotonic() - started < 3.5


@runs
def test_what_all_need_is_fetched_once(
    built: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = built(hello="".join(f"[test-{number}]\nevent = {{ name = 'Ada' }}\n" for number in range(4)))
    monkeypatch.setenv("LPACK_CACHE_DIR", str(tmp_path / "store"))
    run = lpack("test", "-j", "4", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert run.stderr.count("note: getting AWS's Runtime Interface Emulator, once\n") == 1


@runs
def test_errors_limits_and_sample_events(built: Callable[..., Path]) -> None:
    folder = built(
        hello="""
[raises]
event = { fail = "no such order" }
expect-error = "ValueError"
[says]
event = { fail = "no such order" }
expect-error = "such order"
[other]
event = { fail = "no such order" }
expect-error = "KeyError"
[sample]
event-source = "s3:put"
event-options = { key = "a b" }
expect = { body = { greeting = "Hello, a+b!" } }
[slow]
event = { name = "Ada", sleep = 0.5 }
max-duration = 100
[fat]
event = { name = "Ada" }
max-memory = 1
[within]
event = { name = "Ada", sleep = 0.1 }
max-duration = 2000
max-memory = 128
"""
    )
    run = lpack("test", "--json", folder=folder)
    assert run.exit_code == 6
    verdicts = {test["test"]: test for test in run.json["tests"]}
    assert {name: test["status"] for name, test in verdicts.items()} == {
        **dict.fromkeys(("raises", "says", "sample", "within"), "passed"),
        **dict.fromkeys(("other", "slow", "fat"), "failed"),
    }
    assert verdicts["other"]["problems"] == ["expected the error `KeyError`, got ValueError: no such order"]
    assert verdicts["slow"]["problems"][0].startswith("its handler took 5")
    assert verdicts["slow"]["problems"][0].endswith(" ms, and may take 100 ms")
    assert verdicts["fat"]["problems"][0].endswith(" of memory, and may take 1 MB")
    invocation = verdicts["within"]["invocation"]
    assert invocation["response"]["statusCode"] == 200
    assert invocation["failure"] is None
    assert invocation["logs"] == 'called with {"name": "Ada", "sleep": 0.1}\n'
    assert 0.1 < invocation["handler_seconds"] < 2
    assert 0 < invocation["init_seconds"] < 10
    assert 1 << 20 < invocation["peak_memory"] < 128 << 20
    assert verdicts["raises"]["invocation"]["failure"]["type"] == "ValueError"


@pytest.mark.network
@pytest.mark.engine
@pytest.mark.slow
def test_they_run_in_containers_as_well(built: Callable[..., Path]) -> None:
    folder = built(hello=GREETS + WRONG)
    base = root_images.image(PYTHON.removeprefix("python"), HERE)
    run = lpack("test", "--backend", "docker", "--base", base, folder=folder)
    assert run.exit_code == 6, run.stderr
    assert rows(run.stdout) == [("hello:greets", "passed"), ("hello:wrong", "failed")]
    assert "  statusCode: expected 404, got 200\n" in run.stderr


@runs
def test_junit_is_written_whatever_comes_of_the_tests(built: Callable[..., Path]) -> None:
    folder = built(hello=GREETS + WRONG)
    run = lpack("test", "--junit", "reports/junit.xml", folder=folder)
    assert run.exit_code == 6
    document = junitparser.JUnitXml.fromfile(str(folder / "reports" / "junit.xml"))
    assert (document.tests, document.failures, document.errors) == (2, 1, 0)
    (suite,) = document
    assert [case.name for case in suite] == ["greets", "wrong"]
    assert [case.system_out for case in suite] == ['called with {"name": "Ada"}\n'] * 2


@runs
def test_what_was_not_built_stops_nothing_else(built: Callable[..., Path]) -> None:
    folder = built(hello=GREETS, other=GREETS)
    (folder / "dist" / "other.zip").unlink()
    run = lpack("test", folder=folder)
    assert run.exit_code == 2
    assert rows(run.stdout) == [("hello:greets", "passed"), ("other:greets", "run")]
    assert "error: `other:greets` could not be run: `other` was not built: there is no `" in run.stderr
    assert "hint: run `lpack build other`\n" in run.stderr


@runs
def test_an_artifact_that_changed_since_it_was_built_is_not_run(built: Callable[..., Path]) -> None:
    folder = built(hello=GREETS + WRONG)
    with (folder / "dist" / "hello.zip").open("ab") as artifact:
        artifact.write(b"more")
    run = lpack("test", folder=folder)
    assert run.exit_code == 1
    assert run.stderr.count("changed since it was built") == 1
    assert "`hello:greets`, `hello:wrong` could not be run" in run.stderr


@runs
def test_what_a_function_prints_is_shown_when_asked_for(built: Callable[..., Path]) -> None:
    folder = built(hello=GREETS)
    assert "called with" not in lpack("test", folder=folder).stderr
    assert (
        'hello:greets: what it printed:\n  called with {"name": "Ada"}\n' in lpack("test", "-v", folder=folder).stderr
    )


@runs
def test_quiet_tells_of_failures_alone(built: Callable[..., Path]) -> None:
    folder = built(hello=GREETS + WRONG)
    assert lpack("test", "hello:greets", "-q", folder=folder) == Run(0, "", "")
    run = lpack("test", "-q", folder=folder)
    assert run.stdout == ""
    assert run.stderr.startswith("error: `hello:wrong` failed\n")


@runs
def test_an_event_that_lambda_would_not_take_is_not_sent(built: Callable[..., Path]) -> None:
    folder = built(hello='[large]\nevent = "large.json"\n')
    (folder / "large.json").write_text(json.dumps("x" * (6 << 20)), encoding="utf-8")
    run = lpack("test", folder=folder)
    assert run.exit_code == 2
    assert "`hello:large` could not be run: the event has 6291458 bytes" in run.stderr


@runs
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_an_interrupted_run_leaves_nothing_behind(built: Callable[..., Path], number: int, code: int) -> None:
    tests = "".join(f"[test-{each}]\nevent = {{ name = 'Ada', sleep = 600 }}\n" for each in range(3))
    folder = built(hello=tests)
    text = (folder / "lpack.toml").read_text(encoding="utf-8").replace("handler =", "timeout = 900\nhandler =")
    (folder / "lpack.toml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "lpack", "test", "-j", "2", "--junit", "junit.xml"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: len(emulators_of(process.pid)) >= 2)
            started = descendants(process.pid)
            process.send_signal(number)
            _, told = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == code, told
    wait_until(lambda: not [each for each in started if is_running(each)])
    assert not (folder / "junit.xml").exists()


def descendants(process: int) -> set[int]:
    """The processes that a process has started, and those that they have."""
    parents = {int(folder.name): status(int(folder.name))[1] for folder in Path("/proc").glob("[0-9]*")}
    found = {process}
    while more := {each for each, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {process}


def emulators_of(process: int) -> set[int]:
    return {each for each in descendants(process) if status(each)[2].startswith("aws-lambda-rie")}


def is_running(process: int) -> bool:
    return status(process)[0] not in {"", "Z", "X"}


def status(process: int) -> tuple[str, int, str]:
    """The state of a process, the one that started it, and its name; without a state when it is gone."""
    try:
        name, _, rest = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").partition("(")[2].rpartition(")")
    except OSError:
        return "", 0, ""
    state, parent, *_ = rest.split()
    return state, int(parent), name


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


# What can't be run


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["hallo"], "error: `hallo` is no function or test of `{}`\nhint: did you mean `hello`?\n"),
        (["hello:great"], "error: `hello:great` is no function or test of `{}`\nhint: did you mean `hello:greets`?\n"),
        (["x1", "x2"], "error: `x1` and `x2` are no functions or tests of `{}`\nhint: its tests are `hello:greets`\n"),
        (["idle"], "error: `idle` has no tests in `{}`\nhint: add one: [function.idle.tests.TEST], with "),
    ],
)
def test_names_that_there_are_not(built: Callable[..., Path], names: list[str], told: str) -> None:
    folder = built(hello=GREETS, idle="")
    run = lpack("test", *names, folder=folder)
    assert (run.exit_code, run.stdout) == (2, "")
    assert run.stderr.startswith(told.replace("{}", str(folder / "lpack.toml")))


def test_a_project_without_tests_has_not_passed_them(built: Callable[..., Path]) -> None:
    folder = built(hello="")
    run = lpack("test", folder=folder)
    assert run.exit_code == 2
    assert run.stderr == (
        f"error: `{folder}/lpack.toml` has no tests\n"
        "hint: add one: [function.NAME.tests.TEST], with `event` and `expect`\n"
    )


@pytest.mark.parametrize(
    ("file", "code", "told"),
    [
        ("dist", 2, "error: `{}/dist` is a folder, and JUnit's XML is a file\nhint: give `--junit` a file's name\n"),
        ("app.py/junit.xml", 1, "error: `{}/app.py` can't be used: "),
    ],
)
def test_a_report_that_can_not_be_written_is_told_first(
    built: Callable[..., Path], file: str, code: int, told: str
) -> None:
    folder = built(hello=GREETS)
    run = lpack("test", "--junit", file, folder=folder)
    assert (run.exit_code, run.stdout) == (code, "")
    assert run.stderr.startswith(told.replace("{}", str(folder)))


def test_events_that_are_no_json_are_told_together(built: Callable[..., Path]) -> None:
    names = ("one", "two", "three", "four")
    folder = built(hello="".join(f'[{name}]\nevent = "{name}.json"\n' for name in names))
    (folder / "one.json").write_text('{"a', encoding="utf-8")
    (folder / "two.json").write_bytes(b"\xff")
    (folder / "three.json").write_bytes(b"\xef\xbb\xbf{}")
    run = lpack("test", folder=folder)
    assert run.exit_code == 2
    title, *mistakes = run.stderr.splitlines()
    assert title == f"error: `{folder}/lpack.toml` has 3 mistakes"
    wrong = {"one": "which is not JSON: ", "two": "which is not JSON: ", "four": "which can't be read: No such file"}
    for mistake, (name, fact) in zip(mistakes, wrong.items(), strict=True):
        assert mistake.startswith(f"  `function.hello.tests.{name}.event` names `{folder}/{name}.json`, {fact}")
