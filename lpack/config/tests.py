"""The tables ``[function.NAME.tests.TEST]``: what a function is called with, and what must come of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..values import Place, Reader, kind_of, parsed_json, quoted, read_table, read_text, typed

if TYPE_CHECKING:
    from ..events import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTest:
    """A call of a function, and what is expected of it.

    ``event`` is a value of JSON, or the path of a file that holds one. ``expect`` is what the response must contain, or
    None when any will do; ``expect_error``, in place of it, is the type of the error that must come, or a part of its
    message. ``max_duration`` is in milliseconds, and is about the handler alone; ``max_memory`` is in MB.
    """

    name: str
    event: Any = field(default_factory=dict)
    expect: Any = None
    expect_error: str | None = None
    max_duration: float | None = None
    max_memory: float | None = None


def read_tests(value: Any, place: Place) -> tuple[FunctionTest, ...]:
    """The tests of a function, in the order of the file."""
    tests = []
    for name, table in (typed(value, dict, place) or {}).items():
        here = place.key(name)
        if name == "" or not name.isprintable():
            here.problem("can't be the name of a test: it is empty, or holds what can't be printed")
        if typed(table, dict, here) is not None:
            tests.append(_test(name, table, here))
    return tuple(tests)


def _test(name: str, table: Mapping[str, Any], place: Place) -> FunctionTest:
    values = read_table(table, place, TEST_KEYS)
    if "event-source" in table and "event" in table:
        place.key("event-source").problem("can't stand beside `event`: leave out one of the two")
    if "event-options" in table and "event-source" not in table:
        place.key("event-options").problem("is about an `event-source`, and there is none")
    if "expect-error" in table and "expect" in table:
        place.key("expect-error").problem("can't stand beside `expect`: a call that fails has no response")
    source, options = values.pop("event-source", None), values.pop("event-options", {})
    if source:
        values["event"] = _filled(source, options, place.key("event-options"))
    return FunctionTest(name=name, **{key.replace("-", "_"): value for key, value in values.items()})


def _filled(source: Sample, options: Mapping[str, Any], place: Place) -> Any:
    """The sample event; each option that it can't take is a problem."""
    from ..events import filled_in, option_value

    taken = {}
    for name, value in options.items():
        try:
            taken[name] = option_value(source, name, value)
        except UsageError as error:
            place.key(name).problem(_said(error))
    try:
        return filled_in(source, {name: options[name] for name in taken})
    except UsageError as error:
        place.problem(_said(error))
        return None


def _said(error: UsageError) -> str:
    return f"does not fit: {error.message}{f'; {error.hint}' if error.hint else ''}"


def _event(value: Any, place: Place) -> Any:
    if isinstance(value, str) and not _looks_like_json(value):
        text = read_text(value, place)
        return place.folder / text if text else None  # whether it is there only matters when the test is run
    return _json(value, place)


def _event_source(value: Any, place: Place) -> Sample | None:
    from ..events import sample

    name = read_text(value, place)
    try:
        return sample(name) if name else None
    except UsageError as error:
        place.problem(f"names {quoted(name)}, which is not a sample event; {error.hint}")
        return None


def _event_options(value: Any, place: Place) -> dict[str, Any]:
    options = {key: _plain(item, place.key(key)) for key, item in (typed(value, dict, place) or {}).items()}
    return {key: item for key, item in options.items() if item is not None}


def _json(value: Any, place: Place) -> Any:
    """A value of TOML that JSON has, too; a text that begins like a table or list of JSON must be one."""
    match value:
        case str() if _looks_like_json(value):
            return _parsed(value, place)
        case str() | bool() | int():
            return value
        case float():
            if not math.isfinite(value):
                place.problem(f"holds {value}, which JSON does not have")
            return value
        case list():
            return [_plain(item, place.item(index)) for index, item in enumerate(value)]
        case dict():
            return {key: _plain(item, place.key(key)) for key, item in value.items()}
    place.problem(f"holds {kind_of(value)}, which JSON does not have: write it as a string, in quotes")
    return None


def _plain(value: Any, place: Place) -> Any:
    """The same for values inside of others, where a text is a text."""
    return value if isinstance(value, str) else _json(value, place)


def _looks_like_json(text: str) -> bool:
    return text.lstrip()[:1] in {"{", "["}


def _parsed(text: str, place: Place) -> Any:
    try:
        return parsed_json(text)
    except ValueError as error:
        place.problem(f"begins like JSON, and is none: {error}")
        return None


def _limit(value: Any, place: Place) -> float | None:
    if type(value) not in {int, float}:
        place.problem(f"must be a number, not {kind_of(value)}")
        return None
    if not 0 < value < math.inf:
        place.problem("must be more than 0, and finite")
    return float(value)


TEST_KEYS: dict[str, Reader] = {
    "event": _event,
    "event-source": _event_source,
    "event-options": _event_options,
    "expect": _json,
    "expect-error": read_text,
    "max-duration": _limit,
    "max-memory": _limit,
}
