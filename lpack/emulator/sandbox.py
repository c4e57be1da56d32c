"""The sandbox backend: the emulator inside bubblewrap, with namespaces of its own and nobody else's files.

Source: https://github.com/containers/bubblewrap/blob/main/bwrap.xml
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..clients import Client, client_for
from ..errors import ToolError
from ..means import Means
from ..model import Host
from ..processes import end, running
from .cgroups import Group, group
from .environment import Environment, Started
from .files import Folders, bootstrap, laid_out
from .interpreters import DOCKER, Interpreter, interpreter_for
from .journal import Journal
from .memory import Family, Measured, MemoryWatch
from .mounts import RIE, Files, mounts
from .networks import Door, door_to, loopback_address
from .rie import rie_program
from .runnable import Runnable
from .surroundings import DESCRIPTORS, GROUP, LANGUAGE, PROCESSES, ROOM, TASK, USER, java_options, variables

PROGRAM = "bwrap"

_PORT, _API_PORT = 8080, 9001
_PATIENCE = 5.0
"""Seconds for what takes milliseconds."""


def unavailable(host: Host, runnable: Runnable) -> ToolError | None:
    """Why the function can't run in a sandbox here; None if it may. Whether namespaces are allowed only shows later."""
    target = runnable.target
    if sys.platform != "linux":
        return ToolError("the sandbox needs Linux", hint="use Docker (`--backend docker`)")
    if runnable.is_image:
        fact = f"`{runnable.name}` is a container image, which brings a system of its own"
        return ToolError(fact, hint="use Docker (`--backend docker`)")
    if not shutil.which(PROGRAM, path=host.environ.get("PATH")):
        return ToolError(
            "the sandbox needs bubblewrap, and `bwrap` is not installed",
            hint=f"install it (`apt install bubblewrap`, `dnf install bubblewrap`), {DOCKER}",
        )
    if target.architecture.machine != platform.machine():
        fact = f"`{runnable.name}` is for {target.architecture}, and this machine is {platform.machine()}"
        return ToolError(f"{fact}: the sandbox can't run it", hint="use Docker, which emulates (`--backend docker`)")
    return None


@contextlib.contextmanager
def sandboxed(runnable: Runnable, means: Means, *, network: bool, rie: Path | None) -> Iterator[Environment]:
    """An environment in a sandbox, which ends with the block, with the thread that entered it, and with lpack."""
    refusal = unavailable(means.host, runnable)
    if refusal:
        raise refusal
    program = rie_program(runnable.target.architecture, rie, means)
    client = client_for(runnable.target, means)
    interpreter = interpreter_for(runnable.target, means)
    with contextlib.ExitStack() as stack:
        folders = stack.enter_context(laid_out(runnable, client, means.store))
        files = stack.enter_context(Files())
        address = loopback_address() if network else "127.0.0.1"
        arguments = [
            *_namespaces(network=network),
            *mounts(folders, interpreter, program, files, storage=runnable.ephemeral_storage),
            *_environment(runnable, client),
            *("--chdir", TASK, "--", RIE, "--log-level", "debug"),
            *("--runtime-interface-emulator-address", f"{address}:{_PORT}"),
            *("--runtime-api-address", f"{address}:{_API_PORT}"),
            *_command(runnable, client, interpreter, folders),
        ]
        held = stack.enter_context(_group(runnable))
        process, child = stack.enter_context(_process(arguments, files, held, means.host))
        door = None if network else stack.enter_context(door_to(child))
        started = Started(
            backend="sandbox",
            emulator=str(program),
            client=str(client or ""),
            interpreter=str(interpreter.program) if interpreter else "",
            network=network,
        )
        yield stack.enter_context(_listening(runnable, started, _Place(process, address, door), held or Family(child)))


def _command(runnable: Runnable, client: Client | None, interpreter: Interpreter | None, folders: Folders) -> list[str]:
    """What the emulator starts, and the handler after it."""
    if client and interpreter:
        options = java_options(runnable.memory) if client.interpreter == "java" else ()
        return [f"{LANGUAGE}/bin/{interpreter.names[0]}", *options, *client.arguments, runnable.handler]
    return [bootstrap(runnable, folders), runnable.handler]


def _namespaces(*, network: bool) -> list[str]:
    return [
        *("--unshare-all", *(("--share-net",) if network else ())),
        *("--unshare-user", "--uid", str(USER), "--gid", str(GROUP), "--hostname", "lambda"),
        *("--die-with-parent", "--new-session", "--cap-drop", "ALL"),
    ]


def _environment(runnable: Runnable, client: Client | None) -> Iterator[str]:
    yield "--clearenv"
    for name, value in variables(runnable, client).items():
        yield from ("--setenv", name, value)


def _group(runnable: Runnable) -> contextlib.AbstractContextManager[Group | None]:
    most = ((runnable.memory + runnable.ephemeral_storage) << 20) + ROOM
    return group(memory=most, processes=PROCESSES)


@contextlib.contextmanager
def _process(
    arguments: Sequence[str], files: Files, held: Group | None, host: Host
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """bubblewrap, and the number of its process inside, whose limits are set before anything in it runs."""
    told, tell = os.pipe()
    waiting, go = os.pipe()
    command = [PROGRAM, "--info-fd", str(tell), "--block-fd", str(waiting), *arguments]
    environ = {"PATH": host.environ.get("PATH", os.defpath)}
    numbers = (tell, waiting, *files.numbers)
    with contextlib.ExitStack() as stack:
        for number in (told, waiting, go):
            stack.callback(os.close, number)
        try:
            process = stack.enter_context(running(command, folder=Path("/"), environ=environ, pass_fds=numbers))
        finally:
            os.close(tell)
        child = _child(told, process)
        _limit(child, process.pid, held)
        os.write(go, b".")
        yield process, child


def _child(told: int, process: subprocess.Popen[bytes]) -> int:
    """The process in the sandbox that bubblewrap tells of; ToolError when it makes none."""
    with os.fdopen(os.dup(told), "rb") as file:
        said = file.read()
    if said:
        return int(json.loads(said)["child-pid"])
    _, stderr = process.communicate()
    raise ToolError(
        "bubblewrap can't make a sandbox here",
        hint="if this machine, or the container that lpack runs in, allows no namespaces, allow them "
        f"(`sysctl kernel.unprivileged_userns_clone=1`, and what AppArmor says of `userns`), {DOCKER}",
        details=stderr.decode(errors="replace").strip().splitlines()[-5:],
    )


def _limit(child: int, outer: int, held: Group | None) -> None:
    for kind, most in ((resource.RLIMIT_NOFILE, DESCRIPTORS), (resource.RLIMIT_NPROC, PROCESSES)):
        resource.prlimit(child, kind, (most, most))
    resource.prlimit(child, resource.RLIMIT_CORE, (0, 0))
    if held:
        held.add(outer)
        held.add(child)


@contextlib.contextmanager
def _listening(runnable: Runnable, started: Started, place: _Place, measured: Measured) -> Iterator[Environment]:
    """The environment, once its emulator listens."""
    process = place.process
    if process.stdout is None or process.stderr is None:
        raise ValueError(process)
    with Journal.of(process.stdout, process.stderr, functools.partial(end, process)) as journal:
        watch = MemoryWatch(measured, limit=runnable.memory << 20)
        with contextlib.closing(Environment(runnable, started, place, journal, watch)) as environment:
            environment.wait()
            watch.begin()
            yield environment


@dataclass(frozen=True, slots=True)
class _Place:
    """The sandbox as its environment sees it: by the loopback that it shares, or through a door into its own."""

    process: subprocess.Popen[bytes]
    address: str
    door: Door | None

    def connect(self) -> socket.socket:
        """A new connection to the emulator."""
        made = self.door.new_socket() if self.door else socket.socket()
        try:
            made.settimeout(_PATIENCE)
            made.connect((self.address, _PORT))
        except OSError:
            made.close()
            raise
        return made

    def is_running(self) -> bool:
        """Whether bubblewrap, and with it all that is inside, is there."""
        return self.process.poll() is None

    def end(self) -> None:
        """End bubblewrap, and with it all that is inside."""
        self.process.kill()
