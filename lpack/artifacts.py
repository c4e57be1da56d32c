"""Artifacts as files, with their records: written whole or not at all, left alone while nothing changes."""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import __version__
from .assembling import Assembly
from .config import Function
from .forms import Form, Written
from .forms.as_zip import Zip
from .model import Host, Package, Target
from .record import LAYER, PackageRecord, Record, counted, read_record, record_file, write_record
from .store import Store, damaged, is_partial, sha256_of
from .tree import Entry, Member
from .weights import sizes_by_package


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An artifact to be: whose it is, for which targets, and what its record says besides what is in it.

    It is a zip unless another ``form`` is given.
    """

    name: str
    kind: str
    file: Path
    targets: tuple[Target, ...]
    assembly: Assembly
    handler: str = ""
    layers: tuple[str, ...] = ()
    form: Form | None = None

    @property
    def made_as(self) -> Form:
        """How its file is made."""
        return self.form or Zip(self.assembly.tree)

    @property
    def inputs(self) -> str:
        """A digest (hex) over everything that went in; that of a layer knows nothing of how it is packed."""
        assembly = self.assembly
        said: list[object] = [
            self.kind,
            [str(target) for target in self.targets],
            [sha256.hex() for _, sha256 in assembly.archives],
            assembly.tree.content,
        ]
        if self.kind != LAYER:
            said += [self.handler, *self.made_as.inputs()]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Finished:
    """The record of an artifact that is in place, and whether it was there before."""

    record: Record
    unchanged: bool = field(kw_only=True)


def finished_before(plan: Plan) -> Finished | None:
    """The artifact with its record, when both are what they would become."""
    there = _up_to_date(plan)
    return Finished(there, unchanged=True) if there and there == read_record(plan.file) else None


def finish(plan: Plan, *, store: Store, host: Host) -> Finished:
    """Write the artifact, unless it is already what it would become, and its record."""
    # Another build of the same artifact waits here, and then finds it made: the two never mix.
    with store.lock(hashlib.sha256(str(plan.file.resolve()).encode()).hexdigest()):
        record = _up_to_date(plan)
        unchanged = record is not None
        if record is None:
            _remove_leftovers(plan.file)
            record = _record(plan, plan.made_as.write(plan.file, store=store, host=host))
        write_record(record, plan.file)
    return Finished(record, unchanged=unchanged)


def discard_damaged(assembly: Assembly, store: Store, read: Iterable[Entry] | None = None) -> bool:
    """Remove the files of the store whose bytes are no longer theirs, so that they are had again; whether any were.

    Of the assembly's archives it looks at those that the entries are ``read`` from, or at all.
    """
    archives = assembly.archives
    if read is not None:
        wanted = {entry.source.archive for entry in read if isinstance(entry.source, Member)}
        archives = tuple((path, sha256) for path, sha256 in archives if path in wanted)
    broken = [(path, sha256) for path, sha256 in archives if damaged(path, sha256)]
    for path, sha256 in broken:
        with store.lock(sha256.hex()):  # which whoever replaces the file holds
            if damaged(path, sha256):
                store.discard(path)
    return bool(broken)


def artifact_of(name: str, output: Path) -> Path:
    """Where the zip of that name goes."""
    return output / f"{name}.zip"


def artifact_of_function(function: Function, output: Path) -> Path:
    """Where the function's zip or image goes."""
    return output / f"{function.name}.tar" if function.image else artifact_of(function.name, output)


def artifacts_of_layer(name: str, output: Path) -> dict[Path, Record]:
    """The artifacts of the project's layer of that name, with their records; copies under other names are not."""
    records = {file: read_record(file) for file in sorted(output.glob(f"{glob.escape(name)}*.zip"))}
    return {
        file: record
        for file, record in records.items()
        if record and (record.kind, record.name, record.artifact) == (LAYER, name, file.name)
    }


def layer_for(name: str, target: Target, output: Path) -> Path | None:
    """The artifact of the project's layer of that name that is for the target, if it was built."""
    for file, record in artifacts_of_layer(name, output).items():
        if target.runtime.name in record.runtimes and target.architecture.name in record.architectures:
            return file
    return None


def remove_others(name: str, current: Collection[Path], output: Path) -> list[Path]:
    """Remove the artifacts of the layer, with their records, that are not among the current ones; what was removed."""
    others = [file for file in artifacts_of_layer(name, output) if file not in current]
    for file in others:
        file.unlink(missing_ok=True)
        record_file(file).unlink(missing_ok=True)
    return others


def _remove_leftovers(artifact: Path) -> None:
    """Remove what builds that were killed have left: while this one holds the lock, nobody is writing the artifact."""
    for path in artifact.parent.glob(f".{glob.escape(artifact.name)}.*"):
        if is_partial(path.name):
            path.unlink(missing_ok=True)


def _up_to_date(plan: Plan) -> Record | None:
    """The artifact's record as it should be, if the artifact is what this build would write."""
    found = read_record(plan.file)
    if found is None or found.content != plan.assembly.tree.content:
        return None
    # A layer that holds the same stays as it is, however it would be packed now: each new version of it is deployed to
    # every function that uses it.
    if plan.kind != found.kind or (plan.kind != LAYER and plan.inputs != found.inputs):
        return None
    try:
        size, sha256 = plan.file.stat().st_size, sha256_of(plan.file).hex()
    except OSError:
        return None  # gone, or not to be read: written anew
    if sha256 != found.sha256:
        return None
    written = plan.made_as.written_before(found, size=size, sha256=sha256)
    return _record(plan, written, packed_by=found)


def _record(plan: Plan, written: Written, *, packed_by: Record | None = None) -> Record:
    """The record; ``packed_by`` is that of an artifact which is kept as it was packed then."""
    return Record(
        name=plan.name,
        kind=plan.kind,
        runtimes=tuple(dict.fromkeys(target.runtime.name for target in plan.targets)),
        architectures=tuple(dict.fromkeys(target.architecture.name for target in plan.targets)),
        handler=plan.handler,
        artifact=plan.file.name,
        sha256=written.sha256,
        code_sha256=written.code_sha256,
        content=plan.assembly.tree.content,
        size=written.size,
        unzipped_size=written.unzipped_size,
        layers=plan.layers,
        packages=tuple(_package_records(plan.assembly)),
        left_out=counted(plan.assembly.left_out),
        inputs=plan.inputs,
        lpack=packed_by.lpack if packed_by else __version__,
        deflate=packed_by.deflate if packed_by else plan.made_as.compressors(),
        layout=packed_by.layout if packed_by else plan.made_as.layout,
        image=written.image,
    )


def _package_records(assembly: Assembly) -> Iterator[PackageRecord]:
    """The packages; one that is there for several versions of the language, from the same archive, is one."""
    sizes: dict[tuple[str, str, str, str], int] = {}
    for package, weight in sizes_by_package(assembly.tree, assembly.packages).items():
        if isinstance(package, Package):
            key = (package.name, package.version, package.purl, package.sha256)
            sizes[key] = sizes.get(key, 0) + weight.size
    for key, size in sizes.items():
        yield PackageRecord(*key, size)
