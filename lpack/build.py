"""The story of a build: lock → tree → check → archive → record.

A function whose artifact is already what it would become is left alone; one that fails leaves its old artifact whole
and the others undisturbed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from . import __version__
from .archive import packing
from .archive.zip_writer import LAYOUT, write_zip
from .check import Subject, check, check_upload, elf_facts
from .config import Function, Project
from .ecosystems import Ask, Assembly, Ecosystem, Locked, Policy, ecosystem_of
from .errors import CheckError, LpackError
from .model import Finding, Host, LeftOut, Reporter, Severity
from .record import Record, counted, package_record, read_record, write_record
from .store import Store, damaged, sha256_of
from .tree import Tree


@dataclass(frozen=True, slots=True)
class Options:
    """How to build: where artifacts go, whether locks may change, and what Lambda would refuse but the user wants."""

    output: Path
    today: date
    policy: Policy = "keep"
    dry_run: bool = False
    allow_deprecated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one function. ``record`` is that of the artifact, ``error`` why there is none (or an old one).

    ``changes`` are those of its lock; ``unchanged`` means that the artifact was already there; ``seconds`` is how long
    it took.
    """

    function: Function
    artifact: Path
    record: Record | None = None
    tree: Tree | None = None
    left_out: tuple[LeftOut, ...] = ()
    findings: tuple[Finding, ...] = ()
    changes: tuple[str, ...] = ()
    unchanged: bool = False
    error: LpackError | None = None
    seconds: float = 0.0


def build(
    project: Project, functions: Sequence[Function], options: Options, *, host: Host, reporter: Reporter
) -> list[Outcome]:
    """Build the functions' zips side by side; the outcomes are in their order, those that failed among them."""
    asks = [Ask(function, project, Store(host.cache), host, reporter) for function in functions]
    if len(asks) == 1:
        return [_outcome(asks[0], options)]
    from concurrent.futures import ThreadPoolExecutor

    outcomes = []
    with ThreadPoolExecutor(max_workers=host.workers) as pool:
        futures = [pool.submit(_outcome, ask, options) for ask in asks]
        try:
            for done, future in enumerate(futures, start=1):
                outcomes.append(future.result())
                reporter.progress("building", done, len(futures))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return outcomes


def artifact_of(function: Function, output: Path) -> Path:
    """Where a function's zip goes."""
    return output / f"{function.name}.zip"


def _outcome(ask: Ask, options: Options) -> Outcome:
    started = time.monotonic()
    try:
        outcome = _build_function(ask, options)
    except LpackError as error:
        outcome = Outcome(function=ask.function, artifact=artifact_of(ask.function, options.output), error=error)
    return replace(outcome, seconds=time.monotonic() - started)


def _build_function(ask: Ask, options: Options) -> Outcome:
    ecosystem = ecosystem_of(ask.function.target)
    locked = ecosystem.lock(ask, options.policy)
    assembly = ecosystem.assemble(ask, locked, options.output)
    outcome = Outcome(
        function=ask.function,
        artifact=artifact_of(ask.function, options.output),
        tree=assembly.tree,
        left_out=assembly.left_out,
        findings=_findings(ask, assembly, ecosystem, options),
        changes=locked.changes,
    )
    if any(finding.severity is Severity.ERROR for finding in outcome.findings):
        return replace(outcome, error=CheckError(f"`{ask.function.name}` would not work in Lambda"))
    if options.dry_run:
        return outcome
    record = _unchanged(assembly, ask.function, outcome.artifact)
    unchanged = record is not None
    if record is None:
        if _discard_damaged(assembly, ask.store):
            assembly = ecosystem.assemble(ask, locked, options.output)
        record = _write(assembly, ask, outcome.artifact)
    write_record(record, outcome.artifact)
    upload = check_upload(ask.function.name, record.size)
    return replace(outcome, record=record, unchanged=unchanged, findings=(*outcome.findings, *upload))


def _findings(ask: Ask, assembly: Assembly, ecosystem: Ecosystem, options: Options) -> tuple[Finding, ...]:
    function = ask.function
    subject = Subject(
        name=function.name,
        function_name=function.name,
        target=function.target,
        handler=function.handler,
        environment=function.environment,
        memory=function.memory,
        timeout=function.timeout,
        ephemeral_storage=function.ephemeral_storage,
        provided_libraries=function.provided_libraries,
        allow_deprecated=options.allow_deprecated,
        today=options.today,
    )
    tree = assembly.tree
    return (
        *assembly.findings,
        *check(tree, subject, packages=assembly.packages, elf=elf_facts(tree, ask.store)),
        *ecosystem.check_handler(tree, function.handler, function.target),
    )


def _inputs(assembly: Assembly, function: Function) -> str:
    said = [
        str(function.target),
        function.handler,
        [sha256.hex() for _, sha256 in assembly.archives],
        assembly.tree.content,
        packing.version(assembly.tree),
        LAYOUT,
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _unchanged(assembly: Assembly, function: Function, artifact: Path) -> Record | None:
    """The artifact's record, brought up to date, if the artifact is what this build would write."""
    record = read_record(artifact)
    if record is None or record.inputs != _inputs(assembly, function) or record.content != assembly.tree.content:
        return None
    try:
        same = sha256_of(artifact).hex() == record.sha256
    except OSError:
        return None  # gone, or not to be read: written anew
    return replace(record, left_out=counted(assembly.left_out), lpack=__version__) if same else None


def _discard_damaged(assembly: Assembly, store: Store) -> bool:
    """Remove the files of the store whose bytes are no longer theirs, so that they are had again; whether any were."""
    broken = [path for path, sha256 in assembly.archives if damaged(path, sha256)]
    for path in broken:
        store.discard(path)
    return bool(broken)


def _write(assembly: Assembly, ask: Ask, artifact: Path) -> Record:
    function, tree = ask.function, assembly.tree
    written = write_zip(tree, artifact, store=ask.store, workers=ask.host.workers)
    sizes: Counter[str] = Counter()
    packed_sizes: Counter[str] = Counter()
    for entry in tree:
        sizes[entry.package] += entry.source.size
        packed_sizes[entry.package] += written.packed_sizes[entry.path]
    return Record(
        name=function.name,
        kind="function-zip",
        runtimes=(function.target.runtime.name,),
        architectures=(function.target.architecture.name,),
        handler=function.handler,
        artifact=artifact.name,
        sha256=written.sha256,
        code_sha256=written.code_sha256,
        content=tree.content,
        size=written.size,
        unzipped_size=tree.size,
        layers=(),
        packages=tuple(
            package_record(replace(each, size=sizes[each.name], packed_size=packed_sizes[each.name]))
            for each in assembly.packages
        ),
        left_out=counted(assembly.left_out),
        inputs=_inputs(assembly, function),
        lpack=__version__,
        deflate=packing.version(tree),
        layout=LAYOUT,
    )


def lock_all(
    project: Project, functions: Sequence[Function], policy: Policy, *, host: Host, reporter: Reporter
) -> list[tuple[Function, Locked | LpackError]]:
    """Lock the functions; for each its lock, or why there is none."""
    results: list[tuple[Function, Locked | LpackError]] = []
    for function in functions:
        ask = Ask(function, project, Store(host.cache), host, reporter)
        try:
            results.append((function, ecosystem_of(function.target).lock(ask, policy)))
        except LpackError as error:
            results.append((function, error))
        reporter.progress("locking", len(results), len(functions))
    return results
