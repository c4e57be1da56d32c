"""The story of a build: lock → tree → check → archive → record, layers before the functions that use them.

What is already what it would become is left alone; what fails leaves its old artifact whole and the others undisturbed.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from .artifacts import (
    Finished,
    Plan,
    artifact_of,
    artifact_of_function,
    artifacts_of_layer,
    discard_damaged,
    finish,
    finished_before,
    remove_others,
)
from .assembling import Assembly, Variant, function_assembly
from .check import LayerPart, check, check_layer, check_layers, check_upload, elf_facts
from .config import Function, Layer, Project
from .config.images import ImageFormat
from .config.keys import LayerArn
from .ecosystems import Ask, Policy, ecosystem_of
from .errors import CheckError, InputError, LpackError
from .forms import Form
from .layering import Laid, LockedLayer, check_code, check_handler, lay, lock_layer, part_of, provided_to
from .locks import Part, ask_for, foundation_of, refuse_failed, understood, with_layers
from .means import Means
from .model import Finding, Host, Reporter, Severity, Target
from .record import FUNCTION, IMAGE, LAYER, Record
from .side_by_side import side_by_side
from .store import Store
from .subjects import layer_subjects, subject_of
from .tree import Tree

MANY = 12
"""From so many functions on, it pays to start processes that build them: threads take turns at what Python does."""


class Options(NamedTuple):
    """How to build: where artifacts go, whether locks may change, and what Lambda would refuse but the user wants.

    For images, ``format`` overrules the configuration, and ``whole`` puts the layers of bases into the archives.
    """

    output: Path
    today: date
    policy: Policy = "keep"
    dry_run: bool = False
    allow_deprecated: bool = False
    format: ImageFormat | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one artifact of a function or layer, called ``name``.

    ``record`` is that of the artifact, ``unchanged`` if it was already there; ``error`` says why there is none, or only
    an old one. ``tree`` is what a dry run would have packed. ``layers_size`` is that of a function's layers together,
    unzipped, as far as it is known. ``changes`` are those of the lock; ``seconds`` is how long all took.
    """

    name: str
    kind: str
    artifact: Path
    targets: tuple[Target, ...]
    record: Record | None = None
    unchanged: bool = False
    tree: Tree | None = None
    layers_size: int = 0
    findings: tuple[Finding, ...] = ()
    changes: tuple[str, ...] = ()
    error: LpackError | None = None
    seconds: float = 0.0


def build_artifacts(
    project: Project, parts: Sequence[Part], options: Options, *, host: Host, reporter: Reporter
) -> list[Outcome]:
    """Build functions and layers side by side, with the layers that the functions use.

    The outcomes of layers come first, in the project's order, one or several for each; then those of the functions, in
    the order in which they are given. Those that failed are among them.
    """
    work = _Work(project, options, host)
    functions, layers = with_layers(project, parts)
    functions = [_as_wanted(function, options) for function in functions]
    beneath = side_by_side(work.layer, layers, label="building layers", workers=host.workers, reporter=reporter)
    usable = {layer.name: each for layer, (each, _) in zip(layers, beneath, strict=True) if each}
    stacks = _stacks(functions, usable)
    if len(functions) < MANY or host.workers == 1 or options.dry_run:
        build = functools.partial(work.function, usable, stacks)
        built = side_by_side(build, functions, label="building", workers=host.workers, reporter=reporter)
    else:
        alone = replace(work, host=replace(host, workers=1))
        build = functools.partial(alone.function, usable, stacks)
        from .worker_processes import in_processes

        made = in_processes(build, functions, label="building", workers=host.workers, reporter=reporter)
        built = [
            work.failed(function, each) if isinstance(each, LpackError) else each
            for function, each in zip(functions, made, strict=True)
        ]
    return [*(outcome for _, outcomes in beneath for outcome in outcomes), *built]


def _as_wanted(function: Function, options: Options) -> Function:
    """The function as the options want it: they overrule what the configuration says of images."""
    if function.image is None:
        return function
    format_ = options.format or function.image.format
    return replace(function, image=function.image._replace(format=format_, whole=options.whole or function.image.whole))


class _Usable(NamedTuple):
    """A layer that functions can use, and how it lies beneath those for each target."""

    locked: LockedLayer
    parts: Mapping[Target, LayerPart]


class _Stack(NamedTuple):
    """The layers of a function, in its order, and what there is to say of them together."""

    parts: tuple[LayerPart, ...]
    findings: tuple[Finding, ...]

    @property
    def size(self) -> int:
        """The bytes unzipped, as far as they are known."""
        return sum(part.size or 0 for part in self.parts)


_Stacks = Mapping[tuple[tuple[str | LayerArn, ...], Target], _Stack]
"""By the layers and the target of the functions that have them: functions of one project share most of theirs."""


def _stacks(functions: Iterable[Function], layers: Mapping[str, _Usable]) -> _Stacks:
    stacks = {}
    for layer_names, target in {
        (each.layers, each.target) for each in functions if layers.keys() >= {*each.own_layers}
    }:
        parts = tuple(
            LayerPart(name=each.arn, unzipped_size=each.unzipped_size)
            if isinstance(each, LayerArn)
            else layers[each].parts[target]
            for each in layer_names
        )
        stacks[layer_names, target] = _Stack(parts, tuple(check_layers(target, parts)))
    return stacks


@dataclass(frozen=True, slots=True)
class _Work:
    """One build: what it is of, how it is to be done, and where."""

    project: Project
    options: Options
    host: Host

    def layer(self, layer: Layer, reporter: Reporter) -> tuple[_Usable | None, list[Outcome]]:
        """Build the artifacts of a layer; unless all are as they should be, no function can use it."""
        started = time.monotonic()
        try:
            usable, outcomes = self._layer(layer, ask_for(self.project, layer, {}, self.host, reporter))
        except (LpackError, OSError) as error:
            there = next(iter(artifacts_of_layer(layer.name, self.options.output)), None)
            artifact = there or artifact_of(layer.name, self.options.output)
            failed = Outcome(name=layer.name, kind=LAYER, artifact=artifact, targets=layer.targets)
            usable, outcomes = None, [replace(failed, error=understood(error))]
        seconds = time.monotonic() - started
        return usable, [replace(outcome, seconds=seconds) for outcome in outcomes]

    def _layer(self, layer: Layer, ask: Ask) -> tuple[_Usable | None, list[Outcome]]:
        locked = lock_layer(layer, ask, self.options.policy)
        laid = lay(locked, ask, self.options.output)
        before = [finished_before(plan) for plan in self._plans(laid)]
        if None in before and self._discarded(laid, ask.store):
            laid = lay(locked, ask, self.options.output)
            before = [finished_before(plan) for plan in self._plans(laid)]
        try:
            parts = [part_of(laid, variant.targets[0], ask.store) for variant in laid.variants]
        except InputError:  # what the store holds of a layer that is unchanged is looked at here for the first time
            if not self._discarded(laid, ask.store):
                raise
            laid = lay(locked, ask, self.options.output)
            parts = [part_of(laid, variant.targets[0], ask.store) for variant in laid.variants]
        outcomes = [
            self._made(plan, there, self._findings_of_layer(layer, variant, part, ask.store), ask.store)
            for plan, there, variant, part in zip(self._plans(laid), before, laid.variants, parts, strict=True)
        ]
        changes = locked.lock.changes if locked.lock else ()
        outcomes = [replace(outcome, changes=changes) for outcome in outcomes]
        if any(outcome.error for outcome in outcomes):
            return None, outcomes
        if not self.options.dry_run:
            # An earlier configuration, or other packages, may have made artifacts of other names.
            for artifact in remove_others(layer.name, [each.artifact for each in outcomes], self.options.output):
                ask.reporter.note(f"removed `{artifact.name}`: `{layer.name}` has other artifacts now")
        by_target = {
            target: part for variant, part in zip(laid.variants, parts, strict=True) for target in variant.targets
        }
        return _Usable(locked, by_target), outcomes

    def _discarded(self, laid: Laid, store: Store) -> bool:
        """Whether anything that the store holds for the layer was damaged, and was discarded."""
        return any([discard_damaged(variant.assembly, store) for variant in laid.variants])  # noqa: C419 -- all of them

    def _plans(self, laid: Laid) -> list[Plan]:
        layer = laid.locked.layer
        return [
            Plan(
                name=layer.name,
                kind=LAYER,
                file=artifact_of(f"{layer.name}{variant.suffix}", self.options.output),
                targets=variant.targets,
                assembly=variant.assembly,
            )
            for variant in laid.variants
        ]

    def _findings_of_layer(self, layer: Layer, variant: Variant, part: LayerPart, store: Store) -> tuple[Finding, ...]:
        assembly, options = variant.assembly, self.options
        subjects = layer_subjects(
            layer, variant.targets, today=options.today, allow_deprecated=options.allow_deprecated
        )
        return (
            *assembly.findings,
            *check_layer(assembly.tree, subjects, packages=assembly.packages, elf=part.elf),
            *check_code(assembly.tree, variant.targets, store),
        )

    def function(
        self, layers: Mapping[str, _Usable], stacks: _Stacks, function: Function, reporter: Reporter
    ) -> Outcome:
        """Build the artifact of a function on top of its layers."""
        started = time.monotonic()
        try:
            outcome = self._function(function, layers, stacks, reporter)
        except (LpackError, OSError) as error:
            outcome = self.failed(function, understood(error))
        return replace(outcome, seconds=time.monotonic() - started)

    def failed(self, function: Function, error: LpackError) -> Outcome:
        """The outcome of a function that can't be built."""
        return Outcome(
            name=function.name,
            kind=IMAGE if function.image else FUNCTION,
            artifact=artifact_of_function(function, self.options.output),
            targets=(function.target,),
            error=error,
        )

    def _function(
        self, function: Function, layers: Mapping[str, _Usable], stacks: _Stacks, reporter: Reporter
    ) -> Outcome:
        refuse_failed(function, layers)
        if function.image and function.image.dockerfile:
            return self._from_dockerfile(function, function.image.dockerfile, reporter)
        provided = provided_to(function, {name: each.locked for name, each in layers.items()})
        ask = ask_for(self.project, function, provided, self.host, reporter)
        ecosystem = ecosystem_of(function.target.runtime)
        locked = ecosystem.lock(ask, self.options.policy)
        base = foundation_of(function, ask, self.options.policy)

        def plan() -> Plan:
            installed = ecosystem.install(ask, locked, function.target)
            own = ecosystem.own_files(function, ask, locked, self.options.output)
            assembly = function_assembly(function, own, installed)
            return self._plan_of(function, assembly, base.form(assembly) if base else None)

        planned = plan()
        before = finished_before(planned)
        if before is None and discard_damaged(planned.assembly, ask.store, planned.made_as.reads(ask.store)):
            planned = plan()
        stack = stacks[function.layers, function.target]
        try:
            findings = self._findings(function, planned, stack, ask.store)
        except InputError:  # what the store holds of an artifact that is unchanged is looked at here for the first time
            if not discard_damaged(planned.assembly, ask.store):
                raise
            planned = plan()
            findings = self._findings(function, planned, stack, ask.store)
        outcome = self._made(planned, before, findings, ask.store)
        return replace(outcome, changes=locked.changes + (base.changes if base else ()), layers_size=stack.size)

    def _from_dockerfile(self, function: Function, dockerfile: Path, reporter: Reporter) -> Outcome:
        """What the Docker Engine makes of a Dockerfile, held to the same checks."""
        from .forms.finished_image import FinishedImage
        from .image.dockerfile import image_from_dockerfile
        from .image.manifest import Platform
        from .image_checks import check_whole, handler_of

        store, options = Store(self.host.cache), self.options
        platform = Platform("linux", function.target.architecture.image)
        image = image_from_dockerfile(dockerfile, function.source, platform, Means(store, self.host, reporter))
        subject = subject_of(function, today=options.today, allow_deprecated=options.allow_deprecated)
        looked = check_whole(image, subject, host=self.host)
        function = replace(function, handler=handler_of(image.config.execution) or "")
        assembly = Assembly(looked.tree, looked.packages, left_out=(), findings=(), archives=())
        plan = self._plan_of(function, assembly, FinishedImage(name=function.name, image=image, sizes=looked.sizes))
        return self._made(plan, finished_before(plan), looked.findings, store)

    def _plan_of(self, function: Function, assembly: Assembly, form: Form | None) -> Plan:
        return Plan(
            name=function.name,
            kind=IMAGE if function.image else FUNCTION,
            file=artifact_of_function(function, self.options.output),
            targets=(function.target,),
            assembly=assembly,
            handler=function.handler,
            layers=tuple(each.arn if isinstance(each, LayerArn) else each for each in function.layers),
            form=form,
        )

    def _findings(self, function: Function, planned: Plan, stack: _Stack, store: Store) -> tuple[Finding, ...]:
        assembly, options = planned.assembly, self.options
        tree, image = assembly.tree, planned.made_as.facts()
        # What a base brings besides AWS's own files is as little known as what the layers of others hold. The code that
        # a handler is in is not among it, but a custom runtime may be.
        base = [LayerPart(name=image.base)] if image and image.base else []
        beneath = (*stack.parts, *base)
        searched = beneath if function.target.runtime.family == "provided" else stack.parts
        subject = subject_of(function, today=options.today, allow_deprecated=options.allow_deprecated)
        subject = replace(subject, image=image)
        return (
            *assembly.findings,
            *check(tree, subject, packages=assembly.packages, elf=elf_facts(tree, store), layers=beneath),
            *check_code(tree, [function.target], store),
            *stack.findings,
            *check_handler(tree, function.handler, function.target, searched, store),
        )

    def _made(self, plan: Plan, before: Finished | None, findings: tuple[Finding, ...], store: Store) -> Outcome:
        """The outcome of a plan: nothing that the checks refuse is written, nor what was there ``before``."""
        outcome = Outcome(name=plan.name, kind=plan.kind, artifact=plan.file, targets=plan.targets, findings=findings)
        if any(finding.severity is Severity.ERROR for finding in findings):
            return replace(outcome, error=CheckError(f"`{plan.name}` would not work in Lambda"))
        if self.options.dry_run:
            return replace(outcome, tree=plan.assembly.tree)
        finished = before or finish(plan, store=store, host=self.host)
        if plan.kind != IMAGE:  # of which no size is too large to be pushed
            findings = (*findings, *check_upload(plan.name, finished.record.size))
        return replace(outcome, record=finished.record, unchanged=finished.unchanged, findings=findings)
