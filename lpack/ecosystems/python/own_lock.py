"""The resolver's document as lpack keeps it: for one target, without credentials, the same in every checkout."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ...download import redacted
from ...model import Target
from .missing_wheels import file_name
from .tags import fits
from .uv import Answer


def own_lock(
    answer: Answer, target: Target, *, folder: Path, fingerprint: str, without: Path | None = None
) -> dict[str, Any]:
    """The lock to be kept in ``folder``, without the project in the folder ``without``: the source, which has no wheel.

    ``fingerprint`` is that of the requirements.
    """
    version = target.runtime.version
    machine = target.architecture.machine
    packages = [
        _package(package, answer.start, folder, target)
        for package in answer.document.get("packages", ())
        if without is None or _place(package.get("directory", {}), answer.start) != without.resolve()
    ]
    names = {"runtime": target.runtime.name, "architecture": target.architecture.name}
    return {
        "lock-version": "1.0",
        "environments": [
            f"sys_platform == 'linux' and platform_machine == '{machine}' and python_version == '{version}'"
        ],
        "requires-python": f"=={version}.*",
        "created-by": "lpack",
        "packages": packages,
        "tool": {"lpack": {"requirements": fingerprint, **names}},
    }


def _package(package: Mapping[str, Any], start: Path, folder: Path, target: Target) -> dict[str, Any]:
    kept = {key: value for key, value in package.items() if key not in {"wheels", "sdist", "index"}}
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
