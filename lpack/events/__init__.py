"""Sample events: what the services of AWS send to a function, ready and filled in by options.

Each is a file in ``samples/<service>/<kind>.json`` and is called ``service:kind``: a summary, the page that documents
its shape, its options with their defaults, and a template (see ``filling``). The options ``region``, ``account`` and
``time`` mean the same everywhere, and an event has those that its template uses. Nothing in an event depends on the
machine or the day, unless ``time`` is ``now``.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from ..aws.partitions import ACCOUNT, REGION, partition_of
from ..errors import UsageError
from ..values import alternatives, parsed_json, quoted
from .filling import filled, names_in
from .filters import FILTERS, octets
from .filters import text_of as text_of

_FOLDER = Path(__file__).parent / "samples"


class Option(NamedTuple):
    """What can be said about an event: its default has the kind that every value must have."""

    name: str
    default: Any
    help: str


@dataclass(frozen=True, slots=True)
class Sample:
    """An event of the catalogue; ``documentation`` is the address of the page with its shape."""

    name: str
    summary: str
    documentation: str
    options: tuple[Option, ...]
    template: Any


_COMMON = (
    Option("region", "us-east-1", "the Region"),
    Option("account", "123456789012", "the account's number"),
    Option("time", "2026-01-01T12:00:00Z", "when it happened, in ISO 8601, or `now`"),
)

_BEHIND = {
    "partition": ("region",),
    "suffix": ("region",),
    "in-base64": ("body", "base64"),
    "sent-body": ("body", "base64"),
}
"""Values that templates use and that follow from options."""


def samples() -> tuple[Sample, ...]:
    """The whole catalogue, sorted by name."""
    return tuple(_read(name) for name in _names())


def sample(name: str) -> Sample:
    """The event of that name; UsageError offers the nearest."""
    names = _names()
    if name not in names:
        hint = _nearest(name, names) or "`lpack events` lists what there is"
        raise UsageError(f"{quoted(name)} is not a sample event", hint=hint)
    return _read(name)


def option_value(event: Sample, name: str, value: Any) -> Any:
    """The value for an option, as the template takes it.

    A text is read as the kind of value that the option has; any other value must be of that kind. UsageError for an
    option that the event doesn't have, and for a value that it can't take.
    """
    option = next((option for option in event.options if option.name == name), None)
    if option is None:
        names = [option.name for option in event.options]
        there = f"it has {alternatives(names, 'and')}" if names else "it has none"
        raise UsageError(f"`{event.name}` has no option {quoted(name)}", hint=_nearest(name, names) or there)
    if isinstance(value, str) and not isinstance(option.default, str):
        value = _from_text(option, value)
    if type(value) is not type(option.default):
        raise UsageError(f"the option `{name}` must be {_KINDS[type(option.default)]}, not {_KINDS[type(value)]}")
    return _checked(name, value)


def filled_in(event: Sample, values: Mapping[str, Any]) -> Any:
    """The event as Lambda would pass it, with these values in place of the options' defaults.

    UsageError as for ``option_value``.
    """
    options = {option.name: _checked(option.name, option.default) for option in event.options}
    options |= {name: option_value(event, name, value) for name, value in values.items()}
    made = filled(event.template, {**options, **_derived(options)})
    try:
        json.dumps(made, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        fact = f"`{event.name}` takes text, and what it is filled in with is not UTF-8"
        raise UsageError(fact, hint="give text, or bytes in base64") from error
    return made


_KINDS: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "`true` or `false`",
    dict: "a table",
    list: "a list",
    type(None): "null",
}


def _names() -> list[str]:
    return sorted(f"{file.parent.name}:{file.stem}" for file in _FOLDER.glob("*/*.json"))


def _read(name: str) -> Sample:
    service, _, kind = name.partition(":")
    document = json.loads((_FOLDER / service / f"{kind}.json").read_bytes())
    template = document["event"]
    used = {option for value in names_in(template) for option in _BEHIND.get(value, (value,))}
    own = tuple(Option(key, each["default"], each["help"]) for key, each in document.get("options", {}).items())
    common = tuple(option for option in _COMMON if option.name in used)
    return Sample(name, document["summary"], document["documentation"], (*own, *common), template)


def _nearest(name: str, names: list[str]) -> str | None:
    word = name.lower()
    near = difflib.get_close_matches(word, names, n=1) or [each for each in names if word and word in each]
    return f"did you mean `{near[0]}`?" if near else None


def _from_text(option: Option, text: str) -> Any:
    try:
        return parsed_json(text)
    except ValueError as error:
        kind = _KINDS[type(option.default)]
        hint = "tables and lists are written as JSON" if isinstance(option.default, dict | list) else None
        raise UsageError(f"the option `{option.name}` must be {kind}, not {quoted(text)}", hint=hint) from error


def _checked(name: str, value: Any) -> Any:
    """The value, if an option of that name can have it; times become what they say."""
    if name == "region" and not REGION.fullmatch(value):
        raise UsageError(f"the option `region` must be a Region, such as `eu-west-1`, not {quoted(value)}")
    if name == "account" and not ACCOUNT.fullmatch(value):
        raise UsageError(f"the option `account` must be an account's 12 digits, not {quoted(value)}")
    if name == "path" and not value.startswith("/"):
        raise UsageError(f"the option `path` must begin with `/`, not be {quoted(value)}")
    return _time(value) if name == "time" else value


def _time(text: str) -> datetime:
    if text == "now":
        return datetime.now(UTC)
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        fact = f"the option `time` must be `now` or a time such as `2026-01-01T12:00:00Z`, not {quoted(text)}"
        raise UsageError(fact) from error


def _derived(options: Mapping[str, Any]) -> dict[str, Any]:
    derived: dict[str, Any] = {}
    if "region" in options:
        partition = partition_of(options["region"])
        derived |= {"partition": partition.name, "suffix": partition.suffix}
    if "base64" in options:
        derived["in-base64"] = options["base64"] or not _is_text(options["body"])
        derived["sent-body"] = FILTERS["base64"](options["body"]) if derived["in-base64"] else options["body"]
    return derived


def _is_text(text: str) -> bool:
    try:
        octets(text).decode()
    except UnicodeDecodeError:
        return False
    return True
