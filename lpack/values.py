"""Readers of the values in lpack's configuration that mean nothing of their own: texts, numbers, paths, names.

A reader takes a value and its place, and gives what stands for it, or None after noting a problem.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

NOT_YET = "not supported by this version of lpack yet"


class Place(NamedTuple):
    """A value's place: its key path, the folder that paths start at, and the problems found so far in the file."""

    path: str
    folder: Path
    problems: list[str]

    def key(self, key: str) -> Place:
        """The place of a key in the table that is here."""
        name = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=not key.isprintable())
        return self._replace(path=f"{self.path}.{name}" if self.path else name)

    def item(self, index: int) -> Place:
        """The place of an item in the list that is here."""
        return self._replace(path=f"{self.path}[{index}]")

    def problem(self, fact: str) -> None:
        """Note what is wrong with the value that is here."""
        self.problems.append(f"`{self.path}` {fact}")


_T = TypeVar("_T")

Reader = Callable[[Any, Place], Any]

_KINDS: dict[type, str] = {
    str: "a string",
    int: "a whole number",
    float: "a floating-point number",
    bool: "a boolean",
    list: "a list",
    dict: "a table",
    datetime: "a date with a time",
    date: "a date",
    time: "a time",
}


def kind_of(value: Any) -> str:
    """What a value of TOML is, in words."""
    return _KINDS[type(value)]


def typed(value: Any, kind: type[_T], place: Place) -> _T | None:
    """The value, if it is of exactly that kind."""
    if type(value) is kind:  # and not isinstance, for which `true` is a whole number
        return value
    place.problem(f"must be {_KINDS[kind]}, not {kind_of(value)}")
    return None


def read_table(
    value: Any,
    place: Place,
    readers: Mapping[str, Reader],
    *,
    advice: Callable[[str, Place], str | None] = lambda _key, _place: None,
) -> dict[str, Any]:
    """A table with the keys of the readers; others are problems, about which ``advice`` may know more."""
    values = {}
    for key, item in (typed(value, dict, place) or {}).items():
        here = place.key(key)
        if key in readers:
            values[key] = readers[key](item, here)
        else:
            here.problem(advice(key, place) or f"is not known; {_known_keys(key, readers)}")
    return values


def _known_keys(key: str, readers: Mapping[str, Reader]) -> str:
    near = difflib.get_close_matches(key, readers, n=1)
    return f"did you mean `{near[0]}`?" if near else f"what can stand here is {alternatives(readers)}"


def read_text(value: Any, place: Place) -> str | None:
    """A string that is not empty."""
    text = typed(value, str, place)
    if text == "":
        place.problem("must not be empty")
        return None
    return text


def read_texts(value: Any, place: Place) -> tuple[str, ...]:
    """A list of strings."""
    return read_each(read_text, value, place)


def read_line(value: Any, place: Place, most: int) -> str | None:
    """A string of at most ``most`` characters."""
    text = read_text(value, place)
    if text and len(text) > most:
        place.problem(f"has {len(text)} characters, and Lambda takes {most}")
    return text


def read_each(reader: Callable[[Any, Place], _T | None], value: Any, place: Place) -> tuple[_T, ...]:
    """What the reader makes of the items of a list."""
    items = typed(value, list, place) or []
    read = [reader(item, place.item(index)) for index, item in enumerate(items)]
    return tuple(item for item in read if item is not None)


def read_some(reader: Callable[[Any, Place], _T | None], value: Any, place: Place) -> tuple[_T, ...]:
    """The items of a list, of which there must be one at least, each once."""
    if value == []:
        place.problem("must not be empty")
    return tuple(dict.fromkeys(read_each(reader, value, place)))


def read_whole_number(value: Any, place: Place) -> int | None:
    """A whole number of 64 bits."""
    number = typed(value, int, place)
    if number is not None and abs(number) >= 1 << 63:
        place.problem("is larger than numbers in TOML can be")
        return None
    return number  # whether Lambda takes it is for the checks to say


def read_switch(value: Any, place: Place) -> bool | None:
    """A boolean."""
    return typed(value, bool, place)


def read_choice(value: Any, place: Place, choices: Sequence[str]) -> str | None:
    """One of the choices."""
    text = read_text(value, place)
    if text is not None and text not in choices:
        place.problem(f"must be {alternatives(choices)}, not {quoted(text)}")
    return text


def read_path(value: Any, place: Place) -> Path | None:
    """The absolute path of something that is there."""
    text = read_text(value, place)
    if text is None:
        return None
    path = place.folder / text
    try:
        path.stat()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        place.problem(f"names {quoted(path)}: {str(reason).lower()}")
        return None
    return Path(os.path.normpath(path))


def read_folder(value: Any, place: Place) -> Path | None:
    """The absolute path of a folder."""
    path = read_path(value, place)
    if path and not path.is_dir():
        place.problem(f"names {quoted(path)}, which is not a folder")
    return path


def read_file(value: Any, place: Place) -> Path | None:
    """The absolute path of a file."""
    path = read_path(value, place)
    if path and not path.is_file():
        place.problem(f"names {quoted(path)}, which is not a file")
    return path


def read_name(value: Any, place: Place) -> str | None:
    """The name of a package, normalised."""
    text = read_text(value, place)
    if text is None:
        return None
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", text):
        place.problem(f"holds {quoted(text)}, which is not a name of letters, digits, `-`, `_` and `.`")
    return re.sub(r"[-_.]+", "-", text).lower()  # normalised as PEP 503 says


def read_names(value: Any, place: Place) -> tuple[str, ...]:
    """A list of names of packages, normalised."""
    return read_each(read_name, value, place)


def parsed_json(text: str) -> Any:
    """What a text of JSON holds; ValueError when it is none, as RFC 8259 has it: without NaN and Infinity."""

    def refused(constant: str) -> None:
        raise ValueError(f"{constant} is no value of JSON")

    try:
        return json.loads(text, parse_constant=refused)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def quoted(text: object) -> str:
    """The text in backticks; what a terminal would obey or hide is written as an escape."""
    return f"`{text}`" if str(text).isprintable() else f"`{json.dumps(str(text))}`"


def alternatives(names: Iterable[str], word: str = "or") -> str:
    """The names in a row, each once, with ``word`` before the last."""
    *others, last = [quoted(name) for name in dict.fromkeys(names)]
    return f"{', '.join(others)} {word} {last}" if others else last
