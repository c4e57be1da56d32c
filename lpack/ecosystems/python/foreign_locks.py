"""Locks of other tools: pylock.toml as it is, uv.lock and poetry.lock translated to it. They are read, never replaced.

A translation depends on the lock's text alone, so it is noted in the store and needs no other tool the next time.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli

from ...errors import InputError, ResolveError
from ...model import Host, Target
from ...processes import run
from ...store import Store
from .requirements import Requirements, normalised, read_toml
from .selection import Lock
from .tags import environment
from .uv import Question, find_uv, resolve, uv_environment

_NOTE = "translated-lock-1"


def read_foreign_lock(requirements: Requirements, target: Target, *, store: Store, host: Host) -> Lock:
    """The lock that another tool made, as a PEP 751 document."""
    file = requirements.file
    if file is None:
        raise InputError("there is no lock to read")
    subject = f"`{file.name}`"
    if requirements.kind == "pylock":
        return Lock(read_toml(file), file.parent, subject)
    key = _key(requirements, target)
    document = store.note(_NOTE, key)
    if document is None:
        translate = _from_uv if requirements.kind == "uv" else _from_poetry
        document = json.loads(json.dumps(translate(requirements, file, target, store, host), default=str))
        store.make_note(_NOTE, key, document)
    return Lock(document, file.parent, subject)


def _key(requirements: Requirements, target: Target) -> str:
    said: list[Any] = [str(target), requirements.extras, requirements.groups]
    files = (requirements.file, requirements.folder / "pyproject.toml")
    said += [hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file and file.is_file()]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _from_uv(requirements: Requirements, file: Path, target: Target, store: Store, host: Host) -> dict[str, Any]:
    del target, store  # uv.lock holds all targets; choosing comes later
    command = [find_uv(), "export", "--quiet", "--frozen", "--offline", "--format=pylock.toml"]
    command += ["--no-default-groups", "--no-emit-project"]
    command += [f"--extra={extra}" for extra in requirements.extras]
    command += [f"--group={group}" for group in requirements.groups]
    result = run(command, folder=file.parent, environ=uv_environment(host))
    if result.exit_code != 0:
        raise ResolveError(
            f"uv can't read `{file.name}`",
            hint="run `uv lock` in its folder, or update lpack if a newer uv wrote it",
            details=result.last_lines(),
        )
    return _without_uploads(tomli.loads(result.stdout))


def _without_uploads(document: dict[str, Any]) -> dict[str, Any]:
    """Upload times are TOML dates, which a note can't hold, and nobody needs."""
    for package in document.get("packages", ()):
        for file in (*package.get("wheels", ()), package.get("sdist", {}), package.get("archive", {})):
            file.pop("upload-time", None)
    return document


def _from_poetry(requirements: Requirements, file: Path, target: Target, store: Store, host: Host) -> dict[str, Any]:
    """The pins and hashes that apply to the target; uv adds where the files are, and resolves nothing anew."""
    packages: dict[str, Any] = {}
    for package in read_toml(file).get("package", ()):
        if _applies(package, target):
            packages.setdefault(normalised(package["name"]), package)
    wanted = _reachable(packages, _roots(requirements, target), target)
    lines = [line for name in sorted(wanted) for line in _pin(packages[name])]
    if not lines:
        return {"lock-version": "1.0", "created-by": "poetry", "packages": []}
    question = Question(file.name, file.parent, target, text="\n".join(lines), options=("--no-deps",))
    document, start = resolve(question, store=store, host=host)
    for package in document.get("packages", ()):
        for table in ("directory", "archive"):
            if "path" in package.get(table, {}):
                package[table]["path"] = str((start / package[table]["path"]).resolve())
    return _without_uploads(document)


def _marker_holds(text: str, target: Target) -> bool:
    from packaging.markers import InvalidMarker, Marker

    try:
        return not text or Marker(text).evaluate({**environment(target), "extra": ""})
    except InvalidMarker as error:
        raise InputError(f"`poetry.lock` holds a marker that can't be understood: {text}") from error


def _applies(package: Mapping[str, Any], target: Target) -> bool:
    from packaging.specifiers import SpecifierSet

    versions = str(package.get("python-versions", "*"))
    return versions == "*" or _poetry_specifier(versions, SpecifierSet).contains(f"{target.runtime.version}.0")


def _poetry_specifier(text: str, kind: Any) -> Any:
    """Older poetry locks write PEP 440 ranges with spaces and carets."""
    caret = re.sub(r"\^(\d+)(\.[\d.]+)?", lambda match: f">={match[1]}{match[2] or ''},<{int(match[1]) + 1}", text)
    return kind(caret.replace("||", ",").replace(" ", ""))


def _roots(requirements: Requirements, target: Target) -> Iterator[tuple[str, frozenset[str]]]:
    """The names, with their extras, that the project asks for in its own pyproject.toml."""
    from packaging.requirements import Requirement

    document = read_toml(requirements.folder / "pyproject.toml")
    project = document.get("project", {})
    specifiers = list(project.get("dependencies", ()))
    for extra in requirements.extras:
        specifiers += project.get("optional-dependencies", {}).get(extra, ())
    for group in requirements.groups:
        specifiers += (each for each in document.get("dependency-groups", {}).get(group, ()) if isinstance(each, str))
    for specifier in specifiers:
        requirement = Requirement(specifier)
        if not requirement.marker or requirement.marker.evaluate({**environment(target), "extra": ""}):
            yield normalised(requirement.name), frozenset(requirement.extras)
    poetry = document.get("tool", {}).get("poetry", {})
    tables = [poetry.get("dependencies", {})]
    tables += [poetry.get("group", {}).get(group, {}).get("dependencies", {}) for group in requirements.groups]
    chosen = {name for extra in requirements.extras for name in poetry.get("extras", {}).get(extra, ())}
    for table in tables:
        for name, value in table.items():
            details = value if isinstance(value, dict) else {}
            optional = details.get("optional") and name not in chosen
            if name != "python" and not optional and _marker_holds(str(details.get("markers", "")), target):
                yield normalised(name), frozenset(details.get("extras", ()))


def _reachable(
    packages: Mapping[str, Any], roots: Iterator[tuple[str, frozenset[str]]], target: Target
) -> frozenset[str]:
    waiting = list(roots)
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen or name not in packages:
            continue
        seen.add((name, extras))
        package = packages[name]
        named_by_extras = {
            normalised(re.split(r"[ \[(<>=!~;]", each, maxsplit=1)[0])
            for extra in extras
            for each in package.get("extras", {}).get(extra, ())
        }
        for dependency, values in package.get("dependencies", {}).items():
            for value in values if isinstance(values, list) else [values]:
                details = value if isinstance(value, dict) else {}
                needed = not details.get("optional") or normalised(dependency) in named_by_extras
                marker = re.sub(r"\s*(and\s+)?extra == ['\"][^'\"]*['\"]", "", str(details.get("markers", ""))).strip()
                if needed and _marker_holds(marker, target):
                    waiting.append((normalised(dependency), frozenset(details.get("extras", ()))))
    return frozenset(name for name, _ in seen)


def _pin(package: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a requirements file that stand for the package and nothing else."""
    source = package.get("source", {})
    kind, url = source.get("type", "legacy"), source.get("url", "")
    name = package["name"]
    if kind == "directory":
        yield f"-e {url}" if package.get("develop") else f"{name} @ {url}"
    elif kind == "git":
        yield f"{name} @ git+{url}@{source.get('resolved_reference', '')}"
    elif kind in {"url", "file"}:
        yield f"{name} @ {url}"
    else:
        if url:
            yield f"--extra-index-url {url}"
        hashes = " ".join(f"--hash={file['hash']}" for file in package.get("files", ()))
        yield f"{name}=={package['version']} {hashes}"
