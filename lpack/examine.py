"""Looking at artifacts: the checks of a finished one, and what is in one and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .archive.zip_reader import read_zip
from .check import Subject, check, check_upload, elf_facts
from .config import Function, Project
from .ecosystems import Ask, ecosystem_of, packages_in
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


def check_artifact(artifact: Path, subject: Subject, *, host: Host) -> Checked:
    """The checks of a zip that lpack or any other tool built; what the subject leaves open is not checked."""
    ecosystem = ecosystem_of(subject.target)
    tree, packages = packages_in(read_zip(artifact))
    found = check(tree, subject, packages=packages, elf=elf_facts(tree, Store(host.cache)))
    if subject.handler:
        found += ecosystem.check_handler(tree, subject.handler, subject.target)
    found += check_upload(subject.name, artifact.stat().st_size)
    found += _against_record(artifact, tree)
    return Checked(artifact, tree, packages, tuple(found))


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
    user's own wish.
    """

    name: str
    tree: Tree
    packages: tuple[Package, ...]
    target: str | None
    handler: str | None
    record: Record | None = None
    left_out: tuple[LeftOut, ...] | None = None
    required_by: Mapping[str, tuple[str, ...]] | None = None


def inspect_function(
    project: Project, function: Function, output: Path, *, host: Host, reporter: Reporter
) -> Inspection:
    """What the function's artifact would hold if it were built now."""
    ask = Ask(function, project, Store(host.cache), host, reporter)
    ecosystem = ecosystem_of(function.target)
    locked = ecosystem.lock(ask, "keep")
    made = ecosystem.assemble(ask, locked, output)
    return Inspection(
        name=function.name,
        tree=made.tree,
        packages=made.packages,
        target=str(function.target),
        handler=function.handler,
        left_out=made.left_out,
        required_by=ecosystem.required_by(ask, locked),
    )


def inspect_artifact(artifact: Path) -> Inspection:
    """What a zip holds, whoever built it; its packages are known by what they left in it."""
    tree, packages = packages_in(read_zip(artifact))
    record = read_record(artifact)
    return Inspection(
        name=artifact.name,
        tree=tree,
        packages=packages,
        target=f"{record.runtimes[0]} on {record.architectures[0]}" if record else None,
        handler=record.handler if record else None,
        record=record,
    )
