"""Locks of other tools: pylock.toml as it is, uv.lock and poetry.lock translated to it. They are read, never replaced.

A translation depends on the lock's text alone, so it is noted in the store and needs no other tool the next time.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import tomli

from ...errors import InputError, ResolveError
from ...model import Host, Target
from ...processes import run
from ...store import Store
from .hashes import allowed_hashes, only_allowed
from .poetry import pins
from .requirement_lines import lines_in
from .requirements import PYPROJECT, Requirements, read_toml
from .resolving import resolve
from .selection import Lock
from .uv import Question, find_uv, uv_environment, what_uv_says

_NOTE = "translated-lock-2"


def read_foreign_lock(requirements: Requirements, file: Path, target: Target, *, store: Store, host: Host) -> Lock:
    """The lock that another tool made, as a PEP 751 document; its paths start from the requirements' folder."""
    subject = f"`{file.name}`"
    if requirements.kind == "pylock":
        return Lock(read_toml(file), file.parent, subject)
    key = _key(requirements, file, target)
    document = store.note(_NOTE, key)
    if document is None:
        if requirements.kind == "uv":
            document = _from_uv(requirements, file, host)
        else:
            document = _from_poetry(requirements, file, target, store, host)
        document = _without_dates(document)
        store.make_note(_NOTE, key, document)
    return Lock(document, requirements.folder, subject)


def _key(requirements: Requirements, file: Path, target: Target) -> str:
    """What the translation depends on; where the project is counts for its absolute paths."""
    folder = requirements.folder
    files = [hashlib.sha256(each.read_bytes()).hexdigest() for each in (file, folder / PYPROJECT) if each.is_file()]
    said = [str(target), requirements.extras, requirements.groups, str(folder), *files]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _without_dates(document: dict[str, Any]) -> dict[str, Any]:
    """The document without what a note can't hold, the times of upload, which nobody needs."""
    for package in document.get("packages", ()):
        for file in (*package.get("wheels", ()), package.get("sdist", {}), package.get("archive", {})):
            file.pop("upload-time", None)
    return document


def _from_uv(requirements: Requirements, file: Path, host: Host) -> dict[str, Any]:
    """All that the lock holds for the project, for all targets: choosing comes later."""
    command = [find_uv(), "export", "--quiet", "--frozen", "--offline", "--format=pylock.toml"]
    command += ["--no-default-groups", "--no-emit-project", "--no-header"]
    command += [f"--extra={extra}" for extra in requirements.extras]
    command += [f"--group={group}" for group in requirements.groups]
    result = run(command, folder=requirements.folder, environ=uv_environment(host))
    if result.exit_code != 0:
        raise ResolveError(
            f"uv can't read `{file.name}`",
            hint="run `uv lock` in its folder, or update lpack if a newer uv wrote it",
            details=what_uv_says(result),
        )
    return tomli.loads(result.stdout)


def _from_poetry(requirements: Requirements, file: Path, target: Target, store: Store, host: Host) -> dict[str, Any]:
    """The pins of the lock that apply to the target, with the addresses of their files."""
    if not (requirements.folder / PYPROJECT).is_file():
        raise InputError(f"`{file.name}` has no {PYPROJECT} beside it", hint="poetry keeps in it what is asked for")
    lines = pins(file, requirements.extras, requirements.groups, target)
    if not lines:
        return {"lock-version": "1.0", "created-by": "poetry", "packages": []}
    text = "\n".join(lines)
    built = frozenset(line.name for line in lines_in(text, file.parent) if line.name and line.address)
    question = Question(
        f"`{file.name}`",
        file.parent,
        target,
        text=text,
        from_source=built,
        # Each package is pinned, with hashes, to the index that poetry took it from.
        options=("--no-deps", "--index-strategy=unsafe-best-match"),
    )
    document, start = resolve(question, store=store, host=host)
    for package in document.get("packages", ()):
        for kind in ("directory", "archive"):
            if "path" in package.get(kind, {}):
                package[kind]["path"] = str((start / package[kind]["path"]).resolve())
    return only_allowed(document, allowed_hashes(lines_in(text, file.parent)), f"`{file.name}`")
