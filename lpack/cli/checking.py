"""``lpack check``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..artifacts import artifact_of, artifact_of_function, artifacts_of_layer, layer_for
from ..check import LayerPart, Subject
from ..config import Function, Layer
from ..config.keys import LayerArn
from ..errors import CheckError, InputError, LpackError, UsageError
from ..examine import (
    Checked,
    check_artifact,
    check_layer_artifact,
    layer_part,
    layers_beneath,
    looks_like_layer,
)
from ..model import Finding
from ..record import Record, read_record
from ..sizes import shown
from ..subjects import layer_subjects, subject_of
from .images import About, check_image_named, is_image
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
    run = _Run(session, settings, functools.cache(functools.partial(layer_part, host=session.host)))
    results = [_checked(each) for each in _wanted(run, names)]
    output.document(artifacts=[_document(each) for each in results])
    if not output.quiet:
        rows = [_row(each, session) for each in results]
        output.table(("artifact", "files", "packages", "unzipped", "of limit", ""), rows, right=(1, 2, 3, 4))
    found: dict[str, list[Finding]] = {}
    for each in results:
        found.setdefault(each.name, []).extend(each.findings)
    output.findings(found)
    return exit_code(each.error for each in results)


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of the command; ``read_layer`` reads a layer's zip, given its name, once for all functions above it."""

    session: Session
    settings: Settings
    read_layer: Callable[[Path, str], LayerPart]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be checked and how: the artifact of a function or layer, if it is known which, or a file."""

    name: str
    artifact: Path | None
    check: Callable[[], Checked]
    is_image: bool = False


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of it: ``checked`` is None when there was nothing to check, or it could not be read at all."""

    name: str
    artifact: Path | None
    checked: Checked | None
    error: LpackError | None
    is_image: bool = False

    @property
    def findings(self) -> Sequence[Finding]:
        if self.checked:
            return self.checked.findings
        return [finding_of(self.error)] if self.error else ()

    @property
    def status(self) -> str:
        if self.error is None:
            return "fine"
        if not self.is_image and (self.artifact is None or not self.artifact.is_file()):
            return "missing"
        return "broken" if self.checked or isinstance(self.error, InputError) else "not checked"


def _checked(wanted: _Wanted) -> _Result:
    """What the checks say, or why there is nothing to check: the others still are."""
    try:
        checked = wanted.check()
    except LpackError as error:
        return _Result(wanted.name, wanted.artifact, None, error, wanted.is_image)
    broken = None if checked.fine else CheckError(f"`{wanted.name}` would not work in Lambda")
    return _Result(wanted.name, wanted.artifact, checked, broken, wanted.is_image)


def _wanted(run: _Run, names: Sequence[str]) -> list[_Wanted]:
    session = run.session
    images = [name for name in dict.fromkeys(names) if is_image(name, session)]
    files = [name for name in dict.fromkeys(names) if name not in images and is_file(name, session)]
    parts = [name for name in names if name not in files and name not in images]
    found = [*(_image(name, run) for name in images), *(_file(session.path(name), run) for name in files)]
    for part in session.project().selected(parts) if parts or not names else ():
        found += [_function(part, run)] if isinstance(part, Function) else _layer(part, run)
    return found


def _missing(name: str, artifact: Path) -> _Wanted:
    return _Wanted(name, artifact, _refusing(f"`{name}` was not built: there is no `{short(artifact)}`", name))


def _refusing(fact: str, name: str) -> Callable[[], Checked]:
    """A check of what is to be built first."""

    def check() -> Checked:
        raise UsageError(fact, hint=f"run `lpack build {name}` first")

    return check


def _function(function: Function, run: _Run) -> _Wanted:
    """What a function was built to, on top of what its layers were built to."""
    settings, host = run.settings, run.session.host
    artifact = artifact_of_function(function, settings.output)
    if not artifact.is_file():
        return _missing(function.name, artifact)
    subject = subject_of(function, today=today(), allow_deprecated=settings.allow_deprecated)

    def check() -> Checked:
        if function.image:
            from ..examine_images import check_own_image

            return check_own_image(artifact, subject, host=host)
        own = layers_beneath(function.name, function.layers, function.target, settings.output, run.read_layer)
        return check_artifact(artifact, subject, host=host, layers=[*own, *_named_layers(run)])

    return _Wanted(function.name, artifact, check)


def _layer(layer: Layer, run: _Run) -> list[_Wanted]:
    """What a layer was built to: one artifact or several, together for all its targets."""
    settings = run.settings
    built = artifacts_of_layer(layer.name, settings.output)
    found = [
        _Wanted(layer.name, file, functools.partial(_check_layer, layer, file, record, run))
        for file, record in built.items()
    ]
    if not found:
        return [_missing(layer.name, artifact_of(layer.name, settings.output))]
    lacking = [str(target) for target in layer.targets if not layer_for(layer.name, target, settings.output)]
    if lacking:
        fact = f"`{layer.name}` was not built for {', '.join(lacking)}"
        found.append(_Wanted(layer.name, None, _refusing(fact, layer.name)))
    return found


def _check_layer(layer: Layer, file: Path, record: Record, run: _Run) -> Checked:
    targets = [target_of(runtime, each) for runtime in record.runtimes for each in record.architectures]
    subjects = layer_subjects(layer, targets, today=today(), allow_deprecated=run.settings.allow_deprecated)
    return check_layer_artifact(file, subjects, host=run.session.host)


def _named_layers(run: _Run) -> list[LayerPart]:
    """The layers that the command line names."""
    for name in run.settings.layers:
        if not run.session.path(name).is_file():
            raise UsageError(f"there is no file `{name}`", hint="`--layer` names the zip of a layer")
    return [run.read_layer(run.session.path(name), name) for name in run.settings.layers]


def is_file(name: str, session: Session) -> bool:
    """Whether the command line means a file, and no function; UsageError when it does and there is none."""
    file = session.path(name)
    if file.is_file():
        return True
    if name.endswith(".zip") or "/" in name:
        raise UsageError(f"there is no file `{name}`", hint="name a zip, an image, or a function of lpack.toml")
    return False


def _image(name: str, run: _Run) -> _Wanted:
    """An image that any tool built."""
    settings = run.settings
    about = About(settings.runtime, settings.architecture, settings.handler, settings.allow_deprecated)
    return _Wanted(name, None, functools.partial(check_image_named, name, about, run.session), is_image=True)


def _file(artifact: Path, run: _Run) -> _Wanted:
    """A file: a layer if it looks like one and no handler is named, else a function.

    Its layers are those that the command line names, else those that its record names, beside it.
    """
    settings, host, record = run.settings, run.session.host, read_record(artifact)
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
            return check_layer_artifact(artifact, subjects, host=host)
        recorded = () if settings.layers or not record else record.layers
        layers = [LayerArn(each) if each.startswith("arn:") else each for each in recorded]
        beneath = layers_beneath(artifact.name, layers, subjects[0].target, artifact.parent, run.read_layer)
        return check_artifact(artifact, subjects[0], host=host, layers=beneath or _named_layers(run))

    return _Wanted(artifact.name, artifact, check)


def _row(result: _Result, session: Session) -> tuple[str, ...]:
    status = session.output.styled(result.status, "bad" if result.error else "good")
    name = short(result.artifact) if result.artifact else result.name
    if result.checked is None:
        return (name, "", "", "", "", status)
    tree = result.checked.tree
    share = f"{100 * (tree.size + result.checked.layers_size) / result.checked.limit:.0f} %"
    counts = (str(len(tree)), str(len(result.checked.packages)))
    return (name, *counts, shown(tree.size), share, status)


def _document(result: _Result) -> dict[str, Any]:
    return {
        "name": result.name,
        "path": str(result.artifact) if result.artifact else None,
        "fine": result.error is None,
        "unzipped_size": result.checked.tree.size if result.checked else None,
        "layers_size": result.checked.layers_size if result.checked else None,
        "error": error_document(result.error) if result.error else None,
        "findings": [finding_document(each) for each in result.checked.findings] if result.checked else [],
    }
