"""What a Python function asks for: where its requirements stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ...config import Dependencies
from ...config import read_toml as read_document
from ...config.packages import Groups
from ...errors import ConfigError, InputError, UsageError

Kind = Literal["nothing", "list", "requirements", "pyproject", "groups", "pylock", "uv", "poetry"]

LOOKED_FOR = ("pylock.toml", "uv.lock", "poetry.lock", "requirements.txt", "pyproject.toml")
"""In this order, in the function's source."""

PYPROJECT = "pyproject.toml"


class Requirements(NamedTuple):
    """What to resolve: a file of some kind, groups of a pyproject.toml alone, or a list of specifiers.

    ``folder`` is what relative paths start from, and where the pyproject.toml is that a lock belongs to.
    """

    kind: Kind
    folder: Path
    file: Path | None = None
    specifiers: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def is_lock(self) -> bool:
        """Whether another tool has resolved it: read, never replaced."""
        return self.kind in {"pylock", "uv", "poetry"}


def requirements_of(wanted: Dependencies, project: Path) -> Requirements:
    """The requirements: what the configuration names, else the first file known in the source."""
    asked = wanted.requirements
    if asked is None and wanted.source:
        asked = next((file for name in LOOKED_FOR if _counts(file := wanted.source / name)), None)
    if isinstance(asked, Groups):
        found = Requirements("groups", asked.file.parent, asked.file, groups=asked.names)
    elif isinstance(asked, Path):
        kind = _kind(asked)
        folder = _project_of(wanted.source or project, asked.parent) if kind == "uv" else asked.parent
        found = Requirements(kind, folder, asked, extras=wanted.extras, groups=wanted.groups)
    else:
        found = Requirements("nothing" if asked is None else "list", project, specifiers=asked or ())
    if (wanted.extras or wanted.groups) and found.kind in {"nothing", "list", "requirements", "groups"}:
        raise UsageError(
            f"`{wanted.name}` has `extras` or `groups`, but no pyproject.toml or lock that they could be chosen from",
            hint="remove them, or name the file with `requirements`",
        )
    return found


def _counts(file: Path) -> bool:
    """Whether a file in the source says what the function requires; many a pyproject.toml only configures tools."""
    if file.name != PYPROJECT or not file.is_file():
        return file.is_file()
    document = read_toml(file)
    return "project" in document or "poetry" in table(document, "tool")


def _kind(file: Path) -> Kind:
    match file.name:
        case "pyproject.toml":
            return "pyproject"
        case "uv.lock":
            return "uv"
        case "poetry.lock":
            return "poetry"
        case name if re.fullmatch(r"pylock(\.[^.]+)?\.toml", name):
            return "pylock"
        case name if name.endswith((".txt", ".in")):
            return "requirements"
    raise UsageError(
        f"`{file.name}` is no requirements file that lpack knows",
        hint="use requirements.txt (or another .txt or .in), pyproject.toml, pylock.toml, uv.lock or poetry.lock",
    )


def _project_of(source: Path, workspace: Path) -> Path:
    """The member of the workspace that the source belongs to: the lock of a workspace is that of all its members."""
    if source.is_relative_to(workspace):
        for folder in (source, *source.parents):
            if folder == workspace or (folder / PYPROJECT).is_file():
                return folder
    return workspace


def read_toml(file: Path) -> dict[str, Any]:
    """The TOML document; InputError says why it is none, or can't be read."""
    try:
        return read_document(file)
    except ConfigError as error:
        raise InputError(f"`{file}` is not TOML: {'; '.join(error.problems)}", hint=error.hint) from error
    except UsageError as error:
        raise InputError(error.message, hint=error.hint) from error


def table(document: Any, *keys: str) -> dict[str, Any]:
    """The table at those keys; an empty one when something else, or nothing, is there."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def normalised(name: str) -> str:
    """The name of a project in its one spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
