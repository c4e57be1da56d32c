"""The function's lock: PEP 751's ``pylock.<name>.toml`` beside the configuration, made when missing, kept when it fits.

``[tool.lpack]`` in it holds a fingerprint of the requirements it was made from, so that a build knows without asking
anybody whether the pins still satisfy them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...config import Function, Project
from ...errors import InputError, ResolveError, UsageError
from ...model import Host
from ...store import Store, replacing
from .. import Policy
from .asked import Sources, sources_of
from .fingerprint import fingerprint
from .foreign_locks import read_foreign_lock
from .hashes import allowed_hashes, only_allowed
from .own_lock import own_lock
from .pip_tools import resolve_with_pip_tools
from .pyproject import is_dynamic, project_name
from .requirement_lines import Line, all_lines, index_lines, one_file
from .requirements import Requirements, read_toml, requirements_of, table
from .resolving import resolve
from .selection import Choice, Lock, parse, select
from .uv import Question

_EMPTY: Mapping[str, Any] = {"lock-version": "1.0", "created-by": "lpack", "packages": []}
_MEND = "correct it, or remove it and run `lpack lock` to make it anew"


@dataclass(frozen=True, slots=True)
class Locked:
    """A lock that fits the requirements; ``changes`` are the pins that were changed for it, in words."""

    requirements: Requirements
    lock: Lock
    file: Path | None = None
    changes: tuple[str, ...] = ()


def lock_file(function: Function, project: Project) -> Path:
    """Where the function's own lock is; UsageError for a name that PEP 751 can't have there, nor Lambda anywhere."""
    if "." in function.name:
        raise UsageError(
            f"the function `{function.name}` can't have a lock, as there is a dot in its name",
            hint="rename it: Lambda takes letters, digits, `-` and `_`",
        )
    return project.folder / f"pylock.{function.name}.toml"


def lock(function: Function, project: Project, *, policy: Policy, store: Store, host: Host) -> Locked:
    """The lock of the function's requirements for its target; written beside the configuration when it changed.

    ResolveError when the requirements can't be met, or with the policy "frozen" when the lock does not fit them.
    """
    requirements = requirements_of(function, project.folder)
    if requirements.kind == "nothing":
        return Locked(requirements, Lock(_EMPTY, project.folder, "the empty lock"))
    if requirements.is_lock and requirements.file:
        foreign = read_foreign_lock(requirements, requirements.file, function.target, store=store, host=host)
        return Locked(requirements, foreign)
    file = lock_file(function, project)
    lines, sources = all_lines(requirements), sources_of(requirements)
    wanted = fingerprint(
        requirements, lines, sources, function.target, resolver=project.resolver, folder=project.folder
    )
    existing = _existing(file)
    if existing and policy != "upgrade" and table(existing, "tool", "lpack").get("requirements") == wanted:
        return Locked(requirements, Lock(existing, project.folder, f"`{file.name}`"), file)
    if policy == "frozen":
        fact = "does not fit the requirements any more" if existing else "does not exist"
        raise ResolveError(f"`{file.name}` {fact}", hint=f"run `lpack lock {function.name}` and commit the file")
    if existing:
        _refuse_damaged(existing, file)
    elif policy == "keep" and (same := _lock_of_another(function, project, wanted)):
        _write(file, same)
        return Locked(requirements, Lock(same, project.folder, f"`{file.name}`"), file, tuple(_changes(_EMPTY, same)))
    question = _question(requirements, lines, sources, function)
    if existing and policy == "keep":
        question = replace(question, preferred=file)
    if project.resolver == "pip-tools":
        answer = resolve_with_pip_tools(requirements, question, store=store, host=host)
    else:
        answer = resolve(question, store=store, host=host)
    answer = answer._replace(document=only_allowed(answer.document, allowed_hashes(lines), "the requirements"))
    itself = requirements.folder if requirements.kind == "pyproject" else None
    made = own_lock(answer, function.target, folder=project.folder, without=itself, fingerprint=wanted)
    own = Lock(made, project.folder, f"`{file.name}`")
    select(own, function.target, Choice(), store)  # what does not fit is told before it is written
    if made != existing:
        _write(file, made)
    return Locked(requirements, own, file, tuple(_changes(existing or _EMPTY, made)))


def _existing(file: Path) -> Mapping[str, Any] | None:
    if not file.is_file():
        return None
    try:
        return read_toml(file)
    except InputError as error:
        raise InputError(error.message, hint=_MEND) from error


def _lock_of_another(function: Function, project: Project, wanted: str) -> Mapping[str, Any] | None:
    """The lock of a function with the same requirements and target: functions of a project share what they can."""
    for other in project.functions:
        file = project.folder / f"pylock.{other.name}.toml"
        if other is not function and file.is_file() and wanted.encode() in file.read_bytes():
            found = _existing(file)
            if found and table(found, "tool", "lpack").get("requirements") == wanted:
                return found
    return None


def _refuse_damaged(existing: Mapping[str, Any], file: Path) -> None:
    try:
        parse(Lock(existing, file.parent, f"`{file}`"))
    except InputError as error:
        raise InputError(error.message, hint=_MEND) from error


def _question(requirements: Requirements, lines: tuple[Line, ...], sources: Sources, function: Function) -> Question:
    """The requirements as uv takes them."""
    question = Question(
        f"`{function.name}`",
        requirements.folder,
        function.target,
        indexes=index_lines(lines),
        from_source=sources.built,
    )
    if requirements.file is None or sources.nameless:
        # uv looks into a folder without a name only when it is to be installed as editable.
        text, constraints = one_file(lines)
        return replace(question, text=text, constraints=constraints)
    groups = tuple(f"--group={group}" for group in requirements.groups)
    if requirements.kind == "pyproject" and is_dynamic(requirements.folder, extras=bool(requirements.extras)):
        # The same is true of a project whose dependencies only its build backend knows.
        built = sources.built | {project_name(requirements.folder) or ""}
        return replace(question, text=f"-e .[{','.join(requirements.extras)}]", arguments=groups, from_source=built)
    extras = (f"--extra={extra}" for extra in requirements.extras)
    return replace(question, arguments=(requirements.file.name, *extras, *groups))


def _write(file: Path, document: Mapping[str, Any]) -> None:
    import tomli_w

    with replacing(file) as stream:
        stream.write(b"# Made by `lpack lock`; change the requirements, not this file.\n")
        stream.write(tomli_w.dumps(document).encode())


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old = {package["name"]: package for package in before["packages"]}
    new = {package["name"]: package for package in after["packages"]}
    for name in sorted(old.keys() | new.keys()):
        was, is_now = (str(packages.get(name, {}).get("version", "")) for packages in (old, new))
        if name not in old:
            yield f"+ {name} {is_now}".rstrip()
        elif name not in new:
            yield f"- {name} {was}".rstrip()
        elif was != is_now:
            yield f"~ {name} {was} → {is_now}"
        elif old[name] != new[name]:
            yield f"~ {name} {is_now} (other files)"
