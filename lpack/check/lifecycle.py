"""Whether Lambda still takes functions with this runtime."""

from __future__ import annotations

from datetime import date

from ..aws.runtimes import RUNTIMES, Lifecycle, Runtime
from ..model import Finding, Severity
from .subject import Subject


def check_lifecycle(subject: Subject) -> list[Finding]:
    """A finding when the runtime is deprecated, blocked, or not released yet."""
    runtime, today = subject.target.runtime, subject.today
    dates = runtime.lifecycle
    if dates.deprecated is None:
        fact = f"`{runtime}` has no dates yet: it is a preview, and not for production"
        return [Finding(Severity.NOTE, "runtime-preview", fact)]
    if today < dates.deprecated:
        return []
    blocked = _blocked(dates, today)
    return [
        Finding(
            Severity.ERROR if blocked and not subject.allow_deprecated else Severity.WARNING,
            "runtime-blocked" if blocked else "runtime-deprecated",
            f"Lambda no longer lets anyone {blocked} functions with `{runtime}`"
            if blocked
            else f"`{runtime}` is deprecated since {dates.deprecated}",
            hint=_way_out(runtime, today, blocked=bool(blocked), allowed=subject.allow_deprecated),
            details=_calendar(dates),
        )
    ]


def _blocked(dates: Lifecycle, today: date) -> str:
    if dates.update_blocked and today >= dates.update_blocked:
        return "create or update"
    if dates.create_blocked and today >= dates.create_blocked:
        return "create"
    return ""


def _calendar(dates: Lifecycle) -> tuple[str, ...]:
    days = (
        ("deprecated", dates.deprecated),
        ("no new functions from", dates.create_blocked),
        ("no updates from", dates.update_blocked),
    )
    return tuple(f"{label} {day}" for label, day in days if day)


def _way_out(runtime: Runtime, today: date, *, blocked: bool, allowed: bool) -> str | None:
    ways = []
    newest = next(
        (
            known
            for known in RUNTIMES.values()  # newest first
            if known.family == runtime.family and known.lifecycle.deprecated and today < known.lifecycle.deprecated
        ),
        None,
    )
    if newest:
        ways.append(f"move to `{newest}`")
    if blocked and not allowed:
        ways.append("pass `--allow-deprecated` to build it all the same")
    return ", or ".join(ways) or None
