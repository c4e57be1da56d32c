"""From chosen distributions to wheels in the store: fetched, or built from source, and proved."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from ...archive.zip_writer import LAYOUT
from ...download import Credential, Download, fetch, redacted
from ...errors import InputError
from ...model import Target
from ...store import damaged
from .. import Ask
from .native import native_of
from .selection import Distribution
from .wheels import Wheel, admit, open_wheel

WHEELS = "wheels"
SDISTS = "sdists"

_NOTE = "repository-1"


def wheels_of(
    distributions: Sequence[Distribution], ask: Ask, target: Target, *, credentials: Sequence[Credential] = ()
) -> tuple[Wheel, ...]:
    """The wheels of the distributions, in their order; what the store lacks is fetched, or built for the target."""
    _fetch_all(distributions, ask, credentials)
    return tuple(_proved(distribution, ask, target, credentials) for distribution in distributions)


def _fetch_all(distributions: Sequence[Distribution], ask: Ask, credentials: Sequence[Credential]) -> None:
    def admit_wheel(path: Path, download: Download) -> None:
        try:
            admit(path, download.name, download.sha256, ask.store)
        except InputError as error:
            # It is on its way into the store: the place where it is at this moment means nothing to anybody.
            message = error.message.replace(str(path), download.name)
            hint = error.hint or f"it comes from {redacted(download.url)}: have it mended there, or ask for another"
            raise type(error)(message, hint=hint, details=error.details) from error

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


def _proved(distribution: Distribution, ask: Ask, target: Target, credentials: Sequence[Credential]) -> Wheel:
    """The wheel, which must be of the project that the lock names."""
    try:
        wheel = _wheel(distribution, ask, target, credentials)
    except InputError:
        # Whether it is the store's copy that is broken is looked at only now: the same bytes were proved before.
        kind = WHEELS if distribution.kind == "wheel" else SDISTS
        kept = ask.store.path(kind, distribution.sha256, distribution.file_name)
        if not distribution.sha256 or not damaged(kept, distribution.sha256):
            raise
        ask.store.discard(kept)
        _fetch_all([distribution], ask, credentials)
        wheel = _wheel(distribution, ask, target, credentials)
    if wheel.name != distribution.name:
        raise InputError(f"`{wheel.file.name}` is locked as `{distribution.name}`, but is another project")
    return wheel


def _wheel(distribution: Distribution, ask: Ask, target: Target, credentials: Sequence[Credential]) -> Wheel:
    match distribution.kind:
        case "wheel":
            file = ask.store.path(WHEELS, distribution.sha256, distribution.file_name)
            return open_wheel(file, distribution.sha256, ask.store)
        case "sdist":
            return _built_from_sdist(distribution, ask, target)
        case "folder":
            return _built_from_folder(distribution.folder, distribution.name, ask, target)
        case "repository":
            return _built_from_repository(distribution, ask, target, credentials)


def _built_from_sdist(distribution: Distribution, ask: Ask, target: Target) -> Wheel:
    from .building import wheel_of_sdist
    from .sdists import unpack_sdist

    sdist = ask.store.path(SDISTS, distribution.sha256, distribution.file_name)
    if damaged(sdist, distribution.sha256):
        raise InputError(f"the store's copy of `{distribution.file_name}` is damaged")
    if distribution.folder != Path():
        with ask.store.temporary_folder() as folder:
            return _built_from_folder(unpack_sdist(sdist, folder) / distribution.folder, distribution.name, ask, target)
    file, sha256 = wheel_of_sdist(
        sdist,
        name=distribution.name,
        version=distribution.version,
        target=target,
        store=ask.store,
        host=ask.host,
        reporter=ask.reporter,
        native=native_of(ask),
    )
    return open_wheel(file, sha256, ask.store)


def _built_from_folder(folder: Path, name: str, ask: Ask, target: Target) -> Wheel:
    from .building import wheel_of_folder

    if not folder.is_dir():
        raise InputError(
            f"`{name}` is locked as the local folder `{folder}`, which is not there",
            hint=f"correct the requirements, or run `lpack lock {ask.wanted.name}` if they have changed",
        )
    file, sha256 = wheel_of_folder(
        folder,
        name=name,
        target=target,
        store=ask.store,
        host=ask.host,
        reporter=ask.reporter,
        native=native_of(ask),
    )
    return open_wheel(file, sha256, ask.store)


def _built_from_repository(
    distribution: Distribution, ask: Ask, target: Target, credentials: Sequence[Credential]
) -> Wheel:
    """A commit never changes, so its wheel is noted in the store and the repository is asked once."""
    from .repositories import check_out

    key = _repository_key(distribution, ask, target)
    noted = ask.store.note(_NOTE, key)
    if noted:
        file, sha256 = ask.store.folder / noted["file"], bytes.fromhex(noted["sha256"])
        if not damaged(file, sha256):
            return open_wheel(file, sha256, ask.store)
    with ask.store.temporary_folder() as folder:
        check_out(distribution.url, distribution.commit, folder, host=ask.host, credentials=credentials)
        wheel = _built_from_folder(folder / distribution.folder, distribution.name, ask, target)
    place = wheel.file.relative_to(ask.store.folder).as_posix()
    ask.store.make_note(_NOTE, key, {"file": place, "sha256": wheel.sha256.hex()})
    return wheel


def _repository_key(distribution: Distribution, ask: Ask, target: Target) -> str:
    import deflate

    source = (redacted(distribution.url), distribution.commit, str(distribution.folder))
    made_by = (str(target), LAYOUT, deflate.__version__, repr(ask.project.building))
    return hashlib.sha256(json.dumps([source, made_by]).encode()).hexdigest()
