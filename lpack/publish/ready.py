"""What is ready to be published: artifacts that fit their records and the configuration, and that Lambda will take."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

from .. import __version__
from ..artifacts import artifact_of_function, artifacts_of_layer, layer_for
from ..check import Subject
from ..config import Function, Layer
from ..config.keys import LayerArn
from ..errors import PublishError, UsageError
from ..examine import Checked, check_artifact, check_layer_artifact, layer_part, layers_beneath
from ..examine_images import check_own_image
from ..model import Finding, Host, Severity, Target
from ..record import FUNCTION, IMAGE, Record, read_record
from ..store import Store, sha256_of
from ..subjects import layer_subjects, subject_of
from .digests import Digests, digests_of, in_base64

_VERDICTS = "verdicts"


@dataclass(frozen=True, slots=True)
class Ready:
    """An artifact that may go to AWS, called ``name`` there; ``part`` is the function or layer that it is of.

    ``targets`` are those that it is for. ``findings`` are what its checks say; errors among them are what the user
    forced.
    """

    part: Function | Layer
    name: str
    targets: tuple[Target, ...]
    file: Path
    record: Record
    digests: Digests
    findings: tuple[Finding, ...]

    @property
    def forced(self) -> bool:
        """Whether its checks failed, and it is published all the same."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where artifacts are, and how they are judged; with ``forced``, failed checks do not stop them."""

    output: Path
    today: date
    host: Host
    forced: bool = False

    @property
    def store(self) -> Store:
        """Where verdicts are noted."""
        return Store(self.host.cache)


def ready(part: Function | Layer, folder: Folder) -> list[Ready]:
    """The artifacts of a function or layer; PublishError or UsageError when there is none, or none to publish."""
    if isinstance(part, Function):
        return [_ready_function(part, folder)]
    built = artifacts_of_layer(part.name, folder.output)
    lacking = [str(target) for target in part.targets if not layer_for(part.name, target, folder.output)]
    if lacking:
        fact = f"`{part.name}` was not built for {', '.join(lacking)}"
        raise UsageError(fact, hint=f"run `lpack build {part.name}` first")
    return [_ready_layer(part, file, record, folder) for file, record in built.items()]


def _ready_function(function: Function, folder: Folder) -> Ready:
    file = artifact_of_function(function, folder.output)
    record = _record_of(function.name, file)
    target, host = function.target, folder.host
    if (record.kind, record.name) != (IMAGE if function.image else FUNCTION, function.name):
        raise _other(function.name, file, f"`{record.name}`, a {record.kind.replace('-', ' ')}")
    built_for = (*record.runtimes, *record.architectures)
    if built_for != (target.runtime.name, target.architecture.name):
        raise _other(function.name, file, f"{' on '.join(built_for)}, and the configuration says {target}")
    layers = tuple(each.arn if isinstance(each, LayerArn) else each for each in function.layers)
    if record.layers != layers or record.handler != function.handler:
        raise _other(function.name, file, "another handler or other layers than the configuration names")
    digests = _fitting(function.name, file, record, folder.store)
    subject = subject_of(function, today=folder.today, allow_deprecated=True)
    beneath = [layer_for(name, target, folder.output) for name in function.own_layers]
    of_layers = [sha256_of(layer).hex() for layer in beneath if layer]

    def check() -> Checked:
        if function.image:
            return check_own_image(file, subject, host=host)
        read = functools.partial(layer_part, host=host)
        own = layers_beneath(function.name, function.layers, target, folder.output, read)
        return check_artifact(file, subject, host=host, layers=own)

    findings = _verdict(record, [subject], [*of_layers, str(function.layers)], check, folder.store)
    return _allowed(Ready(function, function.name, (target,), file, record, digests, findings), folder)


def _ready_layer(layer: Layer, file: Path, record: Record, folder: Folder) -> Ready:
    targets = tuple(
        target
        for target in layer.targets
        if target.runtime.name in record.runtimes and target.architecture.name in record.architectures
    )
    digests = _fitting(layer.name, file, record, folder.store)
    subjects = layer_subjects(layer, targets, today=folder.today, allow_deprecated=True)
    findings = _verdict(
        record,
        subjects,
        [],
        lambda: check_layer_artifact(file, subjects, host=folder.host),
        folder.store,
    )
    return _allowed(Ready(layer, file.stem, targets, file, record, digests, findings), folder)


def _record_of(name: str, file: Path) -> Record:
    if not file.is_file():
        raise UsageError(f"`{name}` was not built: there is no `{file.name}`", hint=f"run `lpack build {name}` first")
    record = read_record(file)
    if record is None:
        fact = f"`{file.name}` has no build record, so nothing vouches for it"
        raise PublishError(fact, hint=f"run `lpack build {name}`, which leaves the record beside the artifact")
    return record


def _fitting(name: str, file: Path, record: Record, store: Store) -> Digests:
    """The digests of an artifact that is the one which its record describes."""
    digests = digests_of(file, store)
    # That of an image is the digest of its manifest, which is looked at before it is pushed.
    code_sha256 = record.code_sha256 if record.image else in_base64(digests.whole)
    if (digests.size, digests.whole.hex(), code_sha256) != (record.size, record.sha256, record.code_sha256):
        fact = f"`{file.name}` is not the artifact that `{file.name}.json` describes"
        raise PublishError(fact, hint=f"something changed it after the build: run `lpack build {name}`")
    return digests


def _other(name: str, file: Path, what: str) -> PublishError:
    return PublishError(f"`{file.name}` was built for {what}", hint=f"run `lpack build {name}` first")


def _verdict(
    record: Record,
    subjects: Sequence[Subject],
    beneath: Sequence[str],
    check: Callable[[], Checked],
    store: Store,
) -> tuple[Finding, ...]:
    """What the checks say; what they said of the same artifact under the same settings on the same day is known."""
    asked = [__version__, record.sha256, *map(_settings, subjects), *beneath]
    key = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
    known = store.note(_VERDICTS, key)
    if known is None:
        findings = check().findings
        store.make_note(_VERDICTS, key, [finding._asdict() for finding in findings])
        return findings
    return tuple(
        Finding(**{**each, "severity": Severity(each["severity"]), "details": tuple(each["details"])}) for each in known
    )


def _settings(subject: Subject) -> dict[str, object]:
    """All that a subject says, in words that any process would find: the order of sets is another in each."""
    values = {each.name: getattr(subject, each.name) for each in fields(subject)}
    return {
        name: sorted(value)
        if isinstance(value, frozenset)
        else dict(value)
        if isinstance(value, Mapping)
        else str(value)
        for name, value in values.items()
    }


def _allowed(artifact: Ready, folder: Folder) -> Ready:
    if artifact.forced and not folder.forced:
        wrong = [each.message for each in artifact.findings if each.severity is Severity.ERROR]
        fact = f"`{artifact.file.name}` would not work in Lambda"
        hint = "mend it, or publish it all the same with `--force`"
        raise PublishError(fact, hint=hint, details=wrong)
    return artifact
