"""Locks for Node.js: npm's own where there is one, never written to; else one beside lpack's configuration."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ...errors import InputError, LpackError, ResolveError
from ...store import replacing
from .. import Ask, Policy, Provided
from .lockfile import MODULES, Lockfile, read_lockfile
from .manifests import PACKAGE, RELEVANT, Manifest, local_folders, manifest_of, read_json, table
from .npm import failure, run_npm, staged

_FORMAT = 1
"""A new number when the same requirements are to be locked anew."""

_EMPTY: Mapping[str, Any] = {"lockfileVersion": 3, "packages": {"": {}}}
_OTHERS = ("yarn.lock", "pnpm-lock.yaml", "bun.lock")
_FOREIGN = ("file:", "link:", "npm:", "git", "http", "github:", "/")


@dataclass(frozen=True)
class Locked:
    """A lock that fits its package.json, for all targets: which packages fit which is in it.

    ``text`` are its bytes, ``document`` what they mean. ``changes`` are the packages that were changed in it, in words.
    """

    manifest: Manifest
    text: bytes = b""
    document: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    title: str = "the empty lock"
    file: Path | None = None
    changes: tuple[str, ...] = ()

    @cached_property
    def packages(self) -> Lockfile:
        """The packages of the lock."""
        return read_lockfile(self.document, self.title, self.manifest.member)


def lock(ask: Ask, policy: Policy) -> Locked:
    """The lock of the dependencies; made, and written beside the configuration, where npm has none.

    ResolveError when the dependencies can't be had, or with the policy "frozen" when the lock does not fit them.
    """
    manifest = manifest_of(ask.wanted, ask.project.folder)
    if manifest.lock:
        text = _bytes_of(manifest.lock)
        locked = Locked(manifest, text, read_json(manifest.lock), f"`{manifest.lock.name}`")
        _ = locked.packages  # what can't be understood is told at once
        return locked
    if not manifest.asks:
        return Locked(manifest)
    return _own_lock(manifest, ask, policy)


def lock_file(name: str, project: Path) -> Path:
    """Where the own lock of a function or layer is."""
    return project / f"package-lock.{name}.json"


def _own_lock(manifest: Manifest, ask: Ask, policy: Policy) -> Locked:
    file = lock_file(ask.wanted.name, ask.project.folder)
    own = Locked(manifest, title=f"`{file.name}`", file=file)
    existing = read_json(file) if file.is_file() else None
    fingerprint = _fingerprint(manifest, ask.provided)
    if existing is not None:
        own = replace(own, text=_bytes_of(file), document=existing)
        if policy != "upgrade" and table(existing, "lpack").get("requirements") == fingerprint:
            return own
    if policy == "frozen":
        fact = f"does not fit `{PACKAGE}` any more" if existing else "does not exist"
        raise ResolveError(f"`{file.name}` {fact}", hint=f"run `lpack lock {ask.wanted.name}` and commit the file")
    if existing is None:
        _say_what_is_made(manifest, file, ask)
    made = _resolved(own, ask, keep=existing is not None and policy == "keep")
    document = {**made, "lpack": {"requirements": fingerprint}}
    text = json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"
    if text != own.text:
        with replacing(file) as stream:
            stream.write(text)
    return replace(own, text=text, document=document, changes=tuple(_changes(existing or _EMPTY, document)))


def _say_what_is_made(manifest: Manifest, file: Path, ask: Ask) -> None:
    others = [name for name in _OTHERS if (manifest.folder / name).is_file()]
    unread = f"; `{others[0]}` is another tool's and was not read" if others else ""
    ask.reporter.note(f"`{ask.wanted.name}` has no lock: made `{file.name}`, keep it with your code{unread}")


def _resolved(own: Locked, ask: Ask, *, keep: bool) -> dict[str, Any]:
    """The lock that npm makes; an existing one's versions, and those of layers, are kept where they fit."""
    before = own.document if keep else {}
    pins = _pins(ask)
    if pins:
        before = _seed(own.packages if keep else Lockfile({}), pins)
    with staged(own.manifest, before, ask.store) as folder:
        arguments = ["install", "--package-lock-only", "--ignore-scripts", "--package-lock"]
        # npm locks what folders outside of the project need only if it makes no links to them; if it makes none, it
        # looks for a folder's own folders in the wrong place.
        outside = any(path.startswith("../") for path in local_folders(own.manifest))
        arguments.append("--install-links" if outside else "--no-install-links")
        needed_for = f"lock the packages of `{ask.wanted.name}`"
        if ask.project.building.backend == "container":
            from .in_container import run_npm_in_container

            result = run_npm_in_container([arguments], folder, ask.wanted.targets[0], ask, compiling=False)
        else:
            result = run_npm(arguments, folder, ask.host, needed_for=needed_for)
        if result.exit_code != 0:
            raise failure(result, f"`{ask.wanted.name}`", own.title.strip("`"))
        return read_json(folder / "package-lock.json")


def _pins(ask: Ask) -> dict[str, str]:
    """The versions that layers bring, and the other ones of their locks: builds for other machines above all.

    npm would not add such builds to a lock that lacks them: https://github.com/npm/cli/issues/4828.
    """
    pins: dict[str, str] = {}
    for layer in {each.layer.name: each.layer for each in ask.provided.values()}.values():
        manifest = manifest_of(layer, ask.project.folder)
        file = manifest.lock or lock_file(layer.name, ask.project.folder)
        if not file.is_file():
            continue
        packages = read_lockfile(read_json(file), f"`{file.name}`", manifest.member)
        rows = packages.placed.items()
        pins |= {place: row.version for place, row in rows if MODULES not in place and not row.folder}
    return pins | {name: each.version for name, each in ask.provided.items() if each.version}


def _seed(packages: Lockfile, pins: Mapping[str, str]) -> dict[str, Any]:
    """Versions that npm is to prefer, in the one format that says nothing else about packages: that of npm 6."""
    seed: dict[str, Any] = {"lockfileVersion": 1, "requires": True, "dependencies": {}}
    plain = {
        place: row.version
        for place, row in packages.placed.items()
        if not row.folder and place.endswith(row.name) and not row.version.startswith(_FOREIGN)
    }
    for place, version in sorted({**plain, **pins}.items()):
        here = seed
        *above, name = place.split(f"/{MODULES}")
        for each in above:
            here = here["dependencies"].setdefault(each, {"version": plain.get(each, "*")})
            here.setdefault("dependencies", {})
        here["dependencies"].setdefault(name, {})["version"] = version
    return seed


def _fingerprint(manifest: Manifest, provided: Mapping[str, Provided]) -> str:
    """A digest (hex) of all that an own lock is made from: by it a build knows, without npm, whether it still fits."""
    documents = [("", manifest.document)]
    for path, place in sorted(local_folders(manifest).items()):
        documents.append((path, read_json(place / PACKAGE) if (place / PACKAGE).is_file() else {}))
    said = [
        _FORMAT,
        {name: each.version for name, each in sorted(provided.items())},
        [[path, *(document.get(key) for key in RELEVANT)] for path, document in documents],
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"`{file}` can't be read: {error.strerror}") from error


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old, new = _versions(before), _versions(after)
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield f"+ {name} {new[name]}"
        elif name not in new:
            yield f"- {name} {old[name]}"
        elif old[name] != new[name]:
            yield f"~ {name} {old[name]} → {new[name]}"


def _versions(document: Mapping[str, Any]) -> dict[str, str]:
    """The versions of each package; some are there in several."""
    try:
        rows = read_lockfile(document, "").rows.values()
    except LpackError:
        return {}
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.version and MODULES in row.location:
            found.setdefault(row.name, {})[row.version] = None
    return {name: " and ".join(sorted(versions)) for name, versions in found.items()}
