"""``lpack events``, and the options that fill an event in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..errors import UsageError
from ..events import Option, Sample, filled_in, sample, samples, text_of
from .session import Session


def list_events(session: Session) -> int:
    """Print the sample events, with the options of each when asked to tell more."""
    catalogue, output = samples(), session.output
    output.document(events=[_document(event) for event in catalogue])
    if not output.verbose:
        output.table(("event", "what it says"), [(event.name, event.summary) for event in catalogue])
        return 0
    for number, event in enumerate(catalogue):
        if number:
            output.result()
        output.result(f"{event.name}: {event.summary}")
        output.result(f"  {event.documentation}")
        for option in event.options:
            output.result(f"  {option.name}={_shown(option.default)}  {option.help}")
    return 0


def print_options(session: Session, name: str) -> int:
    """Print the options of an event, with their defaults."""
    event, output = sample(name), session.output
    output.document(**_document(event))
    rows = [(option.name, _shown(option.default), option.help) for option in event.options]
    output.table(("option", "default", "what it says"), rows)
    return 0


def print_event(session: Session, name: str, options: Sequence[str]) -> int:
    """Print an event, filled in."""
    event, output = sample(name), session.output
    made = filled_in(event, event_options(session, options))
    output.document(name=event.name, event=made)
    output.result(json.dumps(made, indent=2, ensure_ascii=False))
    return 0


def event_options(session: Session, given: Sequence[str]) -> dict[str, str]:
    """The values by the options' names, from texts ``key=value``; a value ``@FILE`` is what the file holds."""
    options: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UsageError(f"`{text}` is not an option of an event", hint="write it as KEY=VALUE: bucket=orders, say")
        if name in options:
            raise UsageError(f"the option `{name}` is given twice", hint="leave out one of the two")
        options[name] = _held(session, name, value[1:]) if value.startswith("@") else value
    return options


def _held(session: Session, name: str, file: str) -> str:
    path = session.path(file)
    try:
        return text_of(path.read_bytes())
    except OSError as error:
        raise UsageError(f"the option `{name}` names `{path}`, which can't be read: {error.strerror}") from error


def _document(event: Sample) -> dict[str, Any]:
    return {
        "name": event.name,
        "summary": event.summary,
        "documentation": event.documentation,
        "options": [_option_document(option) for option in event.options],
    }


def _option_document(option: Option) -> dict[str, Any]:
    return {"name": option.name, "default": option.default, "help": option.help}


def _shown(default: Any) -> str:
    """A default as one would type it."""
    return default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)
