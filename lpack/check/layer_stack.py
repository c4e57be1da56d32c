"""A function's layers: do they fit the function, and each other?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from ..aws.limits import EXTENSIONS, LAYERS
from ..aws.runtimes import Family, Runtime
from ..model import Finding, Package, Severity, Target
from ..tree import Tree
from ..weights import with_owners
from .layer_artifact import extensions_in
from .merging import Overwritten, clashes, overwritten
from .subject import LayerPart
from .visibility import sees_in_layers, visible
from .wording import details, quoted


def check_layers(target: Target, layers: Sequence[LayerPart]) -> list[Finding]:
    """All that is wrong or worth a remark about the layers of a function for the target, whatever the function.

    They are in the order in which the function names them; each alone is the matter of ``check_layer``.
    """
    known = [
        _Known(layer.name, layer.tree, layer.packages, layer.families) for layer in layers if layer.tree is not None
    ]
    return [
        *_too_many(layers),
        *_twice(layers),
        *_for_other_targets(target, layers),
        *_clashes(known),
        *_overwritten(target.runtime, known),
        *_versions(target.runtime, known),
        *_extensions(known),
    ]


class _Known(NamedTuple):
    """A layer whose files are known."""

    name: str
    tree: Tree
    packages: Sequence[Package]
    families: frozenset[Family]


def _too_many(layers: Sequence[LayerPart]) -> list[Finding]:
    if len(layers) <= LAYERS:
        return []
    message = f"{len(layers)} layers are too many: Lambda takes {LAYERS}"
    hint = "put what several layers hold into one"
    return [Finding(Severity.ERROR, "layers-number", message, hint, tuple(layer.name for layer in layers))]


def _twice(layers: Sequence[LayerPart]) -> list[Finding]:
    groups: dict[str, list[str]] = {}
    for layer in layers:
        groups.setdefault(_without_version(layer.name), []).append(layer.name)
    findings = []
    for name, versions in groups.items():
        if len(set(versions)) > 1:
            # Source: https://github.com/ServerlessLife/serverless-spy/issues/32, which quotes Lambda.
            message = f"the layer `{name}` is there in {len(versions)} versions, and Lambda takes one of them"
            findings.append(Finding(Severity.ERROR, "layers-twice", message, "keep one of them", tuple(versions)))
        elif len(versions) > 1:
            message = f"the layer `{name}` is there {len(versions)} times"
            findings.append(Finding(Severity.ERROR, "layers-twice", message, "name it once"))
    return findings


def _without_version(name: str) -> str:
    """The name of a layer in an ARN of one of its versions."""
    layer, _, version = name.rpartition(":")
    return layer if layer.startswith("arn:") and version.isdecimal() else name


def _for_other_targets(target: Target, layers: Sequence[LayerPart]) -> list[Finding]:
    findings = []
    for layer in layers:
        fits_runtime = not layer.runtimes or target.runtime.name in layer.runtimes
        fits_architecture = not layer.architectures or target.architecture.name in layer.architectures
        if fits_runtime and fits_architecture:
            continue
        made_for = [quoted(names) for names in (layer.runtimes, layer.architectures) if names]
        message = (
            f"the layer `{layer.name}` is for {' on '.join(made_for)}, and the function for `{target.runtime}` on "
            f"`{target.architecture}`"
        )
        hint = f"use a layer that is made for {target}"
        findings.append(Finding(Severity.ERROR, "layer-target", message, hint))
    return findings


def _clashes(layers: Sequence[_Known]) -> list[Finding]:
    found = clashes([layer.tree for layer in layers])
    if not found:
        return []
    lines = [
        f"{each.path} is a file in `{layers[each.file_in].name}` and a folder in `{layers[each.folder_in].name}`"
        for each in found
    ]
    message = "the layers can't be unpacked into one folder: Lambda layer conversion failed"
    hint = "rename the file, or leave it out"
    return [Finding(Severity.ERROR, "layers-clash", message, hint, details(lines))]


def _overwritten(runtime: Runtime, layers: Sequence[_Known]) -> list[Finding]:
    seen = [visible(layer.tree, runtime, layer.families) for layer in layers]
    findings = []
    for (earlier, later), lost in overwritten(seen).items():
        before, after = layers[earlier], layers[later]
        owners = _owners(before), _owners(after)
        count = "a file" if len(lost) == 1 else f"{len(lost)} files"
        findings.append(
            Finding(
                Severity.WARNING,
                "layers-overwritten",
                f"the layer `{after.name}` overwrites {count} of the layer `{before.name}` with other content",
                hint="leave out one of the two, or change the order in `layers`: the last one wins",
                details=details([_line(each, *owners) for each in lost]),
            )
        )
    return findings


def _owners(layer: _Known) -> dict[str, Package]:
    return {entry.path: package for package, entry in with_owners(layer.tree, layer.packages) if package}


def _line(lost: Overwritten, before: Mapping[str, Package], after: Mapping[str, Package]) -> str:
    path = lost.before.path
    was, now = (owners.get(path) for owners in (before, after))
    if not was:
        return path
    return f"{path}: {_package(was)} by {_package(now) if now else 'a file of no package'}"


def _package(package: Package) -> str:
    return f"`{package.name}` {package.version}".rstrip()


def _versions(runtime: Runtime, layers: Sequence[_Known]) -> list[Finding]:
    """A warning for each two layers that hold packages in different versions, of which the function sees a mixture."""
    findings = []
    for one, other in combinations(layers, 2):
        in_one, in_other = _seen_packages(one, runtime), _seen_packages(other, runtime)
        lines = [
            f"`{package.name}` {package.version} in `{one.name}`, {twin.version} in `{other.name}`"
            for key, package in in_one.items()
            if (twin := in_other.get(key)) and twin.version != package.version
        ]
        if lines:
            number = "a package" if len(lines) == 1 else f"{len(lines)} packages"
            message = f"the layers `{one.name}` and `{other.name}` hold {number} in different versions"
            hint = "pin one version for both, or make one layer of the two"
            findings.append(Finding(Severity.WARNING, "layers-versions", message, hint, details(lines)))
    return findings


def _seen_packages(layer: _Known, runtime: Runtime) -> dict[tuple[str, str], Package]:
    """The packages that the runtime sees, by where they come from ("pkg:pypi") and their name."""
    sees = sees_in_layers(runtime, layer.families)
    return {
        (package.purl.partition("/")[0], package.name): package
        for package in layer.packages
        if sees(f"{package.root}/{package.name}")
    }


def _extensions(layers: Sequence[_Known]) -> list[Finding]:
    paths = dict.fromkeys(entry.path for layer in layers for entry in extensions_in(layer.tree))
    if len(paths) <= EXTENSIONS:
        return []
    message = f"the layers hold {len(paths)} extensions, and Lambda takes {EXTENSIONS}"
    return [Finding(Severity.ERROR, "extensions-number", message, "leave some out", details(list(paths)))]
