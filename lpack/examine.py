"""Looking at artifacts: the checks of a finished one, and what is in one and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .archive.zip_reader import read_directory, read_zip
from .artifacts import layer_for
from .assembling import function_assembly
from .aws.layer_paths import EXTENSIONS, LIBRARIES, PROGRAMS, package_folders
from .aws.limits import UNZIPPED_BYTES
from .aws.runtimes import RUNTIMES
from .check import LayerPart, Subject, check, check_layer, check_layers, check_upload, elf_facts
from .config import Function, Layer, Project
from .config.keys import LayerArn
from .ecosystems import Ask, ecosystem_of, packages_in
from .errors import UsageError
from .layering import LockedLayer, check_code, check_handler, lay, lock_layer, parts_of, provided_to
from .model import Finding, Host, LeftOut, Package, Reporter, Severity, Target
from .record import LAYER, Record, read_record, record_file
from .store import Store, sha256_of
from .tree import Tree


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks say of an artifact, with its tree and the packages found in it.

    ``layers_size`` is that of a function's layers together, unzipped, as far as it is known, or of all that is in an
    image besides the function. ``limit`` is what Lambda allows of both, in bytes.
    """

    artifact: Path
    tree: Tree
    packages: tuple[Package, ...]
    findings: tuple[Finding, ...]
    layers_size: int = 0
    limit: int = UNZIPPED_BYTES

    @property
    def fine(self) -> bool:
        """Whether nothing is wrong with it; warnings are no reason."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)


def check_artifact(artifact: Path, subject: Subject, *, host: Host, layers: Sequence[LayerPart] = ()) -> Checked:
    """The checks of a function's zip that lpack or any other tool built, with the layers beneath it.

    What the subject leaves open is not checked.
    """
    tree, packages = packages_in(read_zip(artifact))
    store = Store(host.cache)
    found = check(tree, subject, packages=packages, elf=elf_facts(tree, store), layers=layers)
    found += check_code(tree, [subject.target], store)
    found += check_layers(subject.target, layers)
    if subject.handler:
        found += check_handler(tree, subject.handler, subject.target, layers, store)
    found += check_upload(subject.name, artifact.stat().st_size)
    found += against_record(artifact, tree)
    return Checked(artifact, tree, packages, tuple(found), sum(layer.size or 0 for layer in layers))


def check_layer_artifact(artifact: Path, subjects: Sequence[Subject], *, host: Host) -> Checked:
    """The checks of a layer's zip that lpack or any other tool built, for the target of each subject."""
    tree, packages = packages_in(read_zip(artifact))
    found = check_layer(tree, subjects, packages=packages, elf=elf_facts(tree, Store(host.cache)))
    found += check_code(tree, [subject.target for subject in subjects], Store(host.cache))
    found += check_upload(subjects[0].name, artifact.stat().st_size)
    found += against_record(artifact, tree)
    return Checked(artifact, tree, packages, tuple(found))


def looks_like_layer(artifact: Path) -> bool:
    """Whether a zip that any tool built is a layer: its record says so, or else all that is in it lies where layers do.

    A zip with packages in a folder called ``python``, say, is no function.
    """
    record = read_record(artifact)
    if record:
        return record.kind == LAYER
    tops = {member.path.partition("/")[0] for member in read_directory(artifact)}
    packages = {folder.partition("/")[0] for runtime in RUNTIMES.values() for folder in package_folders(runtime)}
    return not tops.isdisjoint({*packages, EXTENSIONS}) and tops <= {*packages, EXTENSIONS, LIBRARIES, PROGRAMS}


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


def layers_beneath(
    owner: str,
    layers: Sequence[str | LayerArn],
    target: Target,
    output: Path,
    read: Callable[[Path, str], LayerPart],
) -> list[LayerPart]:
    """The layers of a function as they were built to a folder; UsageError for one that was not.

    ``read`` reads a layer's zip, given its name: see ``layer_part``.
    """
    parts = []
    for each in layers:
        if isinstance(each, LayerArn):
            parts.append(LayerPart(name=each.arn, unzipped_size=each.unzipped_size))
            continue
        file = layer_for(each, target, output)
        if file is None:
            fact = f"the layer `{each}` of `{owner}` was not built for {target}"
            raise UsageError(fact, hint=f"run `lpack build {each}` first")
        parts.append(read(file, each))
    return parts


def against_record(artifact: Path, tree: Tree) -> list[Finding]:
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

    ``runtimes`` and ``architectures`` are names, () when they are not known. ``record`` is the one beside a file.
    ``required_by`` names for each package the others that need it, with "" for the user's own wish. ``layers`` are
    those beneath a function. ``is_image`` tells that it lies on a base in a container image, and is no zip.
    """

    name: str
    tree: Tree
    packages: tuple[Package, ...]
    runtimes: tuple[str, ...]
    architectures: tuple[str, ...]
    handler: str | None
    record: Record | None = None
    left_out: tuple[LeftOut, ...] | None = None
    required_by: Mapping[str, tuple[str, ...]] | None = None
    layers: tuple[LayerPart, ...] = ()
    is_image: bool = False

    @property
    def targets(self) -> tuple[str, ...]:
        """Every runtime on every architecture."""
        return tuple(f"{runtime} on {each}" for runtime in self.runtimes for each in self.architectures)

    @property
    def size(self) -> int:
        """The bytes unzipped, with those of its layers as far as they are known: what Lambda's limit is for."""
        return self.tree.size + sum(layer.size or 0 for layer in self.layers)


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
    own = ecosystem.own_files(function, ask, locked, output)
    made = function_assembly(function, own, ecosystem.install(ask, locked, function.target))
    return Inspection(
        name=function.name,
        tree=made.tree,
        packages=made.packages,
        runtimes=(function.target.runtime.name,),
        architectures=(function.target.architecture.name,),
        handler=function.handler,
        left_out=made.left_out,
        required_by=ecosystem.required_by(ask, locked, function.target),
        layers=parts_of(function, laid, store),
        is_image=function.image is not None,
    )


def inspect_layer(project: Project, layer: Layer, output: Path, *, host: Host, reporter: Reporter) -> list[Inspection]:
    """What each of the layer's artifacts would hold if it were built now."""
    ask = Ask(layer.dependencies, project, Store(host.cache), host, reporter, {})
    laid = lay(lock_layer(layer, ask, "keep"), ask, output)
    return [
        Inspection(
            name=f"{layer.name}{variant.suffix}",
            tree=variant.assembly.tree,
            packages=variant.assembly.packages,
            runtimes=tuple(map(str, variant.runtimes)),
            architectures=tuple(map(str, variant.architectures)),
            handler=None,
            left_out=variant.assembly.left_out,
            required_by=_required_by(laid.locked, variant.targets, ask),
        )
        for variant in laid.variants
    ]


def _required_by(locked: LockedLayer, targets: Iterable[Target], ask: Ask) -> dict[str, tuple[str, ...]]:
    """For each package of the layer, what needs it on any of the targets."""
    found: dict[str, tuple[str, ...]] = {}
    for target in targets if locked.lock else ():
        for name, others in ecosystem_of(target.runtime).required_by(ask, locked.lock, target).items():
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), *others)))
    return found


def inspect_artifact(artifact: Path) -> Inspection:
    """What a zip holds, whoever built it; its packages are known by what they left in it."""
    tree, packages = packages_in(read_zip(artifact))
    record = read_record(artifact)
    return Inspection(
        name=artifact.name,
        tree=tree,
        packages=packages,
        runtimes=record.runtimes if record else (),
        architectures=record.architectures if record else (),
        handler=record.handler or None if record else None,
        record=record,
    )
