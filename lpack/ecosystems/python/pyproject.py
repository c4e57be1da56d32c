"""What a pyproject.toml asks for: its own dependencies, its extras and groups, and where projects come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import UsageError
from .requirement_lines import Line
from .requirements import PYPROJECT, normalised, read_toml, table


def group_lines(folder: Path, groups: Iterable[str]) -> tuple[Line, ...]:
    """The requirements of dependency groups alone; UsageError for a group that is missing, or includes itself."""
    document = project_document(folder)
    known = {normalised(name): listed for name, listed in table(document, "dependency-groups").items()}
    for name in groups:
        _refuse_bad_group(known, name, ())
    texts = [text for name in groups for text in _group(known, name, set())]
    return tuple(Line("", text, folder, folder) for text in texts)


def _refuse_bad_group(groups: Mapping[str, Any], name: str, including: tuple[str, ...]) -> None:
    from difflib import get_close_matches

    if name in including:
        way = " → ".join(f"`{each}`" for each in (*including[including.index(name) :], name))
        raise UsageError(f"dependency groups of `{PYPROJECT}` include each other: {way}", hint="break the circle")
    if name not in groups:
        near = get_close_matches(name, groups, n=1)
        there = ", ".join(f"`{each}`" for each in groups) or "none"
        hint = f"did you mean `{near[0]}`?" if near else f"it has {there}"
        raise UsageError(f"`{PYPROJECT}` has no dependency group `{name}`", hint=hint)
    for item in tables_in(groups[name]):
        included = item.get("include-group")
        if isinstance(included, str):  # what else may stand here is for the resolver to say
            _refuse_bad_group(groups, normalised(included), (*including, name))


def asked_lines(folder: Path, extras: Iterable[str], groups: Iterable[str]) -> tuple[Line, ...]:
    """The requirements of the project in a folder, with those of some of its extras and dependency groups.

    What only its build backend knows, its dynamic dependencies, is not among them.
    """
    document = project_document(folder)
    project = table(document, "project")
    optional = {normalised(name): listed for name, listed in table(project, "optional-dependencies").items()}
    own_groups = {normalised(name): listed for name, listed in table(document, "dependency-groups").items()}
    found: list[Line] = []
    waiting = [project.get("dependencies"), *(list(_group(own_groups, name, set())) for name in groups)]
    seen = set(extras)
    waiting += [optional.get(extra) for extra in sorted(seen)]
    while waiting:
        for line in (Line("", text, folder, folder) for text in texts_in(waiting.pop(0))):
            if line.name == normalised(str(project.get("name", ""))):  # an extra that is made of others
                waiting += [optional.get(extra) for extra in sorted(line.extras - seen)]
                seen |= line.extras
            else:
                found.append(line)
    return tuple(found)


def extras_of(document: Mapping[str, Any]) -> frozenset[str]:
    """The normalised names of all extras that a pyproject.toml defines."""
    return frozenset(map(normalised, table(document, "project", "optional-dependencies")))


def _group(groups: Mapping[str, Any], name: str, seen: set[str]) -> Iterator[str]:
    """The requirements of a dependency group and of those that it includes (PEP 735)."""
    if name not in seen:
        seen.add(name)
        listed = groups.get(name)
        yield from texts_in(listed)
        for item in tables_in(listed):
            yield from _group(groups, normalised(str(item.get("include-group", ""))), seen)


def texts_in(listed: Any) -> list[str]:
    """The texts of a list; none when it is something else."""
    return [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []


def tables_in(listed: Any) -> list[dict[str, Any]]:
    """The tables of a list; none when it is something else."""
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def project_document(folder: Path) -> dict[str, Any]:
    """The pyproject.toml of a folder; an empty document when it has none."""
    file = folder / PYPROJECT
    return read_toml(file) if file.is_file() else {}


def project_name(folder: Path) -> str | None:
    """The normalised name of the project in a folder, as far as it stands in a file that is read and not run."""
    from configparser import ConfigParser, Error

    document = project_document(folder)
    name = table(document, "project").get("name") or table(document, "tool", "poetry").get("name")
    if not name and (folder / "setup.cfg").is_file():
        parser = ConfigParser(interpolation=None)
        try:
            parser.read(folder / "setup.cfg", encoding="utf-8")
        except (Error, UnicodeDecodeError):
            return None
        name = parser.get("metadata", "name", fallback=None)
    return normalised(str(name)) if name else None


def is_dynamic(folder: Path, *, extras: bool) -> bool:
    """Whether only the project's build backend knows its dependencies (or those of its ``extras``)."""
    project = table(project_document(folder), "project")
    dynamic = set(texts_in(project.get("dynamic")))
    return not project or "dependencies" in dynamic or (extras and "optional-dependencies" in dynamic)
