"""The keys of lpack's configuration: which may stand in which table, and what reads their values.

A reader takes a value and its place, and gives what stands for it, or None after noting a problem. The tables at the
end of this file list them all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ..aws.architectures import ARCHITECTURES, ARM64, X86_64, Architecture
from ..aws.limits import (
    LAYER_DESCRIPTION_CHARACTERS,
    LAYER_LICENSE_CHARACTERS,
    LAYER_NAME,
    LAYER_NAME_CHARACTERS,
    LAYER_VERSION_ARN,
    LAYERS,
)
from ..aws.runtimes import RUNTIMES, Family, Runtime, nearest_runtimes
from ..tree import unsafe
from ..values import (
    NOT_YET,
    Place,
    Reader,
    alternatives,
    kind_of,
    quoted,
    read_each,
    read_folder,
    read_line,
    read_names,
    read_some,
    read_switch,
    read_table,
    read_text,
    read_texts,
    read_whole_number,
    typed,
)
from .building import read_build
from .images import IMAGE_KEYS
from .packages import fit_packages, read_requirements, read_trim
from .publish import read_publish
from .tests import read_tests

SUPPORTED_FAMILIES: frozenset[Family] = frozenset({"python", "nodejs", "java", "provided"})
"""The families of runtimes that this version of lpack builds for."""


class LayerArn(NamedTuple):
    """A layer version that exists in AWS; ``unzipped_size`` is in bytes, None when nobody said."""

    arn: str
    unzipped_size: int | None = None


class Bundle(NamedTuple):
    """How esbuild bundles a Node.js function; ``external`` packages are installed beside the bundle instead."""

    minify: bool = False
    source_map: bool = False
    external: tuple[str, ...] = ()


_OTHER_ARCHITECTURE_NAMES: dict[str, Architecture] = {
    **dict.fromkeys(("x86-64", "x64", "amd64"), X86_64),
    **dict.fromkeys(("aarch64", "arm"), ARM64),
}


def read_project(value: Any, place: Place) -> dict[str, Any]:
    """The values of the whole configuration, table by table; the problems are in ``place``."""
    return read_table(value, place, TOP_KEYS, advice=_misplaced)


def _misplaced(key: str, place: Place) -> str | None:
    if key not in FUNCTION_KEYS:
        return None
    return f"belongs in `[{place.key('defaults').path}]` or in a `[{place.key('function').path}.NAME]`"


def _functions(value: Any, place: Place) -> dict[str, dict[str, Any]]:
    functions = {}
    for name, table in (typed(value, dict, place) or {}).items():
        here = place.key(name)
        if name in {"", ".", ".."} or re.search(r"[/\\]", name) or not name.isprintable() or len(name.encode()) > 200:
            here.problem("can't be the name of a file, as a function's name must be; use letters, digits, `-` and `_`")
        if typed(table, dict, here) is not None:
            functions[name] = _function_table(table, here)
    return functions


def _function_table(value: Any, place: Place) -> dict[str, Any]:
    return read_table(value, place, FUNCTION_KEYS)


def _layers(value: Any, place: Place) -> dict[str, dict[str, Any]]:
    layers = {}
    for name, table in (typed(value, dict, place) or {}).items():
        here = place.key(name)
        if not LAYER_NAME.fullmatch(name) or len(name) > LAYER_NAME_CHARACTERS:
            here.problem(
                f"can't be the name of a layer: use letters, digits, `-` and `_`, at most {LAYER_NAME_CHARACTERS}"
            )
        if typed(table, dict, here) is not None:
            layers[name] = read_layer(table, here)
    return layers


def read_layer(value: Any, place: Place) -> dict[str, Any]:
    """The values of a layer's table; the problems are in ``place``."""
    values = read_table(value, place, LAYER_KEYS)
    if "runtimes" not in value:
        place.key("runtimes").problem('is missing; write, for example, runtimes = ["python3.13"]')
    asks = values.get("requirements") is not None
    families = {runtime.family for runtime in values.get("runtimes", ())}
    if asks and len(families) > 1:
        place.key("runtimes").problem(
            f"are of different languages ({alternatives(sorted(families), 'and')}), and one "
            "layer's `requirements` are packages of one"
        )
    elif asks and not families <= SUPPORTED_FAMILIES:
        place.key("requirements").problem(f"for {families.pop()} runtimes are {NOT_YET}")
    if "requirements" not in value and "source" not in value:
        place.problem("has neither `requirements` nor `source`: a layer without files is none")
    if asks and len(families) == 1:
        note_keys_of_others(value, values["runtimes"][0], place)
        values = fit_packages(values, families.pop(), place.key)
    for key in _ABOUT_PACKAGES if "requirements" not in value else ():
        if key in value:
            place.key(key).problem("is about packages, and the layer has no `requirements`")
    return values


def note_keys_of_others(values: Mapping[str, Any], runtime: Runtime, place: Place) -> None:
    """Note the keys that mean nothing to the runtime's language."""
    for key, families in KEYS_OF_FAMILIES.items():
        if key in values and runtime.family not in families:
            known = " and ".join(families)
            place.key(key).problem(f"is for {known} runtimes, not for {runtime}")


def _runtime(value: Any, place: Place) -> Runtime | None:
    runtime = _any_runtime(value, place)
    if runtime and runtime.family not in SUPPORTED_FAMILIES:
        place.problem(f"names `{runtime}`, which is {NOT_YET}")
    return runtime


def _any_runtime(value: Any, place: Place) -> Runtime | None:
    name = read_text(value, place)
    runtime = RUNTIMES.get(name or "")
    if name and runtime is None:
        place.problem(f"names {quoted(name)}, which is not a Lambda runtime; {nearest_runtimes(name)}")
    return runtime


def _runtimes(value: Any, place: Place) -> tuple[Runtime, ...]:
    return read_some(_any_runtime, value, place)


def _architectures(value: Any, place: Place) -> tuple[Architecture, ...]:
    return read_some(_architecture, value, place)


def _architecture(value: Any, place: Place) -> Architecture | None:
    name = read_text(value, place)
    if name is None or name in ARCHITECTURES:
        return ARCHITECTURES[name] if name else None
    meant = _OTHER_ARCHITECTURE_NAMES.get(name.lower()) or ARCHITECTURES.get(name.lower())
    hint = f"did you mean `{meant}`?" if meant else f"Lambda has {alternatives(ARCHITECTURES, 'and')}"
    place.problem(f"names {quoted(name)}, which is not a Lambda architecture; {hint}")
    return None


def _function_layers(value: Any, place: Place) -> tuple[str | LayerArn, ...]:
    layers: tuple[str | LayerArn, ...] = read_each(_function_layer, value, place)
    names = [layer.arn if isinstance(layer, LayerArn) else layer for layer in layers]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            place.problem(f"names {quoted(name)} twice")
    if len(set(names)) > LAYERS:
        place.problem(f"names {len(set(names))} layers, and a function can have {LAYERS}")
    return layers


def _function_layer(value: Any, place: Place) -> str | LayerArn | None:
    if isinstance(value, dict):
        values = read_table(value, place, _LAYER_ARN_KEYS)
        if "arn" not in values:
            place.problem('needs an `arn`; a layer of this project is named by a string: layers = ["NAME"]')
        return LayerArn(values["arn"], values.get("unzipped-size")) if values.get("arn") else None
    if not isinstance(value, str):
        place.problem(f"must be a layer's name, its ARN, or a table with `arn`, not {kind_of(value)}")
        return None
    if value.lower().startswith("arn:"):
        return LayerArn(value) if _arn(value, place) else None
    return read_text(value, place)


def _arn(value: Any, place: Place) -> str | None:
    arn = read_text(value, place)
    if arn is None or LAYER_VERSION_ARN.fullmatch(arn):
        return arn
    if LAYER_VERSION_ARN.fullmatch(f"{arn}:1"):
        place.problem(f"names {quoted(arn)}, which lacks the layer's version: write {quoted(f'{arn}:1')}, say")
    else:
        example = "arn:aws:lambda:eu-west-1:123456789012:layer:NAME:1"
        place.problem(f"names {quoted(arn)}, which is not the ARN of a layer version, such as `{example}`")
    return None


def _size(value: Any, place: Place) -> int | None:
    size = read_whole_number(value, place)
    if size is not None and size < 0:
        place.problem("must not be negative")
    return size


def _sources(value: Any, place: Place) -> tuple[tuple[str, Path], ...]:
    """Folders of the layer, with "" for its root, and the folders of the project whose files go there."""
    if isinstance(value, str):
        folder = read_folder(value, place)
        return (("", folder),) if folder else ()
    if not isinstance(value, dict):
        place.problem(f"must be a folder, or a table of the layer's folders, not {kind_of(value)}")
        return ()
    if not value:
        place.problem("must not be empty")
    found = []
    for name, item in value.items():
        here = place.key(name)
        inside = name.rstrip("/")
        reason = unsafe(inside)
        if reason:
            here.problem(f"can't be a folder of a layer: it {reason}")
        folder = read_folder(item, here)
        if folder and not reason:
            found.append((inside, folder))
    return tuple(found)


def _description(value: Any, place: Place) -> str | None:
    return read_line(value, place, LAYER_DESCRIPTION_CHARACTERS)


def _license(value: Any, place: Place) -> str | None:
    return read_line(value, place, LAYER_LICENSE_CHARACTERS)


def _bundle(value: Any, place: Place) -> Bundle | Literal[False] | None:
    """How to bundle; False when it is not wanted, although the handler is TypeScript."""
    if isinstance(value, bool):
        return Bundle() if value else False
    if not isinstance(value, dict):
        place.problem(f"must be a boolean or a table, not {kind_of(value)}")
        return None
    values = read_table(value, place, _BUNDLE_KEYS)
    return Bundle(**{key.replace("-", "_"): item for key, item in values.items() if item is not None})


def _command(value: Any, place: Place) -> tuple[str, ...]:
    if value == []:
        place.problem("must not be empty")
    return read_texts(value, place)


def _libraries(value: Any, place: Place) -> frozenset[str]:
    return frozenset(read_texts(value, place))


def _environment(value: Any, place: Place) -> dict[str, str]:
    variables = typed(value, dict, place) or {}
    for name, item in variables.items():
        if type(item) in {int, float, bool}:
            place.key(name).problem(f"must be a string, not {kind_of(item)}: write it as a string, in quotes")
        else:
            typed(item, str, place.key(name))
    return variables


FUNCTION_KEYS: dict[str, Reader] = {
    "runtime": _runtime,
    "architecture": _architecture,
    "source": read_folder,
    "handler": read_text,
    "requirements": read_requirements,
    "extras": read_names,
    "groups": read_names,
    "include": read_texts,
    "exclude": read_texts,
    "exclude-packages": read_texts,
    "environment": _environment,
    "memory": read_whole_number,
    "timeout": read_whole_number,
    "ephemeral-storage": read_whole_number,
    "provided-libraries": _libraries,
    "trim": read_trim,
    "layers": _function_layers,
    "bundle": _bundle,
    "artifact": read_text,
    "build": _command,
    "tests": read_tests,
    **IMAGE_KEYS,
}

KEYS_OF_FAMILIES: dict[str, tuple[Family, ...]] = {
    "requirements": ("python", "nodejs", "java"),
    "extras": ("python",),
    "groups": ("python",),
    "exclude-packages": ("python", "nodejs", "java"),
    "trim": ("python", "nodejs"),
    "bundle": ("nodejs",),
    "artifact": ("java", "provided"),
    "build": ("java", "provided"),
}
"""The keys that only some languages know."""

LAYER_KEYS: dict[str, Reader] = {
    "runtimes": _runtimes,
    "architectures": _architectures,
    "source": _sources,
    "requirements": read_requirements,
    "extras": read_names,
    "groups": read_names,
    "include": read_texts,
    "exclude": read_texts,
    "exclude-packages": read_texts,
    "trim": read_trim,
    "provided-libraries": _libraries,
    "per-runtime": read_switch,
    "description": _description,
    "license": _license,
}

_BUNDLE_KEYS: dict[str, Reader] = {"minify": read_switch, "source-map": read_switch, "external": read_texts}

_ABOUT_PACKAGES = ("extras", "groups", "exclude-packages", "trim")

_LAYER_ARN_KEYS: dict[str, Reader] = {"arn": _arn, "unzipped-size": _size}

TOP_KEYS: dict[str, Reader] = {
    "defaults": _function_table,
    "function": _functions,
    "build": read_build,
    "layer": _layers,
    "publish": read_publish,
}
