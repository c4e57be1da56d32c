"""A function's files for a custom runtime: the `bootstrap`, and what of the source lies beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ...errors import CheckError, UsageError
from ...model import LeftOut, Target
from ...sources import OwnFiles, Selection, read_source
from ...sources.patterns import Patterns
from ...store import sha256_of
from ...tree import EXECUTABLE, DiskFile, Entry
from .. import Ask
from . import cmake, command, golang, rust
from .building import Recipe, built
from .inputs import is_build_folder
from .origin import BOOTSTRAP, Origin

_BUILDERS: dict[str, Callable[[Origin, Target, Ask, Path], Recipe]] = {
    golang.MANIFEST: golang.recipe,
    rust.MANIFEST: rust.recipe,
    cmake.MANIFEST: cmake.recipe,
}
"""What builds a source, by the file at its root that says so, in the order in which they are looked for."""

_REASON = "what `bootstrap` is built from"


def files_of(origin: Origin, target: Target, ask: Ask, output: Path) -> OwnFiles:
    """The files of an artifact as they lie in it; ``output`` is never part of them."""
    if origin.artifact and not origin.build:
        place = origin.source / origin.artifact
        if place.is_dir():
            return _folder_alone(origin, place, output)
        made: tuple[Entry, ...] = (_program(place, origin),)
        compiled = command.SOURCES
    else:
        recipe = _recipe(origin, target, ask, output)
        if recipe is None:
            return read_source(origin.source, Selection(origin.include, origin.exclude, output))
        made = built(recipe, ask, output)
        compiled = recipe.sources
    beside = _beside(origin, compiled, output)
    taken = {entry.path for entry in made}
    kept = tuple(entry for entry in beside.entries if entry.path not in taken)
    return OwnFiles(tuple(sorted((*made, *kept), key=lambda entry: entry.path.encode())), beside.left_out)


def _recipe(origin: Origin, target: Target, ask: Ask, output: Path) -> Recipe | None:
    """How the `bootstrap` is built; None when it is given, or nothing that it could be built from is there."""
    if origin.build:
        return command.recipe(origin, target, ask, output)
    manifest = next((name for name in _BUILDERS if (origin.source / name).is_file()), None)
    if manifest is None:
        return None
    if (origin.source / BOOTSTRAP).is_file():
        ask.reporter.note(
            f"`{origin.name}`: the `{BOOTSTRAP}` in `{origin.source}` is taken as it is; "
            f"without it, one would be built from {manifest}"
        )
        return None
    return _BUILDERS[manifest](origin, target, ask, output)


def _program(place: Path, origin: Origin) -> Entry:
    """The program that the user built, in its place in the artifact."""
    try:
        mode = place.stat().st_mode
        file = DiskFile(place, place.stat().st_size, sha256_of(place))
    except OSError as error:
        raise UsageError(
            f"`artifact` of `{origin.name}`, `{place}`, can't be read: {error.strerror}",
            hint="build it first, or let lpack do it: `build` is the command",
        ) from error
    if not mode & 0o100:
        raise CheckError(f"`{place}` is not executable", hint=f"run `chmod +x {place}`")
    return Entry(BOOTSTRAP, EXECUTABLE, file)


def _folder_alone(origin: Origin, folder: Path, output: Path) -> OwnFiles:
    """The files of the folder that the user built."""
    own = read_source(folder, Selection(origin.include, origin.exclude, output))
    rest = f"`artifact` is {origin.artifact}"
    return OwnFiles(own.entries, (*own.left_out, LeftOut("./", rest)))


def _beside(origin: Origin, sources: Iterable[str], output: Path) -> OwnFiles:
    """The files of the source without those that the `bootstrap` is built from, as the patterns know them."""
    own = read_source(origin.source, Selection(origin.include, origin.exclude, output))
    compiled = Patterns.of(sources, origin=BOOTSTRAP)
    included = Patterns.of(origin.include, origin="include")
    kept, gone = [], []
    for entry in own.entries:
        if _speaks(included, entry.path) or not (_speaks(compiled, entry.path) or _was_built(entry, origin)):
            kept.append(entry)
        else:
            gone.append(entry.path)
    left_out = [*own.left_out, *(LeftOut(path, _REASON) for path in _whole_folders(gone, kept))]
    return OwnFiles(tuple(kept), tuple(sorted(left_out, key=lambda each: each.path)))


def _speaks(patterns: Patterns, path: str) -> bool:
    """Whether the path or a folder that it is in is meant; the innermost of them that is spoken of decides."""
    parts = path.split("/")
    verdict = patterns.verdict(path, is_folder=False)
    for depth in range(len(parts) - 1, 0, -1):
        if verdict is not None:
            break
        verdict = patterns.verdict("/".join(parts[:depth]), is_folder=True)
    return bool(verdict)


def _was_built(entry: Entry, origin: Origin) -> bool:
    """Whether it is the program that becomes the `bootstrap`, or lies where CMake built something."""
    if entry.path == origin.artifact:
        return True
    place = origin.source / entry.path
    return any(is_build_folder(folder) for folder in place.parents if folder.is_relative_to(origin.source))


def _whole_folders(gone: Iterable[str], kept: Iterable[Entry]) -> list[str]:
    """The paths, where of a folder of which nothing is kept there is only the folder."""
    living = {
        "/".join(parts[:depth]) for entry in kept for parts in [entry.path.split("/")] for depth in range(len(parts))
    }
    found: dict[str, None] = {}
    for path in gone:
        parts = path.split("/")
        whole = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
        found[next((f"{folder}/" for folder in whole if folder not in living), path)] = None
    return list(found)
