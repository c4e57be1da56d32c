"""The layers of a project: locked and laid out once, for their own artifacts and for the functions that use them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .assembling import Variant, layer_variants
from .aws.architectures import Architecture
from .aws.layer_paths import package_folders
from .aws.runtimes import Runtime
from .check import LayerPart, elf_facts
from .config import Function, Layer
from .config.keys import SUPPORTED_FAMILIES, LayerArn
from .ecosystems import Ask, Installed, Locked, Policy, Provided, ecosystem_of, layer_files
from .model import Finding, Severity, Target
from .sources import OwnFiles
from .store import Store
from .tree import Tree, sort_key
from .weights import is_inside


class LockedLayer(NamedTuple):
    """A layer with its lock, and the packages that it brings to each target: their versions by name.

    A version is "" where only the package itself knows it. ``lock`` is None for a layer without packages.
    """

    layer: Layer
    lock: Locked | None
    brings: Mapping[Target, Mapping[str, str]]


def lock_layer(layer: Layer, ask: Ask, policy: Policy) -> LockedLayer:
    """Lock the packages of a layer for all its targets."""
    if layer.requirements is None:
        return LockedLayer(layer, None, {target: {} for target in layer.targets})
    ecosystem = ecosystem_of(layer.runtimes[0])
    locked = ecosystem.lock(ask, policy)
    return LockedLayer(layer, locked, {target: ecosystem.brings(ask, locked, target) for target in layer.targets})


def provided_to(function: Function, layers: Mapping[str, LockedLayer]) -> dict[str, Provided]:
    """The packages that the project's layers bring to a function; of two layers with one package the later counts."""
    return {
        name: Provided(version, layers[layer].layer.dependencies)
        for layer in function.own_layers
        for name, version in layers[layer].brings[function.target].items()
    }


@dataclass(frozen=True, slots=True)
class Laid:
    """A layer as it will be: its artifacts."""

    locked: LockedLayer
    variants: tuple[Variant, ...]

    def variant(self, target: Target) -> Variant:
        """The artifact that a function for the target takes."""
        return next(variant for variant in self.variants if target in variant.targets)


def lay(locked: LockedLayer, ask: Ask, output: Path) -> Laid:
    """Fetch the packages of a layer, and lay out its artifacts; ``output`` is never part of them."""
    layer = locked.layer
    installed = {
        target: ecosystem_of(target.runtime).install(ask, locked.lock, target) if locked.lock else Installed()
        for target in layer.targets
    }

    @functools.cache
    def own(target: Target) -> dict[str, OwnFiles]:
        return layer_files(layer, ask, target, output)

    def own_for(runtimes: tuple[Runtime, ...], architecture: Architecture) -> dict[str, OwnFiles]:
        custom = [runtime for runtime in runtimes if runtime.family == "provided"]
        if not custom:
            return own(layer.targets[0])  # which are the same for all targets
        # What is built for the oldest system runs on the newer ones, too.
        return own(Target(min(custom, key=lambda runtime: runtime.system.glibc), architecture))

    return Laid(locked, layer_variants(layer, own_for, installed))


def parts_of(function: Function, laid: Mapping[str, Laid], store: Store) -> tuple[LayerPart, ...]:
    """The function's layers, in its order, as the checks take them."""
    return tuple(
        LayerPart(name=each.arn, unzipped_size=each.unzipped_size)
        if isinstance(each, LayerArn)
        else part_of(laid[each], function.target, store)
        for each in function.layers
    )


def part_of(laid: Laid, target: Target, store: Store) -> LayerPart:
    """A layer of the project as a function for the target has it in /opt."""
    variant = laid.variant(target)
    return LayerPart(
        name=laid.locked.layer.name,
        tree=variant.assembly.tree,
        packages=variant.assembly.packages,
        elf=elf_facts(variant.assembly.tree, store),
        runtimes=tuple(runtime.name for runtime in variant.runtimes),
        architectures=tuple(architecture.name for architecture in variant.architectures),
    )


def check_code(tree: Tree, targets: Sequence[Target], store: Store) -> list[Finding]:
    """What the targets' languages find wrong with code; what holds for several targets is said once."""
    found = (ecosystem_of(target.runtime).check_code(tree, target, store) for target in targets if _is_known(target))
    return list(dict.fromkeys(finding for findings in found for finding in findings))


def _is_known(target: Target) -> bool:
    return target.runtime.family in SUPPORTED_FAMILIES


def check_handler(tree: Tree, handler: str, target: Target, layers: Sequence[LayerPart], store: Store) -> list[Finding]:
    """What is wrong with a function's handler, which may as well be in a layer.

    What a layer of others holds is not known, so that a handler which is nowhere else is only worth a warning.
    """
    ecosystem = ecosystem_of(target.runtime)
    found = ecosystem.check_handler(tree, handler, target, store)
    if not any(finding.severity is Severity.ERROR for finding in found):
        return found
    known = [layer.tree for layer in layers if layer.tree]
    together = _searched(tree, known, package_folders(target.runtime) or ("",))
    found_together = ecosystem.check_handler(together, handler, target, store)
    if not any(finding.severity is Severity.ERROR for finding in found_together):
        return found_together
    unknown = [f"`{layer.name}`" for layer in layers if layer.tree is None]
    if not unknown:
        return found
    hint = f"this is fine if it is in {' or '.join(unknown)}"
    return [finding._replace(severity=Severity.WARNING, hint=hint) for finding in found]


def _searched(tree: Tree, layers: Sequence[Tree], folders: Iterable[str]) -> Tree:
    """A function's files with those that the runtime finds in folders of its layers; the function's hide the others.

    It is only to be searched: where files are in the way of folders, other checks say so.
    """
    found = dict(tree.by_path)
    for folder in folders:
        inside = {}
        for layer in layers:  # of which the later ones overwrite the files of the earlier ones
            inside.update({entry.path: entry for entry in layer if is_inside(entry.path, folder)})
        hiding = {path.partition("/")[0].partition(".")[0] for path in found if _is_whole(path)}
        for path, entry in inside.items():
            place = path.removeprefix(f"{folder}/" if folder else "")
            if place.partition("/")[0].partition(".")[0] not in hiding:
                found.setdefault(place, entry._replace(path=place))
    return Tree(tuple(sorted(found.values(), key=sort_key)))


def _is_whole(path: str) -> bool:
    """Whether the path shows that a module or package is here, and is not looked for in other folders any more."""
    return "/" not in path or path.partition("/")[2].startswith("__init__.")
