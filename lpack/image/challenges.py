"""What a registry wants to know before it answers: the ``WWW-Authenticate`` header.

Source: https://www.rfc-editor.org/rfc/rfc9110#name-www-authenticate and
https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_PART = re.compile(
    r"""\s*,?\s*(?:
        (?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<token>[^\s,"]+))
        |(?P<scheme>[!#$%&'*+.^_`|~0-9A-Za-z-]+)(?=\s|,|$)
    )""",
    re.VERBOSE,
)


class Challenge(NamedTuple):
    """One way to authenticate that a server offers: its ``scheme`` and parameters, both in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """The challenges of a header, up to the first place that can't be understood."""
    found: list[tuple[str, dict[str, str]]] = []
    position = 0
    while position < len(header) and (part := _PART.match(header, position)):
        position = part.end()
        if part["scheme"]:
            found.append((part["scheme"].lower(), {}))
        elif found:
            value = part["token"] if part["quoted"] is None else re.sub(r"\\(.)", r"\1", part["quoted"])
            found[-1][1].setdefault(part["name"].lower(), value)
    return tuple(Challenge(*each) for each in found)
