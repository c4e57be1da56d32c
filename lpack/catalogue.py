"""The catalogue: recipes of layers that come with lpack, and how they get into a project."""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import re
import shutil
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from .aws.architectures import X86_64, Architecture
from .aws.runtimes import Runtime
from .config import OWN_FILE, Layer, Project, configurations, find, layer_from, read_toml
from .config.keys import read_project
from .errors import ConfigError, LpackError, UsageError
from .model import Target
from .store import replacing
from .values import Place, alternatives, quoted

_RECIPE_FILE = "layer.toml"

_INSTALLED = Path(__file__).parent / "_layers"
_IN_CHECKOUT = Path(__file__).parent.parent / "layers"

_PURPOSE = re.compile(r'purpose = """\n.*?\n"""\n+', re.DOTALL)
"""How a recipe begins; what follows is the text of a layer's table in lpack.toml."""

_COMMENT_COLUMNS = 100

_T = TypeVar("_T", Runtime, Architecture)


class Recipe(NamedTuple):
    """A layer of the catalogue.

    ``purpose`` says in a few sentences what it is for, ``text`` is the body of its table in lpack.toml, and ``folder``
    holds the recipe with the files of its own, if it has any.
    """

    layer: Layer
    purpose: str
    text: str
    folder: Path

    @property
    def name(self) -> str:
        """The layer's name, which is the folder's."""
        return self.layer.name


class Addition(NamedTuple):
    """What was added to a project: the layers, now in the file that configures it, and the files that they brought."""

    file: Path
    layers: tuple[Layer, ...]
    copied: tuple[Path, ...]


def recipes() -> tuple[Recipe, ...]:
    """The whole catalogue, sorted by name."""
    return tuple(map(_read, _folders().values()))


def recipe(name: str) -> Recipe:
    """The recipe of that name; UsageError offers the nearest."""
    folders = _folders()
    if name not in folders:
        near = difflib.get_close_matches(name, folders, n=1)
        hint = f"did you mean {alternatives(near)}?" if near else f"it has {alternatives(folders, 'and')}"
        raise UsageError(f"{quoted(name)} is not in the catalogue of layers", hint=hint)
    return _read(folders[name])


def recipe_project(
    folder: Path, names: Sequence[str], *, runtimes: Collection[str] = (), architectures: Collection[str] = ()
) -> Project:
    """A project with the layers of these recipes alone, as if an lpack.toml in the folder had them.

    They are for the runtimes and architectures named, or for all of their own; UsageError for one that a recipe lacks.
    """
    layers = tuple(_narrowed(recipe(name).layer, runtimes, architectures) for name in dict.fromkeys(names))
    folder = folder.resolve()
    return Project(folder, folder / OWN_FILE, functions=(), layers=layers)


def add(
    folder: Path, names: Sequence[str], *, runtimes: Collection[str] = (), architectures: Collection[str] = ()
) -> Addition:
    """Put recipes into the configuration of the project in the folder, or begin an lpack.toml with them.

    They are for the runtimes and architectures named, else for those of the project's functions, else for all of their
    own. The text of the recipe, with its comments, is put below what is there, of which not a byte changes; files of
    its own go to ``layers/<name>``. UsageError or ConfigError, with nothing written, when a name is taken, a file would
    be overwritten, or the configuration has mistakes.
    """
    folder = folder.resolve()
    file, tables = folder / OWN_FILE, {}
    if configurations(folder):
        file = find(folder)
        tables = _tables(file)
    chosen = [recipe(name) for name in dict.fromkeys(names)]
    for each in chosen:
        for kind in ("layer", "function"):
            if each.name in tables.get(kind, {}):
                raise UsageError(f"`{file}` has a {kind} `{each.name}` already", hint="rename it, or change it there")
    targets = tuple(_targets(tables))
    layers = [_fitting(each.layer, targets, runtimes, architectures) for each in chosen]
    try:
        with contextlib.ExitStack() as undo:
            copied = tuple(path for each in chosen for path in _copied(each, folder, undo))
            before = file.read_bytes() if file.exists() else b""
            after = _appended(before, [_table(*pair, file) for pair in zip(chosen, layers, strict=True)])
            added = _proved(after, file, [each.name for each in chosen])
            _write(file, after)
            undo.pop_all()
    except OSError as error:
        raise LpackError(f"`{error.filename}` can't be written: {error.strerror}") from error
    return Addition(file, added, copied)


def _folders() -> dict[str, Path]:
    catalogue = _INSTALLED if _INSTALLED.is_dir() else _IN_CHECKOUT
    return {file.parent.name: file.parent for file in sorted(catalogue.glob(f"*/{_RECIPE_FILE}"))}


def _read(folder: Path) -> Recipe:
    file = folder / _RECIPE_FILE
    document = read_toml(file)
    purpose = " ".join(document.pop("purpose").split())
    layer = layer_from(document, folder.name, folder=folder, file=file)
    return Recipe(layer, purpose, _PURPOSE.sub("", file.read_text(encoding="utf-8"), count=1), folder)


# For which targets


def _fitting(
    layer: Layer, targets: Sequence[Target], runtimes: Collection[str], architectures: Collection[str]
) -> Layer:
    """The layer for what is asked for, else for what the targets need of it."""
    needed_runtimes = {target.runtime.name for target in targets if target.runtime in layer.runtimes}
    needed_architectures = {each.architecture.name for each in targets if each.architecture in layer.architectures}
    return _narrowed(layer, runtimes or needed_runtimes, architectures or needed_architectures)


def _narrowed(layer: Layer, runtimes: Collection[str], architectures: Collection[str]) -> Layer:
    return layer._replace(
        runtimes=_chosen(layer.runtimes, runtimes, layer.name),
        architectures=_chosen(layer.architectures, architectures, layer.name),
    )


def _chosen(known: tuple[_T, ...], names: Collection[str], layer: str) -> tuple[_T, ...]:
    by_name = {each.name: each for each in known}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise UsageError(
            f"`{layer}` of the catalogue is not for {alternatives(unknown)}",
            hint=f"it is for {alternatives(by_name, 'and')}",
        )
    return tuple(each for each in known if not names or each.name in names)


# Into the project


def _tables(file: Path) -> dict[str, Any]:
    """What the file configures so far, each table by itself: a function may name a layer that is yet to be added."""
    place = Place("" if file.name == OWN_FILE else "tool.lpack", file.parent, [])
    tables = read_project(_own_part(read_toml(file), file), place)
    if place.problems:
        raise ConfigError(str(file), place.problems)
    return tables


def _own_part(document: dict[str, Any], file: Path) -> dict[str, Any]:
    part: dict[str, Any] = document if file.name == OWN_FILE else document["tool"]["lpack"]
    return part


def _targets(tables: Mapping[str, Any]) -> Iterator[Target]:
    for own in tables.get("function", {}).values():
        values = {**tables.get("defaults", {}), **own}
        if "runtime" in values:
            yield Target(values["runtime"], values.get("architecture", X86_64))


def _copied(recipe: Recipe, folder: Path, undo: contextlib.ExitStack) -> Iterator[Path]:
    """Copy the files of the recipe's own; the copies."""
    files = [path.relative_to(recipe.folder) for path in sorted(recipe.folder.glob("*/**/*")) if path.is_file()]
    if not files:
        return
    target = folder / _place_of_files(recipe)
    if os.path.lexists(target):
        raise UsageError(f"`{target}` exists already", hint="move it away: nothing is overwritten")
    missing = [path for path in (target.parent, target) if not path.exists()]
    undo.callback(shutil.rmtree, missing[0], ignore_errors=True)
    for path in files:
        if "__pycache__" not in path.parts:  # which the installation of lpack leaves
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(recipe.folder / path, target / path)
            yield target / path


def _place_of_files(recipe: Recipe) -> str:
    return f"layers/{recipe.name}"


def _table(recipe: Recipe, layer: Layer, file: Path) -> str:
    """The table to append to the file: the recipe's text, for the targets of the layer."""
    lines = {
        "runtimes": json.dumps([runtime.name for runtime in layer.runtimes]),
        "architectures": json.dumps([architecture.name for architecture in layer.architectures]),
    }
    text = recipe.text
    for key, value in lines.items():
        text = re.sub(rf"^{key} = \[[^]]*]", f"{key} = {value}", text, flags=re.MULTILINE)
    for _, path in recipe.layer.source:
        inside = path.relative_to(recipe.folder).as_posix()
        text = text.replace(f'"{inside}"', f'"{_place_of_files(recipe)}/{inside}"')
    purpose = textwrap.fill(recipe.purpose, _COMMENT_COLUMNS, initial_indent="# ", subsequent_indent="# ")
    root = "layer" if file.name == OWN_FILE else "tool.lpack.layer"
    return f"{purpose}\n[{root}.{recipe.name}]\n{text}"


def _appended(before: bytes, tables: Sequence[str]) -> bytes:
    line_end = b"\r\n" if b"\r\n" in before else b"\n"
    between = b"" if not before else line_end if before.endswith(b"\n") else 2 * line_end
    return before + between + "\n".join(tables).encode().replace(b"\n", line_end)


def _proved(text: bytes, file: Path, names: Sequence[str]) -> tuple[Layer, ...]:
    """The layers of these names in what is to be the text of the file; UsageError when it can't be."""
    import tomli

    try:
        document = tomli.loads(text.decode("utf-8-sig"))
    except tomli.TOMLDecodeError as error:
        raise UsageError(
            f"`{file}` can't be added to as it is written: {error.msg}",
            hint="write its layers as tables of their own, `[layer.NAME]`",
        ) from error
    layers = _own_part(document, file)["layer"]
    return tuple(layer_from(layers[name], name, folder=file.parent, file=file) for name in names)


def _write(file: Path, text: bytes) -> None:
    place = file.resolve()  # of a link, what it leads to changes
    mode = place.stat().st_mode if place.exists() else None
    with replacing(place) as partial:
        partial.write(text)
        if mode is not None:
            Path(partial.name).chmod(mode)
