"""Looking at container images: those that lpack built, and those that others did."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from .aws.limits import IMAGE_BYTES
from .check import ImageFacts, LayerPart, Subject, check, elf_facts
from .check.image import check_contents
from .ecosystems import packages_in
from .examine import Checked, Inspection, against_record
from .forms.as_image import BOOTSTRAP
from .image.config import Execution
from .image.kept_files import KeptFiles, kept_files
from .image.local import read_local
from .image.model import Image
from .image.starting import RUNTIME_ROOT, TASK_ROOT, has_client
from .layering import check_code, check_handler
from .model import Host
from .record import read_record
from .store import Store
from .tree import Entry, Tree

_LAYERS = "opt"
_BOOTSTRAP = f"{RUNTIME_ROOT}/{BOOTSTRAP}".lstrip("/")


def check_own_image(artifact: Path, subject: Subject, *, host: Host) -> Checked:
    """The checks of an image that lpack built: its own layers are read, those of the base need not be there."""
    image, record = read_local(artifact, None), read_record(artifact)
    built = record.image if record else None
    own = image.layers[built.base_layers :] if built else image.layers
    with _kept(replace(image, layers=own), lambda _: True, host) as kept:
        sizes = [(f"layer {number}", size) for number, size in enumerate(kept.sizes, start=1)]
        if built:
            sizes = [(each.name, each.unzipped_size or each.size) for each in built.layers]
        base = (LayerPart(name=built.base),) if built else ()
        subject = replace(subject, image=_facts(image, sizes))
        checked = _checked(artifact, kept, subject, base, host)
    return replace(checked, findings=(*checked.findings, *against_record(artifact, checked.tree)))


def check_foreign_image(name: str, image: Image, subject: Subject, *, host: Host) -> Checked:
    """The checks of an image that any tool built, with all of its layers: what the subject leaves open is not checked.

    Of its files those are looked into that lie where functions, runtimes and extensions do.
    """
    execution = image.config.execution
    with _kept(image, _is_own(execution), host) as kept:
        sizes = [(f"layer {number}", size) for number, size in enumerate(kept.sizes, start=1)]
        # What lies anywhere in the image can be loaded, for all that is known here.
        libraries = frozenset(posixpath.basename(path) for path in kept.files.placed if ".so" in path)
        subject = replace(
            subject,
            handler=subject.handler or _handler(execution),
            image=_facts(image, sizes),
            provided_libraries=subject.provided_libraries | libraries,
        )
        checked = _checked(Path(name), kept, subject, (), host)
        return replace(checked, findings=(*checked.findings, *check_contents(kept, execution)))


def inspect_image(artifact: Path, *, host: Host) -> Inspection:
    """What an image's archive holds where the function lies."""
    image, record = read_local(artifact, None), read_record(artifact)
    own = image.layers[record.image.base_layers :] if record and record.image else image.layers
    with _kept(replace(image, layers=own), _is_own(image.config.execution), host) as kept:
        tree, packages = packages_in(_task(kept.tree, image.config.execution))
    return Inspection(
        name=artifact.name,
        tree=tree,
        packages=packages,
        runtimes=record.runtimes if record else (),
        architectures=record.architectures if record else (),
        handler=(record.handler if record else _handler(image.config.execution)) or None,
        record=record,
    )


@contextmanager
def _kept(image: Image, is_wanted: Callable[[str], bool], host: Host) -> Iterator[KeptFiles]:
    """The files of the image's layers, as long as the block lasts."""
    with Store(host.cache).temporary_folder() as folder:
        yield kept_files(image.layers, folder, is_wanted)


def _checked(artifact: Path, kept: KeptFiles, subject: Subject, beneath: Sequence[LayerPart], host: Host) -> Checked:
    execution = subject.image.execution if subject.image else Execution()
    tree, packages = packages_in(_task(kept.tree, execution))
    store, target = Store(host.cache), subject.target
    in_opt = Tree.of(_inside(kept.tree, _LAYERS))
    layers = [*beneath, *([LayerPart(name="/opt", tree=in_opt, elf=elf_facts(in_opt, store))] if in_opt else [])]
    found = check(tree, subject, packages=packages, elf=elf_facts(tree, store), layers=layers)
    found += check_code(tree, [target], store)
    if subject.handler:
        found += check_handler(tree, subject.handler, target, layers, store)
    total = sum(size for _, size in subject.image.sizes) if subject.image else 0
    return Checked(artifact, tree, packages, tuple(found), max(0, total - tree.size), IMAGE_BYTES)


def _facts(image: Image, sizes: Sequence[tuple[str, int]]) -> ImageFacts:
    return ImageFacts(
        platform=image.config.platform,
        execution=image.config.execution,
        media_types=[layer.media_type for layer in image.manifest.layers],
        history=sum(not each.empty_layer for each in image.config.history),
        sizes=sizes,
        manifest_size=len(image.manifest_bytes),
    )


def _task(tree: Tree, execution: Execution) -> Tree:
    """The files of the function: what lies in the folder that the image works in, and a custom runtime's program."""
    entries = {entry.path: entry for entry in _inside(tree, _task_folder(execution))}
    bootstrap = tree.by_path.get(_BOOTSTRAP)
    if bootstrap:
        entries.setdefault(BOOTSTRAP, bootstrap._replace(path=BOOTSTRAP))
    return Tree.of(entries.values())


def _inside(tree: Tree, folder: str) -> Iterator[Entry]:
    prefix = f"{folder}/"
    for entry in tree:
        if entry.path.startswith(prefix):
            yield entry._replace(path=entry.path.removeprefix(prefix))


def _task_folder(execution: Execution) -> str:
    return posixpath.normpath(execution.working_dir or TASK_ROOT).strip("/.") or TASK_ROOT.lstrip("/")


def _is_own(execution: Execution) -> Callable[[str], bool]:
    folders = tuple(f"{each}/" for each in (_task_folder(execution), TASK_ROOT.lstrip("/"), _LAYERS))
    return lambda path: path.startswith(folders) or path == _BOOTSTRAP


def _handler(execution: Execution) -> str | None:
    """The handler, where the image starts a client that is known, and names it alone."""
    return execution.cmd[0] if has_client(execution) and execution.entrypoint and len(execution.cmd) == 1 else None
