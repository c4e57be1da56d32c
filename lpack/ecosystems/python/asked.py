"""What requirements ask for directly: which projects, and which of them come from elsewhere than an index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .poetry import poetry_requirements
from .pyproject import asked_lines, extras_of, group_lines, project_document, project_name, texts_in
from .requirement_lines import Line, all_lines
from .requirements import Requirements, normalised, table


def direct_names(requirements: Requirements) -> dict[str, frozenset[str]]:
    """The normalised names that are asked for directly, with their extras, as far as any file tells."""
    named = [(name_of(line), line.extras) for line in asked_for_directly(requirements)]
    if requirements.kind == "poetry":
        named += poetry_requirements(project_document(requirements.folder), requirements.extras, requirements.groups)
    found: dict[str, frozenset[str]] = {}
    for name, extras in named:
        if name:
            found[name] = found.get(name, frozenset()) | extras
    return found


def asked_for_directly(requirements: Requirements) -> list[Line]:
    """The lines that ask for a project each, as far as any file tells."""
    return [line for line in _lines(requirements) if line.is_requirement]


def _lines(requirements: Requirements) -> tuple[Line, ...]:
    if requirements.kind == "groups":
        return group_lines(requirements.folder, requirements.groups)
    if requirements.kind in {"pyproject", "uv", "poetry"}:
        return asked_lines(requirements.folder, requirements.extras, requirements.groups)
    return all_lines(requirements)


def name_of(line: Line) -> str | None:
    """The normalised name of the project that a line asks for, as far as it, or the folder it leads to, says it."""
    path = None if line.name else line.path
    return project_name(path) if path and path.is_dir() else line.name


class Sources(NamedTuple):
    """Where requirements lead besides an index: to folders of projects and to files on this machine.

    ``built`` names what has to be built, also from other addresses; ``nameless`` says that the name of some folder's
    project is known to its build backend alone.
    """

    folders: tuple[Path, ...]
    files: tuple[Path, ...]
    built: frozenset[str]
    nameless: bool


def sources_of(requirements: Requirements) -> Sources:
    """What is asked for by address or path, here and in the local projects that are asked for so."""
    lines = [line for line in asked_for_directly(requirements) if line.address]
    if requirements.kind == "groups":
        lines += _uv_sources(requirements.folder, project_document(requirements.folder))
    itself = [requirements.folder] if requirements.kind == "pyproject" else []
    folders: list[Path] = []
    while new := [folder for folder in dict.fromkeys((*itself, *_folders(lines))) if folder not in folders]:
        for folder in new:
            folders.append(folder)
            document = project_document(folder)
            asked = (*asked_lines(folder, extras_of(document), ()), *_uv_sources(folder, document))
            lines += [line for line in asked if line.address]
    built = [line for line in lines if not line.address.endswith(".whl")]
    names = {line: name_of(line) for line in built}
    return Sources(
        folders=tuple(folders),
        files=tuple(dict.fromkeys(path for line in lines if (path := line.path) and path.is_file())),
        built=frozenset(filter(None, names.values())),
        nameless=any(not (name or line.option) for line, name in names.items()),
    )


def _folders(lines: Iterable[Line]) -> Iterator[Path]:
    return (path.resolve() for line in lines if (path := line.path) and path.is_dir())


def _uv_sources(folder: Path, document: Mapping[str, Any]) -> Iterator[Line]:
    """``[tool.uv.sources]`` of a project and its workspace, as requirements.

    Source: https://docs.astral.sh/uv/concepts/projects/dependencies/#dependency-sources
    """
    root = workspace_of(folder)
    own = table(document, "tool", "uv", "sources")
    inherited = table(project_document(root), "tool", "uv", "sources") if root else {}
    for name, entries in {**inherited, **own}.items():
        start = folder if name in own else root or folder
        for entry in entries if isinstance(entries, list) else [entries]:
            if isinstance(entry, dict) and (address := _address(name, entry, root)):
                yield Line("", f"{name} @ {address}", start, start)


def _address(name: str, entry: Mapping[str, Any], workspace: Path | None) -> str | None:
    if entry.get("workspace"):
        members = _members(workspace) if workspace else {}
        return str(members[normalised(name)]) if normalised(name) in members else None
    address = entry.get("path") or entry.get("git") or entry.get("url")
    return str(address) if address else None


def workspace_of(folder: Path) -> Path | None:
    """The root of the uv workspace that a folder lies in."""
    return next(
        (each for each in (folder, *folder.parents) if table(project_document(each), "tool", "uv", "workspace")), None
    )


def _members(root: Path) -> dict[str, Path]:
    """The projects of a workspace by name."""
    patterns = texts_in(table(project_document(root), "tool", "uv", "workspace").get("members"))
    inside = [pattern for pattern in patterns if pattern and not pattern.startswith("/")]
    found = [root, *(path for pattern in inside for path in sorted(root.glob(pattern)))]
    return {name: path for path in found if (name := project_name(path))}
