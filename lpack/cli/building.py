"""``lpack build``."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..aws.limits import IMAGE_BYTES, UNZIPPED_BYTES
from ..aws.runtimes import span
from ..build import Options, Outcome, build_artifacts
from ..catalogue import recipe_project
from ..config import Project
from ..config.images import ImageFormat
from ..errors import UsageError
from ..locks import Part
from ..model import Finding, Severity
from ..record import FUNCTION, IMAGE, LAYER
from ..sizes import shown
from .locking import print_changes
from .output import error_document, exit_code, finding_document, finding_of
from .session import Session, short, today

if TYPE_CHECKING:
    from ..pushing import Pushed


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks of a build."""

    output: Path
    frozen: bool
    dry_run: bool
    allow_deprecated: bool
    in_container: bool = False
    image_format: ImageFormat | None = None
    whole: bool = False
    push: bool = False
    repository: str | None = None


def format_named(name: str | None) -> ImageFormat | None:
    """The format of that name; UsageError for another one."""
    if name not in {None, "docker", "oci"}:
        raise UsageError(f"`{name}` is not a format of images", hint="use docker or oci")
    return cast(ImageFormat | None, name)


def build_named(session: Session, names: Sequence[str], wishes: Wishes) -> int:
    """Build the named functions and layers, or all, and print what came of it."""
    project = session.project()
    return _build(session, project, project.selected(names), wishes)


def build_recipes(
    session: Session, names: Sequence[str], wishes: Wishes, *, runtimes: Sequence[str], architectures: Sequence[str]
) -> int:
    """Build layers straight from the catalogue, and print what came of it."""
    project = recipe_project(session.folder, names, runtimes=runtimes, architectures=architectures)
    return _build(session, project, project.layers, wishes)


def _build(session: Session, project: Project, parts: Sequence[Part], wishes: Wishes) -> int:
    output = session.output
    if wishes.repository and not wishes.push:
        raise UsageError("`--repository` says where to push images", hint="it goes with `--push`")
    to = None
    if wishes.push:
        from .pushing import destination, print_pushed, push_built

        to = destination(project, parts, wishes.repository)
    if wishes.in_container:
        project = project.in_container()
    options = Options(
        output=wishes.output,
        today=today(),
        policy="frozen" if wishes.frozen else "keep",
        dry_run=wishes.dry_run,
        allow_deprecated=wishes.allow_deprecated,
        format=wishes.image_format,
        whole=wishes.whole,
    )
    started = time.monotonic()
    with session.reporting() as reporter:
        outcomes = build_artifacts(project, parts, options, host=session.host, reporter=reporter)
    pushed: dict[str, Pushed] = {}
    if to and not wishes.dry_run:
        outcomes, pushed = push_built(session, outcomes, to)
    seconds = time.monotonic() - started
    print_changes(output, {outcome.name: outcome.changes for outcome in outcomes})
    output.document(artifacts=[_document(outcome, pushed.get(outcome.name)) for outcome in outcomes])
    if wishes.dry_run:
        _print_trees(session, outcomes)
    elif not output.quiet and any(outcome.record for outcome in outcomes):
        _print_table(session, outcomes)
    for name, each in pushed.items():
        print_pushed(output, name, each)
    said: dict[str, list[Finding]] = {}
    for outcome in outcomes:
        said.setdefault(outcome.name, []).extend(_said(outcome))
    output.findings(said)
    _print_end(session, outcomes, seconds)
    return exit_code(outcome.error for outcome in outcomes)


def _print_table(session: Session, outcomes: Sequence[Outcome]) -> None:
    images = any(outcome.kind == IMAGE for outcome in outcomes)
    packed = ("packed", "unpacked") if images else ("zip", "unzipped")
    headers = ("artifact", "runtime", "architecture", "packages", *packed, "of limit", "")
    session.output.table(headers, [_row(outcome, session) for outcome in outcomes], right=(3, 4, 5, 6))


def _row(outcome: Outcome, session: Session) -> tuple[str, ...]:
    record = outcome.record
    runtimes = span(target.runtime.name for target in outcome.targets)
    architectures = ", ".join(dict.fromkeys(target.architecture.name for target in outcome.targets))
    first = (short(outcome.artifact), runtimes, architectures)
    if record is None:
        return (*first, "", "", "", "", session.output.styled("failed", "bad"))
    limit, size = (IMAGE_BYTES, record.image.size) if record.image else (UNZIPPED_BYTES, record.size)
    share = f"{100 * (record.unzipped_size + outcome.layers_size) / limit:.0f} %"
    style = "dim" if outcome.unchanged else "good"
    status = session.output.styled(_status(outcome), style)
    return (*first, str(len(record.packages)), shown(size), shown(record.unzipped_size), share, status)


def _status(outcome: Outcome) -> str:
    if outcome.error:
        return "failed"
    if outcome.record is None:
        return "planned"
    return "unchanged" if outcome.unchanged else "built"


def _print_trees(session: Session, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.tree is None:
            continue
        count = len(outcome.tree)
        files = "1 file" if count == 1 else f"{count} files"
        session.output.result(f"{short(outcome.artifact)}: {files}, {shown(outcome.tree.size)} unzipped")
        for entry in outcome.tree:
            owner = entry.package or "your own"
            session.output.result(f"{entry.mode & 0o777:o} {entry.source.size:>10} {entry.path}  ({owner})")


def _said(outcome: Outcome) -> tuple[Finding, ...]:
    """What there is to say of the outcome; that the checks failed, their own findings say."""
    if outcome.error is None or any(each.severity is Severity.ERROR for each in outcome.findings):
        return outcome.findings
    return (*outcome.findings, finding_of(outcome.error))


def _print_end(session: Session, outcomes: Sequence[Outcome], seconds: float) -> None:
    """One line that says how it went, and one more when something failed."""
    counts = Counter(map(_status, outcomes))
    if counts["failed"] < len(outcomes):
        parts = [f"{counts[status]} {status}" for status in ("built", "unchanged", "planned") if counts[status]]
        session.output.remark(f"{', '.join(parts)} in {seconds:.2f} s")
    if session.output.verbose:
        for outcome in outcomes:
            session.output.remark(f"  {outcome.name}: {_in_detail(outcome)}")
    failed = [outcome for outcome in outcomes if outcome.error]
    if failed:
        failed_names = dict.fromkeys(outcome.name for outcome in failed)
        all_names = dict.fromkeys(outcome.name for outcome in outcomes)
        kinds = {outcome.kind for outcome in outcomes}
        what = "functions" if kinds <= {FUNCTION, IMAGE} else "layers" if kinds == {LAYER} else "functions and layers"
        names = session.output.row([f"`{name}`" for name in failed_names])
        kept = any(outcome.artifact.is_file() and outcome.record is None for outcome in failed)
        session.output.message(
            Severity.ERROR,
            f"{len(failed_names)} of {len(all_names)} {what} failed: {names}"
            if len(all_names) > 1
            else f"{names} failed",
            details=["what an earlier build made is still in place"] if kept else (),
        )


def _in_detail(outcome: Outcome) -> str:
    parts = [f"{outcome.seconds:.2f} s"]
    if outcome.record:
        left_out = [f"{count} for {reason}" for reason, count in outcome.record.left_out.items()]
        if outcome.record.image and not outcome.record.image.whole:
            parts.append("in the archive without the layers of its base")
        parts += [f"code_sha256 {outcome.record.code_sha256}", f"left out {', '.join(left_out) or 'nothing'}"]
    return ", ".join(parts)


def _document(outcome: Outcome, pushed: Pushed | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": outcome.name,
        "kind": outcome.kind,
        "path": str(outcome.artifact),
        "status": _status(outcome),
        "record": outcome.record.as_dict() if outcome.record else None,
        "layers_size": outcome.layers_size,
        "pushed": _pushed_document(pushed) if pushed else None,
        "error": error_document(outcome.error) if outcome.error else None,
        "lock_changes": list(outcome.changes),
        "findings": [finding_document(each) for each in outcome.findings],
        "seconds": round(outcome.seconds, 3),
    }
    if outcome.tree is not None:
        document["files"] = [
            {"path": entry.path, "mode": f"{entry.mode:o}", "size": entry.source.size, "package": entry.package}
            for entry in outcome.tree
        ]
    return document


def _pushed_document(pushed: Pushed) -> dict[str, Any] | None:
    from .pushing import pushed_document

    return pushed_document(pushed)
