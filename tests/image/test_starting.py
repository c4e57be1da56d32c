"""How an image starts: by its base's own client, or by the one that it is given."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lpack.image.config import Execution
from lpack.image.starting import EMULATOR, ENTRY_SCRIPT, OwnStart, entry_script, has_client, started

AWS = Execution(
    env=("PATH=/var/lang/bin:/bin", "LAMBDA_TASK_ROOT=/var/task"),
    entrypoint=(ENTRY_SCRIPT,),
    working_dir="/var/task",
    labels={"maker": "AWS"},
)
DEBIAN = Execution(env=("PATH=/usr/bin:/bin", "PYTHONPATH=/opt/own"), cmd=("bash",))
PYTHON = OwnStart(("python3.13", "-m", "awslambdaric"), {"PYTHONPATH": "/var/runtime"})
BOOTSTRAP = OwnStart(("/var/runtime/bootstrap",))


@pytest.mark.parametrize(
    ("entrypoint", "cmd", "known"),
    [
        ([ENTRY_SCRIPT], [], True),
        (["/usr/local/bin/python", "-m", "awslambdaric"], ["app.handler"], True),
        (["/usr/bin/npx", "aws-lambda-ric"], [], True),
        (["java", "-cp", "./*", "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"], [], True),
        ([], ["python3", "-m", "awslambdaric", "app.handler"], True),
        ([], ["bash"], False),
        (["/bin/sh", "-c", "awslambdaric-like"], [], False),
        ([], [], False),
    ],
)
def test_a_base_is_known_by_what_it_starts_with(entrypoint: list[str], cmd: list[str], known: bool) -> None:  # noqa: FBT001
    assert has_client(Execution(entrypoint=tuple(entrypoint), cmd=tuple(cmd))) is known


def test_a_base_with_a_client_keeps_its_entry_point() -> None:
    execution = started(AWS, "app.handler", {"TABLE": "orders", "PATH": "/own"}, None)
    assert execution.entrypoint == (ENTRY_SCRIPT,)
    assert execution.cmd == ("app.handler",)
    assert execution.env == ("PATH=/own", "LAMBDA_TASK_ROOT=/var/task", "TABLE=orders")
    assert execution.working_dir == "/var/task"
    assert execution.labels == {"maker": "AWS"}


def test_a_base_without_a_client_gets_one() -> None:
    execution = started(DEBIAN, "app.handler", {"STAGE": "live"}, PYTHON)
    assert (execution.entrypoint, execution.cmd) == ((ENTRY_SCRIPT,), ("app.handler",))
    assert dict(each.split("=", 1) for each in execution.env) == {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": "/var/runtime:/opt/own",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LD_LIBRARY_PATH": "/var/task:/var/task/lib",
        "STAGE": "live",
    }


def test_what_the_client_needs_comes_before_what_the_user_sets() -> None:
    execution = started(DEBIAN, "app.handler", {"PYTHONPATH": "/var/task/libs", "LD_LIBRARY_PATH": "/own"}, PYTHON)
    variables = dict(each.split("=", 1) for each in execution.env)
    assert variables["PYTHONPATH"] == "/var/runtime:/var/task/libs"
    assert variables["LD_LIBRARY_PATH"] == "/own"


def run_script(start: OwnStart, tmp_path: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the script in a folder of its own, where the programs that it starts tell how they were started."""
    programs = {EMULATOR: tmp_path / "rie", start.command[0]: tmp_path / "client"}
    script = entry_script(start).decode()
    for name, place in programs.items():
        script = script.replace(name, str(place))
        if name != EMULATOR or "emulator" in environ:
            place.write_text('#!/bin/sh\necho "$(basename "$0") $* $_HANDLER"\n')
            place.chmod(0o755)
    (tmp_path / "entry.sh").write_text(script)
    environ.pop("emulator", None)
    command = ["/bin/sh", str(tmp_path / "entry.sh"), *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("start", "given"), [(PYTHON, " -m awslambdaric app.handler"), (BOOTSTRAP, "")])
def test_the_script_starts_the_client_in_lambda(start: OwnStart, given: str, tmp_path: Path) -> None:
    there = {"emulator": "yes", "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
    run = run_script(start, tmp_path, "app.handler", **there)
    assert run.stdout.split() == f"client{given} app.handler".split()


@pytest.mark.parametrize("start", [PYTHON, BOOTSTRAP])
def test_the_script_starts_the_emulator_elsewhere(start: OwnStart, tmp_path: Path) -> None:
    run = run_script(start, tmp_path, "app.handler", emulator="yes")
    assert run.stdout.startswith(f"rie {tmp_path}/client")
    assert run.stdout.endswith(" app.handler\n")


def test_the_script_does_without_an_emulator(tmp_path: Path) -> None:
    assert run_script(PYTHON, tmp_path, "app.handler").stdout.startswith("client ")


@pytest.mark.parametrize("arguments", [(), ("app.handler", "more")])
def test_the_script_wants_a_handler_as_aws_scripts_do(arguments: tuple[str, ...], tmp_path: Path) -> None:
    run = run_script(PYTHON, tmp_path, *arguments)
    assert run.returncode == 142
    assert run.stderr == "entrypoint requires the handler name to be the first argument\n"
