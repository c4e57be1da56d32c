"""The function's lock: PEP 751's ``pylock.<name>.toml`` beside the configuration, made when missing, kept when it fits.

``[tool.lpack]`` in it holds a fingerprint of the requirements it was made from, so that a build knows without asking
anybody whether the pins still satisfy them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ...config import Function, Project
from ...download import redacted
from ...errors import ResolveError, UsageError
from ...model import Host, Target
from ...store import Store, replacing
from .. import Policy
from .foreign_locks import read_foreign_lock
from .pip_tools import resolve_with_pip_tools
from .requirements import Requirements, fingerprint, read_toml, requirements_of
from .selection import Lock, fits, parse
from .tags import wheel_tags
from .uv import Question, resolve


@dataclass(frozen=True, slots=True)
class Locked:
    """A lock that fits the requirements; ``changes`` are the pins that were changed for it, in words."""

    requirements: Requirements
    lock: Lock
    file: Path | None = None
    changes: tuple[str, ...] = ()


def lock_file(function: Function, project: Project) -> Path:
    """Where the function's own lock is."""
    return project.folder / f"pylock.{function.name}.toml"


def lock(function: Function, project: Project, *, policy: Policy, store: Store, host: Host) -> Locked:
    """The lock of the function's requirements for its target; written beside the configuration when it changed.

    ResolveError when the requirements can't be met, or with the policy "frozen" when the lock does not fit them.
    """
    requirements = requirements_of(function, project.folder)
    if requirements.kind == "nothing":
        return Locked(requirements, Lock(_EMPTY, project.folder, "the empty lock"))
    if requirements.is_lock:
        return Locked(requirements, read_foreign_lock(requirements, function.target, store=store, host=host))
    file = lock_file(function, project)
    wanted = fingerprint(requirements, function.target, project.resolver)
    existing = read_toml(file) if file.is_file() else None
    if existing is not None and policy != "upgrade" and _made_from(existing) == wanted:
        return Locked(requirements, Lock(existing, project.folder, f"`{file.name}`"), file)
    if policy == "frozen":
        fact = "does not fit the requirements any more" if existing is not None else "does not exist"
        raise ResolveError(f"`{file.name}` {fact}", hint=f"run `lpack lock {function.name}` and commit the file")
    preferred = file if existing is not None and policy == "keep" else None
    question = Question(function.name, requirements.folder, function.target, preferred=preferred)
    if project.resolver == "pip-tools":
        document, start = resolve_with_pip_tools(requirements, question, store=store, host=host)
    else:
        document, start = resolve(asking(question, requirements), store=store, host=host)
    made = _own(document, start, project.folder, function.target) | _tool_table(function.target, wanted)
    own = Lock(made, project.folder, f"`{file.name}`")
    parse(own)
    if made != existing:
        _write(file, made)
    return Locked(requirements, own, file, tuple(_changes(existing or _EMPTY, made)))


_EMPTY: Mapping[str, Any] = {"lock-version": "1.0", "created-by": "lpack", "packages": []}


def _made_from(document: Mapping[str, Any]) -> str | None:
    table = document.get("tool", {}).get("lpack", {})
    return table.get("requirements") if isinstance(table, dict) else None


def asking(question: Question, requirements: Requirements) -> Question:
    """The question with the requirements as uv takes them."""
    if requirements.kind == "list":
        return replace(question, text="\n".join(requirements.specifiers))
    options = [f"--extra={extra}" for extra in requirements.extras]
    options += [f"--group={group}" for group in requirements.groups]
    if requirements.file is None:
        raise UsageError(f"`{question.subject}` has no requirements to resolve")
    return replace(question, arguments=(requirements.file.name, *options))


# The document


def _own(document: Mapping[str, Any], start: Path, folder: Path, target: Target) -> dict[str, Any]:
    """The resolver's document as lpack keeps it: what the target can use, without credentials or absolute paths."""
    tags = set(wheel_tags(target))
    machine, version = target.architecture.machine, target.runtime.version
    marker = f"sys_platform == 'linux' and platform_machine == '{machine}' and python_version == '{version}'"
    return {
        "lock-version": "1.0",
        "environments": [marker],
        "requires-python": f"=={version}.*",
        "created-by": "lpack",
        "packages": [_package(package, start, folder, tags) for package in document.get("packages", ())],
    }


def _tool_table(target: Target, wanted: str) -> dict[str, Any]:
    names = {"runtime": target.runtime.name, "architecture": target.architecture.name}
    return {"tool": {"lpack": {"requirements": wanted, **names}}}


def _package(package: Mapping[str, Any], start: Path, folder: Path, tags: set[Any]) -> dict[str, Any]:
    kept = {key: value for key, value in package.items() if key not in {"wheels", "sdist", "index"}}
    fitting = [wheel for wheel in package.get("wheels", ()) if fits(_file_name(wheel), tags)]
    if fitting:
        kept["wheels"] = [_moved(wheel, start, folder) for wheel in fitting]
    elif "sdist" in package:
        kept["sdist"] = _moved(package["sdist"], start, folder)
    for key in ("archive", "directory", "vcs"):
        if key in package:
            kept[key] = _moved(package[key], start, folder)
    return kept


def _file_name(file: Mapping[str, Any]) -> str:
    return str(file.get("name") or unquote(urlsplit(file.get("url") or file.get("path") or "").path))


def _moved(file: Mapping[str, Any], start: Path, folder: Path) -> dict[str, Any]:
    """The table with its paths relative to the lock's folder, so that a checkout elsewhere finds them too."""
    moved = {key: value for key, value in file.items() if key != "upload-time"}
    url = str(moved.get("url", ""))
    local = start / str(moved["path"]) if "path" in moved else None
    if url.startswith("file:"):
        local = Path(unquote(urlsplit(url).path))
        del moved["url"]
    elif url:
        moved["url"] = redacted(url)
    if local is not None:
        moved["path"] = _relative(local.resolve(), folder.resolve())
    return moved


def _relative(path: Path, folder: Path) -> str:
    import os.path

    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.as_posix()


def _write(file: Path, document: Mapping[str, Any]) -> None:
    import tomli_w

    with replacing(file) as stream:
        stream.write(b"# Made by `lpack lock`; change the requirements, not this file.\n")
        stream.write(tomli_w.dumps(document).encode())


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old = {package["name"]: str(package.get("version", "")) for package in before.get("packages", ())}
    new = {package["name"]: str(package.get("version", "")) for package in after.get("packages", ())}
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield f"+ {name} {new[name]}".rstrip()
        elif name not in new:
            yield f"- {name} {old[name]}".rstrip()
        elif old[name] != new[name]:
            yield f"~ {name} {old[name]} → {new[name]}"
