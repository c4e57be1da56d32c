"""The lock of a function or layer: PEP 751's ``pylock.<name>.toml`` beside the configuration.

It is made when it is missing, and kept while it fits.

``[tool.lpack]`` in it holds a fingerprint of the requirements it was made from, so that a build knows without asking
anybody whether the pins still satisfy them. Most builds find a lock that fits: what makes one is not loaded for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ...config import Dependencies, Project
from ...errors import InputError, ResolveError, UsageError
from ...model import Target
from ...store import replacing
from .. import Ask, Policy
from .asked import sources_of
from .fingerprint import fingerprint
from .native import native_of
from .requirement_lines import all_lines
from .requirements import Requirements, read_toml, requirements_of, table
from .selection import Choice, Lock, parse, select
from .tags import python_version

_EMPTY: Mapping[str, Any] = {"lock-version": "1.0", "created-by": "lpack", "packages": []}
_MEND = "correct it, or remove it and run `lpack lock` to make it anew"


class Locked(NamedTuple):
    """A lock that fits the requirements, as it is to be read for each target.

    ``changes`` are the pins that were changed for it, in words.
    """

    requirements: Requirements
    locks: Mapping[Target, Lock]
    file: Path | None = None
    changes: tuple[str, ...] = ()


def lock_file(name: str, project: Project) -> Path:
    """Where the own lock of a function or layer is; UsageError for a name that neither PEP 751 nor Lambda takes."""
    if "." in name:
        raise UsageError(
            f"the function `{name}` can't have a lock, as there is a dot in its name",
            hint="rename it: Lambda takes letters, digits, `-` and `_`",
        )
    return project.folder / f"pylock.{name}.toml"


def lock(ask: Ask, policy: Policy) -> Locked:
    """The lock of the dependencies for all their targets; written beside the configuration when it changed.

    ResolveError when the requirements can't be met, or with the policy "frozen" when the lock does not fit them.
    """
    # In which order the configuration names the targets is no reason to lock anew.
    wanted = replace(ask.wanted, targets=tuple(sorted(ask.wanted.targets, key=_order)))
    project = ask.project
    requirements = requirements_of(wanted, project.folder)
    if requirements.kind == "nothing":
        return Locked(requirements, dict.fromkeys(wanted.targets, Lock(_EMPTY, project.folder, "the empty lock")))
    if requirements.is_lock and requirements.file:
        from .foreign_locks import read_foreign_lock

        locks = {
            target: read_foreign_lock(requirements, requirements.file, target, store=ask.store, host=ask.host)
            for target in wanted.targets
        }
        return Locked(requirements, locks)
    file = lock_file(wanted.name, project)
    lines, sources = all_lines(requirements), sources_of(requirements)
    fitting = fingerprint(
        requirements,
        lines,
        sources,
        wanted.targets,
        provided={name: each.version for name, each in sorted(ask.provided.items())},
        resolver=project.building.resolver,
        folder=project.folder,
    )
    existing = _existing(file)
    if existing and policy != "upgrade" and table(existing, "tool", "lpack").get("requirements") == fitting:
        return _own(requirements, existing, file, wanted)
    if policy == "frozen":
        fact = "does not fit the requirements any more" if existing else "does not exist"
        raise ResolveError(f"`{file.name}` {fact}", hint=f"run `lpack lock {wanted.name}` and commit the file")
    if existing:
        _refuse_damaged(existing, file)
    elif policy == "keep" and (same := _lock_of_another(wanted.name, project, fitting)):
        write_lock(file, same)
        return _own(requirements, same, file, wanted)._replace(changes=tuple(_changes(_EMPTY, same)))
    from .new_lock import Asked, new_lock

    asked = Asked(requirements, lines, sources, wanted.targets)
    made = new_lock(asked, ask, existing=existing if policy == "keep" else None, fingerprint=fitting)
    own = _own(requirements, made, file, wanted)
    for target, each in own.locks.items():
        select(
            each, target, Choice(), ask.store, why_nobody=native_of(ask).why_nobody
        )  # what does not fit is told before it is written
    if made != existing:
        write_lock(file, made)
    return own._replace(changes=tuple(_changes(existing or _EMPTY, made)))


def _order(target: Target) -> tuple[tuple[int, int], str]:
    return python_version(target), target.architecture.machine


def _own(requirements: Requirements, document: Mapping[str, Any], file: Path, wanted: Dependencies) -> Locked:
    return Locked(requirements, dict.fromkeys(wanted.targets, Lock(document, file.parent, f"`{file.name}`")), file)


def _existing(file: Path) -> Mapping[str, Any] | None:
    if not file.is_file():
        return None
    try:
        return read_toml(file)
    except InputError as error:
        raise InputError(error.message, hint=_MEND) from error


def _lock_of_another(name: str, project: Project, fitting: str) -> Mapping[str, Any] | None:
    """The lock of a function with the same requirements and target: functions of a project share what they can."""
    for other in project.parts:
        file = project.folder / f"pylock.{other.name}.toml"
        if other.name != name and file.is_file() and fitting.encode() in file.read_bytes():
            found = _existing(file)
            if found and table(found, "tool", "lpack").get("requirements") == fitting:
                return found
    return None


def _refuse_damaged(existing: Mapping[str, Any], file: Path) -> None:
    try:
        parse(Lock(existing, file.parent, f"`{file}`"))
    except InputError as error:
        raise InputError(error.message, hint=_MEND) from error


def write_lock(file: Path, document: Mapping[str, Any]) -> None:
    """Write a lock as TOML, in place of what is there."""
    import tomli_w

    with replacing(file) as stream:
        stream.write(b"# Made by `lpack lock`; change the requirements, not this file.\n")
        stream.write(tomli_w.dumps(document).encode())


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old, new = _by_name(before), _by_name(after)
    for name in sorted(old.keys() | new.keys()):
        was, is_now = _versions(old.get(name, [])), _versions(new.get(name, []))
        if name not in old:
            yield f"+ {name} {is_now}".rstrip()
        elif name not in new:
            yield f"- {name} {was}".rstrip()
        elif was != is_now:
            yield f"~ {name} {was} → {is_now}"
        elif old[name] != new[name]:
            yield f"~ {name} {is_now} (other files)"


def _by_name(document: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """The packages of a lock; of some there are several versions, for different targets."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for package in document["packages"]:
        found.setdefault(package["name"], []).append(package)
    return found


def _versions(packages: Sequence[Mapping[str, Any]]) -> str:
    return " and ".join(dict.fromkeys(str(each["version"]) for each in packages if each.get("version")))
