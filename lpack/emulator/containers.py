"""The Docker backend: the emulator in a container, which is reached by a port, or without a network by a door."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..aws.architectures import ARM64
from ..engine import connect, hang_up, understood
from ..errors import ToolError
from ..means import Means
from ..model import Target
from ..processes import end, running
from .cgroups import group_of
from .container_images import Start, image_for, start_of
from .environment import Environment, Started
from .journal import Journal
from .memory import MemoryWatch
from .networks import Door, door_to
from .rie import rie_program
from .runnable import Runnable
from .surroundings import DESCRIPTORS, GROUP, PROCESSES, ROOM, USER

if TYPE_CHECKING:
    from docker.models.containers import Container

_RIE = "/usr/local/bin/aws-lambda-rie"
_PORT, _API_PORT = 8080, 9001
_PATIENCE = 5.0
_START_PATIENCE = 120.0
"""Seconds for the emulator to listen: where the container's architecture is emulated, all takes its time."""

_REAPER = """\
import os, sys, time
from lpack.emulator.containers import remove

sys.stdin.buffer.read()
for pause in (0, 3):  # the engine may still be making it
    time.sleep(pause)
    remove(sys.argv[1], dict(os.environ))
"""
"""A process that waits until lpack ends, in whatever way, and then removes its container: the engine does not."""


@contextlib.contextmanager
def contained(
    runnable: Runnable, means: Means, *, network: bool, rie: Path | None, base: str | None
) -> Iterator[Environment]:
    """An environment in a container, which ends with the block and with lpack."""
    program = rie_program(runnable.target.architecture, rie, means)
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(connect(means.host.environ))
        image = image_for(engine, runnable, base, means)
        start = start_of(runnable, image, means, stack)
        name = f"lpack-{os.getpid()}-{uuid.uuid4().hex[:12]}"
        stack.enter_context(_reaped(name, means.host.environ))
        container = engine.containers.create(
            str(image.id),
            name=name,
            entrypoint=[_RIE, "--log-level", "debug", *_addresses()],
            command=list(start.command),
            environment={**start.environ, **_emulated(runnable.target)},
            volumes={str(place): {"bind": target, "mode": "ro"} for place, target in (*start.mounts, (program, _RIE))},
            working_dir=start.folder,
            network_mode="bridge" if network else "none",
            ports={f"{_PORT}/tcp": ("127.0.0.1", 0)} if network else None,
            **_limits(runnable),
        )
        stack.callback(_removed, container)
        yield stack.enter_context(_listening(container, runnable, start, str(program), network=network))


def remove(name: str, environ: Mapping[str, str]) -> None:
    """Remove the container of that name, whatever it is doing, if there is one."""
    from docker.errors import NotFound

    with connect(environ) as engine, contextlib.suppress(NotFound):
        engine.containers.get(name).remove(force=True, v=True)


def _addresses() -> tuple[str, ...]:
    return (
        *("--runtime-interface-emulator-address", f"0.0.0.0:{_PORT}"),
        *("--runtime-api-address", f"127.0.0.1:{_API_PORT}"),
    )


def _emulated(target: Target) -> dict[str, str]:
    """What makes QEMU quick, where it stands in for another machine: newer ones sign pointers, at ten times the cost.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html (Graviton2 is a Neoverse N1)
    """
    foreign = target.architecture.machine != platform.machine()
    return {"QEMU_CPU": "neoverse-n1"} if foreign and target.architecture is ARM64 else {}


def _limits(runnable: Runnable) -> dict[str, Any]:
    """Lambda's limits, in the engine's words. What is in /tmp counts as memory there, so there is room for it."""
    from docker.types import Ulimit

    storage = runnable.ephemeral_storage << 20
    return {
        "mem_limit": (runnable.memory << 20) + storage + ROOM,
        "pids_limit": PROCESSES,
        "ulimits": [
            Ulimit(name="nofile", soft=DESCRIPTORS, hard=DESCRIPTORS),
            Ulimit(name="core", soft=0, hard=0),
        ],
        "tmpfs": {"/tmp": f"size={storage},mode=1777,exec"},  # noqa: S108 -- the container's own
        "read_only": True,
        "user": f"{USER}:{GROUP}",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
    }


# The container


@contextlib.contextmanager
def _reaped(name: str, environ: Mapping[str, str]) -> Iterator[None]:
    """See that the container is removed, also when lpack is killed."""
    command = [sys.executable, "-c", _REAPER, name]
    with running(
        command, folder=Path("/"), environ=environ, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        yield
        end(process)


def _removed(container: Container) -> None:
    from docker.errors import NotFound

    with understood("removing a container"), contextlib.suppress(NotFound):
        container.remove(force=True, v=True)


@contextlib.contextmanager
def _listening(
    container: Container, runnable: Runnable, start: Start, program: str, *, network: bool
) -> Iterator[Environment]:
    with contextlib.ExitStack() as stack:
        output, journal = stack.enter_context(_streams(container))
        with understood(f"starting `{start.image}`"):
            container.start()
            container.reload()
        process = int(container.attrs["State"]["Pid"])
        door = None if network else stack.enter_context(_door(process))
        place = _Place(container, _port_of(container) if network else _PORT, door)
        heard = stack.enter_context(Journal.of(output, journal, functools.partial(_removed, container)))
        held = group_of(process, str(container.id))
        started = Started(
            backend="docker",
            emulator=program,
            client=start.client,
            image=start.image,
            network=network,
            holds_memory=held is not None and os.geteuid() == 0,
        )
        watch = MemoryWatch(held, limit=runnable.memory << 20) if held else None
        environment = stack.enter_context(contextlib.closing(Environment(runnable, started, place, heard, watch)))
        environment.wait(patience=_START_PATIENCE)
        if watch:
            watch.begin()
        yield environment


@contextlib.contextmanager
def _door(process: int) -> Iterator[Door]:
    """A door into the container's own network, which has no other."""
    if not process or os.geteuid() != 0 or not Path(f"/proc/{process}/ns/net").exists():
        raise ToolError(
            "without a network, nobody but root can reach a container, and only on the engine's own machine",
            hint="leave out `--no-network`, run lpack as root, or use the sandbox (`--backend sandbox`)",
        )
    with door_to(process) as door:
        yield door


def _port_of(container: Container) -> int:
    return int(container.attrs["NetworkSettings"]["Ports"][f"{_PORT}/tcp"][0]["HostPort"])


@contextlib.contextmanager
def _streams(container: Container) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """What the container will print, on its two streams."""
    from docker.utils.socket import frames_iter

    pairs = [os.pipe() for _ in range(2)]
    readers = [os.fdopen(number, "rb") for number, _ in pairs]
    writers = [os.fdopen(number, "wb", buffering=0) for _, number in pairs]
    with understood("attaching to a container"):
        wanted = {"stdout": 1, "stderr": 1, "stream": 1, "logs": 1}
        stream = container.client.api.attach_socket(str(container.id), params=wanted)  # type: ignore[union-attr]

    def pass_on() -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads any more
            for number, piece in frames_iter(stream, tty=False):  # type: ignore[no-untyped-call]
                writers[number - 1].write(piece)
        for writer in writers:
            writer.close()

    thread = threading.Thread(target=pass_on, daemon=True)
    thread.start()
    try:
        yield readers[0], readers[1]
    finally:
        thread.join(_PATIENCE)
        hang_up(stream)
        for reader in readers:
            reader.close()


@dataclass(frozen=True, slots=True)
class _Place:
    """The container as its environment sees it: by a port of this machine, or through a door into its network."""

    container: Container
    port: int
    door: Door | None

    def connect(self) -> socket.socket:
        """A new connection to the emulator."""
        made = self.door.new_socket() if self.door else socket.socket()
        try:
            made.settimeout(_PATIENCE)
            made.connect(("127.0.0.1", self.port))
        except OSError:
            made.close()
            raise
        return made

    def is_running(self) -> bool:
        """Whether the container runs."""
        from docker.errors import DockerException

        try:
            self.container.reload()
        except DockerException:
            return False
        return bool(self.container.status == "running")

    def end(self) -> None:
        """Remove the container."""
        with contextlib.suppress(ToolError):
            _removed(self.container)
