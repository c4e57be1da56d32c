"""What poetry.lock says: which of its pins a target takes, as lines of a requirements file.

The lock names files and hashes, not addresses: the resolver adds those, and resolves nothing anew.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...model import Target
from .pyproject import asked_lines, project_document, tables_in, texts_in
from .requirements import normalised, read_toml, table
from .tags import environment

Asked = tuple[str, frozenset[str]]
"""A project's name with the extras that are asked for."""


def poetry_requirements(document: Mapping[str, Any], extras: Iterable[str], groups: Iterable[str]) -> list[Asked]:
    """What ``[tool.poetry]`` of a pyproject.toml asks for, for any target."""
    return [(name, _extras(details)) for name, details in _asked(document, extras, groups)]


def _asked(
    document: Mapping[str, Any], extras: Iterable[str], groups: Iterable[str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    poetry = table(document, "tool", "poetry")
    listed = {normalised(name): names for name, names in table(poetry, "extras").items()}
    chosen = {normalised(name) for extra in extras for name in texts_in(listed.get(extra))}
    named = {normalised(name): group for name, group in table(poetry, "group").items()}
    for dependencies in (table(poetry, "dependencies"), *(table(named.get(group), "dependencies") for group in groups)):
        for name, value in dependencies.items():
            for details in _details(value):
                if normalised(name) != "python" and (not details.get("optional") or normalised(name) in chosen):
                    yield normalised(name), details


def _details(value: Any) -> list[Mapping[str, Any]]:
    """A dependency as tables: it may be a version, a table, or several for different environments."""
    return [each if isinstance(each, dict) else {} for each in (value if isinstance(value, list) else [value])]


def _extras(details: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(map(normalised, texts_in(details.get("extras"))))


def pins(file: Path, extras: Iterable[str], groups: Iterable[str], target: Target) -> tuple[str, ...]:
    """The lines that pin what the target takes of a poetry.lock, by its pyproject.toml beside it."""
    lock, document = read_toml(file), project_document(file.parent)
    packages: dict[str, Mapping[str, Any]] = {}
    for package in _packages(lock):
        if _applies(package, target):
            packages.setdefault(normalised(package["name"]), package)
    asked = list(_asked_in_project(file.parent, extras, groups, target))
    asked += [
        (name, _extras(details)) for name, details in _asked(document, extras, groups) if _wanted(details, target)
    ]
    kept = [packages[name] for name in sorted(_reached(asked, packages, target))]
    lines = (line for package in kept for line in _pin(package, _hashes(package, lock)))
    return tuple(dict.fromkeys(lines))


def _packages(lock: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    packages = tables_in(lock.get("package"))
    if not all(isinstance(package.get(key), str) for package in packages for key in ("name", "version")):
        raise InputError("`poetry.lock` holds a package without a name or version", hint="run `poetry lock`")
    return packages


def _asked_in_project(folder: Path, extras: Iterable[str], groups: Iterable[str], target: Target) -> Iterator[Asked]:
    from packaging.requirements import InvalidRequirement, Requirement

    for line in asked_lines(folder, extras, groups):
        try:
            requirement = Requirement(line.value)
        except InvalidRequirement as error:
            raise InputError(f"`pyproject.toml` holds `{line.value}`, which is not a requirement: {error}") from error
        if not requirement.marker or _holds(str(requirement.marker), target):
            yield normalised(requirement.name), frozenset(map(normalised, requirement.extras))


def _applies(package: Mapping[str, Any], target: Target) -> bool:
    """Whether a package of the lock is for the target: several versions of one project may be in it."""
    markers = package.get("markers", "")
    alternatives = markers.values() if isinstance(markers, dict) else [markers]  # by group since poetry 2
    python = str(package.get("python-versions", "*"))
    return _python_fits(python, target) and any(_holds(str(marker), target) for marker in alternatives)


def _python_fits(versions: str, target: Target) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return any(
            SpecifierSet(_standard(part)).contains(f"{target.runtime.version}.0") for part in versions.split("||")
        )
    except InvalidSpecifier as error:
        raise InputError(f"`poetry.lock` holds Python versions that can't be understood: {versions}") from error


def _standard(versions: str) -> str:
    """A range as PEP 440 has it.

    Poetry has ``^3.8`` for ``>=3.8,<4``, ``~3.8`` for ``==3.8.*``, ``3.8`` for ``==3.8`` and ``*`` for any.
    Source: https://python-poetry.org/docs/dependency-specification/
    """
    caret = re.sub(r"\^((\d+)[\d.]*)", lambda each: f">={each[1]},<{int(each[2]) + 1}", versions.strip())
    tilde = re.sub(r"~(?!=)\s*(\d+(\.\d+)?)[\d.]*", r"==\1.*", caret)
    parts = (part for part in re.split(r"[\s,]+(?=[<>=!~])", tilde) if part != "*")
    return ",".join(re.sub(r"^=?(?=\d)", "==", part) for part in parts)


def _wanted(details: Mapping[str, Any], target: Target) -> bool:
    python, system = details.get("python"), details.get("platform")
    return (
        (not python or _python_fits(str(python), target))
        and (not system or system == "linux")
        and _holds(str(details.get("markers", "")), target)
    )


def _holds(marker: str, target: Target) -> bool:
    """Whether a marker holds on the target, with whatever extras: those are followed where they are asked for."""
    from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName

    asked = re.findall(r"extra\s*==\s*['\"]([^'\"]+)['\"]", marker)
    try:
        return not marker or any(
            Marker(marker).evaluate({**environment(target), "extra": extra}) for extra in ("", *asked)
        )
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName) as error:
        raise InputError(f"`poetry.lock` holds a marker that can't be understood: {marker}") from error


def _reached(asked: Iterable[Asked], packages: Mapping[str, Mapping[str, Any]], target: Target) -> Collection[str]:
    """The names that the asked ones lead to."""
    waiting = list(asked)
    seen: set[Asked] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen or name not in packages:
            continue
        seen.add((name, extras))
        package = packages[name]
        listed = {normalised(extra): names for extra, names in table(package, "extras").items()}
        chosen = {
            normalised(re.split(r"[ \[(<>=!~;]", each, maxsplit=1)[0])
            for extra in extras
            for each in texts_in(listed.get(extra))
        }
        for dependency, value in table(package, "dependencies").items():
            for details in _details(value):
                needed = not details.get("optional") or normalised(dependency) in chosen
                if needed and _holds(str(details.get("markers", "")), target):
                    waiting.append((normalised(dependency), _extras(details)))
    return {name for name, _ in seen}


def _hashes(package: Mapping[str, Any], lock: Mapping[str, Any]) -> str:
    """The options that name the hashes of a package's files; before poetry 1.3 they stood at the end of the lock."""
    files = tables_in(package.get("files")) or tables_in(table(lock, "metadata", "files").get(package["name"]))
    return " ".join(f"--hash={file.get('hash')}" for file in files)


def _pin(package: Mapping[str, Any], hashes: str) -> Iterator[str]:
    """The lines of a requirements file that stand for the package and nothing else."""
    source = table(package, "source")
    name, url = package["name"], source.get("url", "")
    match source.get("type"):
        case "directory":
            yield f"-e {url}"
        case "git":
            folder = f"#subdirectory={source['subdirectory']}" if source.get("subdirectory") else ""
            yield f"{name} @ git+{url}@{source.get('resolved_reference', '')}{folder}"
        case "url" | "file":
            yield f"{name} @ {url} {hashes}".rstrip()
        case _:
            if url:
                yield f"--extra-index-url {url}"
            yield f"{name}=={package['version']} {hashes}".rstrip()
