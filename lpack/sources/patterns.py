"""gitignore's patterns, as git understands them: https://git-scm.com/docs/gitignore."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import InputError

_TOKEN = re.compile(
    r"""
    (?:^|(?<=/)) \*{2,} (?: (?P<folders>/) | (?P<everything>$) )
    | (?P<stars> \*+ )
    | (?P<one> \? )
    | \[ (?P<negated>[!^]?) (?P<items> \]? (?: \[:\w+:\] | \\. | [^\]\\] )* ) \]
    | \\ (?P<escaped> . )
    | (?P<broken> \[ | \\ )
    | (?P<plain> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_ITEM = re.compile(r"\[:(?P<named>\w+):\] | \\?(?P<first>.) (?: -\\?(?P<last>.) )?", re.VERBOSE | re.DOTALL)
_NAMED = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "digit": "0-9",
    "lower": "a-z",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_NEVER = "(?!)"


class _Pattern(NamedTuple):
    regex: re.Pattern[str]
    verdict: bool
    folders_only: bool


@dataclass(frozen=True, slots=True)
class Patterns:
    """A list of patterns, of which the last one that fits a path decides."""

    patterns: tuple[_Pattern, ...]

    @classmethod
    def of(cls, lines: Iterable[str], *, origin: str) -> Patterns:
        """The patterns in the lines; InputError, with their origin, for one that can't be understood."""
        patterns = []
        for line in lines:
            try:
                pattern = _pattern(line)
            except (re.error, KeyError) as error:
                raise InputError(f"`{origin}` holds a pattern that is not one of gitignore's: `{line}`") from error
            if pattern:
                patterns.append(pattern)
        return cls(tuple(reversed(patterns)))

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def verdict(self, path: str, *, is_folder: bool) -> bool | None:
        """Whether the path itself is meant, or by a pattern with ``!`` is not; None when no pattern speaks of it.

        What is meant of a folder is meant of all that is in it, unless something else is said of that.
        """
        for regex, verdict, folders_only in self.patterns:
            if (is_folder or not folders_only) and regex.fullmatch(path):
                return verdict
        return None


def _pattern(line: str) -> _Pattern | None:
    if line.startswith("#"):
        return None
    text = re.sub(r"(?<!\\) +$", "", line)
    negated = text.startswith("!")
    text = text.removeprefix("!")
    folders_only = text.endswith("/")
    text = text.removesuffix("/")
    anywhere = "/" not in text
    text = text.removeprefix("/")
    if not text:
        return None
    regex = _TOKEN.sub(_translated, text)
    return _Pattern(re.compile(f"(?:.*/)?{regex}" if anywhere else regex, re.DOTALL), not negated, folders_only)


def _translated(token: re.Match[str]) -> str:
    match token.lastgroup:
        case "folders":
            return "(?:.*/)?"
        case "everything":
            return ".+"
        case "stars":
            return "[^/]*"
        case "one":
            return "[^/]"
        case "items":
            items = "".join(map(_translated_item, _ITEM.finditer(token["items"])))
            return f"(?!/)[{'^' if token['negated'] else ''}{items}]"
        case "broken":
            return _NEVER
        case kind:
            return re.escape(token[kind or 0])


def _translated_item(item: re.Match[str]) -> str:
    if item["named"]:
        return _NAMED[item["named"]]
    first = re.escape(item["first"])
    return f"{first}-{re.escape(item['last'])}" if item["last"] else first
