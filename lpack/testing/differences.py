"""What a response lacks of what is expected of it.

A table must have the keys that are expected, and may have others; a list must have the items that are expected, each at
its place, and no others. Texts, numbers, booleans and null must be equal, where 1 and 1.0 are. Where a table or list is
expected and there is a text, what the text holds as JSON is compared: bodies of HTTP responses are such texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_MOST = 120
"""Characters of a value that are shown."""

_BEFORE = 30
"""Characters that are shown before the first one that differs, of texts too long to be shown."""

_NOTHING = "nothing"


class Difference(NamedTuple):
    """What was expected at a path of the response, "" for the whole, and what is there, both in words."""

    path: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.path or 'the response'}: expected {self.expected}, got {self.got}"


def differences(expected: Any, got: Any) -> tuple[Difference, ...]:
    """What ``got`` lacks of ``expected``, both values of JSON; nothing where it contains all."""
    return tuple(_differences(expected, got, ""))


def _differences(expected: Any, got: Any, path: str) -> Iterator[Difference]:
    if isinstance(expected, dict | list) and isinstance(got, str):
        got = _held(got)
    if isinstance(expected, dict) and isinstance(got, dict):
        for key, item in expected.items():
            here = _key(path, key)
            if key in got:
                yield from _differences(item, got[key], here)
            else:
                yield Difference(here, in_short(item), _NOTHING)
    elif isinstance(expected, list) and isinstance(got, list):
        for index, (one, other) in enumerate(zip(expected, got, strict=False)):
            yield from _differences(one, other, f"{path}[{index}]")
        if len(expected) != len(got):
            yield Difference(path, _items(expected), _items(got))
    elif not _equal(expected, got):
        yield _unequal(expected, got, path)


def _held(text: str) -> Any:
    """What the text holds as JSON; the text itself when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _equal(expected: Any, got: Any) -> bool:
    if isinstance(expected, bool) or isinstance(got, bool):  # which Python takes for 1 and 0
        return expected is got
    return bool(expected == got)


def _unequal(expected: Any, got: Any, path: str) -> Difference:
    if not (isinstance(expected, str) and isinstance(got, str)):
        return Difference(path, in_short(expected), in_short(got))
    same = next((at for at, pair in enumerate(zip(expected, got, strict=False)) if pair[0] != pair[1]), None)
    same = min(len(expected), len(got)) if same is None else same
    return Difference(path, _around(expected, same), _around(got, same))


def _around(text: str, at: int) -> str:
    """The text, or when it is long what is around the place where it begins to differ."""
    if len(text) <= _MOST:
        return in_short(text)
    start = max(0, at - _BEFORE)
    end = start + _MOST
    before, after = "…" if start else "", "…" if end < len(text) else ""
    return f"{before}{_json(text[start:end])}{after}"


def in_short(value: Any) -> str:
    """The value as JSON in one line, of a long one its beginning."""
    text = _json(value)
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


def _json(value: Any) -> str:
    """The value as JSON; what a terminal would obey or hide is written as an escape."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)


def _items(items: list[Any]) -> str:
    return f"{len(items)} item{'' if len(items) == 1 else 's'}"


def _key(path: str, key: str) -> str:
    name = key if re.fullmatch(r"[\w$-]+", key) else _json(key)
    return f"{path}.{name}" if path else name
