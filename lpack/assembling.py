"""What goes into an artifact: the user's own files over packages, as a Tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from .aws.architectures import Architecture
from .aws.layer_paths import function_folder, package_folders
from .aws.runtimes import Runtime
from .config import Function, Layer
from .ecosystems import Installed, Part
from .model import Finding, LeftOut, Package, Severity, Target
from .overlay import Clash, overlay
from .sources import OwnFiles
from .tree import Tree
from .values import alternatives
from .weights import is_inside


class Assembly(NamedTuple):
    """What goes into an artifact, and what is known about it.

    ``archives`` are the files of the store that it takes bytes from, with the SHA-256 that they must have.
    """

    tree: Tree
    packages: tuple[Package, ...]
    left_out: tuple[LeftOut, ...]
    findings: tuple[Finding, ...]
    archives: tuple[tuple[Path, bytes], ...]


def function_assembly(function: Function, own: OwnFiles, installed: Installed) -> Assembly:
    """The function's own files over its packages."""
    folder = function_folder(function.target.runtime)
    parts = [_moved(part, folder) for part in installed.parts] if folder else installed.parts
    tree, clashes = overlay(own.entries, (part.entries for part in parts))
    return Assembly(
        tree=tree,
        packages=tuple(part.package for part in parts),
        left_out=own.left_out + installed.left_out,
        findings=tuple(_clash_findings(clashes)),
        archives=installed.archives,
    )


class Variant(NamedTuple):
    """One artifact of a layer: ``suffix`` follows the layer's name in that of its file."""

    suffix: str
    runtimes: tuple[Runtime, ...]
    architectures: tuple[Architecture, ...]
    assembly: Assembly

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every runtime on every architecture that it is for."""
        return tuple(Target(runtime, each) for runtime in self.runtimes for each in self.architectures)


OwnFilesFor = Callable[[tuple[Runtime, ...], Architecture], Mapping[str, OwnFiles]]
"""A layer's own files for runtimes on an architecture, by the folders of the layer that they go to."""


def layer_variants(layer: Layer, own: OwnFilesFor, installed: Mapping[Target, Installed]) -> tuple[Variant, ...]:
    """The artifacts of a layer: one for all architectures when they don't differ, else one for each."""
    variants = []
    for suffix, runtimes in layer.splits:
        assemblies = [
            (each, _layer_assembly(own(runtimes, each), {one: installed[Target(one, each)] for one in runtimes}))
            for each in layer.architectures
        ]
        if len({assembly.tree.content for _, assembly in assemblies}) == 1:
            variants.append(Variant(suffix, runtimes, layer.architectures, assemblies[0][1]))
        else:
            variants += [Variant(f"{suffix}-{each}", runtimes, (each,), assembly) for each, assembly in assemblies]
    return tuple(variants)


def _in_place(own: Mapping[str, OwnFiles]) -> OwnFiles:
    """The layer's own files where they belong."""
    entries, left_out = [], []
    for folder, files in own.items():
        prefix = f"{folder}/" if folder else ""
        entries += [entry._replace(path=prefix + entry.path) for entry in files.entries]
        left_out += [each._replace(path=prefix + each.path) for each in files.left_out]
    return OwnFiles(Tree.of(entries).entries, tuple(left_out))


def _layer_assembly(own_files: Mapping[str, OwnFiles], installed: dict[Runtime, Installed]) -> Assembly:
    own = _in_place(own_files)
    parts = list(_placed(installed))
    tree, clashes = overlay(own.entries, (part.entries for part in parts))
    of_packages = (each for here in installed.values() for each in here.left_out)
    archives = (each for here in installed.values() for each in here.archives)
    return Assembly(
        tree=tree,
        packages=tuple(part.package for part in parts),
        left_out=(*own.left_out, *dict.fromkeys(of_packages)),
        findings=(*_clash_findings(clashes), *_layout_note(parts, list(installed))),
        archives=tuple(dict.fromkeys(archives)),
    )


def _placed(installed: dict[Runtime, Installed]) -> Iterator[Part]:
    """The packages in the folders where the runtimes look for them.

    What is the same for all versions of the language is there once; where they differ, each version has its folder.
    """
    first = next(iter(installed))
    shared = _shared(list(installed.values()))
    for runtime, here in installed.items():
        folders = package_folders(runtime)  # of which a runtime that takes no packages has none
        for part in here.parts:
            if part.package not in shared:
                yield _moved(part, folders[0])
            elif runtime is first:
                yield _moved(part, folders[-1])


def _shared(installed: Sequence[Installed]) -> set[Package]:
    """The packages that are the same for all runtimes, and share no folder of theirs with one that is not.

    Python searches a package's folder in one place only.
    """
    files = [{part.package: part.entries for part in here.parts} for here in installed]
    everywhere = set.intersection(*(set(here) for here in files))
    shared = {package for package in everywhere if all(here[package] == files[0][package] for here in files)}
    tops = {
        package: {entry.path.partition("/")[0] for entry in entries}
        for here in files
        for package, entries in here.items()
    }
    while moved := {
        package for package in shared if any(tops[package] & tops[other] - {"bin"} for other in tops.keys() - shared)
    }:
        shared -= moved
    return shared


def _moved(part: Part, folder: str) -> Part:
    entries = tuple(entry._replace(path=f"{folder}/{entry.path}") for entry in part.entries)
    root = "/".join(filter(None, (folder, part.package.root)))
    return Part(part.package._replace(root=root), entries)


def _layout_note(parts: Sequence[Part], runtimes: Sequence[Runtime]) -> list[Finding]:
    """That some packages are in the layer once for each runtime: it takes room, and is the user's to know."""
    own = [folders[0] for folders in map(package_folders, runtimes) if len(folders) > 1]
    apart = [
        (part.package.name, folder) for part in parts for folder in own if is_inside(f"{part.package.root}/", folder)
    ]
    if not apart:
        return []
    names, folders = sorted({name for name, _ in apart}), dict.fromkeys(folder for _, folder in apart)
    they_differ, they_lie = ("differ", "they lie") if names[1:] else ("differs", "it lies")
    message = (
        f"{alternatives(names, 'and')} {they_differ} from one runtime to the next, so that {they_lie} in "
        f"{alternatives(folders, 'and')}"
    )
    return [Finding(Severity.NOTE, "layer-folders", message, "`per-runtime = true` makes a layer for each runtime")]


def _clash_findings(clashes: Iterable[Clash]) -> list[Finding]:
    pairs: dict[tuple[str, str], list[str]] = {}
    for clash in clashes:
        pairs.setdefault((clash.kept, clash.hidden), []).append(clash.path)
    return [
        Finding(
            Severity.WARNING,
            "package-clash",
            f"`{kept}` and `{hidden}` hold different files at {len(paths)} path{'s' if paths[1:] else ''}; "
            f"those of `{kept}` are in the artifact",
            "leave one of the packages out (`exclude-packages`)",
            tuple(paths[:10]),
        )
        for (kept, hidden), paths in pairs.items()
    ]
