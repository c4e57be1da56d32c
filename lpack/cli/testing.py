"""``lpack test``."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..emulator import Settings
from ..errors import UsageError
from ..model import Severity
from ..sizes import shown
from ..testing import RunOptions, Verdict, run_tests
from .invoking import invocation_document, milliseconds
from .output import error_document, exit_code
from .session import Session, short

_MOST_LINES = 30
"""Lines of a function's output that are shown of a test that failed, unless more is asked for."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks of a test run."""

    output: Path
    settings: Settings
    workers: int | None
    junit: Path | None


def test_named(session: Session, names: Sequence[str], wishes: Wishes) -> int:
    """Run the named tests, or all, and print what came of them."""
    project, host = session.project(), session.host
    options = RunOptions(output=wishes.output, settings=wishes.settings, workers=wishes.workers or host.workers)
    if wishes.junit:
        _prepare(wishes.junit)
    started = time.monotonic()
    with session.reporting() as reporter:
        verdicts = run_tests(project, names, options, host=host, reporter=reporter)
    seconds = time.monotonic() - started
    if wishes.junit:
        from ..testing.junit import write_junit

        write_junit(verdicts, wishes.junit)
    session.output.document(tests=[_document(verdict) for verdict in verdicts])
    if not session.output.quiet:
        headers = ("test", "cold start", "handler", "memory", "")
        session.output.table(headers, [_row(session, verdict) for verdict in verdicts], right=(1, 2, 3))
    _print_reasons(session, verdicts)
    counts = Counter(map(_status, verdicts))
    parts = [f"{counts[status]} {status}" for status in ("passed", "failed", "not run") if counts[status]]
    session.output.remark(f"{', '.join(parts)} in {seconds:.2f} s")
    if wishes.junit:
        session.output.remark(f"wrote {short(wishes.junit)}")
    return exit_code(verdict.failure for verdict in verdicts)


def _prepare(file: Path) -> None:
    """Make the folder of a file that is written in the end: what can't be written is told before all else."""
    if file.is_dir():
        raise UsageError(f"`{file}` is a folder, and JUnit's XML is a file", hint="give `--junit` a file's name")
    file.parent.mkdir(parents=True, exist_ok=True)


def _status(verdict: Verdict) -> str:
    if verdict.error:
        return "not run"
    return "failed" if verdict.problems else "passed"


def _row(session: Session, verdict: Verdict) -> tuple[str, ...]:
    status = _status(verdict)
    styled = session.output.styled(status, "good" if status == "passed" else "bad")
    ran = verdict.invocation
    if ran is None:
        return (verdict.name, "", "", "", styled)
    init = milliseconds(ran.init_seconds) if ran.init_seconds is not None else ""
    memory = shown(ran.peak_memory) if ran.peak_memory is not None else ""
    return (verdict.name, init, milliseconds(ran.handler_seconds), memory, styled)


def _print_reasons(session: Session, verdicts: Sequence[Verdict]) -> None:
    """Why tests did not pass, with what their functions printed; what holds for several of them is said once."""
    output = session.output
    not_run: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.error:
            not_run.setdefault(verdict.error.message, []).append(verdict)
        elif verdict.problems:
            output.message(
                Severity.ERROR, f"`{verdict.name}` failed", details=[*verdict.problems, *_logs(session, verdict)]
            )
        elif output.verbose and (lines := _logs(session, verdict)):
            output.remark("\n".join([f"{verdict.name}: {lines[0]}", *lines[1:]]))
    for alike in not_run.values():
        error = alike[0].error
        if error:
            text = f"{output.row([f'`{each.name}`' for each in alike])} could not be run: {error.message}"
            output.message(Severity.ERROR, text, hint=error.hint, details=error.details)


def _logs(session: Session, verdict: Verdict) -> list[str]:
    lines = verdict.invocation.logs.splitlines() if verdict.invocation else []
    if not lines:
        return []
    hidden = 0 if session.output.verbose else max(0, len(lines) - _MOST_LINES)
    title = f"what it printed, without the first {hidden} lines (`-v` shows them):" if hidden else "what it printed:"
    return [title, *(f"  {line}" for line in lines[hidden:])]


def _document(verdict: Verdict) -> dict[str, Any]:
    return {
        "function": verdict.function,
        "test": verdict.test,
        "status": _status(verdict),
        "problems": list(verdict.problems),
        "error": error_document(verdict.error) if verdict.error else None,
        "invocation": invocation_document(verdict.invocation) if verdict.invocation else None,
        "seconds": round(verdict.seconds, 3),
    }
