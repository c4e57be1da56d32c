"""A function's files for a custom runtime: the `bootstrap`, and what of the source lies beside it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from ...errors import CheckError, UsageError
from ...model import LeftOut, Target
from ...sources import OwnFiles, Selection, read_source
from ...sources.patterns import Patterns
from ...store import sha256_of
from ...tree import EXECUTABLE, DiskFile, Entry, sort_key
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
            own = _read(place, origin, output)
            return OwnFiles(own.entries, (*own.left_out, _rest(origin)))
        made: tuple[Entry, ...] = (_program(place, origin),)
        sources = command.SOURCES
    else:
        recipe = _recipe(origin, target, ask, output)
        if recipe is None:
            return _read(origin.source, origin, output)
        made, whole = built(recipe, ask, output)
        if whole:
            return OwnFiles(made, (_rest(origin),))
        sources = recipe.sources
    beside = _beside(origin, sources, output)
    kept = (entry for entry in beside.entries if entry.path != BOOTSTRAP)
    return OwnFiles(tuple(sorted((*made, *kept), key=sort_key)), beside.left_out)


def _recipe(origin: Origin, target: Target, ask: Ask, output: Path) -> Recipe | None:
    """How the `bootstrap` is built; None when it is given, or nothing that it could be built from is there."""
    if origin.build:
        return command.recipe(origin, target, ask, output)
    manifest = next((name for name in _BUILDERS if (origin.source / name).is_file()), None)
    if manifest is None and golang.is_in_module(origin.source, ask.project.folder):
        manifest = golang.MANIFEST
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


def _rest(origin: Origin) -> LeftOut:
    """The source, where the user named the folder of it that is the artifact."""
    return LeftOut("./", f"`artifact` is {origin.artifact}")


def _read(folder: Path, origin: Origin, output: Path) -> OwnFiles:
    selection = Selection(origin.include, origin.exclude, output)
    return read_source(folder, selection, follow_links=origin.follow_links)


def _beside(origin: Origin, sources: Iterable[str], output: Path) -> OwnFiles:
    """The files of the source without those that the `bootstrap` is built from, as the patterns know them."""
    own = _read(origin.source, origin, output)
    included = Patterns.of(origin.include, origin="include")
    compiled = Patterns.of(sources, origin=BOOTSTRAP)
    folders = {str(parent) for entry in own.entries for parent in PurePosixPath(entry.path).parents}
    used_up = {folder for folder in folders - {"."} if _is_of_build(origin.source / folder)}
    artifact = posixpath.normpath(origin.artifact) if origin.artifact else None
    kept, gone = [], []
    for entry in own.entries:
        useless = (
            entry.path == artifact
            or _speaks(compiled, entry.path)
            or any(str(parent) in used_up for parent in PurePosixPath(entry.path).parents)
        )
        if useless and not _speaks(included, entry.path):
            gone.append(entry.path)
        else:
            kept.append(entry)
    left_out = [*own.left_out, *(LeftOut(path, _REASON) for path in _whole_folders(gone, kept))]
    return OwnFiles(tuple(kept), tuple(sorted(left_out, key=lambda each: each.path)))


def _is_of_build(folder: Path) -> bool:
    """Whether it is a project that is part of the build, or what CMake made of one."""
    return is_build_folder(folder) or any((folder / manifest).is_file() for manifest in _BUILDERS)


def _speaks(patterns: Patterns, path: str) -> bool:
    """Whether the path or a folder that it is in is meant; the innermost of them that is spoken of decides."""
    parts = path.split("/")
    verdict = patterns.verdict(path, is_folder=False)
    for depth in range(len(parts) - 1, 0, -1):
        if verdict is not None:
            break
        verdict = patterns.verdict("/".join(parts[:depth]), is_folder=True)
    return bool(verdict)


def _whole_folders(gone: Iterable[str], kept: Iterable[Entry]) -> list[str]:
    """The paths, and of a folder of which nothing is kept only the folder."""
    living = {str(parent) for entry in kept for parent in PurePosixPath(entry.path).parents}
    found: dict[str, None] = {}
    for path in gone:
        folders = (str(parent) for parent in reversed(PurePosixPath(path).parents) if parent.name)
        found[next((f"{folder}/" for folder in folders if folder not in living), path)] = None
    return list(found)
