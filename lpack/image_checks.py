"""The checks of container images by what is in their layers."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from .check import ImageFacts, LayerPart, Subject, check, elf_facts
from .check.image_contents import check_contents
from .ecosystems import packages_in
from .image.config import Execution
from .image.kept_files import KeptFiles, kept_files
from .image.model import Image
from .image.planning import BOOTSTRAP
from .image.starting import RUNTIME_ROOT, TASK_ROOT, has_client
from .layering import check_code, check_handler
from .model import Finding, Host, Package
from .store import Store
from .tree import Entry, Tree

_LAYERS = "opt"
_BOOTSTRAP = f"{RUNTIME_ROOT}/{BOOTSTRAP}".lstrip("/")


class Looked(NamedTuple):
    """What was found of the function in an image: its files and packages, and what the checks say.

    ``size`` is that of all layers unpacked, in bytes; ``sizes`` are those of each, as far as they were read.
    """

    tree: Tree
    packages: tuple[Package, ...]
    findings: tuple[Finding, ...]
    size: int
    sizes: tuple[int, ...]


@contextmanager
def files_of(image: Image, is_wanted: Callable[[str], bool], host: Host) -> Iterator[KeptFiles]:
    """The files of the image's layers, as long as the block lasts."""
    with Store(host.cache).temporary_folder() as folder:
        yield kept_files(image.layers, folder, is_wanted)


def check_whole(image: Image, subject: Subject, *, host: Host) -> Looked:
    """The checks of an image with all of its layers: what the subject leaves open is not checked.

    Of its files those are looked into that lie where functions, runtimes and extensions do.
    """
    execution = image.config.execution
    with files_of(image, is_own(execution), host) as kept:
        sizes = [(f"layer {number}", size) for number, size in enumerate(kept.sizes, start=1)]
        # What lies anywhere in the image can be loaded, for all that is known here.
        libraries = frozenset(posixpath.basename(path) for path in kept.files.placed if ".so" in path)
        subject = replace(
            subject,
            handler=subject.handler or handler_of(execution),
            provided_libraries=subject.provided_libraries | libraries,
        )
        looked = check_kept(kept, replace(subject, image=facts_of(image, sizes)), (), host=host)
        return looked._replace(findings=(*looked.findings, *check_contents(kept, execution)))


def check_kept(kept: KeptFiles, subject: Subject, beneath: Sequence[LayerPart], *, host: Host) -> Looked:
    """The checks of files of an image, with what lies beneath them."""
    execution = subject.image.execution if subject.image else Execution()
    tree, packages = packages_in(task_tree(kept.tree, execution))
    store, target = Store(host.cache), subject.target
    in_opt = Tree.of(_inside(kept.tree, _LAYERS))
    layers = [*beneath, *([LayerPart(name="/opt", tree=in_opt, elf=elf_facts(in_opt, store))] if in_opt else [])]
    found = check(tree, subject, packages=packages, elf=elf_facts(tree, store), layers=layers)
    found += check_code(tree, [target], store)
    if subject.handler:
        searched = [layer for layer in layers if layer.tree or target.runtime.family == "provided"]
        found += check_handler(tree, subject.handler, target, searched, store)
    total = sum(size for _, size in subject.image.sizes) if subject.image else 0
    return Looked(tree, packages, tuple(found), total, kept.sizes)


def facts_of(image: Image, sizes: Sequence[tuple[str, int]]) -> ImageFacts:
    """What the checks want to know of an image that is there."""
    return ImageFacts(
        platform=image.config.platform,
        execution=image.config.execution,
        media_types=[layer.media_type for layer in image.manifest.layers],
        history=sum(not each.empty_layer for each in image.config.history),
        sizes=sizes,
        manifest_size=len(image.manifest_bytes),
    )


def task_tree(tree: Tree, execution: Execution) -> Tree:
    """The files of the function: what lies in the folder that the image works in, and a custom runtime's program."""
    entries = {entry.path: entry for entry in _inside(tree, _task_folder(execution))}
    bootstrap = tree.by_path.get(_BOOTSTRAP)
    if bootstrap:
        entries.setdefault(BOOTSTRAP, bootstrap._replace(path=BOOTSTRAP))
    return Tree.of(entries.values())


def is_own(execution: Execution) -> Callable[[str], bool]:
    """Tells of paths whether they are where functions and extensions lie."""
    folders = tuple(f"{each}/" for each in (_task_folder(execution), TASK_ROOT.lstrip("/"), _LAYERS))
    return lambda path: path.startswith(folders) or path == _BOOTSTRAP


def handler_of(execution: Execution) -> str | None:
    """The handler, where the image starts a client that is known, and names it alone."""
    return execution.cmd[0] if has_client(execution) and execution.entrypoint and len(execution.cmd) == 1 else None


def _inside(tree: Tree, folder: str) -> Iterator[Entry]:
    prefix = f"{folder}/"
    for entry in tree:
        if entry.path.startswith(prefix):
            yield entry._replace(path=entry.path.removeprefix(prefix))


def _task_folder(execution: Execution) -> str:
    return posixpath.normpath(execution.working_dir or TASK_ROOT).strip("/.") or TASK_ROOT.lstrip("/")
