"""``lpack check``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..artifacts import artifacts_of_layer
from ..aws.limits import UNZIPPED_BYTES
from ..build import Part, artifact_of, layer_subjects, subject_of
from ..check import LayerPart, Subject
from ..config import Function
from ..errors import CheckError, LpackError, UsageError
from ..examine import (
    Checked,
    built_layer_parts,
    check_artifact,
    check_layer_artifact,
    layer_part,
    looks_like_layer,
)
from ..model import Finding, Target
from ..record import Record, read_record
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
    layers: Sequence[str]
    allow_deprecated: bool


def check_named(session: Session, names: Sequence[str], settings: Settings) -> int:
    """Check functions and layers by name and artifacts by file; all of the project when none is named."""
    output = session.output
    results = [_checked(each) for each in _wanted(session, names, settings)]
    output.document(artifacts=[_document(each) for each in results])
    if not output.quiet:
        rows = [_row(each, session) for each in results]
        output.table(("artifact", "files", "packages", "unzipped", "of limit", ""), rows, right=(1, 2, 3, 4))
    output.findings({each.name: each.findings for each in results})
    return exit_code(each.error for each in results)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be checked, the artifact of a function or layer or a file, and how."""

    name: str
    artifact: Path
    check: Callable[[], Checked]


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


def _checked(wanted: _Wanted) -> _Result:
    """What the checks say, or why there is nothing to check: the others still are."""
    try:
        if not wanted.artifact.is_file():
            fact = f"`{wanted.name}` was not built: there is no `{short(wanted.artifact)}`"
            raise UsageError(fact, hint=f"run `lpack build {wanted.name}` first")
        checked = wanted.check()
    except LpackError as error:
        return _Result(wanted.name, wanted.artifact, None, error)
    broken = None if checked.fine else CheckError(f"`{wanted.name}` would not work in Lambda")
    return _Result(wanted.name, wanted.artifact, checked, broken)


def _wanted(session: Session, names: Sequence[str], settings: Settings) -> list[_Wanted]:
    files = [name for name in dict.fromkeys(names) if is_file(name, session)]
    parts = [name for name in names if name not in files]
    found = [_file(session.path(name), session, settings) for name in files]
    for part in session.project().selected(parts) if parts or not names else ():
        found += _artifacts(part, session, settings)
    return found


def _artifacts(part: Part, session: Session, settings: Settings) -> list[_Wanted]:
    """What a function or layer was built to; its one zip, though it is not there, when it was not."""
    host, deprecated = session.host, settings.allow_deprecated
    if isinstance(part, Function):
        artifact = artifact_of(part.name, settings.output)
        subject = subject_of(part, today=today(), allow_deprecated=deprecated)

        def check() -> Checked:
            layers = (*built_layer_parts(part, settings.output, host=host), *_layer_files(session, settings))
            return check_artifact(artifact, subject, host=host, layers=layers)

        return [_Wanted(part.name, artifact, check)]
    found = []
    for file, record in artifacts_of_layer(part.name, settings.output).items():
        subjects = layer_subjects(part, _targets(record), today=today(), allow_deprecated=deprecated)
        found.append(_Wanted(part.name, file, partial(check_layer_artifact, file, subjects, host=host)))
    missing = artifact_of(part.name, settings.output)
    return found or [_Wanted(part.name, missing, partial(check_layer_artifact, missing, (), host=host))]


def _targets(record: Record) -> list[Target]:
    return [target_of(runtime, each) for runtime in record.runtimes for each in record.architectures]


def _layer_files(session: Session, settings: Settings) -> list[LayerPart]:
    """The layers that the command line names."""
    for name in settings.layers:
        if not session.path(name).is_file():
            raise UsageError(f"there is no file `{name}`", hint="`--layer` names the zip of a layer")
    return [layer_part(session.path(name), name, host=session.host) for name in settings.layers]


def is_file(name: str, session: Session) -> bool:
    """Whether the command line means a file, and no function; UsageError when it does and there is none."""
    file = session.path(name)
    if file.is_file():
        return True
    if name.endswith(".zip") or "/" in name:
        raise UsageError(f"there is no file `{name}`", hint="name a zip, or a function of lpack.toml")
    return False


def _file(artifact: Path, session: Session, settings: Settings) -> _Wanted:
    """A file: a layer if it looks like one and no handler is named, else a function."""
    record = read_record(artifact)
    runtimes = [settings.runtime] if settings.runtime else list(record.runtimes if record else ())
    if not runtimes:
        raise UsageError(
            f"`{artifact.name}` has no build record, so its runtime is not known",
            hint="say it: `--runtime python3.13 --architecture arm64 --handler app.handler`",
        )
    known = list(record.architectures) if record else ["x86_64"]
    architectures = [settings.architecture] if settings.architecture else known
    subjects = [
        Subject(
            name=artifact.name,
            target=target_of(runtime, architecture),
            handler=settings.handler or (record.handler or None if record else None),
            allow_deprecated=settings.allow_deprecated,
            today=today(),
        )
        for runtime in runtimes
        for architecture in architectures
    ]

    def check() -> Checked:
        if not settings.handler and looks_like_layer(artifact):
            return check_layer_artifact(artifact, subjects, host=session.host)
        return check_artifact(artifact, subjects[0], host=session.host, layers=_layer_files(session, settings))

    return _Wanted(artifact.name, artifact, check)


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
