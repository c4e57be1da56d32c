from __future__ import annotations

from datetime import date, timedelta

import pytest
from check_samples import TODAY, subject

from lpack.aws.runtimes import RUNTIMES
from lpack.check.lifecycle import check_lifecycle
from lpack.model import Finding, Severity

DAY = timedelta(days=1)
PYTHON_3_9 = RUNTIMES["python3.9"].lifecycle
CREATE, UPDATE = date(2027, 2, 1), date(2027, 3, 3)


def found(runtime: str, today: date = TODAY, *, allow_deprecated: bool = False) -> Finding | None:
    findings = check_lifecycle(subject(runtime, today=today, allow_deprecated=allow_deprecated))
    assert len(findings) < 2
    return findings[0] if findings else None


def test_a_supported_runtime_is_not_worth_a_word() -> None:
    assert found("python3.13") is None
    assert found("python3.13", date(2029, 6, 29)) is None


def test_a_deprecated_runtime_is_a_warning_with_its_dates() -> None:
    finding = found("python3.9")
    assert finding is not None
    assert (finding.severity, finding.check) == (Severity.WARNING, "runtime-deprecated")
    assert finding.message == "`python3.9` is deprecated since 2025-12-15"
    assert finding.hint == "move to `python3.14`"
    assert finding.details == (
        "deprecated 2025-12-15",
        "no new functions from 2027-02-01",
        "no updates from 2027-03-03",
    )


@pytest.mark.parametrize(
    ("today", "severity", "verb"),
    [
        (CREATE - DAY, Severity.WARNING, None),
        (CREATE, Severity.ERROR, "create"),
        (UPDATE - DAY, Severity.ERROR, "create"),
        (UPDATE, Severity.ERROR, "create or update"),
        (UPDATE + 1000 * DAY, Severity.ERROR, "create or update"),
    ],
)
def test_a_blocked_runtime_is_an_error(today: date, severity: Severity, verb: str | None) -> None:
    finding = found("python3.9", today)
    assert finding is not None
    assert finding.severity is severity
    assert (finding.check == "runtime-blocked") is bool(verb)
    if verb:
        assert finding.message == f"Lambda no longer lets anyone {verb} functions with `python3.9`"
        assert finding.hint is not None
        assert "--allow-deprecated" in finding.hint
        assert len(finding.details) == 3


def test_the_user_may_insist() -> None:
    finding = found("python3.9", UPDATE, allow_deprecated=True)
    assert finding is not None
    assert finding.severity is Severity.WARNING
    assert "--allow-deprecated" not in (finding.hint or "")


def test_a_preview_is_a_note() -> None:
    finding = found("python3.15")
    assert finding is not None
    assert (finding.severity, finding.check) == (Severity.NOTE, "runtime-preview")


def test_every_runtime_is_judged_on_any_day() -> None:
    for runtime in RUNTIMES:
        for today in (date(2020, 1, 1), TODAY, date(2040, 1, 1)):
            finding = found(runtime, today)
            assert finding is None or finding.severity in {Severity.WARNING, Severity.ERROR, Severity.NOTE}
