"""``lpack build`` and ``lpack lock``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..aws.limits import UNZIPPED_BYTES
from ..build import Options, Outcome, build, lock_all
from ..config import Function
from ..ecosystems import Policy
from ..errors import LpackError
from ..model import Severity
from ..sizes import shown
from .output import error_document, finding_document
from .session import Session, today


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks of a build."""

    output: Path
    frozen: bool
    dry_run: bool
    allow_deprecated: bool


def build_functions(session: Session, names: Sequence[str], wishes: Wishes) -> int:
    """Build the named functions, or all, and print what came of it."""
    project = session.project()
    options = Options(
        output=wishes.output,
        today=today().date(),
        policy="frozen" if wishes.frozen else "keep",
        dry_run=wishes.dry_run,
        allow_deprecated=wishes.allow_deprecated,
    )
    with session.reporting() as reporter:
        outcomes = build(project, project.selected(names), options, host=session.host, reporter=reporter)
    for outcome in outcomes:
        _print_findings(session, outcome, alone=len(outcomes) == 1)
    if session.output.json:
        session.output.document(artifacts=[_document(each, session) for each in outcomes])
    elif wishes.dry_run:
        _print_trees(session, outcomes)
    else:
        _print_table(session, outcomes)
    return _exit_code([outcome.error for outcome in outcomes])


def _print_findings(session: Session, outcome: Outcome, *, alone: bool) -> None:
    output = session.output
    if outcome.changes:
        output.remark(f"locked {outcome.function.name}: " + _shortened(outcome.changes, verbose=output.verbose))
    worth = [each for each in outcome.findings if each.severity is not Severity.NOTE or output.verbose or alone]
    output.findings(worth)
    if outcome.error:
        error = outcome.error
        output.message("error", error.message, hint=error.hint, details=error.details)


def _shortened(changes: Sequence[str], *, verbose: bool, most: int = 8) -> str:
    kept = changes if verbose or len(changes) <= most else changes[:most]
    more = f" and {len(changes) - len(kept)} more" if len(kept) < len(changes) else ""
    return ", ".join(kept) + more


def _print_table(session: Session, outcomes: Sequence[Outcome]) -> None:
    rows = [_row(outcome, session) for outcome in outcomes]
    headers = ("function", "runtime", "architecture", "packages", "zip", "unzipped", "of limit", "", "time")
    session.output.table(headers, rows, right=(3, 4, 5, 6, 8))
    made = [outcome for outcome in outcomes if outcome.record]
    if len(outcomes) == 1 and made:
        session.output.result(f"{_relative(made[0].artifact, session)}  {made[0].record.code_sha256}")  # type: ignore[union-attr]


def _row(outcome: Outcome, session: Session) -> tuple[str, ...]:
    function, record = outcome.function, outcome.record
    target = (function.name, function.target.runtime.name, function.target.architecture.name)
    seconds = f"{outcome.seconds:.2f} s"
    if record is None:
        status = session.output.styled("failed", "error", _stdout())
        return (*target, "", "", "", "", status, seconds)
    share = f"{100 * record.unzipped_size / UNZIPPED_BYTES:.0f} %"
    status = "unchanged" if outcome.unchanged else "built"
    sizes = (shown(record.size), shown(record.unzipped_size), share)
    return (*target, str(len(record.packages)), *sizes, status, seconds)


def _stdout() -> Any:
    import sys

    return sys.stdout


def _relative(path: Path, session: Session) -> Path:
    return path.relative_to(session.folder) if path.is_relative_to(session.folder) else path


def _print_trees(session: Session, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.tree is None:
            continue
        session.output.result(f"{outcome.artifact.name}: {len(outcome.tree)} files, {shown(outcome.tree.size)}")
        for entry in outcome.tree:
            source = entry.package or "your own"
            session.output.result(f"{entry.mode & 0o777:o} {entry.source.size:>10} {entry.path}  ({source})")


def _document(outcome: Outcome, session: Session) -> dict[str, Any]:
    document: dict[str, Any] = {"name": outcome.function.name, "path": str(_relative(outcome.artifact, session))}
    if outcome.record:
        document |= {"record": outcome.record.as_dict(), "unchanged": outcome.unchanged}
    elif outcome.tree and not outcome.error:
        document["entries"] = [
            {"path": entry.path, "mode": f"{entry.mode:o}", "size": entry.source.size, "package": entry.package}
            for entry in outcome.tree
        ]
    if outcome.error:
        document["error"] = error_document(outcome.error)
    return {
        **document,
        "lock_changes": list(outcome.changes),
        "findings": [finding_document(each) for each in outcome.findings],
        "seconds": round(outcome.seconds, 3),
    }


def _exit_code(errors: Sequence[LpackError | None]) -> int:
    """That of the first error: several functions may fail for several reasons, and the first is as good as any."""
    return next((error.exit_code for error in errors if error), 0)


def lock_functions(session: Session, names: Sequence[str], *, upgrade: bool, check: bool) -> int:
    """Lock the named functions, or all."""
    project = session.project()
    policy: Policy = "frozen" if check else "upgrade" if upgrade else "keep"
    with session.reporting() as reporter:
        results = lock_all(project, project.selected(names), policy, host=session.host, reporter=reporter)
    output = session.output
    for function, result in results:
        if isinstance(result, LpackError):
            output.message("error", result.message, hint=result.hint, details=result.details)
        elif result.changes:
            output.result(f"locked {function.name}: " + _shortened(result.changes, verbose=output.verbose))
        else:
            output.result(f"{function.name}: " + ("up to date" if result.file else "has no lock of its own to make"))
    if output.json:
        output.document(locks=[_lock_document(function, result, session) for function, result in results])
    return _exit_code([result if isinstance(result, LpackError) else None for _, result in results])


def _lock_document(function: Function, result: Any, session: Session) -> dict[str, Any]:
    if isinstance(result, LpackError):
        return {"name": function.name, "error": error_document(result)}
    file = str(_relative(result.file, session)) if result.file else None
    return {"name": function.name, "file": file, "changes": list(result.changes)}
