"""package-lock.json: which package is where in node_modules, for which machines, and which needs which.

Source: https://docs.npmjs.com/cli/configuring-npm/package-lock-json
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from ...aws.architectures import ARM64, Architecture
from ...errors import InputError, ResolveError
from ...model import Target
from .manifests import ASKED, table

MODULES = "node_modules/"


class Row(NamedTuple):
    """A package of a lock: where it lies, relative to the project, and what is known about it.

    ``folder`` is, for a package on this machine, the folder that holds its files, relative to the project; ``requires``
    are names, ``prebuilt`` those of them that npm may leave out, as it does with builds for other machines.
    """

    location: str
    name: str
    version: str
    folder: str
    is_link: bool
    requires: tuple[str, ...]
    prebuilt: tuple[str, ...]
    platforms: Mapping[str, tuple[str, ...]]
    is_dev: bool
    has_script: bool

    def fits(self, target: Target) -> bool:
        """Whether npm installs it for the target."""
        return all(_allows(self.platforms.get(key, ()), value) for key, value in platform_of(target).items())


def cpu_of(architecture: Architecture) -> str:
    """The name that Node.js has for an architecture."""
    return "arm64" if architecture == ARM64 else "x64"


def platform_of(target: Target) -> dict[str, str]:
    """The target in the words of package.json's ``os``, ``cpu`` and ``libc``."""
    return {"os": "linux", "cpu": cpu_of(target.architecture), "libc": "glibc"}


def _allows(listed: Collection[str], value: str) -> bool:
    """Whether a list such as ["linux", "darwin"] or ["!win32"] allows the value, as npm reads it."""
    if f"!{value}" in listed:
        return False
    wanted = [each for each in listed if not each.startswith("!")]
    return not wanted or value in wanted or "any" in wanted


class Placed(NamedTuple):
    """A package of the lock, and its path below the folder that packages are installed in."""

    place: str
    row: Row


@dataclass(frozen=True)
class Lockfile:
    """The packages of a lock by their locations; "" is the project itself, ``member`` the package of it that counts."""

    rows: Mapping[str, Row]
    member: str = ""

    @cached_property
    def placed(self) -> Mapping[str, Row]:
        """All packages by where they are to be below ``node_modules``: what links lead to is there as files.

        ResolveError when a package of a workspace has another version of something than the workspace has.
        """
        placed = dict(self._below(MODULES, "", (self.member,)))
        if self.member:
            for place, row in self._below(f"{self.member}/{MODULES}", "", (self.member,)):
                other = placed.setdefault(place, row)
                if (other.name, other.version) != (row.name, row.version):
                    raise ResolveError(
                        f"`{self.member}` needs `{row.name}` {row.version}, and other packages of its workspace need "
                        f"{other.version} at the same place",
                        hint="let all packages of the workspace use the same version, or give this one its own lock",
                    )
        return placed

    def _below(self, prefix: str, above: str, way: tuple[str, ...]) -> Iterator[tuple[str, Row]]:
        for location, row in self.rows.items():
            if not location.startswith(prefix) or (row.folder and row.folder in way):
                continue
            place = above + location.removeprefix(prefix)
            yield place, row
            if row.is_link:
                yield from self._below(f"{row.folder}/{MODULES}", f"{place}/{MODULES}", (*way, row.folder))

    @cached_property
    def direct(self) -> tuple[str, ...]:
        """The places of what the user asked for, by name or as a part of the workspace."""
        asking = self.rows.get(self.member)
        names = asking.requires if asking else ()
        found = [name for name in names if name in self.placed]
        if not self.member:  # npm installs all packages of a workspace, which nobody has to ask for
            found += [place for place, row in self.placed.items() if row.is_link and MODULES not in place]
        return tuple(dict.fromkeys(found))

    def version(self, place: str) -> str:
        """The version of the package at a place; "" where the lock knows none."""
        row = self.placed[place]
        return self.rows[row.folder].version if row.is_link and row.folder in self.rows else row.version

    def needs(self, place: str) -> list[str]:
        """The places of what the package at a place requires, as Node.js finds them: the nearest one upwards."""
        row = self.placed[place]
        requires = self.rows[row.folder].requires if row.is_link and row.folder in self.rows else row.requires
        return [found for name in requires if (found := self.nearest(place, name))]

    def nearest(self, place: str, name: str) -> str:
        """The place of the package that code in the one at ``place`` gets by a name; "" when there is none."""
        parts = place.split("/")
        folders = ("/".join(parts[:depth]) for depth in range(len(parts), 0, -1))
        candidates = (f"{folder}/{MODULES}{name}" for folder in folders)
        return next((each for each in (*candidates, name) if each in self.placed), "")

    def reachable(self, start: Iterable[str], target: Target, *, without: Collection[str] = ()) -> set[str]:
        """The places from which something is needed, from some on, except by way of those in ``without``."""
        waiting, found = list(start), set()
        while waiting:
            place = waiting.pop()
            if place not in found and place not in without and self._counts(place, target):
                found.add(place)
                waiting += self.needs(place)
        return found

    def _counts(self, place: str, target: Target) -> bool:
        row = self.placed[place]
        return not row.is_dev and row.fits(target)


def read_lockfile(document: Mapping[str, Any], title: str, member: str = "") -> Lockfile:
    """The packages in a lock's document; InputError, with the lock's ``title``, for one that can't be understood."""
    version = document.get("lockfileVersion")
    packages = document.get("packages")
    if version == 1 or not isinstance(packages, dict):
        raise InputError(
            f"{title} has the format of npm 6 (lockfileVersion {version}), which lacks what lpack needs",
            hint="run `npm install --package-lock-only` with npm 7 or newer, and commit the file",
        )
    return Lockfile(
        {str(key): _row(str(key), each) for key, each in packages.items() if isinstance(each, dict)}, member
    )


def _row(location: str, entry: Mapping[str, Any]) -> Row:
    resolved = str(entry.get("resolved", ""))
    is_link = entry.get("link") is True
    folder = resolved if is_link else _local_folder(resolved)
    return Row(
        location=location,
        name=str(entry.get("name") or location.rpartition(MODULES)[2]),
        version=str(entry.get("version", "")),
        folder=posixpath.normpath(folder) if folder else "",
        is_link=is_link,
        requires=tuple(dict.fromkeys(name for key in ASKED for name in table(entry, key))),
        prebuilt=tuple(table(entry, "optionalDependencies")),
        platforms={key: _texts(entry.get(key)) for key in ("os", "cpu", "libc") if key in entry},
        is_dev=entry.get("dev") is True,
        has_script=entry.get("hasInstallScript") is True,
    )


def _local_folder(resolved: str) -> str:
    """The folder that npm packs a package from when it makes no links (``install-links``); "" for all others."""
    place = resolved.removeprefix("file:")
    return "" if place == resolved or place.endswith((".tgz", ".tar.gz", ".tar")) else place


def _texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(str, value)) if isinstance(value, list) else ()
