"""Python functions: wheels of the target beside the user's own modules."""

from __future__ import annotations

import contextlib
import csv
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ...errors import LpackError
from ...model import Finding, LeftOut, Package, Severity
from ...overlay import Clash, overlay
from ...sources import Selection, read_source
from ...tree import Entry, Tree
from .. import Ask, Assembly, Policy
from .asked import direct_names
from .distributions import wheels_of
from .graph import asked_for, refuse_unknown, requirements_among, without
from .handler import check_handler
from .index_credentials import credentials
from .locking import Locked
from .locking import lock as lock_function
from .requirements import normalised
from .selection import Choice, Distribution, select
from .wheels import Wheel, headers

__all__ = ["assemble", "check_handler", "lock", "packages_in", "required_by"]

_LONGEST_TEXT = 64 << 20
"""More bytes than any file of metadata has."""


def lock(ask: Ask, policy: Policy) -> Locked:
    """The function's lock, made or kept or upgraded as the policy says."""
    return lock_function(ask.function, ask.project, policy=policy, store=ask.store, host=ask.host)


def assemble(ask: Ask, locked: Locked, output: Path) -> Assembly:
    """The Tree of the locked packages and the function's own files; ``output`` is never part of it."""
    function = ask.function
    kept, dropped = _without_excluded(_selected(ask, locked), ask, locked)
    own = read_source(function.source, Selection(function.include, function.exclude, output))
    tree, clashes = overlay(own.entries, (wheel.entries for wheel in kept))
    return Assembly(
        tree=tree,
        packages=tuple(_package(wheel) for wheel in kept),
        left_out=own.left_out + tuple(LeftOut(name, "exclude-packages") for name in dropped),
        findings=tuple(_clash_findings(clashes)),
        archives=tuple((wheel.file, wheel.sha256) for wheel in kept),
    )


def required_by(ask: Ask, locked: Locked) -> Mapping[str, tuple[str, ...]]:
    """For each package of the lock, which others of it need it; "" among them stands for the user."""
    direct = direct_names(locked.requirements)
    graph = requirements_among(_wheels(_selected(ask, locked), ask, locked), ask.function.target, direct)
    asked = asked_for(graph, direct)
    return {
        name: (*([""] if name in asked else ()), *sorted(other for other in graph if name in graph[other]))
        for name in graph
    }


def _selected(ask: Ask, locked: Locked) -> tuple[Distribution, ...]:
    requirements = locked.requirements
    # Other kinds have had their extras and groups resolved into the lock.
    choice = Choice(requirements.extras, requirements.groups or None) if requirements.kind == "pylock" else Choice()
    return select(locked.lock, ask.function.target, choice, ask.store)


def _wheels(distributions: Sequence[Distribution], ask: Ask, locked: Locked) -> tuple[Wheel, ...]:
    """The wheels of all that must be there, and of what is excluded as far as it can be built."""
    logins = credentials(locked.requirements, ask.host.environ)
    excluded = ask.function.exclude_packages
    to_build = [each for each in distributions if each.name in excluded and each.kind != "wheel"]
    wheels = wheels_of([each for each in distributions if each not in to_build], ask, credentials=logins)
    for distribution in to_build:
        # It is built only to learn what it needs, and may well be excluded for the very reason that it can't be.
        with contextlib.suppress(LpackError):
            wheels += wheels_of([distribution], ask, credentials=logins)
    return wheels


def _without_excluded(distributions: Sequence[Distribution], ask: Ask, locked: Locked) -> tuple[list[Wheel], list[str]]:
    """The wheels that go into the artifact, and the names of the packages that don't."""
    excluded = ask.function.exclude_packages
    refuse_unknown(excluded, [each.name for each in distributions])
    wheels = _wheels(distributions, ask, locked)
    if not excluded:
        return list(wheels), []
    direct = direct_names(locked.requirements)
    names = without(excluded, requirements_among(wheels, ask.function.target, direct), direct)
    kept = [wheel for wheel in wheels if wheel.name in names]
    return kept, [each.name for each in distributions if each.name not in names]


def _package(wheel: Wheel) -> Package:
    return Package(
        name=wheel.name,
        version=wheel.version,
        purl=_purl(wheel.name, wheel.version),
        sha256=wheel.sha256.hex(),
    )


def _purl(name: str, version: str) -> str:
    """The package's URL; ``+``, of local versions, has another meaning in one.

    Source: https://github.com/package-url/purl-spec/blob/main/types-doc/pypi-definition.md
    """
    from urllib.parse import quote

    return f"pkg:pypi/{normalised(name)}@{quote(version, safe='.')}"


def _clash_findings(clashes: Sequence[Clash]) -> list[Finding]:
    pairs: dict[tuple[str, str], list[str]] = {}
    for clash in clashes:
        pairs.setdefault((clash.kept, clash.hidden), []).append(clash.path)
    return [
        Finding(
            Severity.WARNING,
            "package-clash",
            f"`{kept}` and `{hidden}` hold different files at {len(paths)} path{'s' if paths[1:] else ''}; "
            f"those of `{kept}` are in the artifact",
            "leave one of the packages out (`exclude-packages`)",
            tuple(paths[:10]),
        )
        for (kept, hidden), paths in pairs.items()
    ]


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
            packages.append(Package(name, version, _purl(name, version), sha256=""))
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
