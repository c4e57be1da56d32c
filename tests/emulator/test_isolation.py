"""The sandbox, looked at from inside."""

from __future__ import annotations

import functools
import socket
from pathlib import Path
from typing import Any

import pytest
from functions import Started, answer, called, zipped

from lpack.emulator import Settings, cgroups, sandbox

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs("bwrap")]


def asked(expression: str, imports: str = "") -> str:
    """A function that answers with the value of an expression, or the error that it raises."""
    return f"""
import os, pathlib, socket, subprocess, sys
{imports}

def handler(event, context):
    try:
        return {expression}
    except Exception as error:
        return repr(error)
"""


def test_the_code_is_read_only_and_so_is_all_else(started: Started) -> None:
    code = asked("[attempt(place) for place in ('/var/task', '/opt', '/var/runtime', '/usr', '/etc', '/', '/dev/shm')]")
    code += """
def attempt(place):
    try:
        pathlib.Path(place, 'mine').write_text('x')
    except OSError as error:
        return error.strerror
    return 'written'
"""
    with started(code) as running:
        assert answer(running) == ["Read-only file system"] * 7


def test_nothing_of_the_host_is_there(started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "yes")
    (tmp_path / "secret").write_text("yes")
    home = str(Path.home())
    code = asked(
        f"[os.listdir('/'), os.path.exists({str(tmp_path / 'secret')!r}), os.path.exists({home + '/.bashrc'!r}), "
        "sorted(os.environ), os.listdir('/home') if os.path.exists('/home') else []]"
    )
    with started(code) as running:
        folders, secret, settings, variables, homes = answer(running)
    assert not secret
    assert not settings
    assert homes == []
    assert "SECRET_OF_THE_HOST" not in variables
    assert not {"HOME", "VIRTUAL_ENV", "SSH_AUTH_SOCK", "USER"} & set(variables)
    assert not {"boot", "home", "mnt", "srv", "sys", "work"} & set(folders)


def test_no_process_of_the_host_is_seen(started: Started) -> None:
    code = asked("[int(name) for name in os.listdir('/proc') if name.isdecimal()]")
    with started(code) as running:
        assert len(answer(running)) <= 4


def test_the_user_has_no_privileges(started: Started) -> None:
    status = "[line for line in open('/proc/self/status') if line.startswith(('CapEff', 'NoNew'))]"
    code = asked(f"[os.getuid(), os.getgid(), {status}]")
    with started(code) as running:
        user, group, lines = answer(running)
    assert user == 993
    assert group == 990
    assert lines == ["CapEff:\t0000000000000000\n", "NoNewPrivs:\t1\n"]


def test_lambdas_variables_and_the_functions_own(started: Started) -> None:
    with started(asked("dict(os.environ)"), environment={"TABLE": "orders"}, memory=300, timeout=7) as running:
        variables = answer(running)
    expected = {
        "TABLE": "orders",
        "_HANDLER": "app.handler",
        "AWS_LAMBDA_FUNCTION_NAME": "orders",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "300",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "AWS_REGION": "us-east-1",
        "TZ": ":UTC",
    }
    assert {name: variables[name] for name in expected} == expected
    assert variables["PATH"].startswith("/var/lang/bin:")
    assert variables["PATH"].endswith(":/opt/bin")


def test_layers_lie_over_each_other_and_below_the_function(started: Started, tmp_path: Path) -> None:
    lower = zipped(tmp_path / "lower.zip", {"python/who.py": "NAME = 'lower'\n", "python/low.py": "", "data": "lower"})
    upper = zipped(tmp_path / "upper.zip", {"python/who.py": "NAME = 'upper'\n", "python/mine.py": "NAME = 'layer'\n"})
    code = asked("[who.NAME, mine.NAME, open('/opt/data').read()]", "import low, mine, who")
    files = {"app.py": code, "mine.py": "NAME = 'function'\n"}
    with started(files, layers=(lower, upper)) as running:
        assert answer(running) == ["upper", "function", "lower"]


def test_packages_of_the_host_are_not_those_of_the_function(started: Started) -> None:
    with started(asked("__import__('pytest').__file__")) as running:
        assert answer(running) == """ModuleNotFoundError("No module named 'pytest'")"""


def test_tmp_has_its_size_and_is_kept_from_call_to_call(started: Started) -> None:
    code = """
import os

def handler(event, context):
    if os.path.exists("/tmp/file"):
        os.remove("/tmp/file")
        return "was there"
    written = 0
    with open("/tmp/file", "wb", buffering=0) as file:
        try:
            while True:
                written += file.write(bytes(1 << 20))
        except OSError as error:
            return [written, error.strerror]
"""
    # Four times as much as the function has memory: in Lambda, one has nothing to do with the other.
    with started(code, memory=128, ephemeral_storage=512) as running:
        assert answer(running) == [512 << 20, "No space left on device"]
        assert answer(running) == "was there"


def test_descriptors_and_processes_have_lambdas_limits(started: Started) -> None:
    code = """
import os, resource

def handler(event, context):
    if event == "limits":
        return [resource.getrlimit(resource.RLIMIT_NOFILE)[1], resource.getrlimit(resource.RLIMIT_NPROC)[1]]
    children = []
    try:
        while len(children) < 2000:
            child = os.fork()
            if not child:
                os.read(waiting, 1)
                os._exit(0)
            children.append(child)
    except OSError as error:
        return [len(children), error.strerror]
    finally:
        os.close(go)
        for child in children:
            os.waitpid(child, 0)

waiting, go = os.pipe()
os.set_inheritable(go, False)
"""
    code = code.replace("os.read(waiting, 1)", "os.close(go)\n                os.read(waiting, 1)")
    with started(code, memory=1024, timeout=60) as running:
        assert answer(running, "limits") == [1024, 1024]
        count, reason = answer(running, "fork")
    assert 900 < count < 1024
    assert reason == "Resource temporarily unavailable"


@pytest.mark.parametrize("grouped", [True, False], ids=["in a control group", "without one"])
def test_more_memory_than_there_is_ends_the_function(
    started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, grouped: bool
) -> None:
    if not grouped:
        monkeypatch.setattr(sandbox, "group", functools.partial(cgroups.group, root=tmp_path))
    code = """
import os

def handler(event, context):
    if event == "fork":
        kept = bytearray(b"x") * (60 << 20)
        for _ in range(4):
            if not os.fork():
                __import__("time").sleep(0.3)
                os._exit(0)
        for _ in range(4):
            os.wait()
        return len(kept)
    kept = bytearray(b"x") * (event << 20)
    return len(kept)
"""
    with started(code, memory=128) as running:
        fine = called(running, 50)
        assert fine.value == 50 << 20
        assert fine.peak_memory is not None
        assert 40 << 20 <= fine.peak_memory < 100 << 20
        ended = called(running, 1000)
        assert ended.failure is not None
        assert ended.failure.kind == "Runtime.OutOfMemory"
        assert "128 MB" in ended.failure.message
        assert answer(running, 1) == 1 << 20
        # What forked processes share is there once.
        assert answer(running, "fork") == 60 << 20


CONNECT = """
import socket

def handler(event, context):
    try:
        socket.create_connection(tuple(event), timeout=5).close()
    except OSError as error:
        return type(error).__name__
    return "connected"
"""


@pytest.mark.parametrize("network", [True, False])
def test_the_network_is_there_or_not(started: Started, *, network: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, started(CONNECT, Settings(network=network)) as running:
        reached: Any = answer(running, server.getsockname())
        assert answer(running, server.getsockname()) == reached
    assert reached == ("connected" if network else "ConnectionRefusedError")
