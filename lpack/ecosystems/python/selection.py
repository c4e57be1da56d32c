"""From a lock to the distributions that a target takes.

Source: https://packaging.python.org/en/latest/specifications/pylock-toml/
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast
from urllib.parse import unquote, urlsplit

from ...errors import InputError, ResolveError, UsageError
from ...model import Target
from ...store import Store
from .missing_wheels import WhyNobody, explain, has_native_wheels, why_not
from .requirements import normalised
from .tags import environment, fits, wheel_tags

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


class Distribution(NamedTuple):
    """What is to be had of one project: a file with its hash, a folder, or a commit of a repository.

    ``url`` is where a file is or a repository's address, ``file_name`` the file's name, ``commit`` the repository's
    commit, ``folder`` a local project, or (relative) the folder of one inside an archive or repository.
    """

    kind: Literal["wheel", "sdist", "folder", "repository"]
    name: str
    version: str
    url: str = ""
    sha256: bytes = b""
    file_name: str = ""
    commit: str = ""
    folder: Path = Path()


class Lock(NamedTuple):
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


_NOTE = "selection-2"


class Choice(NamedTuple):
    """What is chosen of a lock: extras and groups that it knows; None stands for the groups it takes by default."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None


def select(
    lock: Lock, target: Target, choice: Choice, store: Store, *, why_nobody: WhyNobody = lambda _: ()
) -> tuple[Distribution, ...]:
    """What the target takes of the lock, sorted by name; ResolveError when something has nothing that fits.

    Sources that most likely hold native code fit unless ``why_nobody`` says why they can't be built for the target.

    Noted in the store: the same lock gives the same answer, and reading it takes as long as the rest of a build.
    """
    said = [lock.document, str(lock.folder), str(target), choice.extras, choice.groups]
    key = hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()
    noted = store.note(_NOTE, key)
    if noted is not None:
        return tuple(_from_note(each) for each in noted)
    try:
        selected, native = _select(lock, target, choice)
    except ValueError as error:  # an address that is none, which the standard's reader lets pass
        raise InputError(f"{lock.subject} holds what can't be understood: {error}", hint="lock it again") from error
    if native and (reasons := why_nobody(target)) is not None:
        raise ResolveError(native[0].message, hint=native[0].hint, details=reasons)
    # Once it is noted nobody is asked again: what was built is in the store, even where it can't be built any more.
    store.make_note(_NOTE, key, [_to_note(each) for each in selected])
    return selected


def _to_note(distribution: Distribution) -> dict[str, str]:
    return {**distribution._asdict(), "sha256": distribution.sha256.hex(), "folder": str(distribution.folder)}


def _from_note(fields: Any) -> Distribution:
    return Distribution(**{**fields, "sha256": bytes.fromhex(fields["sha256"]), "folder": Path(fields["folder"])})


def _select(lock: Lock, target: Target, choice: Choice) -> tuple[tuple[Distribution, ...], list[ResolveError]]:
    """What the target takes, and what there is to say about sources that hold native code if nobody can build it."""
    from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
    from packaging.pylock import PylockSelectError

    pylock = parse(lock)
    _refuse_unknown(choice, pylock, lock)
    found, native = [], []
    try:
        for package, chosen in pylock.select(
            environment=cast("Environment", environment(target)),
            tags=wheel_tags(target),
            extras=choice.extras,
            dependency_groups=choice.groups,
        ):
            found.append(_distribution(package, chosen, lock, target))
            if found[-1].kind == "sdist" and has_native_wheels(_plain(package)):
                # What has wheels for other machines: that is known before it is fetched.
                native.append(explain(_plain(package), target, newest=None))
    except PylockSelectError as error:
        raise _unfit(pylock, target) or ResolveError(f"{lock.subject} does not fit {target}: {error}") from error
    except (UndefinedComparison, UndefinedEnvironmentName) as error:
        raise InputError(f"{lock.subject} has a marker that can't be understood: {error}") from error
    return tuple(sorted(found, key=lambda each: each.name)), native


def _refuse_unknown(choice: Choice, pylock: Pylock, lock: Lock) -> None:
    """UsageError for extras and groups that the lock does not know: they would be left out silently."""
    for kind, chosen, known in (
        ("extra", choice.extras, pylock.extras or ()),
        ("group", choice.groups or (), (*(pylock.dependency_groups or ()), *(pylock.default_groups or ()))),
    ):
        names = {normalised(name) for name in known}
        for name in chosen:
            if name not in names:
                has = ", ".join(f"`{each}`" for each in sorted(names)) or "none"
                raise UsageError(f"{lock.subject} knows no {kind} `{name}`", hint=f"it has {has}")


def _distribution(package: Package, chosen: Chosen, lock: Lock, target: Target) -> Distribution:
    from packaging.pylock import PackageDirectory, PackageVcs

    name, version = str(package.name), str(package.version or "")
    if isinstance(chosen, PackageDirectory):
        folder = lock.folder / chosen.path / (chosen.subdirectory or "")
        return Distribution("folder", name, version, folder=folder.resolve())
    if isinstance(chosen, PackageVcs):
        if chosen.type != "git":
            raise ResolveError(
                f"`{name}` comes from a {chosen.type} repository, and lpack knows git only",
                hint="give a wheel or a folder of it",
            )
        url = chosen.url or (lock.folder / (chosen.path or "")).resolve().as_uri()
        folder = Path(chosen.subdirectory or "")
        return Distribution("repository", name, version, url=url, commit=chosen.commit_id, folder=folder)
    url = (lock.folder / chosen.path).resolve().as_uri() if chosen.path else str(chosen.url)
    digest = chosen.hashes.get("sha256")
    if not digest:
        raise ResolveError(
            f"{lock.subject} has no SHA-256 for `{name}`", hint="lock it with a tool, and from an index, that gives one"
        )
    file_name = getattr(chosen, "name", None) or unquote(urlsplit(url).path).rpartition("/")[2]
    if file_name.endswith(".whl"):
        _refuse_foreign_wheel(file_name, target)
        return Distribution("wheel", name, version, url, _bytes(digest, name, lock), file_name)
    folder = Path(getattr(chosen, "subdirectory", None) or "")
    return Distribution("sdist", name, version, url, _bytes(digest, name, lock), file_name, folder=folder)


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
    for package in pylock.packages:
        names = [wheel.filename for wheel in package.wheels or ()]
        applies = package.marker is None or package.marker.evaluate(environment(target), context="lock_file")
        if applies and names and package.sdist is None and not any(fits(name, target) for name in names):
            return explain(_plain(package), target, newest=None)
    return None


def _refuse_foreign_wheel(file_name: str, target: Target) -> None:
    """A wheel given by its path or address was never matched against the target."""
    if not fits(file_name, target):
        raise ResolveError(
            f"`{file_name}` is a wheel for another platform, it can't run on {target.description}: "
            + why_not([file_name], target),
            hint="give the wheel for the target, or the version alone so that lpack chooses it",
        )


def _plain(package: Package) -> Mapping[str, Any]:
    wheels = [{"name": wheel.filename} for wheel in package.wheels or ()]
    sdist = {"sdist": {"name": package.sdist.filename}} if package.sdist else {}
    return {"name": str(package.name), "version": str(package.version or ""), "wheels": wheels, **sdist}
