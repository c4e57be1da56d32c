"""``lpack check``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..aws.limits import UNZIPPED_BYTES
from ..build import artifact_of, subject_of
from ..check import Subject
from ..errors import CheckError, LpackError, UsageError
from ..examine import Checked, check_artifact
from ..model import Finding
from ..record import read_record
from ..sizes import shown
from .options import target_of
from .output import error_document, exit_code, finding_document, finding_of
from .session import Session, short, today


@dataclass(frozen=True, slots=True)
class Settings:
    """Where artifacts are, and what the command line says of a file that lpack may know nothing of."""

    output: Path
    runtime: str | None
    architecture: str | None
    handler: str | None
    allow_deprecated: bool


def check_named(session: Session, names: Sequence[str], settings: Settings) -> int:
    """Check functions by name and artifacts by file; all functions when none is named."""
    output = session.output
    results = [_checked(each, session) for each in _wanted(session, names, settings)]
    output.document(artifacts=[_document(each) for each in results])
    if not output.quiet:
        rows = [_row(each, session) for each in results]
        output.table(("artifact", "files", "packages", "unzipped", "of limit", ""), rows, right=(1, 2, 3, 4))
    output.findings({each.name: each.findings for each in results})
    return exit_code(each.error for each in results)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be checked: a function's artifact or a file."""

    name: str
    artifact: Path
    subject: Subject


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of it: ``checked`` is None when the file could not be read at all."""

    name: str
    artifact: Path
    checked: Checked | None
    error: LpackError | None

    @property
    def findings(self) -> Sequence[Finding]:
        if self.checked:
            return self.checked.findings
        return [finding_of(self.error)] if self.error else ()


def _checked(wanted: _Wanted, session: Session) -> _Result:
    """What the checks say, or why there is nothing to check: the others still are."""
    try:
        if not wanted.artifact.is_file():
            fact = f"`{wanted.name}` was not built: there is no `{short(wanted.artifact)}`"
            raise UsageError(fact, hint=f"run `lpack build {wanted.name}` first")
        checked = check_artifact(wanted.artifact, wanted.subject, host=session.host)
    except LpackError as error:
        return _Result(wanted.name, wanted.artifact, None, error)
    broken = None if checked.fine else CheckError(f"`{wanted.name}` would not work in Lambda")
    return _Result(wanted.name, wanted.artifact, checked, broken)


def _wanted(session: Session, names: Sequence[str], settings: Settings) -> list[_Wanted]:
    files = [name for name in dict.fromkeys(names) if is_file(name, session)]
    functions = [name for name in names if name not in files]
    found = [_Wanted(name, session.path(name), _file(session.path(name), settings)) for name in files]
    if functions or not names:
        for function in session.project().selected(functions):
            subject = subject_of(function, today=today(), allow_deprecated=settings.allow_deprecated)
            found.append(_Wanted(function.name, artifact_of(function, settings.output), subject))
    return found


def is_file(name: str, session: Session) -> bool:
    """Whether the command line means a file, and no function; UsageError when it does and there is none."""
    file = session.path(name)
    if file.is_file():
        return True
    if name.endswith(".zip") or "/" in name:
        raise UsageError(f"there is no file `{name}`", hint="name a zip, or a function of lpack.toml")
    return False


def _file(artifact: Path, settings: Settings) -> Subject:
    record = read_record(artifact)
    runtime = settings.runtime or (record.runtimes[0] if record else None)
    if not runtime:
        raise UsageError(
            f"`{artifact.name}` has no build record, so its runtime is not known",
            hint="say it: `--runtime python3.13 --architecture arm64 --handler app.handler`",
        )
    architecture = settings.architecture or (record.architectures[0] if record else "x86_64")
    return Subject(
        name=artifact.name,
        target=target_of(runtime, architecture),
        handler=settings.handler or (record.handler if record else None),
        allow_deprecated=settings.allow_deprecated,
        today=today(),
    )


def _row(result: _Result, session: Session) -> tuple[str, ...]:
    status = session.output.styled("fine", "good")
    if result.error:
        status = session.output.styled("broken" if result.artifact.is_file() else "missing", "bad")
    if result.checked is None:
        return (short(result.artifact), "", "", "", "", status)
    tree = result.checked.tree
    share = f"{100 * tree.size / UNZIPPED_BYTES:.0f} %"
    counts = (str(len(tree)), str(len(result.checked.packages)))
    return (short(result.artifact), *counts, shown(tree.size), share, status)


def _document(result: _Result) -> dict[str, Any]:
    return {
        "name": result.name,
        "path": str(result.artifact),
        "fine": result.error is None,
        "unzipped_size": result.checked.tree.size if result.checked else None,
        "error": error_document(result.error) if result.error else None,
        "findings": [finding_document(each) for each in result.checked.findings] if result.checked else [],
    }
