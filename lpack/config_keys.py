"""The keys of lpack's configuration: which may stand in which table, and what reads their values.

A reader takes a value and its place, and gives what stands for it, or None after noting a problem. The tables at the
end of this file list them all.
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

from .aws.architectures import ARCHITECTURES, ARM64, X86_64, Architecture
from .aws.runtimes import RUNTIMES, Family, Runtime, nearest_runtimes

SUPPORTED_FAMILIES: frozenset[Family] = frozenset({"python"})
"""The families of runtimes that this version of lpack builds for."""

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
_Reader = Callable[[Any, Place], Any]

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

_OTHER_ARCHITECTURE_NAMES: dict[str, Architecture] = {
    **dict.fromkeys(("x86-64", "x64", "amd64"), X86_64),
    **dict.fromkeys(("aarch64", "arm"), ARM64),
}


def _typed(value: Any, kind: type[_T], place: Place) -> _T | None:
    if type(value) is kind:  # and not isinstance, for which `true` is a whole number
        return value
    place.problem(f"must be {_KINDS[kind]}, not {_KINDS[type(value)]}")
    return None


def read_project(value: Any, place: Place) -> dict[str, Any]:
    """The values of the whole configuration, table by table; the problems are in ``place``."""
    return _table(value, place, TOP_KEYS)


def _table(value: Any, place: Place, readers: Mapping[str, _Reader]) -> dict[str, Any]:
    values = {}
    for key, item in (_typed(value, dict, place) or {}).items():
        here = place.key(key)
        if key in readers:
            values[key] = readers[key](item, here)
        elif readers is TOP_KEYS and key in FUNCTION_KEYS:
            here.problem(f"belongs in `[{place.key('defaults').path}]` or in a `[{place.key('function').path}.NAME]`")
        else:
            here.problem(f"is not known; {_known_keys(key, readers)}")
    return values


def _known_keys(key: str, readers: Mapping[str, _Reader]) -> str:
    known = [name for name, reader in readers.items() if reader is not _later]
    near = difflib.get_close_matches(key, known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"what can stand here is {alternatives(known)}"


def _later(_value: Any, place: Place) -> None:
    place.problem(f"is {NOT_YET}")


def _functions(value: Any, place: Place) -> dict[str, dict[str, Any]]:
    functions = {}
    for name, table in (_typed(value, dict, place) or {}).items():
        here = place.key(name)
        if name in {"", ".", ".."} or re.search(r"[/\\]", name) or not name.isprintable() or len(name.encode()) > 200:
            here.problem("can't be the name of a file, as a function's name must be; use letters, digits, `-` and `_`")
        if _typed(table, dict, here) is not None:
            functions[name] = _function_table(table, here)
    return functions


def _function_table(value: Any, place: Place) -> dict[str, Any]:
    return _table(value, place, FUNCTION_KEYS)


def _build_table(value: Any, place: Place) -> dict[str, Any]:
    return _table(value, place, BUILD_KEYS)


def _text(value: Any, place: Place) -> str | None:
    text = _typed(value, str, place)
    if text == "":
        place.problem("must not be empty")
        return None
    return text


def _texts(value: Any, place: Place) -> tuple[str, ...]:
    return _each(_text, value, place)


def _each(reader: Callable[[Any, Place], _T | None], value: Any, place: Place) -> tuple[_T, ...]:
    items = _typed(value, list, place) or []
    read = [reader(item, place.item(index)) for index, item in enumerate(items)]
    return tuple(item for item in read if item is not None)


def _whole_number(value: Any, place: Place) -> int | None:
    number = _typed(value, int, place)
    if number is not None and abs(number) >= 1 << 63:
        place.problem("is larger than numbers in TOML can be")
        return None
    return number  # whether Lambda takes it is for the checks to say


def _runtime(value: Any, place: Place) -> Runtime | None:
    name = _text(value, place)
    if name is None:
        return None
    runtime = RUNTIMES.get(name)
    if runtime is None:
        place.problem(f"names {quoted(name)}, which is not a Lambda runtime; {nearest_runtimes(name)}")
    elif runtime.family not in SUPPORTED_FAMILIES:
        place.problem(f"names `{name}`, which is {NOT_YET}")
    return runtime


def _architecture(value: Any, place: Place) -> Architecture | None:
    name = _text(value, place)
    if name is None or name in ARCHITECTURES:
        return ARCHITECTURES[name] if name else None
    meant = _OTHER_ARCHITECTURE_NAMES.get(name.lower()) or ARCHITECTURES.get(name.lower())
    hint = f"did you mean `{meant}`?" if meant else f"Lambda has {alternatives(ARCHITECTURES, 'and')}"
    place.problem(f"names {quoted(name)}, which is not a Lambda architecture; {hint}")
    return None


def _path(value: Any, place: Place) -> Path | None:
    text = _text(value, place)
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


def _folder(value: Any, place: Place) -> Path | None:
    path = _path(value, place)
    if path and not path.is_dir():
        place.problem(f"names {quoted(path)}, which is not a folder")
    return path


def _requirements(value: Any, place: Place) -> Path | tuple[str, ...] | None:
    if isinstance(value, list):
        return _each(_requirement, value, place)
    if not isinstance(value, str):
        place.problem(f"must be a file's path or a list of requirements, not {_KINDS[type(value)]}")
        return None
    path = _path(value, place)
    if path and not path.is_file():
        place.problem(f"names {quoted(path)}, which is not a file")
    return path


def _requirement(value: Any, place: Place) -> str | None:
    text = _text(value, place)
    if text is None or text.startswith(("./", "../", "/", "-e ", "--editable ")):  # local folders and wheels
        return text
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(text)
    except InvalidRequirement as error:
        place.problem(f"holds {quoted(text)}, which is not a requirement: {str(error).splitlines()[0]}")
    except RecursionError:
        place.problem("holds a requirement whose marker is nested too deep")
    return text


def _name(value: Any, place: Place) -> str | None:
    text = _text(value, place)
    if text is None:
        return None
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", text):
        place.problem(f"holds {quoted(text)}, which is not a name of letters, digits, `-`, `_` and `.`")
    return re.sub(r"[-_.]+", "-", text).lower()  # normalised as PEP 503 says


def _names(value: Any, place: Place) -> tuple[str, ...]:
    return _each(_name, value, place)


def _libraries(value: Any, place: Place) -> frozenset[str]:
    return frozenset(_texts(value, place))


def _environment(value: Any, place: Place) -> dict[str, str]:
    variables = _typed(value, dict, place) or {}
    for name, item in variables.items():
        if type(item) in {int, float, bool}:
            place.key(name).problem(f"must be a string, not {_KINDS[type(item)]}: write it as a string, in quotes")
        else:
            _typed(item, str, place.key(name))
    return variables


def _package(value: Any, place: Place) -> str | None:
    if value == "image":
        place.problem(f"names `image`, which is {NOT_YET}")
        return None
    return _choice(value, place, ("zip",))


def _resolver(value: Any, place: Place) -> str | None:
    return _choice(value, place, ("uv", "pip-tools"))


def _choice(value: Any, place: Place, choices: Sequence[str]) -> str | None:
    text = _text(value, place)
    if text is not None and text not in choices:
        place.problem(f"must be {alternatives(choices)}, not {quoted(text)}")
    return text


def quoted(text: object) -> str:
    """The text in backticks; what a terminal would obey or hide is written as an escape."""
    return f"`{text}`" if str(text).isprintable() else f"`{json.dumps(str(text))}`"


def alternatives(names: Iterable[str], word: str = "or") -> str:
    """The names in a row, each once, with ``word`` before the last."""
    *others, last = [quoted(name) for name in dict.fromkeys(names)]
    return f"{', '.join(others)} {word} {last}" if others else last


FUNCTION_KEYS: dict[str, _Reader] = {
    "runtime": _runtime,
    "architecture": _architecture,
    "source": _folder,
    "handler": _text,
    "requirements": _requirements,
    "extras": _names,
    "groups": _names,
    "package": _package,
    "include": _texts,
    "exclude": _texts,
    "exclude-packages": _names,
    "environment": _environment,
    "memory": _whole_number,
    "timeout": _whole_number,
    "ephemeral-storage": _whole_number,
    "provided-libraries": _libraries,
    "dockerfile": _later,
    "layers": _later,
    "tests": _later,
}

BUILD_KEYS: dict[str, _Reader] = {"resolver": _resolver}

TOP_KEYS: dict[str, _Reader] = {
    "defaults": _function_table,
    "function": _functions,
    "build": _build_table,
    "layer": _later,
    "publish": _later,
}
