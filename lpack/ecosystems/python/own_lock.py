"""The resolver's documents as lpack keeps them: one lock for all targets, free of credentials, alike in all checkouts.

Source: https://packaging.python.org/en/latest/specifications/pylock-toml/
"""

from __future__ import annotations

import json
import os.path
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from ...download import redacted
from ...model import Target
from .missing_wheels import file_name
from .tags import fits
from .uv import Answer


class Resolved(NamedTuple):
    """What the resolver answered for a target."""

    target: Target
    answer: Answer


def own_lock(
    resolved: Sequence[Resolved],
    *,
    folder: Path,
    fingerprint: str,
    provided: Collection[str] = (),
    without: Path | None = None,
) -> dict[str, Any]:
    """The lock to be kept in ``folder``, without the packages that layers bring.

    It also lacks the project in the folder ``without``: the source, which has no wheel. ``fingerprint`` is that of the
    requirements.
    """
    targets = [target for target, _ in resolved]
    packages: dict[str, _Merged] = {}
    for target, answer in resolved:
        for package in answer.document.get("packages", ()):
            itself = without and _place(package.get("directory", {}), answer.start) == without.resolve()
            if not itself and package["name"] not in provided:
                _merge(packages, _package(package, answer.start, folder, target), target)
    return {
        "lock-version": "1.0",
        "environments": [_condition(target) for target in targets],
        "requires-python": _requires_python(targets),
        "created-by": "lpack",
        "packages": [_limited(*packages[key], targets) for key in sorted(packages)],
        "tool": {"lpack": {"requirements": fingerprint, **_names(targets)}},
    }


def part_for(document: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """What an own lock holds for one of its targets, as a lock for that target alone."""
    packages = [
        {key: value for key, value in package.items() if key != "marker"}
        for package in document["packages"]
        if "marker" not in package or _condition(target) in package["marker"].split(" or ")
    ]
    return {"lock-version": "1.0", "created-by": "lpack", "packages": packages}


class _Merged(NamedTuple):
    """A package that is the same for several targets, the files of all of them together."""

    package: dict[str, Any]
    targets: list[Target]


def _merge(packages: dict[str, _Merged], package: dict[str, Any], target: Target) -> None:
    """Add a package of a target to those of the others: files apart, the same package is there once."""
    said = {key: value for key, value in package.items() if key not in {"wheels", "sdist"}}
    key = json.dumps([package["name"], said], sort_keys=True, default=str)
    merged = packages.setdefault(key, _Merged(package, []))
    merged.targets.append(target)
    for kind in ("wheels", "sdist"):
        if kind in package:
            merged.package.setdefault(kind, package[kind])
    if "wheels" in package:
        wheels = [*merged.package["wheels"], *package["wheels"]]
        merged.package["wheels"] = list(
            {json.dumps(each, sort_keys=True, default=str): each for each in wheels}.values()
        )


def _limited(package: dict[str, Any], of: Sequence[Target], targets: Sequence[Target]) -> dict[str, Any]:
    """The package with a marker that keeps it to its targets, if they aren't all."""
    if len(of) == len(targets):
        return package
    first: dict[str, Any] = {key: package[key] for key in ("name", "version") if key in package}
    return {**first, "marker": " or ".join(_condition(target) for target in of), **package}


def _condition(target: Target) -> str:
    version, machine = target.runtime.version, target.architecture.machine
    return f"sys_platform == 'linux' and platform_machine == '{machine}' and python_version == '{version}'"


def _requires_python(targets: Sequence[Target]) -> str:
    versions = sorted({tuple(map(int, target.runtime.version.split("."))) for target in targets})
    if len(versions) == 1:
        return f"=={targets[0].runtime.version}.*"
    (major, first), (_, last) = versions[0], versions[-1]
    return f">={major}.{first},<{major}.{last + 1}"


def _names(targets: Sequence[Target]) -> dict[str, Any]:
    if len(targets) == 1:
        return {"runtime": targets[0].runtime.name, "architecture": targets[0].architecture.name}
    runtimes = dict.fromkeys(target.runtime.name for target in targets)
    return {"runtimes": [*runtimes], "architectures": [*dict.fromkeys(each.architecture.name for each in targets)]}


def _package(package: Mapping[str, Any], start: Path, folder: Path, target: Target) -> dict[str, Any]:
    # uv's marker is a guess at where else the package might be needed; which targets need it is known.
    kept = {key: value for key, value in package.items() if key not in {"wheels", "sdist", "index", "marker"}}
    fitting = [wheel for wheel in package.get("wheels", ()) if fits(file_name(wheel), target)]
    if fitting:
        kept["wheels"] = [_moved(wheel, start, folder) for wheel in fitting]
    elif "sdist" in package:
        kept["sdist"] = _moved(package["sdist"], start, folder)
    for kind in ("archive", "directory", "vcs"):
        if kind in package:
            kept[kind] = _moved(package[kind], start, folder)
    return kept


def _moved(file: Mapping[str, Any], start: Path, folder: Path) -> dict[str, Any]:
    """The table with its path relative to the lock's folder, so that a checkout elsewhere finds it too."""
    moved = {key: value for key, value in file.items() if key not in {"upload-time", "editable"}}
    place = _place(file, start)
    if place:
        moved.pop("url", None)
        moved["path"] = Path(os.path.relpath(place, folder.resolve())).as_posix()
    elif "url" in file:
        moved["url"] = redacted(file["url"])
    return moved


def _place(file: Mapping[str, Any], start: Path) -> Path | None:
    """Where a file or folder on this machine is; None for one that is elsewhere."""
    if str(file.get("url", "")).startswith("file:"):
        return Path(unquote(urlsplit(file["url"]).path)).resolve()
    return (start / file["path"]).resolve() if "path" in file else None
