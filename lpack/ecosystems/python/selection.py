"""From a lock to the distributions that a target takes.

Source: https://packaging.python.org/en/latest/specifications/pylock-toml/
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import unquote, urlsplit

from ...errors import InputError, ResolveError
from ...model import Target
from ...store import Store
from .missing_wheels import no_wheel, why_not
from .tags import environment, wheel_tags

if TYPE_CHECKING:
    from packaging.markers import Environment
    from packaging.pylock import (
        Package,
        PackageArchive,
        PackageDirectory,
        PackageSdist,
        PackageVcs,
        PackageWheel,
        Pylock,
    )

    Chosen = PackageArchive | PackageDirectory | PackageSdist | PackageVcs | PackageWheel


@dataclass(frozen=True, slots=True)
class Distribution:
    """What is to be had of one project: a file with its hash, a folder, or a commit of a repository.

    ``url`` is where a file is or a repository's address, ``file_name`` the file's name, ``commit`` the repository's
    commit, ``folder`` a local project, or the folder of one inside a repository (relative).
    """

    kind: Literal["wheel", "sdist", "folder", "repository"]
    name: str
    version: str
    url: str = ""
    sha256: bytes = b""
    file_name: str = ""
    commit: str = ""
    folder: Path = Path()


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock as it was read: its document, the folder its paths start from, and how messages name it."""

    document: Mapping[str, Any]
    folder: Path
    subject: str


def parse(lock: Lock) -> Pylock:
    """The lock, validated; InputError says what the standard forbids."""
    from packaging.pylock import Pylock, PylockValidationError

    try:
        return Pylock.from_dict(lock.document)
    except PylockValidationError as error:
        raise InputError(f"{lock.subject} is not a valid lock (PEP 751): {error}") from error


_NOTE = "selection-1"


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen of a lock: extras and groups that it knows; None stands for the groups it takes by default."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None


def select(lock: Lock, target: Target, choice: Choice, store: Store) -> tuple[Distribution, ...]:
    """What the target takes of the lock, sorted by name; ResolveError when something has nothing that fits.

    Noted in the store: the same lock gives the same answer, and reading it takes as long as the rest of a build.
    """
    said = [lock.document, str(lock.folder), str(target), choice.extras, choice.groups]
    key = hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()
    noted = store.note(_NOTE, key)
    if noted is not None:
        return tuple(_from_note(each) for each in noted)
    selected = _select(lock, target, choice)
    store.make_note(_NOTE, key, [_to_note(each) for each in selected])
    return selected


def _to_note(distribution: Distribution) -> dict[str, str]:
    fields = {name: getattr(distribution, name) for name in Distribution.__slots__}
    return {**fields, "sha256": distribution.sha256.hex(), "folder": str(distribution.folder)}


def _from_note(fields: Any) -> Distribution:
    return Distribution(**{**fields, "sha256": bytes.fromhex(fields["sha256"]), "folder": Path(fields["folder"])})


def _select(lock: Lock, target: Target, choice: Choice) -> tuple[Distribution, ...]:
    from packaging.pylock import PylockSelectError

    pylock = parse(lock)
    found = []
    try:
        for package, chosen in pylock.select(
            environment=cast("Environment", environment(target)),
            tags=wheel_tags(target),
            extras=choice.extras,
            dependency_groups=choice.groups,
        ):
            found.append(_distribution(package, chosen, lock))
    except PylockSelectError as error:
        raise _unfit(pylock, target) or ResolveError(f"{lock.subject} does not fit {target}: {error}") from error
    for distribution in found:
        _refuse_foreign_wheel(distribution, target)
    return tuple(sorted(found, key=lambda each: each.name))


def _distribution(package: Package, chosen: Chosen, lock: Lock) -> Distribution:
    from packaging.pylock import PackageDirectory, PackageVcs

    name, version = str(package.name), str(package.version or "")
    if isinstance(chosen, PackageDirectory):
        folder = lock.folder / chosen.path / (chosen.subdirectory or "")
        return Distribution("folder", name, version, folder=folder.resolve())
    if isinstance(chosen, PackageVcs):
        url = chosen.url or (lock.folder / (chosen.path or "")).resolve().as_uri()
        folder = Path(chosen.subdirectory or "")
        return Distribution("repository", name, version, url=url, commit=chosen.commit_id, folder=folder)
    url = _place(chosen.path, chosen.url, lock)
    digest = chosen.hashes.get("sha256")
    if not digest:
        raise ResolveError(f"{lock.subject} has no SHA-256 for `{name}`", hint="lock it again with a newer tool")
    file_name = getattr(chosen, "name", None) or unquote(urlsplit(url).path).rpartition("/")[2]
    kind: Literal["wheel", "sdist"] = "wheel" if file_name.endswith(".whl") else "sdist"
    return Distribution(kind, name, version, url=url, sha256=_bytes(digest, name, lock), file_name=file_name)


def _place(path: str | None, url: str | None, lock: Lock) -> str:
    if path:
        local = (lock.folder / path).resolve()
        # A lock may carry both: the path, as long as it is there, needs no network.
        if local.exists() or not url:
            return local.as_uri()
    return url or ""


def _bytes(digest: str, name: str, lock: Lock) -> bytes:
    try:
        value = bytes.fromhex(digest)
    except ValueError:
        value = b""
    if len(value) != 32:
        raise InputError(f"{lock.subject} has a malformed SHA-256 for `{name}`")
    return value


def _unfit(pylock: Pylock, target: Target) -> ResolveError | None:
    """The error for the first package that has wheels, but none for the target."""
    tags = set(wheel_tags(target))
    for package in pylock.packages:
        wheels = package.wheels or ()
        names = [wheel.name or unquote(urlsplit(wheel.url or "").path) for wheel in wheels]
        applies = package.marker is None or package.marker.evaluate(environment(target), context="lock_file")
        if applies and wheels and package.sdist is None and not any(fits(name, tags) for name in names):
            reason = why_not(names, target)
            return no_wheel(str(package.name), str(package.version or ""), target, reason=reason)
    return None


def _refuse_foreign_wheel(distribution: Distribution, target: Target) -> None:
    """A wheel given by its path or address was never matched against the target."""
    if distribution.kind == "wheel" and not fits(distribution.file_name, set(wheel_tags(target))):
        raise ResolveError(
            f"`{distribution.file_name}` is a wheel for another platform, it can't run on {target.description}: "
            + why_not([distribution.file_name], target),
            hint="give the wheel for the target, or the version alone so that lpack chooses it",
        )


def fits(file_name: str, tags: set[Any]) -> bool:
    """Whether a wheel of that file name has one of the tags."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        return not tags.isdisjoint(parse_wheel_filename(file_name.rpartition("/")[2])[3])
    except InvalidWheelFilename:
        return False
