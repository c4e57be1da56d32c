"""Looking at artifacts: the checks of a finished one, and what is in one and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .archive.zip_reader import read_zip
from .artifacts import LAYER, artifacts_of_layer
from .assembling import function_assembly
from .aws.layer_paths import EXTENSIONS, LIBRARIES, PROGRAMS, package_folders
from .aws.runtimes import RUNTIMES
from .check import LayerPart, Subject, check, check_layer, check_upload, elf_facts
from .config import Function, Layer, Project
from .config_keys import LayerArn
from .ecosystems import Ask, ecosystem_of, packages_in
from .errors import UsageError
from .layering import check_handler, lay, lock_layer, parts_of, provided_to
from .model import Finding, Host, LeftOut, Package, Reporter, Severity
from .record import Record, read_record, record_file
from .store import Store, sha256_of
from .tree import Tree


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks say of an artifact, with its tree and the packages found in it."""

    artifact: Path
    tree: Tree
    packages: tuple[Package, ...]
    findings: tuple[Finding, ...]

    @property
    def fine(self) -> bool:
        """Whether nothing is wrong with it; warnings are no reason."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)


def check_artifact(artifact: Path, subject: Subject, *, host: Host, layers: Sequence[LayerPart] = ()) -> Checked:
    """The checks of a function's zip that lpack or any other tool built, with the layers beneath it.

    What the subject leaves open is not checked.
    """
    tree, packages = packages_in(read_zip(artifact))
    found = check(tree, subject, packages=packages, elf=elf_facts(tree, Store(host.cache)), layers=layers)
    if subject.handler:
        found += check_handler(tree, subject.handler, subject.target, layers)
    found += check_upload(subject.name, artifact.stat().st_size)
    found += _against_record(artifact, tree)
    return Checked(artifact, tree, packages, tuple(found))


def check_layer_artifact(artifact: Path, subjects: Sequence[Subject], *, host: Host) -> Checked:
    """The checks of a layer's zip that lpack or any other tool built, for the target of each subject."""
    tree, packages = packages_in(read_zip(artifact))
    found = check_layer(tree, subjects, packages=packages, elf=elf_facts(tree, Store(host.cache)))
    found += check_upload(subjects[0].name, artifact.stat().st_size)
    found += _against_record(artifact, tree)
    return Checked(artifact, tree, packages, tuple(found))


def looks_like_layer(artifact: Path) -> bool:
    """Whether a zip that any tool built is a layer: its record says so, or else all that is in it lies where layers do.

    A zip with packages in a folder called `python`, say, is no function.
    """
    record = read_record(artifact)
    if record:
        return record.kind == LAYER
    tops = {entry.path.partition("/")[0] for entry in read_zip(artifact)}
    folders = {folder.partition("/")[0] for runtime in RUNTIMES.values() for folder in package_folders(runtime)}
    return bool(tops & folders) and tops <= {*folders, LIBRARIES, PROGRAMS, EXTENSIONS}


def layer_part(artifact: Path, name: str, *, host: Host) -> LayerPart:
    """A layer's zip as it lies beneath a function; for which targets it is, its record knows."""
    tree, packages = packages_in(read_zip(artifact))
    record = read_record(artifact)
    return LayerPart(
        name=name,
        tree=tree,
        packages=packages,
        elf=elf_facts(tree, Store(host.cache)),
        runtimes=record.runtimes if record else (),
        architectures=record.architectures if record else (),
    )


def built_layer_parts(function: Function, output: Path, *, host: Host) -> tuple[LayerPart, ...]:
    """The function's layers as they were built; UsageError for one that was not."""
    parts = []
    for each in function.layers:
        if isinstance(each, LayerArn):
            parts.append(LayerPart(name=each.arn, unzipped_size=each.unzipped_size))
            continue
        target = function.target
        for file, record in artifacts_of_layer(each, output).items():
            if target.runtime.name in record.runtimes and target.architecture.name in record.architectures:
                parts.append(layer_part(file, each, host=host))
                break
        else:
            fact = f"the layer `{each}` of `{function.name}` was not built for {target}"
            raise UsageError(fact, hint=f"run `lpack build {each}` first")
    return tuple(parts)


def _against_record(artifact: Path, tree: Tree) -> list[Finding]:
    """A record that lies beside an artifact must be its own."""
    file, record = record_file(artifact), read_record(artifact)
    if record is None:
        if not file.exists():
            return []
        message = f"`{file.name}` is not a build record that this version of lpack can read"
        return [Finding(Severity.WARNING, "record", message, "build it again")]
    if record.content == tree.content and record.sha256 == sha256_of(artifact).hex():
        return []
    message = f"`{artifact.name}` is not the artifact that `{file.name}` describes"
    return [Finding(Severity.ERROR, "record", message, "build it again")]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is in an artifact, or would be; what can't be known is None.

    ``record`` is the one beside a file. ``required_by`` names for each package the others that need it, with "" for the
    user's own wish. ``layers`` are those beneath a function.
    """

    name: str
    tree: Tree
    packages: tuple[Package, ...]
    targets: tuple[str, ...]
    handler: str | None
    record: Record | None = None
    left_out: tuple[LeftOut, ...] | None = None
    required_by: Mapping[str, tuple[str, ...]] | None = None
    layers: tuple[LayerPart, ...] = ()


def inspect_function(
    project: Project, function: Function, output: Path, *, host: Host, reporter: Reporter
) -> Inspection:
    """What the function's artifact would hold if it were built now, and its layers."""
    store = Store(host.cache)
    laid = {}
    for name in function.own_layers:
        ask = Ask(project.layer(name).dependencies, project, store, host, reporter, {})
        laid[name] = lay(lock_layer(project.layer(name), ask, "keep"), ask, output)
    provided = provided_to(function, {name: each.locked for name, each in laid.items()})
    ask = Ask(function.dependencies, project, store, host, reporter, provided)
    ecosystem = ecosystem_of(function.target.runtime)
    locked = ecosystem.lock(ask, "keep")
    made = function_assembly(function, ecosystem.install(ask, locked, function.target), output)
    return Inspection(
        name=function.name,
        tree=made.tree,
        packages=made.packages,
        targets=(str(function.target),),
        handler=function.handler,
        left_out=made.left_out,
        required_by=ecosystem.required_by(ask, locked, function.target),
        layers=parts_of(function, laid, store),
    )


def inspect_layer(project: Project, layer: Layer, output: Path, *, host: Host, reporter: Reporter) -> list[Inspection]:
    """What each of the layer's artifacts would hold if it were built now."""
    ask = Ask(layer.dependencies, project, Store(host.cache), host, reporter, {})
    laid = lay(lock_layer(layer, ask, "keep"), ask, output)
    inspections = []
    for variant in laid.variants:
        required_by: dict[str, tuple[str, ...]] = {}
        for target in variant.targets if laid.locked.lock else ():
            required_by |= ecosystem_of(target.runtime).required_by(ask, laid.locked.lock, target)
        inspections.append(
            Inspection(
                name=f"{layer.name}{variant.suffix}",
                tree=variant.assembly.tree,
                packages=variant.assembly.packages,
                targets=tuple(map(str, variant.targets)),
                handler=None,
                left_out=variant.assembly.left_out,
                required_by=required_by,
            )
        )
    return inspections


def inspect_artifact(artifact: Path) -> Inspection:
    """What a zip holds, whoever built it; its packages are known by what they left in it."""
    tree, packages = packages_in(read_zip(artifact))
    record = read_record(artifact)
    runtimes, architectures = (record.runtimes, record.architectures) if record else ((), ())
    return Inspection(
        name=artifact.name,
        tree=tree,
        packages=packages,
        targets=tuple(f"{runtime} on {architecture}" for runtime in runtimes for architecture in architectures),
        handler=record.handler or None if record else None,
        record=record,
    )
