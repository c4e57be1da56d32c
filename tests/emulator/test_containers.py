"""Functions under AWS's emulator in containers, looked at from inside and outside."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import clean_roots
import docker_engine
import functions
import pytest
import root_images
from command_line import Run
from functions import HERE, Started, answer, called

from lpack.aws.architectures import ARCHITECTURES
from lpack.clients import client_for
from lpack.emulator import Artifact, Runnable, Settings, environment
from lpack.emulator.rie import rie_program
from lpack.errors import ToolError
from lpack.means import Means
from lpack.store import sha256_of

pytestmark = [pytest.mark.network, pytest.mark.engine, pytest.mark.slow]

MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}

CODE = """
import os, platform, resource, socket, sys

print("loading")

def attempt(place):
    try:
        open(place + "/mine", "w")
    except OSError as error:
        return error.strerror
    return "written"

def handler(event, context):
    print("called")
    match event:
        case "raise":
            raise LookupError("no such order")
        case "exit":
            os._exit(3)
        case "sleep":
            __import__("time").sleep(60)
        case "fill":
            written = 0
            with open("/tmp/file", "wb", buffering=0) as file:
                try:
                    while True:
                        written += file.write(bytes(1 << 20))
                except OSError as error:
                    return [written, error.strerror]
        case "kept":
            return os.path.exists("/tmp/file")
        case {"memory": megabytes}:
            return len(bytearray(b"x") * (megabytes << 20))
        case {"connect": address}:
            try:
                socket.create_connection(tuple(address), timeout=5).close()
            except OSError as error:
                return type(error).__name__
            return "connected"
    return {
        "machine": platform.machine(),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "user": [os.getuid(), os.getgid()],
        "read-only": [attempt(place) for place in ("/var/task", "/opt", "/var/runtime", "/usr", "/")],
        "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "capabilities": [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")],
        "variables": dict(os.environ),
    }
"""


def containers() -> set[str]:
    """The names of the containers of this process's own environments, and of those of processes that it starts."""
    with docker_engine.connected() as client:
        return {
            str(each.name)
            for each in client.containers.list(all=True, ignore_removed=True)
            if str(each.name).startswith("lpack-")
        }


def in_image(python: str = "3.13", architecture: str = HERE, *, network: bool = True) -> Settings:
    return Settings(backend="docker", base=root_images.image(python, architecture), network=network)


@pytest.mark.parametrize(
    ("python", "architecture"),
    [
        pytest.param(python, architecture, marks=clean_roots.needs(architecture), id=f"{python}-{architecture}")
        for python, architecture in (("3.11", "x86_64"), ("3.13", "x86_64"), ("3.14", "x86_64"), ("3.14", "arm64"))
    ],
)
def test_a_function_of_each_python_runs_as_in_lambda(
    started: Started, monkeypatch: pytest.MonkeyPatch, python: str, architecture: str
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "yes")
    options = {"runtime": f"python{python}", "architecture": architecture, "timeout": 60}
    with started(CODE, in_image(python, architecture), environment={"TABLE": "orders"}, **options) as running:
        first, second = called(running), called(running)
        assert running.started.backend == "docker"
        assert running.started.client == "awslambdaric 4.2.2"
        assert first.failure is None, first
        value: Any = first.value
        assert value["machine"] == MACHINES[architecture]
        assert value["python"] == python
        assert value["user"] == [993, 990]
        assert value["read-only"] == ["Read-only file system"] * 5
        assert value["descriptors"] == 1024
        assert value["capabilities"] == ["0000000000000000"]
        assert value["variables"]["TABLE"] == "orders"
        assert value["variables"]["LAMBDA_TASK_ROOT"] == "/var/task"
        assert "SECRET_OF_THE_HOST" not in value["variables"]
        assert first.logs == "loading\ncalled\n"
        assert second.logs == "called\n"
        assert (first.cold, second.cold) == (True, False)


@clean_roots.needs(HERE)
def test_what_can_go_wrong_goes_wrong_as_in_the_sandbox(started: Started) -> None:
    with started(CODE, in_image(), runtime="python3.13", memory=128, timeout=5) as running:
        failure = called(running, "raise").failure
        assert failure is not None
        assert (failure.kind, failure.message) == ("LookupError", "no such order")
        failure = called(running, "exit").failure
        assert failure is not None
        assert failure.kind == "Runtime.ExitError"
        late = called(running, "sleep").failure
        assert late is not None
        assert late.kind == "Sandbox.Timedout"
        assert answer(running, "fill") == [512 << 20, "No space left on device"]
        assert answer(running, "kept") is True
        if running.started.holds_memory:
            ended = called(running, {"memory": 1000}).failure
            assert ended is not None
            assert ended.kind == "Runtime.OutOfMemory"
        assert answer(running, {"memory": 10}) == 10 << 20


@pytest.mark.skipif(os.geteuid() != 0, reason="nobody but root reaches a container without a network")
@clean_roots.needs(HERE)
def test_without_a_network_it_reaches_nothing(started: Started) -> None:
    with started(CODE, in_image(network=False), runtime="python3.13") as running:
        assert answer(running, {"connect": ["192.0.2.1", 80]}) == "OSError"
        assert answer(running, {"connect": ["127.0.0.1", 8080]}) == "connected"  # the emulator alone


@clean_roots.needs(HERE)
def test_nothing_is_left_of_an_environment(started: Started) -> None:
    before = containers()
    with started(CODE, in_image(), runtime="python3.13") as running:
        called(running)
        assert len(containers() - before) == 1
    assert not {name for name in containers() - before if name.startswith(f"lpack-{os.getpid()}-")}


CONFIGURATION = f"""
[function.orders]
runtime = "python3.13"
architecture = "{HERE}"
source = "src"
handler = "app.handler"
timeout = 60
"""


@clean_roots.needs(HERE)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_a_run_that_is_ended(
    project: Callable[[Mapping[str, str]], Path], lpack: Callable[..., Run], number: signal.Signals
) -> None:
    folder = project({"lpack.toml": CONFIGURATION, "src/app.py": CODE})
    assert lpack("build", folder=folder).exit_code == 0
    command = [sys.executable, "-m", "lpack", "invoke", "orders", "--event", '"sleep"', "--backend", "docker"]
    process = subprocess.Popen([*command, "--base", root_images.image("3.13", HERE)], cwd=folder)
    own = f"lpack-{process.pid}-"
    wait_until(lambda: any(name.startswith(own) for name in containers()))
    time.sleep(1)
    process.send_signal(number)
    assert process.wait(20) == {signal.SIGINT: 130}.get(number, -signal.SIGKILL)
    wait_until(lambda: not any(name.startswith(own) for name in containers()))


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


@clean_roots.needs(HERE)
def test_an_image_without_the_language_is_a_failure_that_says_so(started: Started) -> None:
    with started(CODE, in_image(), runtime="python3.12") as running:
        failure = called(running).failure
    assert failure is not None
    assert failure.kind == "Runtime.InvalidEntrypoint"
    assert failure.message == 'exec: "python3.12": executable file not found in $PATH'


def test_an_image_that_can_not_be_had_is_named(started: Started) -> None:
    settings = Settings(backend="docker", base="localhost:9/nowhere:1")
    with pytest.raises(ToolError) as caught, started(CODE, settings, runtime="python3.13"):
        pass
    assert caught.value.message == "`localhost:9/nowhere:1`, the image to run in, can't be had"
    assert "--base" in str(caught.value.hint)


ENTRY_SCRIPT = """#!/usr/bin/python3.13
import os, sys
command = ["/usr/bin/python3.13", "-m", "awslambdaric", sys.argv[1]]
if not os.environ.get("AWS_LAMBDA_RUNTIME_API"):
    command = ["/usr/local/bin/aws-lambda-rie", *command]
os.execv(command[0], command)
"""


@pytest.fixture
def image_of_function(tmp_path: Path, means: Means) -> Iterator[Callable[..., Runnable]]:
    """The function in an image of its own, with AWS's client in it, and with the emulator as AWS's images have it."""
    made: list[str] = []

    def make(*, has_emulator: bool) -> Runnable:
        target = functions.runnable(tmp_path, CODE, runtime="python3.13").target
        client = client_for(target, means)
        assert client is not None
        files = {f"/var/runtime/{entry.path}": (entry.read(), 0o644) for entry in client.tree}
        files["/var/task/app.py"] = (CODE.encode(), 0o644)
        lines = ["ENV PYTHONPATH=/var/runtime OWN=image", "WORKDIR /var/task", 'CMD ["app.handler"]']
        if has_emulator:
            program = rie_program(ARCHITECTURES[HERE], None, means)
            files["/usr/local/bin/aws-lambda-rie"] = (program.read_bytes(), 0o755)
            files["/lambda-entrypoint.sh"] = (ENTRY_SCRIPT.encode(), 0o755)
            lines.append('ENTRYPOINT ["/lambda-entrypoint.sh"]')
        else:
            lines.append('ENTRYPOINT ["/usr/bin/python3.13", "-m", "awslambdaric"]')
        tag = f"{docker_engine.unique('function')}:latest"
        made.append(tag)
        archive = tmp_path / "orders.tar"
        build(tag, files, lines, archive)
        artifact = Artifact(archive, sha256_of(archive))
        return Runnable(name="orders", target=target, handler="", artifact=artifact, is_image=True, timeout=10)

    yield make
    with docker_engine.connected() as client:
        for tag in made:
            with contextlib.suppress(Exception):
                client.images.remove(tag, force=True)


def build(tag: str, files: Mapping[str, tuple[bytes, int]], lines: list[str], archive: Path) -> None:
    dockerfile = "\n".join([f"FROM {root_images.image('3.13', HERE)}", "COPY root/ /", *lines])
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, (data, mode) in {"Dockerfile": (dockerfile.encode(), 0o644), **files}.items():
            member = tarfile.TarInfo(f"root{name}" if name.startswith("/") else name)
            member.size, member.mode = len(data), mode
            tar.addfile(member, io.BytesIO(data))
    context.seek(0)
    with docker_engine.connected() as client:
        image, _ = client.images.build(fileobj=context, custom_context=True, tag=tag, rm=True)
        with archive.open("wb") as file:
            file.writelines(image.save(named=tag))
        client.images.remove(tag, force=True)


@clean_roots.needs(HERE)
@pytest.mark.parametrize("has_emulator", [True, False])
def test_an_image_runs_with_and_without_an_emulator_of_its_own(
    image_of_function: Callable[..., Runnable], means: Means, *, has_emulator: bool
) -> None:
    runnable = image_of_function(has_emulator=has_emulator)
    for _ in range(2):  # the second time, the engine has the image
        with environment(runnable, Settings(), means) as running:
            value = answer(running)
            assert value["python"] == "3.13"
            assert value["user"] == [993, 990]
            assert value["read-only"][0] == "Read-only file system"
            assert value["variables"]["OWN"] == "image"
            assert value["variables"]["AWS_LAMBDA_FUNCTION_NAME"] == "orders"
            assert value["variables"]["_HANDLER"] == "app.handler"
            assert called(running, "raise").failure is not None
            assert json.loads(called(running, "raise").failure.payload)["errorType"] == "LookupError"  # type: ignore[union-attr]


@clean_roots.needs(HERE)
def test_a_zip_runs_in_a_base_that_is_like_awss(image_of_function: Callable[..., Runnable], started: Started) -> None:
    """AWS's own images are in no registry that the tests reach: this one starts like them, and has a client, too."""
    runnable = image_of_function(has_emulator=True)
    with runnable.artifact.file.open("rb") as archive, docker_engine.connected() as client:
        (image, *_) = client.images.load(archive)
    code = "import os\n\ndef handler(event, context):\n    return ['from the zip', event, os.environ['OWN']]\n"
    settings = Settings(backend="docker", base=image.tags[0])
    with started(code, settings, runtime="python3.13") as running:
        assert answer(running, 1) == ["from the zip", 1, "image"]
        assert running.started.client == ""
