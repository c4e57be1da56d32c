"""One run of a script in a container, from the files that go in to the results that come out."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import shlex
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from ..aws.architectures import Architecture
from ..engine import gone, hang_up, understood
from ..errors import ToolError
from ..network import redacted

if TYPE_CHECKING:
    from docker import DockerClient

ROOM = "/lpack"
"""Where all that lpack brings lies in a container: a volume that is gone with it."""

SOURCES, RESULTS, CACHE = f"{ROOM}/sources", f"{ROOM}/results", "/var/cache/lpack"
LABEL = "lpack"
"""The label of the containers, images and volumes that lpack makes."""

_SCRIPT, _WATCH = f"{ROOM}/script", f"{ROOM}/watch"
_CHUNK = 1 << 20
_CONFLICT = 409
_PATIENCE = 10
_ABANDONED = 600
"""Seconds after which a container that was made, and not started, is nobody's any more."""

_OTHER_MACHINE = "exec format error"
PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
"""What Docker calls Lambda's architectures."""


@dataclass(frozen=True, slots=True)
class Task:
    """A script for ``sh``, and what it needs: ``doing`` is how messages call it ("building `numpy` 2.3").

    ``files`` are by their paths below ROOM: bytes, or files and folders of the host. ``variables`` are exported to the
    script alone. What it leaves in RESULTS is its outcome. It runs as this user unless it is ``root``'s work.
    """

    doing: str
    image: str
    architecture: Architecture
    script: str
    files: Mapping[str, bytes | Path] = field(default_factory=dict, repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    root: bool = False
    host_network: bool = False


class Outcome(NamedTuple):
    """How a script ended, and all that it printed."""

    exit_code: int
    printed: str


def perform(
    client: DockerClient,
    task: Task,
    *,
    results: Path | None = None,
    printing: Callable[[str], None],
    afterwards: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Run a task to its end; ``results``, an empty folder, gets what it leaves if it succeeds.

    ``printing`` is given each line as it comes. ``afterwards`` is called with the container's name while it still
    stands, if the script succeeded. ToolError when there is no such image, when the engine can't run its architecture,
    or dies.
    """
    name = f"lpack-{secrets.token_hex(8)}"
    try:
        with understood(task.doing):
            _remove_abandoned(client)
            _create(client, task, name)
            with _given(task) as files:
                client.api.put_archive(name, "/", files)
            stream = client.api.attach_socket(
                name, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1, "logs": 1}
            )
            try:
                client.api.start(name)
                outcome = _followed(client, task, stream, printing)
                if outcome.exit_code == 0:
                    if results:
                        _fetch(client, name, results)
                    afterwards(name)
            finally:
                hang_up(stream)
            return outcome
    finally:
        _remove(client, name)


def _create(client: DockerClient, task: Task, name: str) -> None:
    from docker.types import Mount

    owner = "0:0" if task.root else _user()
    cache = f"{LABEL}-cache-{'root' if task.root else owner.replace(':', '-')}"
    client.api.create_container(
        task.image,
        [_WATCH],
        name=name,
        entrypoint=["/bin/sh"],
        user=owner,
        labels={LABEL: "container"},
        stdin_open=True,  # once: the input ends when whoever attached to it does
        working_dir=ROOM,
        platform=PLATFORMS[task.architecture.name],
        host_config=client.api.create_host_config(
            auto_remove=True,
            mounts=[Mount(ROOM, None, type="volume"), Mount(CACHE, cache, type="volume", labels={LABEL: "cache"})],
            network_mode="host" if task.host_network else None,
        ),
    )


def _user() -> str:
    return f"{os.getuid()}:{os.getgid()}"


def _remove(client: DockerClient, name: str) -> None:
    """See that the container is gone, which it is by itself if the engine still lives."""
    import requests
    from docker.errors import APIError, DockerException

    with contextlib.suppress(DockerException, requests.exceptions.RequestException):
        try:
            client.api.remove_container(name, v=True, force=True)
        except APIError as error:
            if error.status_code == _CONFLICT:  # it is being removed
                client.api.wait(name, timeout=_PATIENCE, condition="removed")


def _remove_abandoned(client: DockerClient) -> None:
    """Remove what an lpack left behind that was killed before its container could run, and so end by itself."""
    filters = {"label": f"{LABEL}=container", "status": "created"}
    for each in client.api.containers(all=True, filters=filters):
        if time.time() - each["Created"] > _ABANDONED:
            _remove(client, each["Id"])


# Going in

_MARK = "lpack-ended"


def _watching() -> str:
    """What process 1 runs: when it ends, so does all else in the container.

    It ends with its input, and that ends with lpack.
    """
    work = f"sh -e {_SCRIPT} < /dev/null; code=$?; echo; echo {_MARK} $code"
    return f"{{ {work}; }} 2>&1 &\ncat > /dev/null\n"


def _given(task: Task) -> IO[bytes]:
    """A tar of all that goes in, open for reading; it belongs to the container's user."""
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 -- whoever reads it closes it
    exported = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(task.variables.items()))
    files: dict[str, bytes | Path] = {
        _inside(_WATCH): _watching().encode(),
        _inside(_SCRIPT): f"{exported}\n{task.script}\n".encode(),
        **task.files,
    }
    folders = {*map(PurePosixPath, (ROOM, RESULTS, SOURCES, f"{ROOM}/home", CACHE))}
    folders |= {parent for path in files for parent in (PurePosixPath(ROOM) / path).parents if len(parent.parts) > 1}
    owner = (0, 0) if task.root else (os.getuid(), os.getgid())
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for folder in sorted(folders):
            member = tarfile.TarInfo(str(folder))
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(_owned(member, *owner))
        for path, content in files.items():
            if isinstance(content, bytes):
                member = tarfile.TarInfo(f"{ROOM}/{path}")
                member.size, member.mode = len(content), 0o600  # some of them hold secrets
                tar.addfile(_owned(member, *owner), io.BytesIO(content))
            else:
                tar.add(content, f"{ROOM}/{path}", filter=lambda member: _owned(member, *owner))
    file.seek(0)
    return file


def _inside(place: str) -> str:
    return str(PurePosixPath(place).relative_to(ROOM))


def _owned(member: tarfile.TarInfo, user: int, group: int) -> tarfile.TarInfo:
    member.uid, member.gid = user, group
    member.uname = member.gname = ""
    return member


# Running


def _followed(client: DockerClient, task: Task, stream: Any, printing: Callable[[str], None]) -> Outcome:
    """Read what the script prints, to the line that tells how it ended."""
    printed: list[str] = []
    for line in _lines(stream):
        words = line.split(" ")
        if words[0] == _MARK and len(words) == 2:
            return Outcome(int(words[1]), "\n".join(printed).rstrip())
        if _OTHER_MACHINE in line and len(printed) < 2:
            raise _cannot_run(task)
        printed.append(redacted(line))
        printing(printed[-1])
    if not _answers(client):
        raise gone(task.doing)
    raise ToolError(
        f"the container ended in the middle of {task.doing}",
        hint="it was stopped by somebody, or killed for want of memory: give the engine more",
        details=printed[-15:],
    )


def _lines(stream: Any) -> Iterator[str]:
    from docker.utils.socket import SocketError, frames_iter

    rest = b""
    try:
        for _, data in frames_iter(stream, tty=False):  # type: ignore[no-untyped-call]
            *lines, rest = (rest + data).split(b"\n")
            yield from (_text(line) for line in lines)
    except (OSError, SocketError):  # as when it ends: what became of the container is asked next
        pass
    if rest:
        yield _text(rest)


def _text(line: bytes) -> str:
    """A line as it looks in the end: progress bars go back to its beginning again and again."""
    return line.decode(errors="replace").rstrip("\r").rpartition("\r")[2]


def _answers(client: DockerClient) -> bool:
    import requests
    from docker.errors import DockerException

    try:
        return bool(client.ping())
    except (DockerException, requests.exceptions.RequestException, OSError):
        return False


def _cannot_run(task: Task) -> ToolError:
    return ToolError(
        f"the Docker Engine can't run programs for {task.architecture}, which {task.doing} needs",
        hint="have it emulate them (on Debian: `sudo apt-get install qemu-user-static`; elsewhere: `docker run "
        "--privileged --rm tonistiigi/binfmt --install all`), or build on such a machine",
    )


# Coming out


def _fetch(client: DockerClient, name: str, results: Path) -> None:
    """Unpack the results into the folder; as this user's files, without links that lead out of it."""
    chunks, _ = client.api.get_archive(name, RESULTS, chunk_size=_CHUNK)
    with tempfile.TemporaryFile(dir=results) as file:
        file.writelines(chunks)
        file.seek(0)
        with tarfile.open(fileobj=file) as tar:
            for member in tar:
                inside = PurePosixPath(member.name).relative_to(PurePosixPath(RESULTS).name)
                if inside.parts:
                    with contextlib.suppress(tarfile.LinkOutsideDestinationError, tarfile.AbsoluteLinkError):
                        tar.extract(member.replace(name=str(inside), deep=False), results, filter="data")
