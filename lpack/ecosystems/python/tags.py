"""What a target's Python accepts: wheel tags and environment markers, of the runtime and never of the host.

Sources: https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/ and PEP 508.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...aws.systems import OperatingSystem
from ...model import Target

if TYPE_CHECKING:
    from packaging.tags import Tag

_FIRST_GLIBC = {"x86_64": 5, "aarch64": 17}
"""manylinux starts with glibc 2.5 (manylinux1), on Arm with 2.17 (manylinux2014)."""

_LEGACY_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def platforms(machine: str, system: OperatingSystem) -> Iterator[str]:
    """The platform tags that run there, best first: each manylinux up to the system's glibc (PEP 600)."""
    for minor in range(system.glibc[1], _FIRST_GLIBC[machine] - 1, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in _LEGACY_NAMES:
            yield f"{_LEGACY_NAMES[minor]}_{machine}"
    # A wheel built by the user for this very system; the ELF check proves the claim.
    yield f"linux_{machine}"


@functools.cache
def wheel_tags(target: Target) -> tuple[Tag, ...]:
    """The tags of the wheels that the target can install, best first; free-threaded ones are not among them."""
    from packaging.tags import compatible_tags, cpython_tags

    version = python_version(target)
    names = list(platforms(target.architecture.machine, target.runtime.system))
    interpreter = f"cp{version[0]}{version[1]}"
    return (
        *cpython_tags(version, abis=[interpreter], platforms=names),
        *compatible_tags(version, interpreter=interpreter, platforms=names),
    )


def fits(file_name: str, target: Target) -> bool:
    """Whether the target can install a wheel of that file name."""
    return not tags_of(file_name).isdisjoint(wheel_tags(target))


def tags_of(file_name: str) -> frozenset[Tag]:
    """The tags of a wheel by its file name; none when that is not the name of one."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        return parse_wheel_filename(file_name.rpartition("/")[2])[3]
    except InvalidWheelFilename:
        return frozenset()


def python_version(target: Target) -> tuple[int, int]:
    """The runtime's Python version, (3, 13) say."""
    major, minor = target.runtime.version.split(".")
    return int(major), int(minor)


def environment(target: Target) -> dict[str, str]:
    """The environment markers of the target.

    Lambda updates the patch release by itself, so ``python_full_version`` is the first one of the minor version.
    """
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{target.runtime.version}.0",
        "os_name": "posix",
        "platform_machine": target.architecture.machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{target.runtime.version}.0",
        "python_version": target.runtime.version,
        "sys_platform": "linux",
    }
