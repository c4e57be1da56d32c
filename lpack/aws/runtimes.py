"""Lambda's runtimes: operating system, language version, and the dates on which they end.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html and cfn-lint's table, November 2026.
Adding a runtime is adding a row.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import date
from typing import Literal, NamedTuple

from ..errors import UsageError
from .systems import AMAZON_LINUX_2, AMAZON_LINUX_2023, OperatingSystem

Family = Literal["python", "nodejs", "java", "ruby", "dotnet", "provided"]


class Lifecycle(NamedTuple):
    """The days on which a runtime is deprecated, and from which Lambda refuses to create or update its functions."""

    deprecated: date | None = None
    create_blocked: date | None = None
    update_blocked: date | None = None


class Runtime(NamedTuple):
    """A Lambda runtime identifier and what stands behind it. ``version`` is the language's ("3.13", "22", "21")."""

    name: str
    family: Family
    version: str
    system: OperatingSystem
    lifecycle: Lifecycle

    def __str__(self) -> str:
        return self.name


_END_OF_OVERDUE = (date(2027, 2, 1), date(2027, 3, 3))
"""AWS moved the blocks of every runtime that is already deprecated to these days."""


def _ends(deprecated: str, create: str = "", update: str = "") -> Lifecycle:
    if not create:
        return Lifecycle(date.fromisoformat(deprecated), *_END_OF_OVERDUE)
    return Lifecycle(*map(date.fromisoformat, (deprecated, create, update)))


_NOT_SCHEDULED = Lifecycle()
_JUNE_2027 = _ends("2027-06-30", "2027-07-31", "2027-08-31")
_JUNE_2029 = _ends("2029-06-30", "2029-07-31", "2029-08-31")
_AL2, _AL2023 = AMAZON_LINUX_2, AMAZON_LINUX_2023

RUNTIMES: dict[str, Runtime] = {
    runtime.name: runtime
    for runtime in (
        Runtime("python3.15", "python", "3.15", _AL2023, _NOT_SCHEDULED),
        Runtime("python3.14", "python", "3.14", _AL2023, _JUNE_2029),
        Runtime("python3.13", "python", "3.13", _AL2023, _JUNE_2029),
        Runtime("python3.12", "python", "3.12", _AL2023, _ends("2028-10-31", "2028-11-30", "2029-01-10")),
        Runtime("python3.11", "python", "3.11", _AL2, _JUNE_2027),
        Runtime("python3.10", "python", "3.10", _AL2, _ends("2026-10-31")),
        Runtime("python3.9", "python", "3.9", _AL2, _ends("2025-12-15")),
        Runtime("python3.8", "python", "3.8", _AL2, _ends("2024-10-14")),
        Runtime("nodejs26.x", "nodejs", "26", _AL2023, _NOT_SCHEDULED),
        Runtime("nodejs24.x", "nodejs", "24", _AL2023, _ends("2028-04-30", "2028-06-01", "2028-07-01")),
        Runtime("nodejs22.x", "nodejs", "22", _AL2023, _ends("2027-04-30", "2027-06-01", "2027-07-01")),
        Runtime("nodejs20.x", "nodejs", "20", _AL2023, _ends("2026-04-30")),
        Runtime("nodejs18.x", "nodejs", "18", _AL2, _ends("2025-09-01")),
        Runtime("java25", "java", "25", _AL2023, _JUNE_2029),
        Runtime("java21", "java", "21", _AL2023, _JUNE_2029),
        Runtime("java17", "java", "17", _AL2, _JUNE_2027),
        Runtime("java17.al2023", "java", "17", _AL2023, _JUNE_2029),
        Runtime("java11", "java", "11", _AL2, _JUNE_2027),
        Runtime("java11.al2023", "java", "11", _AL2023, _JUNE_2029),
        Runtime("java8.al2", "java", "8", _AL2, _JUNE_2027),
        Runtime("java8.al2023", "java", "8", _AL2023, _JUNE_2029),
        Runtime("ruby4.0", "ruby", "4.0", _AL2023, _ends("2029-03-31", "2029-04-30", "2029-05-31")),
        Runtime("ruby3.4", "ruby", "3.4", _AL2023, _ends("2028-03-31", "2028-04-30", "2028-05-31")),
        Runtime("ruby3.3", "ruby", "3.3", _AL2023, _ends("2027-03-31", "2027-04-30", "2027-05-31")),
        Runtime("ruby3.2", "ruby", "3.2", _AL2, _ends("2026-03-31")),
        Runtime("dotnet10", "dotnet", "10", _AL2023, _ends("2028-11-14", "2028-12-14", "2029-01-15")),
        Runtime("dotnet8", "dotnet", "8", _AL2023, _ends("2026-11-10")),
        Runtime("provided.al2023", "provided", "", _AL2023, _JUNE_2029),
        Runtime("provided.al2", "provided", "", _AL2, _ends("2026-07-31")),
    )
}


def runtime(name: str) -> Runtime:
    """The runtime of that identifier; UsageError offers the nearest known one."""
    try:
        return RUNTIMES[name]
    except KeyError:
        raise UsageError(f"`{name}` is not a Lambda runtime", hint=nearest_runtimes(name)) from None


def nearest_runtimes(name: str) -> str:
    """A sentence that offers the known runtimes whose names come nearest to ``name``."""
    near = difflib.get_close_matches(name.lower(), RUNTIMES, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(f"`{candidate}`" for candidate in near) + "?"
    newest: dict[str, str] = {}
    for known in RUNTIMES.values():
        if known.lifecycle.deprecated:
            newest.setdefault(known.family, known.name)
    return "known runtimes are, for example, " + ", ".join(f"`{candidate}`" for candidate in newest.values())


def span(names: Iterable[str]) -> str:
    """Runtimes in short: the first and the last of these names where all of the family between them are among them."""
    given = list(dict.fromkeys(names))
    oldest_first = list(reversed(RUNTIMES))
    places = sorted(oldest_first.index(name) for name in given if name in RUNTIMES)
    without_gap = len(given) == len(places) > 2 and len(places) == places[-1] - places[0] + 1
    if without_gap and len({RUNTIMES[name].family for name in given}) == 1:
        return f"{oldest_first[places[0]]} to {oldest_first[places[-1]]}"
    return ", ".join(given)
