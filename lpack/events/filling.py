"""Templates of events, filled.

A template is JSON. In its texts ``${name}`` stands for a value, and ``${name|filter|filter}`` for what the filters make
of it; a text that is one placeholder alone becomes the value with its kind, not a text. A key that is a placeholder
spreads the table that it stands for into the table around it, where names of ``headers`` count whatever their case.
A table with one key which begins with ``|`` stands for its value, put through these filters: ``{"|as-json": {…}}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from .filters import ABSENT, FILTERS

_PLACEHOLDER = re.compile(r"\$\{([a-z0-9-]+)((?:\|[a-z0-9-]+)*)\}")

Values = Mapping[str, Any]


def filled(template: Any, values: Values) -> Any:
    """The template with the values; those are put in as they are, whatever they look like."""
    match template:
        case str():
            return _filled_text(template, values)
        case list():
            return [filled(item, values) for item in template]
        case dict():
            return _filled_table(template, values)
    return template


def names_in(template: Any) -> Iterator[str]:
    """The names of the values that the template asks for, first to last."""
    match template:
        case str():
            yield from (match[1] for match in _PLACEHOLDER.finditer(template))
        case list():
            for item in template:
                yield from names_in(item)
        case dict():
            for key, value in template.items():
                yield from names_in(key)
                yield from names_in(value)


def _filled_text(text: str, values: Values) -> Any:
    alone = _PLACEHOLDER.fullmatch(text)
    if alone:
        value = _value(alone, values)
        return _plain(value) if isinstance(value, datetime) else value
    return _PLACEHOLDER.sub(lambda match: str(_plain(_value(match, values))), text)


def _filled_table(table: Mapping[str, Any], values: Values) -> Any:
    made: dict[str, Any] = {}
    for key, item in table.items():
        if key.startswith("|"):
            return _filtered(filled(item, values), key)
        spread = _PLACEHOLDER.fullmatch(key)
        if spread:
            _spread(_value(spread, values), made, of_headers=spread[1].endswith("headers"))
            continue
        value = filled(item, values)
        if value is not ABSENT:
            made[_filled_text(key, values)] = value
    return made


def _spread(added: Mapping[str, Any], table: dict[str, Any], *, of_headers: bool) -> None:
    there = {key.lower(): key for key in table} if of_headers else {}
    for key in added:
        table.pop(there.get(key.lower(), key), None)
    table.update(added)


def _value(match: re.Match[str], values: Values) -> Any:
    return _filtered(values[match[1]], match[2])


def _filtered(value: Any, filters: str) -> Any:
    for name in filters.split("|")[1:]:
        value = FILTERS[name](value)
    return value


def _plain(value: Any) -> Any:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value
