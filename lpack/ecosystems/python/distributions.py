"""From chosen distributions to wheels in the store: fetched, or built from source, and proved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...download import Credential, Download, fetch, redacted
from ...errors import InputError, LpackError, ToolError
from ...model import Target
from ...processes import run
from ...store import damaged
from .. import Ask
from .selection import Distribution
from .wheels import Wheel, admit, open_wheel

WHEELS = "wheels"
SDISTS = "sdists"


def wheels_of(
    distributions: Sequence[Distribution], ask: Ask, *, credentials: Sequence[Credential] = ()
) -> tuple[Wheel, ...]:
    """The wheels of the distributions, in their order; what the store lacks is fetched or built."""
    _fetch_all(distributions, ask, credentials)
    return tuple(_wheel(distribution, ask) for distribution in distributions)


def _fetch_all(distributions: Sequence[Distribution], ask: Ask, credentials: Sequence[Credential]) -> None:
    def admit_wheel(path: Path, download: Download) -> None:
        admit(path, download.name, download.sha256, ask.store)

    def admit_sdist(path: Path, download: Download) -> None:
        """A source distribution is looked at when it is unpacked."""

    for kind, store_kind, look_at in (("wheel", WHEELS, admit_wheel), ("sdist", SDISTS, admit_sdist)):
        fetch(
            store_kind,
            [Download(each.url, each.sha256, each.file_name) for each in distributions if each.kind == kind],
            store=ask.store,
            host=ask.host,
            credentials=credentials,
            reporter=ask.reporter,
            admit=look_at,
        )


def _wheel(distribution: Distribution, ask: Ask) -> Wheel:
    match distribution.kind:
        case "wheel":
            file = ask.store.path(WHEELS, distribution.sha256, distribution.file_name)
            return open_wheel(file, distribution.sha256, ask.store)
        case "sdist":
            return _built_from_sdist(distribution, ask)
        case "folder":
            return _built_from_folder(distribution.folder, distribution.name, ask)
        case "repository":
            return _built_from_repository(distribution, ask)


def _built_from_sdist(distribution: Distribution, ask: Ask) -> Wheel:
    from .building import wheel_of_sdist

    sdist = ask.store.path(SDISTS, distribution.sha256, distribution.file_name)
    if damaged(sdist, distribution.sha256):
        ask.store.discard(sdist)
        _fetch_all([distribution], ask, ())
    file, sha256 = wheel_of_sdist(
        sdist,
        name=distribution.name,
        version=distribution.version,
        target=ask.function.target,
        store=ask.store,
        host=ask.host,
        reporter=ask.reporter,
    )
    return open_wheel(file, sha256, ask.store)


def _built_from_folder(folder: Path, name: str, ask: Ask) -> Wheel:
    from .building import wheel_of_folder

    if not folder.is_dir():
        raise InputError(f"`{name}` is locked as the local folder `{folder}`, which is not there")
    file, sha256 = wheel_of_folder(
        folder,
        name=name,
        target=ask.function.target,
        store=ask.store,
        host=ask.host,
        reporter=ask.reporter,
    )
    return open_wheel(file, sha256, ask.store)


def _built_from_repository(distribution: Distribution, ask: Ask) -> Wheel:
    """A commit never changes, so its checkout is made for the build alone; the wheel is kept."""
    subject = f"`{distribution.name}` ({redacted(distribution.url)})"
    with ask.store.temporary_folder() as folder:
        for arguments in (
            ("init", "--quiet"),
            ("fetch", "--quiet", "--depth=1", distribution.url, distribution.commit),
            ("checkout", "--quiet", "FETCH_HEAD"),
        ):
            result = run(["git", *arguments], folder=folder, environ={**ask.host.environ, "GIT_TERMINAL_PROMPT": "0"})
            if result.exit_code != 0:
                raise ToolError(f"git can't fetch {subject} at {distribution.commit}", details=result.last_lines())
        return _built_from_folder(folder / distribution.folder, distribution.name, ask)


def refuse_twice(wheels: Sequence[Wheel], target: Target) -> None:
    """LpackError when two wheels are of one project: a lock's markers overlap."""
    seen: dict[str, str] = {}
    for wheel in wheels:
        if seen.setdefault(wheel.name, wheel.version) != wheel.version:
            raise LpackError(f"`{wheel.name}` is locked twice for {target}: {seen[wheel.name]} and {wheel.version}")
