"""Python functions: wheels of the target beside the user's own modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...model import Finding, LeftOut, Package, Severity
from ...overlay import Clash, overlay
from ...sources import Selection, read_source
from ...tree import Tree
from .. import Ask, Assembly, Policy
from .distributions import refuse_twice, wheels_of
from .graph import requirements_among, without
from .handler import check_handler
from .locking import Locked
from .locking import lock as lock_function
from .requirements import credentials, direct_names
from .selection import Choice, select
from .wheels import Wheel, headers

__all__ = ["assemble", "check_handler", "lock", "packages_in", "required_by"]


def lock(ask: Ask, policy: Policy) -> Locked:
    """The function's lock, made or kept or upgraded as the policy says."""
    return lock_function(ask.function, ask.project, policy=policy, store=ask.store, host=ask.host)


def assemble(ask: Ask, locked: Locked, output: Path) -> Assembly:
    """The Tree of the locked packages and the function's own files; ``output`` is never part of it."""
    function = ask.function
    kept, dropped = _without_excluded(_locked_wheels(ask, locked), ask, locked)
    own = read_source(function.source, Selection(function.include, function.exclude, output))
    tree, clashes = overlay(own.entries, (wheel.entries for wheel in kept))
    return Assembly(
        tree=tree,
        packages=tuple(_package(wheel) for wheel in kept),
        left_out=own.left_out + tuple(LeftOut(wheel.name, "exclude-packages") for wheel in dropped),
        findings=tuple(_clash_findings(clashes)),
        archives=tuple((wheel.file, wheel.sha256) for wheel in kept),
    )


def required_by(ask: Ask, locked: Locked) -> Mapping[str, tuple[str, ...]]:
    """For each package of the lock, which others of it need it."""
    graph = requirements_among(_locked_wheels(ask, locked), ask.function.target, direct_names(locked.requirements))
    return {name: tuple(sorted(other for other in graph if name in graph[other])) for name in graph}


def _locked_wheels(ask: Ask, locked: Locked) -> tuple[Wheel, ...]:
    requirements = locked.requirements
    # Other kinds have had their extras and groups resolved into the lock.
    choice = Choice(requirements.extras, requirements.groups or None) if requirements.kind == "pylock" else Choice()
    distributions = select(locked.lock, ask.function.target, choice, ask.store)
    wheels = wheels_of(distributions, ask, credentials=credentials(requirements, ask.host.environ))
    refuse_twice(wheels, ask.function.target)
    return wheels


def _without_excluded(wheels: Sequence[Wheel], ask: Ask, locked: Locked) -> tuple[list[Wheel], list[Wheel]]:
    excluded = ask.function.exclude_packages
    if not excluded:
        return list(wheels), []
    direct = direct_names(locked.requirements)
    graph = requirements_among(wheels, ask.function.target, direct)
    names = without(excluded, graph, direct)
    return [each for each in wheels if each.name in names], [each for each in wheels if each.name not in names]


def _package(wheel: Wheel) -> Package:
    return Package(
        name=wheel.name,
        version=wheel.version,
        purl=f"pkg:pypi/{wheel.name}@{wheel.version}",
        sha256=wheel.sha256.hex(),
    )


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

    An entry belongs to the package whose RECORD lists it.
    """
    packages, owners = [], {}
    for entry in tree:
        folder, _, name = entry.path.rpartition("/")
        if name != "METADATA" or not folder.endswith(".dist-info"):
            continue
        fields = headers(entry.read().decode("utf-8", errors="replace"))
        project, version = str(fields.get("Name", "")), str(fields.get("Version", ""))
        packages.append(Package(project, version, f"pkg:pypi/{project.lower()}@{version}", sha256=""))
        prefix = folder.rpartition("/")[0]
        record = tree.by_path.get(f"{folder}/RECORD")
        listed = record.read().decode("utf-8", errors="replace").splitlines() if record else ()
        for line in listed:
            path = line.partition(",")[0].strip('"')
            owners[f"{prefix}/{path}" if prefix else path] = project
        owners.update({each.path: project for each in tree if each.path.startswith(f"{folder}/")})
    marked = (entry._replace(package=owners.get(entry.path, "")) for entry in tree)
    return Tree.of(marked), tuple(packages)
