"""The keys of lpack's configuration that are about packages, and what each language makes of their values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ..aws.runtimes import Family
from ..values import (
    Place,
    Reader,
    kind_of,
    quoted,
    read_file,
    read_name,
    read_names,
    read_some,
    read_table,
    read_texts,
    typed,
)

_PYPROJECT = "pyproject.toml"
_MOST_CHARACTERS = 200
"""Of a requirement that is none, as many are shown."""


class Groups(NamedTuple):
    """Dependency groups of a pyproject.toml, without the project's own dependencies."""

    file: Path
    names: tuple[str, ...]


def read_requirements(value: Any, place: Place) -> Path | tuple[str, ...] | Groups | None:
    """A file, a list whose items depend on the language, or groups of a pyproject.toml."""
    if isinstance(value, list):
        return read_texts(value, place)
    if isinstance(value, dict):
        return _groups_alone(value, place)
    if not isinstance(value, str):
        place.problem(f"must be a file's path, a list of requirements or a table, not {kind_of(value)}")
        return None
    return read_file(value, place)


def _groups_alone(value: Any, place: Place) -> Groups | None:
    values = read_table(value, place, _GROUPS_KEYS)
    if not value.keys() & {"group", "groups"}:
        place.problem('must name dependency groups: { group = "NAME" }, with `file` if they are not in pyproject.toml')
    names = dict.fromkeys((values.get("group"), *values.get("groups", ())))
    file = values["file"] if "file" in values else read_file(_PYPROJECT, place)
    return Groups(file, tuple(filter(None, names))) if file else None


def _pyproject(value: Any, place: Place) -> Path | None:
    file = read_file(value, place)
    if file and file.name != _PYPROJECT:
        place.problem(f"names {quoted(file)}, and dependency groups are in a {_PYPROJECT}")
    return file


def _group_names(value: Any, place: Place) -> tuple[str, ...]:
    return read_some(read_name, value, place)


def read_trim(value: Any, place: Place) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Patterns of files by package, whose names depend on the language."""
    patterns = ((name, read_texts(item, place.key(name))) for name, item in (typed(value, dict, place) or {}).items())
    return tuple(patterns)


_GROUPS_KEYS: dict[str, Reader] = {"file": _pyproject, "group": read_name, "groups": _group_names}


def fit_packages(values: dict[str, Any], family: Family, place_of: Callable[[str], Place]) -> dict[str, Any]:
    """The values with what their language says about packages: Python's are held against its standards."""
    if family != "python":
        return values
    fitted = dict(values)
    if isinstance(values.get("requirements"), tuple) and not isinstance(values["requirements"], Groups):
        for index, text in enumerate(values["requirements"]):
            _check_requirement(text, place_of("requirements").item(index))
    if values.get("exclude-packages"):
        fitted["exclude-packages"] = read_names(list(values["exclude-packages"]), place_of("exclude-packages"))
    if values.get("trim"):
        fitted["trim"] = _named(values["trim"], place_of("trim"))
    return fitted


def _named(trim: tuple[tuple[str, tuple[str, ...]], ...], place: Place) -> tuple[tuple[str, tuple[str, ...]], ...]:
    patterns: dict[str, tuple[str, ...]] = {}
    for name, items in trim:
        package = name if name == "*" else read_name(name, place.key(name))
        if package:  # which two names may be, written differently
            patterns[package] = patterns.get(package, ()) + items
    return tuple(patterns.items())


def _check_requirement(text: str, place: Place) -> None:
    """Note a problem with a requirement that is none (PEP 508)."""
    if text.startswith(("./", "../", "/", "-e ", "--editable ")):  # local folders and wheels
        return
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(text)
    except (InvalidRequirement, RecursionError) as error:
        shown = text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"
        place.problem(f"holds {quoted(shown)}, which is not a requirement: {str(error).splitlines()[0]}")
