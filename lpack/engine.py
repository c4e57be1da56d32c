"""The door to the Docker Engine, and to whatever speaks its API: found as Docker's own tools find it.

An engine is looked for in this order: DOCKER_HOST, DOCKER_CONTEXT, the current context of `~/.docker/config.json`,
`/var/run/docker.sock`, and last the sockets of engines that run for one user alone (rootless Docker, Podman, Docker
Desktop, Colima, Rancher Desktop).

Source: https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import ToolError

if TYPE_CHECKING:
    from docker import DockerClient

PATIENCE = 60.0
"""Seconds for an engine to answer a question that takes it no work."""

FOR_WORK = 600.0
"""Seconds for an engine to answer what takes it work: unpacking, or keeping an image."""

_DEFAULT_SOCKET = Path("/var/run/docker.sock")
_OTHER_SOCKETS = (
    ("XDG_RUNTIME_DIR", "docker.sock"),
    ("XDG_RUNTIME_DIR", "podman/podman.sock"),
    ("HOME", ".docker/run/docker.sock"),
    ("HOME", ".colima/default/docker.sock"),
    ("HOME", ".rd/docker.sock"),
)
_ROOTS_PODMAN = Path("/run/podman/podman.sock")

_START = (
    "start one (`sudo systemctl start docker`, Docker Desktop, `colima start`, `podman system service`), or name the "
    "one to use in DOCKER_HOST; `lpack doctor` tells whether it is found"
)


class Engine(NamedTuple):
    """An engine that answered: its version, and that of its API."""

    version: str
    api: str


@contextlib.contextmanager
def connect(environ: Mapping[str, str], *, timeout: float = PATIENCE) -> Iterator[DockerClient]:
    """A client of the engine, speaking the newest API that both know; its errors in the block become ToolErrors.

    ``timeout`` is in seconds, for each answer. ToolError when no engine answers, when this user may not ask it, or when
    it is too old.
    """
    with contextlib.closing(_client(environ, timeout)) as client, understood("working"):
        yield client


def engine(environ: Mapping[str, str], *, timeout: float = 5.0) -> Engine:
    """What engine there is; ToolError when there is none for this user."""
    with connect(environ, timeout=timeout) as client:
        found = client.api.version(api_version=False)
        return Engine(str(found.get("Version", "unknown")), str(found["ApiVersion"]))


def why_not(environ: Mapping[str, str]) -> str:
    """Why no engine can be used; "" when one can."""
    try:
        engine(environ)
    except ToolError as error:
        return error.message
    return ""


def _client(environ: Mapping[str, str], timeout: float) -> DockerClient:
    import docker
    from docker.errors import DockerException, InvalidVersion

    settings, place = _settings(environ)
    try:
        _knock(place)
        # The SDK takes whole seconds by its types, and any number in fact.
        return docker.from_env(environment=settings, timeout=timeout)  # type: ignore[arg-type]
    except InvalidVersion as error:
        raise ToolError(
            f"the Docker Engine at `{place}` is too old: {str(error).rstrip('.')}", hint="install a newer one"
        ) from error
    except (DockerException, OSError, ValueError) as error:
        raise _unreachable(place, error) from error


def _knock(place: str) -> None:
    """OSError when nobody listens at a socket: the SDK would leave its own end open."""
    if place.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.connect("/" + place.removeprefix("unix://").lstrip("/"))


def _settings(environ: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The environment that makes the SDK ask the right engine, and where that is."""
    # An empty environment would be replaced by the process's own.
    settings = {"DOCKER_CONTEXT": "", **environ}
    if host := environ.get("DOCKER_HOST"):
        return settings, host
    if place := _of_context(environ.get("DOCKER_CONTEXT")):
        return settings, place
    if not _DEFAULT_SOCKET.exists():
        for other in _other_sockets(environ):
            if other.exists():
                address = f"unix://{other}"
                return {**settings, "DOCKER_HOST": address}, address
    return settings, f"unix://{_DEFAULT_SOCKET}"


def _of_context(name: str | None) -> str | None:
    """Where the engine of a context of Docker's command line is; None for the default one."""
    from docker.context import ContextAPI
    from docker.errors import DockerException

    try:
        context = ContextAPI.get_context(name or None)
    except (DockerException, OSError, ValueError, KeyError) as error:
        raise ToolError(
            f"the Docker contexts can't be read: {error}",
            hint="mend them (`docker context ls`), or name the engine in DOCKER_HOST",
        ) from error
    if context is None and name:
        raise ToolError(
            f"DOCKER_CONTEXT names `{name}`, and there is no such context", hint="see `docker context ls`, or unset it"
        )
    if context is None or context.Name == "default":
        return None
    return str(context.Host)


def _other_sockets(environ: Mapping[str, str]) -> Iterator[Path]:
    for variable, name in _OTHER_SOCKETS:
        if folder := environ.get(variable):
            yield Path(folder, name)
    yield _ROOTS_PODMAN


def _unreachable(place: str, error: Exception) -> ToolError:
    causes = list(_causes(error))
    if any(isinstance(cause, PermissionError) for cause in causes):
        return ToolError(
            f"this user has no right to the Docker Engine's socket, `{place}`",
            hint="join the group that owns it (`sudo usermod -aG docker $USER`, then log in again), or use an engine "
            "of your own (rootless Docker, Podman)",
        )
    if place.startswith("ssh://"):
        return ToolError(
            f"the Docker Engine at `{place}` can't be reached: {error}",
            hint="install paramiko beside lpack, and see that `ssh` reaches it without a password",
        )
    if any(isinstance(cause, TimeoutError) for cause in causes) or "timed out" in str(error).lower():
        return ToolError(f"the Docker Engine at `{place}` does not answer", hint="see whether it works: `docker info`")
    if any(isinstance(cause, OSError) for cause in causes):
        return ToolError(f"no Docker Engine answers at `{place}`", hint=_START, details=_last_reason(causes))
    return ToolError(
        f"no Docker Engine can be at `{place}`: {error}",
        hint="correct DOCKER_HOST: unix:///path/to/socket, tcp://host:port or ssh://user@host",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that lie beneath it: requests and urllib3 wrap what the system said several times."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]


def _last_reason(causes: list[BaseException]) -> tuple[str, ...]:
    reasons = [cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror]
    return (reasons[-1],) if reasons else ()


@contextlib.contextmanager
def understood(doing: str) -> Iterator[None]:
    """The errors of Docker's library in the block, as ToolErrors; ``doing`` is what the engine was busy with.

    "pulling `debian:12`", say.
    """
    import requests
    from docker.errors import APIError, BuildError, DockerException

    try:
        yield
    except (APIError, BuildError) as error:
        raise _refused(doing, said(error)) from error
    except DockerException as error:
        raise ToolError(f"the Docker Engine can't go on with {doing}: {error}") from error
    except requests.exceptions.RequestException as error:
        raise gone(doing) from error


def hang_up(stream: Any) -> None:
    """Close what `attach_socket` gave, and the connection under it, which the SDK leaves open."""
    connection = getattr(stream, "_sock", None)
    stream.close()
    if connection:
        connection.close()


def gone(doing: str) -> ToolError:
    """The error for an engine that no longer answers."""
    return ToolError(
        f"the Docker Engine stopped answering while it was {doing}",
        hint="see whether it still runs (`docker info`), and run the command again",
    )


def said(error: Exception) -> str:
    """What the engine itself says was wrong, in one line."""
    text = str(getattr(error, "explanation", None) or getattr(error, "msg", None) or error)
    return re.sub(r"\s+", " ", text).strip().removeprefix("Error response from daemon: ").rstrip(".")


def _refused(doing: str, reason: str) -> ToolError:
    if "no space left on device" in reason.lower():
        return ToolError(
            f"the Docker Engine's disk is full: it was {doing}",
            hint="make room: `docker system df` tells what takes it, `docker image prune` frees some",
            details=(reason,),
        )
    return ToolError(f"the Docker Engine refused while it was {doing}: {reason}")
