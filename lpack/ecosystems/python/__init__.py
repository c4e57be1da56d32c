"""Python: wheels that fit the target."""

from __future__ import annotations

import contextlib
import csv
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ...config import Function
from ...errors import LpackError, ResolveError, UsageError
from ...model import Finding, LeftOut, Package, Target
from ...sources import OwnFiles, Selection, read_source
from ...store import Store
from ...tree import Entry, Tree
from ...trimming import EVERY_PACKAGE, trimmed
from .. import Ask, Installed, Part
from .asked import direct_names
from .distributions import wheels_of
from .graph import asked_for, refuse_unknown, requirements_among, without
from .handler import check_handler
from .index_credentials import credentials
from .locking import Locked, lock
from .native import native_of
from .requirements import normalised
from .selection import Choice, Distribution, select
from .wheels import Wheel, headers

__all__ = ["brings", "check_code", "check_handler", "install", "lock", "own_files", "packages_in", "required_by"]

_LONGEST_TEXT = 64 << 20
"""More bytes than any file of metadata has."""


def brings(ask: Ask, locked: Locked, target: Target) -> Mapping[str, str]:
    """The versions of the packages that are installed for the target, by name; "" where the lock knows none."""
    versions = {each.name: each.version for each in _lacking(ask, locked, target)}
    if not ask.wanted.exclude_packages:
        return versions  # known without fetching any
    return {part.package.name: versions[part.package.name] for part in install(ask, locked, target).parts}


def install(ask: Ask, locked: Locked, target: Target) -> Installed:
    """The locked packages for the target, each as what its wheel unpacks to, without what layers bring."""
    _refuse_unknown(ask, locked)
    lacking = _lacking(ask, locked, target)
    own = {each.name for each in lacking if each.kind == "folder"}
    kept, dropped = _without_excluded(lacking, ask, locked, target)
    parts, left_out = [], [LeftOut(name, "exclude-packages") for name in dropped]
    for wheel in kept:
        entries, gone = trimmed(wheel.entries, ask.wanted.trim)
        parts.append(Part(_package(wheel, is_own=wheel.name in own), entries))
        left_out += gone
    return Installed(tuple(parts), tuple(left_out), tuple((wheel.file, wheel.sha256) for wheel in kept))


def own_files(function: Function, ask: Ask, locked: Locked, output: Path) -> OwnFiles:  # noqa: ARG001 -- the Protocol's
    """The function's source."""
    return read_source(function.source, Selection(function.include, function.exclude, output))


def check_code(tree: Tree, target: Target, store: Store) -> list[Finding]:  # noqa: ARG001 -- the Protocol's
    """Nothing: of native modules the ELF checks know more, and modules are read when they are imported."""
    return []


def required_by(ask: Ask, locked: Locked, target: Target) -> Mapping[str, tuple[str, ...]]:
    """For each package of the lock, which others of it need it; "" among them stands for the user."""
    direct = direct_names(locked.requirements)
    graph = requirements_among(_wheels(_lacking(ask, locked, target), ask, locked, target), target, direct)
    asked = asked_for(graph, direct)
    return {
        name: (*([""] if name in asked else ()), *sorted(other for other in graph if name in graph[other]))
        for name in graph
    }


def _version_conflict(name: str, version: str, ask: Ask) -> ResolveError:
    """The error for a lock of another tool that has another version of a package than a layer brings."""
    provided = ask.provided[name]
    return ResolveError(
        f"`{ask.wanted.name}` is locked with `{name}` {version}, and its layer `{provided.layer.name}` holds "
        f"{provided.version or 'a local project of that name'}",
        hint=f"lock both with the same version, or leave `{name}` out of the layer (`exclude-packages`)",
    )


def _selected(ask: Ask, locked: Locked, target: Target) -> tuple[Distribution, ...]:
    requirements = locked.requirements
    # Other kinds have had their extras and groups resolved into the lock.
    choice = Choice(requirements.extras, requirements.groups or None) if requirements.kind == "pylock" else Choice()
    return select(locked.locks[target], target, choice, ask.store, why_nobody=native_of(ask).why_nobody)


def _lacking(ask: Ask, locked: Locked, target: Target) -> list[Distribution]:
    """What the layers lack; an own lock holds nothing else, one of another tool knows nothing of layers."""
    lacking = []
    for distribution in _selected(ask, locked, target):
        provided = ask.provided.get(distribution.name)
        if provided is None:
            lacking.append(distribution)
        elif distribution.version and distribution.version != provided.version:
            raise _version_conflict(distribution.name, distribution.version, ask)
    return lacking


def _refuse_unknown(ask: Ask, locked: Locked) -> None:
    """UsageError for what the user would leave out, or files of which, and which is not there for any target."""
    if not ask.wanted.exclude_packages and not ask.wanted.trim:
        return
    names = {each.name for target in ask.wanted.targets for each in _lacking(ask, locked, target)}
    named = {"exclude-packages": ask.wanted.exclude_packages, "trim": [name for name, _ in ask.wanted.trim]}
    for key, asked in named.items():
        for name in asked:
            if name in ask.provided and name not in names:
                layer = ask.provided[name].layer.name
                fact = f"`{key}` of `{ask.wanted.name}` names `{name}`, which comes from the layer `{layer}`"
                raise UsageError(fact, hint=f"say it in [layer.{layer}]")
        refuse_unknown([name for name in asked if name != EVERY_PACKAGE], names, key)


def _wheels(distributions: Sequence[Distribution], ask: Ask, locked: Locked, target: Target) -> tuple[Wheel, ...]:
    """The wheels of all that must be there, and of what is excluded as far as it can be built."""
    logins = credentials(locked.requirements, ask.host.environ)
    excluded = ask.wanted.exclude_packages
    to_build = [each for each in distributions if each.name in excluded and each.kind != "wheel"]
    wheels = wheels_of([each for each in distributions if each not in to_build], ask, target, credentials=logins)
    for distribution in to_build:
        # It is built only to learn what it needs, and may well be excluded for the very reason that it can't be.
        with contextlib.suppress(LpackError):
            wheels += wheels_of([distribution], ask, target, credentials=logins)
    return wheels


def _without_excluded(
    distributions: Sequence[Distribution], ask: Ask, locked: Locked, target: Target
) -> tuple[list[Wheel], list[str]]:
    """The wheels that go into the artifact, and the names of the packages that don't."""
    excluded = ask.wanted.exclude_packages
    wheels = _wheels(distributions, ask, locked, target)
    if not excluded:
        return list(wheels), []
    direct = direct_names(locked.requirements)
    names = without(excluded, requirements_among(wheels, target, direct), direct)
    kept = [wheel for wheel in wheels if wheel.name in names]
    return kept, [each.name for each in distributions if each.name not in names]


def _package(wheel: Wheel, *, is_own: bool) -> Package:
    return Package(
        name=wheel.name,
        version=wheel.version,
        purl=_purl(wheel.name, wheel.version),
        sha256=wheel.sha256.hex(),
        is_own=is_own,
    )


def _purl(name: str, version: str) -> str:
    """The package's URL; ``+``, of local versions, has another meaning in one.

    Source: https://github.com/package-url/purl-spec/blob/main/types-doc/pypi-definition.md
    """
    from urllib.parse import quote

    return f"pkg:pypi/{normalised(name)}@{quote(version, safe='.')}"


def packages_in(tree: Tree) -> tuple[Tree, tuple[Package, ...]]:
    """The packages that a tree of unknown origin holds, by their ``.dist-info``, and the tree with entries marked.

    An entry belongs to the package whose RECORD lists it, or in whose ``.dist-info`` it lies.
    """
    packages: list[Package] = []
    folders: dict[str, str] = {}
    owners: dict[str, str] = {}
    for entry in tree:
        folder, _, file = entry.path.rpartition("/")
        if file == "METADATA" and folder.endswith(".dist-info"):
            fields = headers(_text(entry))
            name, version = normalised(str(fields.get("Name", ""))), str(fields.get("Version", ""))
            root = posixpath.dirname(folder)
            packages.append(Package(name, version, _purl(name, version), sha256="", root=root))
            folders[folder] = name
            owners.update(dict.fromkeys(_recorded(tree, folder), name))
    marked = (entry._replace(package=owners.get(entry.path) or _owner(entry.path, folders)) for entry in tree)
    return Tree.of(marked), tuple(packages)


def _owner(path: str, folders: Mapping[str, str]) -> str:
    before, ending, _ = path.partition(".dist-info/")
    return folders.get(before + ending.removesuffix("/"), "")


def _recorded(tree: Tree, dist_info: str) -> Iterator[str]:
    """The paths in the tree that a RECORD lists."""
    record = tree.by_path.get(f"{dist_info}/RECORD")
    root = posixpath.dirname(dist_info)
    with contextlib.suppress(csv.Error):  # what a broken RECORD does not tell stays unknown
        for row in csv.reader(_text(record).splitlines()) if record else ():
            if row:
                # `pip install --target` moves `bin` after it wrote the RECORD, in which it lies two folders higher.
                yield posixpath.join(root, row[0].removeprefix("../../"))


def _text(entry: Entry) -> str:
    return entry.read().decode("utf-8", errors="replace") if entry.source.size <= _LONGEST_TEXT else ""
