"""``lpack check``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..aws.architectures import ARCHITECTURES
from ..aws.limits import UNZIPPED_BYTES
from ..aws.runtimes import runtime as runtime_named
from ..build import artifact_of
from ..check import Subject
from ..config import Function
from ..errors import CheckError, UsageError
from ..examine import Checked, check_artifact
from ..model import Severity, Target
from ..record import read_record
from ..sizes import shown
from .output import finding_document
from .session import Session, today


@dataclass(frozen=True, slots=True)
class FileSettings:
    """What the command line says of a file that lpack may know nothing of."""

    runtime: str | None
    architecture: str | None
    handler: str | None
    allow_deprecated: bool


def check_subjects(session: Session, names: Sequence[str], output: Path, settings: FileSettings) -> int:
    """Check functions by name and artifacts by file; all functions when none is named."""
    artifacts = _artifacts(session, names, output, settings)
    results = [check_artifact(artifact, subject, store=session.store) for artifact, subject in artifacts]
    if session.output.json:
        session.output.document(
            checked=[
                {
                    "path": str(each.artifact),
                    "unzipped_size": each.tree.size,
                    "fine": not _errors(each),
                    "findings": [finding_document(finding) for finding in each.findings],
                }
                for each in results
            ]
        )
    for each in results:
        session.output.findings(each.findings)
    rows = [_row(each, session) for each in results]
    session.output.table(("artifact", "files", "packages", "unzipped", "of limit", ""), rows, right=(1, 2, 3, 4))
    return CheckError.exit_code if any(_errors(each) for each in results) else 0


def _artifacts(
    session: Session, names: Sequence[str], output: Path, settings: FileSettings
) -> list[tuple[Path, Subject]]:
    files = [name for name in names if _is_file(session, name)]
    functions = [name for name in names if name not in files]
    found = [_of_file(session.path(Path(name)), settings) for name in files]
    if functions or not names:
        project = session.project()
        found += [_of_function(each, output, settings) for each in project.selected(functions)]
    return found


def _is_file(session: Session, name: str) -> bool:
    return name.endswith(".zip") or "/" in name or session.path(Path(name)).is_file()


def _of_function(function: Function, output: Path, settings: FileSettings) -> tuple[Path, Subject]:
    artifact = artifact_of(function, output)
    if not artifact.is_file():
        raise UsageError(f"`{function.name}` was not built: there is no `{artifact}`", hint="run `lpack build` first")
    return artifact, Subject(
        name=function.name,
        function_name=function.name,
        target=function.target,
        handler=function.handler,
        environment=function.environment,
        memory=function.memory,
        timeout=function.timeout,
        ephemeral_storage=function.ephemeral_storage,
        provided_libraries=function.provided_libraries,
        allow_deprecated=settings.allow_deprecated,
        today=today().date(),
    )


def _of_file(artifact: Path, settings: FileSettings) -> tuple[Path, Subject]:
    if not artifact.is_file():
        raise UsageError(f"there is no file `{artifact}`")
    record = read_record(artifact)
    runtime = settings.runtime or (record.runtimes[0] if record else None)
    if not runtime:
        raise UsageError(
            f"`{artifact.name}` has no build record, so its runtime is not known",
            hint="say it: `--runtime python3.13 --architecture arm64 --handler app.handler`",
        )
    architecture = settings.architecture or (record.architectures[0] if record else "x86_64")
    return artifact, Subject(
        name=artifact.name,
        target=target_named(runtime, architecture),
        handler=settings.handler or (record.handler if record else None),
        allow_deprecated=settings.allow_deprecated,
        today=today().date(),
    )


def target_named(runtime: str, architecture: str) -> Target:
    """The target of those names; UsageError for unknown ones."""
    if architecture not in ARCHITECTURES:
        raise UsageError(f"`{architecture}` is not an architecture of Lambda", hint="use x86_64 or arm64")
    return Target(runtime_named(runtime), ARCHITECTURES[architecture])


def _errors(checked: Checked) -> bool:
    return any(finding.severity is Severity.ERROR for finding in checked.findings)


def _row(checked: Checked, session: Session) -> tuple[str, ...]:
    import sys

    tree = checked.tree
    good = not _errors(checked)
    status = session.output.styled("fine" if good else "broken", "good" if good else "error", sys.stdout)
    share = f"{100 * tree.size / UNZIPPED_BYTES:.0f} %"
    return (checked.artifact.name, str(len(tree)), str(len(checked.packages)), shown(tree.size), share, status)
