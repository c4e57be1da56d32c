"""A run of a script in a container, on the real engine."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import base_images
import clean_roots
import docker_engine
import pytest

from lpack.aws.architectures import ARCHITECTURES
from lpack.container import Outcome, Task, perform
from lpack.container.task import LABEL
from lpack.engine import connect
from lpack.errors import ToolError

pytestmark = base_images.needs(base_images.PLAIN)

HERE = ARCHITECTURES[base_images.HERE]


def task(script: str, **more: object) -> Task:
    image = base_images.image(base_images.PLAIN)
    return Task("building `demo`", image, HERE, script, **more)  # type: ignore[arg-type]


def ran(script: str, results: Path | None = None, **more: object) -> tuple[Outcome, list[str]]:
    lines: list[str] = []
    with docker_engine.connected() as client:
        outcome = perform(client, task(script, **more), results=results, printing=lines.append)
    return outcome, lines


def lpacks_containers() -> set[str]:
    with docker_engine.connected() as client:
        found = client.api.containers(all=True, filters={"label": f"{LABEL}=container"})
        return {each["Names"][0].removeprefix("/") for each in found}


def volumes() -> set[str]:
    with docker_engine.connected() as client:
        return {each.name for each in client.volumes.list()}


def test_files_go_in_and_results_come_out(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "run").write_text('#!/bin/sh\necho "it\'s $GREETING"\n')
    (folder / "sub" / "run").chmod(0o755)
    results = tmp_path / "results"
    results.mkdir()
    script = (
        "cat note; ls sources; sources/sub/run; echo hidden >&2\n"
        "mkdir results/a; echo 1 > results/a/b; ln -s b results/a/link; id -u > results/user; umask"
    )
    files = {"note": b"a note\n", "sources": folder}
    outcome, lines = ran(script, results, files=files, variables={"GREETING": "a 'quoted' $one"})
    assert outcome.exit_code == 0
    assert lines[:4] == ["a note", "sub", "it's a 'quoted' $one", "hidden"]
    assert (results / "a" / "b").read_text() == "1\n"
    assert str((results / "a" / "link").readlink()) == "b"
    assert (results / "user").read_text() == f"{os.getuid()}\n"
    assert {path.stat().st_uid for path in results.rglob("*")} == {os.getuid()}


def test_it_runs_as_the_user_and_can_write_where_it_has_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    monkeypatch.setattr(os, "getgid", lambda: 23456)
    script = (
        'test "$(id -u):$(id -g)" = 12345:23456\n'
        'for folder in home home/.m2 sources/own results /tmp /var/cache/lpack; do echo > "$folder/test"; done\n'
        "rm /var/cache/lpack/test"
    )
    folder = tmp_path / "own"
    folder.mkdir()
    files = {"home/.m2/settings.xml": b"<settings/>", "sources/own": folder}
    try:
        outcome, _ = ran(script, files=files)
    finally:
        with docker_engine.connected() as client:
            client.volumes.get("lpack-cache-12345-23456").remove()
    assert outcome.exit_code == 0, outcome.printed


def test_a_script_that_fails_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    outcome, lines = ran("echo some > results/some; echo before; false; echo after", tmp_path)
    assert outcome == Outcome(1, "before")
    assert lines[0] == "before"
    assert list(tmp_path.iterdir()) == []


def test_no_container_and_no_volume_stays_behind() -> None:
    ran("true")
    before = volumes()
    for script in ("true", "false"):
        ran(script)
    assert volumes() == before


def test_secrets_are_in_neither_the_command_nor_the_variables_nor_what_is_printed() -> None:
    image = base_images.image(base_images.PLAIN)
    index = "https://ann:secret@index.invalid/simple"
    with docker_engine.connected() as client:
        seen: list[str] = []

        def look(container: str) -> None:
            seen.append(str(client.api.inspect_container(container)))
            seen.append(str(client.api.logs(container)))
            seen.append(str(client.api.diff(container)))

        given = Task(
            "building `demo`",
            image,
            HERE,
            "echo $INDEX",
            files={"home/.netrc": b"machine index.invalid login ann password secret"},
            variables={"INDEX": index},
        )
        outcome = perform(client, given, printing=seen.append, afterwards=look)
    assert outcome.printed.strip() == "https://index.invalid/simple"
    assert "netrc" not in "".join(seen)
    assert "secret" not in "".join(seen[:2])


def test_the_cache_is_kept_from_run_to_run() -> None:
    ran("rm -f /var/cache/lpack/test; echo kept > /var/cache/lpack/test")
    assert ran("cat /var/cache/lpack/test; rm /var/cache/lpack/test")[1][0] == "kept"


def test_the_container_ends_with_lpack_even_if_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\n"
        "from lpack.aws.architectures import ARCHITECTURES\n"
        "from lpack.container import Task, perform\n"
        "from lpack.engine import connect\n"
        f"task = Task('waiting', {base_images.image(base_images.PLAIN)!r}, ARCHITECTURES[{HERE.name!r}], "
        "'echo started; sleep 600')\n"
        "import os\n"
        "with connect(os.environ) as client:\n"
        "    perform(client, task, printing=lambda line: print(line, flush=True))\n"
    )
    before = lpacks_containers()
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=docker_engine.ENVIRON) as process:
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        assert lpacks_containers() > before
        process.send_signal(signal.SIGKILL)
    _wait_until(lambda: lpacks_containers() <= before)


def _wait_until(condition: object) -> None:
    end = time.monotonic() + 30
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.1)


@pytest.fixture
def breakable() -> Iterator[tuple[str, threading.Event]]:
    """The real engine's address by way of a relay that breaks all connections when told."""
    broken = threading.Event()
    ends: list[socket.socket] = []

    def relay(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            if broken.is_set():
                near.close()
                continue
            far = socket.socket(socket.AF_UNIX)
            far.connect("/var/run/docker.sock")
            ends.extend((near, far))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=relay, args=pair, daemon=True).start()

    def break_all() -> None:
        broken.wait()
        for each in ends:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        breaking = threading.Thread(target=break_all, daemon=True)
        breaking.start()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}", broken
        broken.set()
        breaking.join()
    for each in ends:
        each.close()


def test_an_engine_that_dies_in_the_middle_is_told(breakable: tuple[str, threading.Event], tmp_path: Path) -> None:
    address, broken = breakable
    before = lpacks_containers()

    def heard(line: str) -> None:
        if line == "started":
            broken.set()

    with connect({"DOCKER_HOST": address}) as client, pytest.raises(ToolError) as caught:
        perform(client, task("echo started; sleep 600"), results=tmp_path, printing=heard)
    assert caught.value.message == "the Docker Engine stopped answering while it was building `demo`"
    assert list(tmp_path.iterdir()) == []
    _wait_until(lambda: lpacks_containers() <= before)


def test_an_architecture_that_the_engine_can_t_run_is_told() -> None:
    # A shell that is a program for another machine: the kernel refuses it like one that nothing emulates.
    with docker_engine.connected() as client:
        container = client.containers.create(base_images.image(base_images.PLAIN), ["true"])
        name = docker_engine.unique("foreign")
        try:
            container.put_archive("/usr/bin", _foreign_shell())
            container.commit(name, conf={"Labels": {docker_engine.LABEL: "foreign"}})
            foreign = Task("building `demo`", name, HERE, "true")
            with pytest.raises(ToolError) as caught:
                perform(client, foreign, printing=lambda _: None)
        finally:
            container.remove()
            client.images.remove(name)
    assert caught.value.message.startswith(
        f"the Docker Engine can't run programs for {HERE}, which building `demo` needs"
    )
    assert "qemu-user-static" in str(caught.value.hint)


def _foreign_shell() -> bytes:
    import io
    import tarfile

    header = b"\x7fELF\x02\x02\x01" + bytes(9) + b"\x00\x02\x00\x16" + bytes(44)  # big-endian, EM_S390
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        member = tarfile.TarInfo("dash")
        member.size, member.mode = len(header), 0o755
        tar.addfile(member, io.BytesIO(header))
    return file.getvalue()


OTHER = "arm64" if base_images.HERE == "x86_64" else "x86_64"
FOREIGN = replace(base_images.PLAIN, architecture=OTHER)


@pytest.mark.needs(*filter(None, [clean_roots.emulator(OTHER)]))
def test_the_other_architecture_is_emulated(tmp_path: Path) -> None:
    with docker_engine.connected() as client:
        given = Task("building `demo`", base_images.image(FOREIGN), ARCHITECTURES[OTHER], "uname -m > results/machine")
        assert perform(client, given, results=tmp_path, printing=print).exit_code == 0
    assert (tmp_path / "machine").read_text().strip() == ARCHITECTURES[OTHER].machine


def test_a_container_that_ends_by_itself_is_told() -> None:
    with docker_engine.connected() as client, pytest.raises(ToolError) as caught:
        perform(client, task("echo so far; until kill -9 $(pidof cat); do sleep 0.1; done; sleep 60"), printing=print)
    assert caught.value.message == "the container ended in the middle of building `demo`"
    assert "so far" in caught.value.details
