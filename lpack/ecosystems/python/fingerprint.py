"""What a lock was made from, in one digest: a build knows by it, without asking anybody, whether the pins still fit."""

from __future__ import annotations

import hashlib
import json
import os.path
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...download import redacted
from ...model import Target
from ...store import sha256_of
from .asked import Sources, workspace_of
from .pyproject import is_dynamic, project_document, texts_in
from .requirement_lines import Line
from .requirements import Requirements, table

_FORMAT = 3
"""A new number when the same requirements are to be locked anew."""


def fingerprint(  # noqa: PLR0913 -- all that a lock is made from
    requirements: Requirements,
    lines: Sequence[Line],
    sources: Sources,
    targets: Sequence[Target],
    *,
    provided: Mapping[str, str],
    resolver: str,
    folder: Path,
) -> str:
    """A digest (hex) of everything in the requirements that can change the lock, which is kept in ``folder``.

    ``provided`` are the versions of packages, by name, that layers bring. Comments, credentials, and the code of local
    projects can't change the lock; the metadata of local projects can, local files, and where both are.
    """
    local = [*sources.folders, *sources.files, *(line.links for line in lines if line.links)]
    said = [
        [_FORMAT, [str(target) for target in targets], resolver, requirements.extras, requirements.groups],
        dict(provided),
        [[line.option, line.value.split(), line.is_constraint] for line in lines],
        [list(_metadata(folder)) for folder in sources.folders],
        _groups(requirements),
        [sha256_of(file).hex() for file in sources.files],
        [os.path.relpath(place.resolve(), folder.resolve()) for place in local],
    ]
    return hashlib.sha256(redacted(json.dumps(said, sort_keys=True, default=str)).encode()).hexdigest()


def _groups(requirements: Requirements) -> Any:
    """What a pyproject.toml says about its dependency groups, when nothing else of it counts."""
    if requirements.kind != "groups":
        return None
    document = project_document(requirements.folder)
    return [document.get("dependency-groups"), table(document, "tool", "uv")]


def _metadata(folder: Path) -> Iterator[Any]:
    """What a project says about its dependencies."""
    document = project_document(folder)
    project, tool = table(document, "project"), table(document, "tool")
    yield [project.get(key) for key in ("name", "dependencies", "optional-dependencies", "requires-python", "dynamic")]
    yield document.get("dependency-groups")
    yield tool.get("uv")
    yield [table(tool, "poetry").get(key) for key in ("dependencies", "group", "extras")]
    yield table(tool, "setuptools").get("dynamic")
    root = workspace_of(folder)
    if root and root != folder:
        yield table(project_document(root), "tool").get("uv")
    for file in _read_by_backends(folder, tool):
        yield sha256_of(file).hex()


def _read_by_backends(folder: Path, tool: Mapping[str, Any]) -> list[Path]:
    """The files besides pyproject.toml that dependencies are read from when a project is built."""
    if not is_dynamic(folder, extras=True):
        return []
    named = [folder / name for name in _file_names(table(tool, "setuptools").get("dynamic"))]
    usual = [folder / "setup.py", folder / "setup.cfg", *sorted(folder.glob("requirements*.txt"))]
    return [file for file in dict.fromkeys((*usual, *named)) if file.is_file()]


def _file_names(dynamic: Any) -> Iterator[str]:
    """The values of ``file`` keys, wherever they are."""
    for key, value in dynamic.items() if isinstance(dynamic, dict) else ():
        if key == "file":
            yield from [value] if isinstance(value, str) else texts_in(value)
        else:
            yield from _file_names(value)
