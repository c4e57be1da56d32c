"""Why a version has no wheel for a target, in words that help."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from ...aws.runtimes import RUNTIMES
from ...errors import ResolveError
from ...model import Target
from .tags import python_version, wheel_tags

if TYPE_CHECKING:
    from packaging.tags import Tag

_SYSTEMS = {"win": "Windows", "macosx": "macOS", "musllinux": "musl", "ios": "iOS", "android": "Android"}


def has_wheels(package: Mapping[str, Any]) -> bool:
    """Whether a package of a lock has a wheel for any machine."""
    return bool(package.get("wheels"))


def explain(package: Mapping[str, Any], target: Target, *, newest: str | None) -> ResolveError:
    """The error for a package of a lock that has wheels, none of them for the target.

    ``newest`` is the newest version that has one.
    """
    name, version = package["name"], package.get("version", "")
    names = [wheel.get("name") or unquote(urlsplit(wheel.get("url", "")).path) for wheel in package.get("wheels", ())]
    ways = []
    if newest and newest != version:
        ways.append(f"ask for `{name}=={newest}`, the newest version that has one")
    if newer := _newer_runtime(names, target):
        ways.append(f"use runtime {newer} or newer")
    return no_wheel(name, version, target, reason=why_not(names, target), ways=ways)


def no_wheel(name: str, version: str, target: Target, *, reason: str, ways: Iterable[str] = ()) -> ResolveError:
    """The error for a version without a wheel for the target; ``ways`` out of it come before the last resort."""
    last = "give a wheel that you built for Amazon Linux (`--find-links`, or its path)"
    return ResolveError(
        f"`{name}` {version} has no wheel for {target.description}: {reason}",
        hint=", or ".join([*ways, last]),
    )


def why_not(names: Iterable[str], target: Target) -> str:
    """The nearest miss among the wheels' file names: "its wheels need glibc 2.28", say."""
    tags = _tags(names)
    machine = target.architecture.machine
    if not tags:
        return "it has only a source distribution"
    here = [tag for tag in tags if tag.platform.endswith(f"_{machine}") and "linux" in tag.platform]
    if not here:
        others = {_system_of(tag.platform) for tag in tags} - {""}
        return f"its wheels are for {_listed(others)}" if others else f"none of its wheels is for {machine}"
    ours = {(tag.interpreter, tag.abi) for tag in wheel_tags(target)}
    python = [tag for tag in here if (tag.interpreter, tag.abi) in ours]
    glibc = [found for tag in python if (found := _glibc(tag.platform))]
    if glibc and min(glibc) > target.runtime.system.glibc:
        lowest = min(glibc)
        return f"its wheels need glibc {lowest[0]}.{lowest[1]}"
    if python:
        return "its wheels need musl, which is not Amazon Linux's C library"
    versions = {found for tag in here if (found := _python(tag.interpreter))}
    return f"its wheels are for Python {_listed(f'{major}.{minor}' for major, minor in sorted(versions))}"


def _tags(names: Iterable[str]) -> list[Tag]:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    tags: list[Tag] = []
    for name in names:
        try:
            tags.extend(parse_wheel_filename(name.rpartition("/")[2])[3])
        except InvalidWheelFilename:
            continue  # an index may list what no installer can take
    return tags


def _system_of(platform: str) -> str:
    for prefix, system in _SYSTEMS.items():
        if platform.startswith(prefix):
            return system
    return f"Linux on {platform.rpartition('linux_')[2]}" if platform.startswith("linux_") else platform


def _glibc(platform: str) -> tuple[int, int] | None:
    legacy = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
    if match := re.match(r"manylinux_(\d+)_(\d+)_", platform):
        return int(match[1]), int(match[2])
    return legacy.get(platform.partition("_")[0])


def _python(interpreter: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"cp(\d)(\d+)", interpreter)
    return (int(match[1]), int(match[2])) if match else None


def _newer_runtime(names: Iterable[str], target: Target) -> str | None:
    """The oldest newer runtime of Python for which one of the wheels fits."""
    found = [
        runtime
        for runtime in RUNTIMES.values()
        if runtime.family == "python" and _fits(names, Target(runtime, target.architecture))
    ]
    newer = [each for each in found if python_version(Target(each, target.architecture)) > python_version(target)]
    return min(newer, key=lambda each: python_version(Target(each, target.architecture))).name if newer else None


def _fits(names: Iterable[str], target: Target) -> bool:
    return not set(wheel_tags(target)).isdisjoint(_tags(names))


def _listed(words: Iterable[str]) -> str:
    ordered = list(words) if not isinstance(words, set) else sorted(words)
    return ", ".join(ordered[:-1]) + (" and " if ordered[:-1] else "") + ordered[-1] if ordered else "nothing known"
