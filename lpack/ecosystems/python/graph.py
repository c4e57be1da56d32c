"""Which package of an artifact needs which, read off the wheels' own metadata."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from ...errors import UsageError
from ...model import Target
from .requirements import normalised
from .tags import environment
from .wheels import Wheel

Names = frozenset[str]
Graph = Mapping[str, Names]

_NAME = re.compile(r"\s*([A-Za-z0-9][\w.-]*)")


def requirements_among(wheels: Sequence[Wheel], target: Target, direct: Mapping[str, Names]) -> Graph:
    """For each wheel's name, the names among them that it requires on the target.

    ``direct`` are names that the user asked for, with their extras. Without any, all extras may have been asked for.
    """
    names = {wheel.name for wheel in wheels}
    active: dict[str, set[str]] = {wheel.name: set(direct.get(wheel.name, ())) for wheel in wheels}
    edges: dict[str, set[str]] = {wheel.name: set() for wheel in wheels}
    changed = True
    while changed:  # an extra asked for by one package can add requirements, and extras, to another
        changed = False
        for wheel in wheels:
            for name, extras in _required(wheel, target, names, active[wheel.name] if direct else None):
                changed = changed or name not in edges[wheel.name] or not extras <= active[name]
                edges[wheel.name].add(name)
                active[name] |= extras
    return {name: frozenset(needed) for name, needed in edges.items()}


def _required(
    wheel: Wheel, target: Target, names: Collection[str], extras: Collection[str] | None
) -> Iterator[tuple[str, Names]]:
    from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
    from packaging.requirements import InvalidRequirement, Requirement

    for text in wheel.requires:
        match = _NAME.match(text)
        if not match or normalised(match[1]) not in names:
            continue
        chosen = _all_extras(text) if extras is None else extras
        markers = ({**environment(target), "extra": extra} for extra in ("", *chosen))
        try:
            requirement = Requirement(text)
            applies = not requirement.marker or any(requirement.marker.evaluate(each) for each in markers)
        except (InvalidRequirement, UndefinedComparison, UndefinedEnvironmentName):
            continue  # old metadata that no tool can read adds no requirement
        if applies:
            yield normalised(requirement.name), frozenset(map(normalised, requirement.extras))


def _all_extras(text: str) -> list[str]:
    return re.findall(r"extra\s*==\s*['\"]([^'\"]+)['\"]", text)


def asked_for(graph: Graph, direct: Collection[str]) -> Names:
    """The names that the user asked for: those that are known, and those that no other package can have asked for."""
    required = {needed for name, names in graph.items() for needed in names if needed != name}
    return frozenset(name for name in graph if name in direct or name not in required)


def without(excluded: Collection[str], graph: Graph, direct: Collection[str]) -> Names:
    """The names that stay when the excluded ones go, with all that only they needed; what was asked for stays."""
    gone = [name for name in excluded if name in graph]
    only_theirs = _reachable(gone, graph, blocked=())
    kept = _reachable(asked_for(graph, direct) - set(gone), graph, blocked=gone)
    return frozenset(name for name in graph if name in kept or name not in only_theirs)


def _reachable(start: Collection[str], graph: Graph, *, blocked: Collection[str]) -> set[str]:
    waiting, found = list(start), set()
    while waiting:
        name = waiting.pop()
        if name not in found and name not in blocked:
            found.add(name)
            waiting.extend(graph[name])
    return found


def refuse_unknown(asked: Collection[str], names: Collection[str], key: str) -> None:
    """UsageError for the first name that a key of the configuration asks for in vain; it offers the nearest."""
    import difflib

    for name in asked:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"remove it from `{key}`"
            raise UsageError(f"`{key}` names `{name}`, which is not among the packages", hint=hint)
