"""JSON documents of images, read strictly and written the same every time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from ..errors import InputError

T = TypeVar("T")

_KINDS = {dict: "an object", list: "a list", str: "a string", int: "a number", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object that is read key by key; InputError names the ``subject`` and the path of the key.

    Go, in which registries and engines are written, writes null for what is empty: it counts as left out.
    """

    fields: Mapping[str, Any]
    subject: str
    path: str = ""

    def text(self, key: str) -> str:
        """A string, "" when left out."""
        return self._typed(key, str) or ""

    def required(self, key: str) -> str:
        """A string that has to be there."""
        return self.text(key) or self.refuse(key, "is missing")

    def number(self, key: str) -> int:
        """A whole number from 0 on that has to be there."""
        found = self._typed(key, int)
        if found is None or found < 0:
            self.refuse(key, "is missing" if found is None else f"is {found}")
        return found or 0

    def switch(self, key: str) -> bool:
        """True or false, false when left out."""
        return self._typed(key, bool) or False

    def texts(self, key: str) -> tuple[str, ...]:
        """The strings of a list."""
        found = self._typed(key, list) or ()
        for index, each in enumerate(found):
            self._check(f"{key}[{index}]", each, str)
        return tuple(found)

    def numbers(self, key: str) -> tuple[int | None, ...]:
        """The whole numbers of a list, some of which may be null."""
        found = self._typed(key, list) or ()
        for index, each in enumerate(found):
            if each is not None:
                self._check(f"{key}[{index}]", each, int)
        return tuple(found)

    def names(self, key: str) -> dict[str, str]:
        """An object of strings."""
        found = self._typed(key, dict) or {}
        return {name: self._check(f"{key}.{name}", each, str) for name, each in found.items()}

    def document(self, key: str) -> Document:
        """An object, an empty one when left out."""
        return Document(self._typed(key, dict) or {}, self.subject, self._at(key))

    def documents(self, key: str) -> tuple[Document, ...]:
        """The objects of a list."""
        return tuple(
            Document(self._check(f"{key}[{index}]", each, dict), self.subject, self._at(f"{key}[{index}]"))
            for index, each in enumerate(self._typed(key, list) or ())
        )

    def others(self, *known: str) -> dict[str, Any]:
        """What there is besides the known keys."""
        return {key: value for key, value in self.fields.items() if key not in known and value is not None}

    def refuse(self, key: str, fact: str) -> NoReturn:
        """Raise the InputError that says so of a key."""
        raise InputError(f"{self.subject} is not valid: `{self._at(key)}` {fact}")

    def _typed(self, key: str, kind: type[T]) -> T | None:
        found = self.fields.get(key)
        return None if found is None else self._check(key, found, kind)

    def _check(self, key: str, found: Any, kind: type[T]) -> T:
        if type(found) is not kind:  # true is an int to Python
            self.refuse(key, f"is not {_KINDS[kind]}")
        return found

    def _at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def parse(data: bytes, subject: str) -> Document:
    """The JSON object in ``data``; InputError if it is none."""
    found = _loaded(data, subject)
    if not isinstance(found, dict):
        raise InputError(f"{subject} is not valid: it is no JSON object")
    return Document(found, subject)


def parse_list(data: bytes, subject: str) -> tuple[Document, ...]:
    """The objects of the JSON list in ``data``; InputError if it is none."""
    return Document({"list": _loaded(data, subject)}, subject).documents("list")


def _loaded(data: bytes, subject: str) -> Any:
    try:
        return json.loads(data.decode(), object_pairs_hook=_without_doubles, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        fact = "it is nested too deeply" if isinstance(error, RecursionError) else f"it is no JSON: {error}"
        raise InputError(f"{subject} is not valid: {fact}") from error


def written(value: Mapping[str, Any], *, sort: bool = False) -> bytes:
    """The value as JSON without blanks, its keys sorted or in their own order: the same bytes every time."""
    return json.dumps(value, separators=(",", ":"), sort_keys=sort).encode()


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object; two readers could understand one with a doubled key in two ways."""
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key is there twice")
    return result


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")
