"""Why a version has no wheel for a target, in words that help."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from ...aws.runtimes import RUNTIMES
from ...errors import ResolveError
from ...model import Target
from .tags import fits, python_version, tags_of, wheel_tags

if TYPE_CHECKING:
    from packaging.tags import Tag

_IN_CONTAINER = "in a container (`lpack build --in-container`, with a Docker Engine)"
WAYS = f"build it {_IN_CONTAINER} or with zig (`pip install 'lpack[zig]'`)"
"""How native code can be built where there is no wheel of it."""

WhyNobody = Callable[[Target], tuple[str, ...] | None]
"""Why nobody can build native code for a target, for each who might; None if somebody can."""

_SYSTEMS = {"win": "Windows", "macosx": "macOS", "ios": "iOS", "android": "Android", "pyodide": "WebAssembly"}
_LEGACY_GLIBC = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}


def file_name(file: Mapping[str, Any]) -> str:
    """The name of a file that a lock names, by its own word or by where it is."""
    place = file.get("name") or file.get("path") or unquote(urlsplit(str(file.get("url", ""))).path)
    return str(place).rpartition("/")[2]


def file_names(package: Mapping[str, Any]) -> list[str]:
    """The file names of the wheels of a lock's package."""
    return [file_name(wheel) for wheel in package.get("wheels", ())]


def has_native_wheels(package: Mapping[str, Any]) -> bool:
    """Whether a package of a lock has wheels for certain machines: then its sources most likely hold native code."""
    return any(tag.platform != "any" for name in file_names(package) for tag in tags_of(name))


def explain(
    package: Mapping[str, Any], target: Target, *, newest: str | None, why_nobody: Sequence[str] = ()
) -> ResolveError:
    """The error for a package of a lock whose wheels are not for the target.

    ``newest`` is the newest version that has one which is, ``why_nobody`` for each who might build one why he can't.
    """
    names, name, version = file_names(package), package["name"], str(package.get("version", ""))
    ways = [f"ask for `{name}=={newest}`, the newest version that has one"] if newest and newest != version else []
    if newer := _newer_runtime(names, target):
        ways.append(f"use runtime {newer} or newer")
    if package.get("sdist"):
        ways.append(WAYS)
    ways.append("give a wheel that you built for Amazon Linux (`--find-links`, or its path)")
    return ResolveError(
        f"`{name}` {version} has no wheel for {target.description}: {why_not(names, target)}",
        hint=", or ".join(ways),
        details=why_nobody if package.get("sdist") else (),
    )


def why_not(names: Iterable[str], target: Target) -> str:
    """The nearest miss among the wheels' file names: "its wheels need glibc 2.28", say."""
    tags = [tag for name in names for tag in tags_of(name)]
    if not tags:
        return "it has only a source distribution"
    here = [tag for tag in tags if _is_here(tag, target)]
    if not here:
        return f"its wheels are for {_listed({_system_of(tag.platform) for tag in tags})}"
    ours = {(tag.interpreter, tag.abi) for tag in wheel_tags(target)}
    python = [tag for tag in here if (tag.interpreter, tag.abi) in ours]
    if not python:
        return _of_other_pythons(here)
    glibc = [found for tag in python if (found := _glibc(tag.platform))]
    if glibc:
        return "its wheels need glibc {}.{}".format(*min(glibc))
    return "its wheels need musl, and Amazon Linux has glibc"


def _is_here(tag: Tag, target: Target) -> bool:
    """Whether a tag is for Linux on the target's architecture, or for everything."""
    return tag.platform == "any" or bool(re.fullmatch(rf"\w*linux\w*_{target.architecture.machine}", tag.platform))


def _of_other_pythons(tags: Iterable[Tag]) -> str:
    free = {tag.abi for tag in tags if re.fullmatch(r"(cp\d+|abi3)t", tag.abi)}
    pythons = {found for tag in tags if tag.abi not in free and (found := _python(tag.interpreter))}
    if not pythons:
        return f"its wheels are for {'free-threaded Python' if free else 'other implementations of Python'} alone"
    least = {found for tag in tags if tag.abi == "abi3" and (found := _python(tag.interpreter))}
    if pythons == least:
        return f"its wheels need Python {_dotted(min(least))} or newer"
    return f"its wheels are for Python {_listed(map(_dotted, sorted(pythons)))}"


def _system_of(platform: str) -> str:
    for prefix, system in _SYSTEMS.items():
        if platform.startswith(prefix):
            return system
    machine = re.sub(r"^(many|musl)?linux(_?\d+)*_", "", platform)
    return f"Linux on {machine}"


def _glibc(platform: str) -> tuple[int, int] | None:
    if match := re.match(r"manylinux_(\d+)_(\d+)_", platform):
        return int(match[1]), int(match[2])
    return _LEGACY_GLIBC.get(platform.partition("_")[0])


def _python(interpreter: str) -> tuple[int, ...] | None:
    match = re.fullmatch(r"(?:cp|py)(\d)(\d*)", interpreter)
    return tuple(int(part) for part in match.groups() if part) if match else None


def _dotted(version: Iterable[int]) -> str:
    return ".".join(map(str, version))


def _newer_runtime(names: Iterable[str], target: Target) -> str | None:
    """The oldest newer runtime of Python for which one of the wheels fits."""
    others = [
        Target(runtime, target.architecture) for runtime in RUNTIMES.values() if runtime.family == target.runtime.family
    ]
    newer = [other for other in others if python_version(other) > python_version(target)]
    fitting = [other for other in newer if any(fits(name, other) for name in names)]
    return min(fitting, key=python_version).runtime.name if fitting else None


def _listed(words: Iterable[str]) -> str:
    *others, last = sorted(words) if isinstance(words, set) else list(words)
    return f"{', '.join(others)} and {last}" if others else last
