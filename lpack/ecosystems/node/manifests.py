"""What a Node.js function asks for: where its package.json and its lock stand.

Source: https://docs.npmjs.com/cli/configuring-npm/package-lock-json
"""

from __future__ import annotations

import json
import os.path
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...config import Dependencies
from ...config.packages import Groups
from ...errors import InputError, UsageError

PACKAGE = "package.json"
LOCKS = ("npm-shrinkwrap.json", "package-lock.json")
"""In this order, as npm looks for them."""

ASKED = ("dependencies", "optionalDependencies", "peerDependencies")
"""What is installed for production."""

RELEVANT = (*ASKED, "devDependencies", "peerDependenciesMeta", "bundleDependencies", "overrides", "workspaces")
"""What npm looks at when it holds a lock against a package.json."""

_LOCAL = ("file:", "link:", "./", "../", "/")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A project of npm: its folder, its package.json, and the lock beside it, if there is one.

    ``member`` is the path in it of the package that is meant, where the project is a workspace of several.
    """

    folder: Path
    document: Mapping[str, Any]
    lock: Path | None = None
    member: str = ""

    @property
    def asks(self) -> bool:
        """Whether there is anything to install."""
        return bool(self.member or any(self.document.get(key) for key in (*ASKED, "workspaces")))


def manifest_of(wanted: Dependencies, project: Path) -> Manifest:
    """What the configuration names, else what is found in the source or in the workspace that it is part of."""
    if wanted.extras or wanted.groups or isinstance(wanted.requirements, Groups):
        raise UsageError(
            f"`{wanted.name}` has `extras` or `groups`, which npm does not know", hint="remove them, or list packages"
        )
    asked = wanted.requirements
    if isinstance(asked, tuple):
        dependencies = dict(_dependency(specifier, project) for specifier in asked)
        return Manifest(project, {"private": True, "dependencies": dependencies})
    if isinstance(asked, Path):
        if asked.name not in (PACKAGE, *LOCKS):
            raise UsageError(
                f"`{asked.name}` is no requirements file that lpack knows for Node.js",
                hint=f"use {PACKAGE}, {' or '.join(reversed(LOCKS))}",
            )
        lock = asked if asked.name in LOCKS else _lock_in(asked.parent)
        return _project(asked.parent, lock, wanted.source)
    return _found(wanted.source) if wanted.source else Manifest(project, {})


def _found(source: Path) -> Manifest:
    if not (source / PACKAGE).is_file():
        return Manifest(source, {})
    lock = _lock_in(source)
    if lock is None:
        for folder in source.parents:
            above = _lock_in(folder)
            if above and _member(folder, above, source):
                return _project(folder, above, source)
    return _project(source, lock, source)


def _project(folder: Path, lock: Path | None, source: Path | None) -> Manifest:
    if not (folder / PACKAGE).is_file():
        raise InputError(f"`{folder}` has no {PACKAGE}", hint="it says what is required; npm needs it beside the lock")
    member = _member(folder, lock, source) if lock and source else ""
    return Manifest(folder, read_json(folder / PACKAGE), lock, member)


def _lock_in(folder: Path) -> Path | None:
    return next((file for name in LOCKS if (file := folder / name).is_file()), None)


def _member(folder: Path, lock: Path, source: Path) -> str:
    """The source's path in the workspace, if the lock knows it as one of its packages; else ""."""
    if source == folder or not source.is_relative_to(folder):
        return ""
    path = source.relative_to(folder).as_posix()
    packages = read_json(lock).get("packages")
    return path if isinstance(packages, dict) and path in packages else ""


def _dependency(specifier: str, project: Path) -> tuple[str, str]:
    """A package's name and what is asked of it, as package.json has them, from ``NAME@WHAT``."""
    if specifier.startswith(_LOCAL):
        place = specifier.removeprefix("file:").removeprefix("link:")
        name = read_json(project / place / PACKAGE).get("name") if (project / place / PACKAGE).is_file() else None
        if not isinstance(name, str):
            raise UsageError(
                f"`{specifier}` is no folder with a {PACKAGE} that has a name",
                hint="write `NAME@file:PATH` for a file, and give a folder's package a name",
            )
        return name, f"file:{place}"
    name, _, version = specifier.removeprefix("@").partition("@")
    return ("@" if specifier.startswith("@") else "") + name, version or "*"


def read_json(file: Path) -> dict[str, Any]:
    """The JSON object in a file; InputError says why it is none, or can't be read."""
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"`{file}` can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"`{file}` is not UTF-8", hint="save the file as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"`{file}` is not JSON: {error}", hint="correct the file") from error
    if not isinstance(document, dict):
        raise InputError(f"`{file}` is no JSON object", hint="correct the file")
    return document


def table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object at a key; an empty one when something else, or nothing, is there."""
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def local_folders(manifest: Manifest) -> dict[str, Path]:
    """The folders and files on this machine that are required, directly or not, by their paths from the project.

    Workspaces are among them.
    """
    found: dict[str, Path] = {}
    waiting = [manifest.folder]
    while waiting:
        folder = waiting.pop()
        document = manifest.document if folder == manifest.folder else read_json(folder / PACKAGE)
        for place in (*_required_places(folder, document), *_workspaces(folder, document)):
            path = Path(os.path.relpath(place, manifest.folder)).as_posix()
            if path in found or path == ".":
                continue
            found[path] = place
            if (place / PACKAGE).is_file():
                waiting.append(place)
    return found


def local_places(manifest: Manifest, lock: Mapping[str, Any]) -> dict[str, Path]:
    """The same, with the archives on this machine that only the lock's document names."""
    found = local_folders(manifest)
    for row in table(lock, "packages").values():
        resolved = row.get("resolved") if isinstance(row, dict) else None
        if isinstance(resolved, str) and resolved.startswith("file:"):
            place = Path(os.path.normpath(manifest.folder / resolved.removeprefix("file:")))
            if place.is_file():
                found[Path(os.path.relpath(place, manifest.folder)).as_posix()] = place
    return found


def _required_places(folder: Path, document: Mapping[str, Any]) -> list[Path]:
    specifiers = [text for key in (*ASKED, "devDependencies") for text in table(document, key).values()]
    local = [text for text in specifiers if isinstance(text, str) and text.startswith(_LOCAL)]
    places = (folder / text.removeprefix("file:").removeprefix("link:") for text in local)
    return [Path(os.path.normpath(place)) for place in places if place.exists()]


def _workspaces(folder: Path, document: Mapping[str, Any]) -> list[Path]:
    listed = document.get("workspaces")
    patterns = listed.get("packages") if isinstance(listed, dict) else listed
    found = []
    for pattern in patterns if isinstance(patterns, list) else ():
        text = str(pattern).removeprefix("./").rstrip("/")
        if text and not text.startswith(("!", "/")):
            found += [file.parent for file in sorted(folder.glob(f"{text}/{PACKAGE}"))]
    return [place for place in found if "node_modules" not in place.relative_to(folder).parts]
