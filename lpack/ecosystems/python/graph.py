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


def requirements_among(wheels: Sequence[Wheel], target: Target, direct: Mapping[str, Names] | None) -> Graph:
    """For each wheel's name, the names among them that it requires on the target.

    ``direct`` are the names asked for by the user, with their extras; without it, any extra may have been asked for.
    """
    names = {wheel.name for wheel in wheels}
    active: dict[str, set[str]] = {wheel.name: set((direct or {}).get(wheel.name, ())) for wheel in wheels}
    edges: dict[str, set[str]] = {wheel.name: set() for wheel in wheels}
    changed = True
    while changed:  # an extra asked for by one package can add requirements, and extras, to another
        changed = False
        for wheel in wheels:
            for name, extras in _required(wheel, target, names, None if direct is None else active[wheel.name]):
                changed = changed or name not in edges[wheel.name] or not extras <= active[name]
                edges[wheel.name].add(name)
                active[name] |= extras
    return {name: frozenset(needed) for name, needed in edges.items()}


def _required(
    wheel: Wheel, target: Target, names: Collection[str], extras: Collection[str] | None
) -> Iterator[tuple[str, Names]]:
    from packaging.requirements import InvalidRequirement, Requirement

    for text in wheel.requires:
        match = _NAME.match(text)
        if not match or normalised(match[1]) not in names:
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # old metadata that no tool can read adds no requirement
        chosen = _all_extras(text) if extras is None else extras
        markers = ({**environment(target), "extra": extra} for extra in ("", *chosen))
        if not requirement.marker or any(requirement.marker.evaluate(each) for each in markers):
            yield normalised(requirement.name), frozenset(requirement.extras)


def _all_extras(text: str) -> list[str]:
    return re.findall(r"extra\s*==\s*['\"]([^'\"]+)['\"]", text)


def without(excluded: Sequence[str], graph: Graph, direct: Collection[str] | None) -> Names:
    """The names that stay when the excluded ones go, with all that only they needed.

    UsageError when an excluded name is not there. Without ``direct``, what nobody requires was asked for by the user.
    """
    unknown = [name for name in excluded if name not in graph]
    if unknown:
        raise _unknown(unknown[0], graph)
    required = {needed for name, names in graph.items() for needed in names if needed != name}
    asked = set(graph) - required if direct is None else set(direct) & set(graph)
    only_theirs = _reachable(excluded, graph, blocked=())
    kept = _reachable(asked - set(excluded), graph, blocked=excluded)
    return frozenset(name for name in graph if name in kept or name not in only_theirs)


def _reachable(start: Collection[str], graph: Graph, *, blocked: Collection[str]) -> set[str]:
    waiting, found = list(start), set()
    while waiting:
        name = waiting.pop()
        if name not in found and name not in blocked:
            found.add(name)
            waiting.extend(graph[name])
    return found


def _unknown(name: str, graph: Graph) -> UsageError:
    import difflib

    near = difflib.get_close_matches(name, graph, n=1)
    hint = f"did you mean `{near[0]}`?" if near else "remove it from `exclude-packages`"
    return UsageError(f"`exclude-packages` names `{name}`, which is not among the packages", hint=hint)
