"""The story of a build: lock → tree → check → archive → record.

A function whose artifact is already what it would become is left alone; one that fails leaves its old artifact whole
and the others undisturbed.
"""

from __future__ import annotations

import base64
import errno
import glob
import hashlib
import json
import sysconfig
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

from . import __version__
from .archive import packing
from .archive.zip_writer import LAYOUT, write_zip
from .check import Subject, check, check_upload, elf_facts
from .config import Function, Project
from .ecosystems import Ask, Assembly, Ecosystem, Locked, Policy, ecosystem_of
from .errors import CheckError, LpackError
from .model import Finding, Host, Reporter, Severity
from .record import PackageRecord, Record, counted, read_record, write_record
from .store import Store, damaged, is_partial, sha256_of
from .tree import Tree

_GRACE = 1.0
"""Seconds that running functions have to put things away when the user has had enough."""


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
    """What became of one function.

    ``record`` is that of the artifact, ``unchanged`` if it was already there; ``error`` says why there is none, or only
    an old one. ``tree`` is what a dry run would have packed. ``changes`` are those of the function's lock; ``seconds``
    is how long all took.
    """

    function: Function
    artifact: Path
    record: Record | None = None
    unchanged: bool = False
    tree: Tree | None = None
    findings: tuple[Finding, ...] = ()
    changes: tuple[str, ...] = ()
    error: LpackError | None = None
    seconds: float = 0.0


def build_functions(
    project: Project, functions: Sequence[Function], options: Options, *, host: Host, reporter: Reporter
) -> list[Outcome]:
    """Build the functions' zips side by side; the outcomes are in their order, those that failed among them."""

    def outcome(ask: Ask) -> Outcome:
        started = time.monotonic()
        try:
            made = _build(ask, options)
        except (LpackError, OSError) as error:
            artifact = artifact_of(ask.function, options.output)
            made = Outcome(function=ask.function, artifact=artifact, error=understood(error))
        return replace(made, seconds=time.monotonic() - started)

    return _side_by_side(outcome, _asks(project, functions, host, reporter), "building")


def lock_functions(
    project: Project, functions: Sequence[Function], policy: Policy, *, host: Host, reporter: Reporter
) -> list[Locked | LpackError]:
    """Lock the functions; for each, in their order, its lock or why there is none."""

    def result(ask: Ask) -> Locked | LpackError:
        try:
            return ecosystem_of(ask.function.target).lock(ask, policy)
        except (LpackError, OSError) as error:
            return understood(error)

    return _side_by_side(result, _asks(project, functions, host, reporter), "locking")


def artifact_of(function: Function, output: Path) -> Path:
    """Where a function's zip goes."""
    return output / f"{function.name}.zip"


def subject_of(function: Function, *, today: date, allow_deprecated: bool = False) -> Subject:
    """The function's settings, for the checks."""
    return Subject(
        name=function.name,
        function_name=function.name,
        target=function.target,
        handler=function.handler,
        environment=function.environment,
        memory=function.memory,
        timeout=function.timeout,
        ephemeral_storage=function.ephemeral_storage,
        provided_libraries=function.provided_libraries,
        allow_deprecated=allow_deprecated,
        today=today,
    )


def understood(error: LpackError | OSError) -> LpackError:
    """The error in lpack's words: what the system refuses is the machine's state, and no bug."""
    if isinstance(error, LpackError):
        return error
    subject = f"`{error.filename}`" if error.filename else "a file"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return LpackError(f"{subject} can't be written: the disk is full", hint="make room, and run the command again")
    return LpackError(
        f"{subject} can't be used: {error.strerror or error}", hint="mend that, and run the command again"
    )


# Side by side

_T = TypeVar("_T")


def _asks(project: Project, functions: Sequence[Function], host: Host, reporter: Reporter) -> list[Ask]:
    return [Ask(function, project, Store(host.cache), host, reporter) for function in functions]


def _side_by_side(task: Callable[[Ask], _T], asks: Sequence[Ask], label: str) -> list[_T]:
    """What the task gives for each, in their order."""
    for ask in asks[:1]:
        ask.reporter.progress(label, 0, len(asks))
    if len(asks) < 2:
        return [task(ask) for ask in asks]
    from concurrent.futures import ThreadPoolExecutor, as_completed, wait

    # Two threads must not be the first to ask, as those that look for uv would: older Pythons get it wrong (#92452).
    sysconfig.get_config_vars()
    stop = threading.Event()
    reporter, workers = asks[0].reporter, asks[0].host.workers
    pool = ThreadPoolExecutor(max_workers=workers)
    futures = [pool.submit(task, replace(ask, reporter=_Stoppable(ask.reporter, stop))) for ask in asks]
    try:
        for done, _ in enumerate(as_completed(futures), start=1):
            reporter.progress(label, done, len(futures))
    except BaseException:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        wait([future for future in futures if future.running()], timeout=_GRACE)
        raise
    pool.shutdown()
    return [future.result() for future in futures]


class _Stopped(Exception):  # noqa: N818 -- no error: the user has had enough
    pass


@dataclass(frozen=True, slots=True)
class _Stoppable:
    """A Reporter through which a thread learns that it is to end, at its next step."""

    reporter: Reporter
    stop: threading.Event

    def note(self, message: str) -> None:
        self.reporter.note(message)

    def warning(self, message: str) -> None:
        self.reporter.warning(message)

    def progress(self, label: str, done: int, total: int) -> None:
        if self.stop.is_set():
            raise _Stopped
        self.reporter.progress(label, done, total)


# One function


def _build(ask: Ask, options: Options) -> Outcome:
    function = ask.function
    artifact = artifact_of(function, options.output)
    ecosystem = ecosystem_of(function.target)
    locked = ecosystem.lock(ask, options.policy)
    assembly = ecosystem.assemble(ask, locked, options.output)
    current = _up_to_date(assembly, function, artifact)
    if current is None and _discard_damaged(assembly, ask.store):
        assembly = ecosystem.assemble(ask, locked, options.output)
    outcome = Outcome(
        function=function,
        artifact=artifact,
        findings=_findings(assembly, ask, ecosystem, options),
        changes=locked.changes,
    )
    if any(finding.severity is Severity.ERROR for finding in outcome.findings):
        return replace(outcome, error=CheckError(f"`{function.name}` would not work in Lambda"))
    if options.dry_run:
        return replace(outcome, tree=assembly.tree)
    if current and current == read_record(artifact):
        record, unchanged = current, True
    else:
        record, unchanged = _finish(assembly, ask, artifact)
    upload = check_upload(function.name, record.size)
    return replace(outcome, record=record, unchanged=unchanged, findings=(*outcome.findings, *upload))


def _findings(assembly: Assembly, ask: Ask, ecosystem: Ecosystem, options: Options) -> tuple[Finding, ...]:
    function, tree = ask.function, assembly.tree
    subject = subject_of(function, today=options.today, allow_deprecated=options.allow_deprecated)
    return (
        *assembly.findings,
        *check(tree, subject, packages=assembly.packages, elf=elf_facts(tree, ask.store)),
        *ecosystem.check_handler(tree, function.handler, function.target),
    )


def _discard_damaged(assembly: Assembly, store: Store) -> bool:
    """Remove the files of the store whose bytes are no longer theirs, so that they are had again; whether any were."""
    broken = [(path, sha256) for path, sha256 in assembly.archives if damaged(path, sha256)]
    for path, sha256 in broken:
        with store.lock(sha256.hex()):  # which whoever replaces the file holds
            if damaged(path, sha256):
                store.discard(path)
    return bool(broken)


def _finish(assembly: Assembly, ask: Ask, artifact: Path) -> tuple[Record, bool]:
    """Write the artifact, unless it is already what it would become, and its record; the record, and whether it was."""
    # Another build of the same artifact waits here, and then finds it made: the two never mix.
    with ask.store.lock(hashlib.sha256(str(artifact.resolve()).encode()).hexdigest()):
        record = _up_to_date(assembly, ask.function, artifact)
        unchanged = record is not None
        if record is None:
            _remove_leftovers(artifact)
            written = write_zip(assembly.tree, artifact, store=ask.store, workers=ask.host.workers)
            record = _record(assembly, ask.function, artifact, size=written.size, sha256=written.sha256)
        write_record(record, artifact)
    return record, unchanged


def _remove_leftovers(artifact: Path) -> None:
    """Remove what builds that were killed have left: while this one holds the lock, nobody is writing the artifact."""
    for path in artifact.parent.glob(f".{glob.escape(artifact.name)}.*"):
        if is_partial(path.name):
            path.unlink(missing_ok=True)


def _up_to_date(assembly: Assembly, function: Function, artifact: Path) -> Record | None:
    """The artifact's record as it should be, if the artifact is what this build would write."""
    found = read_record(artifact)
    if found is None or found.inputs != _inputs(assembly, function) or found.content != assembly.tree.content:
        return None
    try:
        size, sha256 = artifact.stat().st_size, sha256_of(artifact).hex()
    except OSError:
        return None  # gone, or not to be read: written anew
    return _record(assembly, function, artifact, size=size, sha256=sha256) if sha256 == found.sha256 else None


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


def _record(assembly: Assembly, function: Function, artifact: Path, *, size: int, sha256: str) -> Record:
    tree = assembly.tree
    sizes: Counter[str] = Counter()
    for entry in tree:
        sizes[entry.package] += entry.source.size
    return Record(
        name=function.name,
        kind="function-zip",
        runtimes=(function.target.runtime.name,),
        architectures=(function.target.architecture.name,),
        handler=function.handler,
        artifact=artifact.name,
        sha256=sha256,
        code_sha256=base64.b64encode(bytes.fromhex(sha256)).decode(),
        content=tree.content,
        size=size,
        unzipped_size=tree.size,
        layers=(),
        packages=tuple(
            PackageRecord(each.name, each.version, each.purl, each.sha256, sizes[each.name])
            for each in assembly.packages
        ),
        left_out=counted(assembly.left_out),
        inputs=_inputs(assembly, function),
        lpack=__version__,
        deflate=packing.version(tree),
        layout=LAYOUT,
    )
