"""Programs built once for each content: they are kept in the store by the hash of what went in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ...download import redacted
from ...errors import CheckError, ToolError
from ...processes import Result, run, shown
from ...sources import Selection, read_source
from ...store import Store, damaged, sha256_of
from ...tree import EXECUTABLE, REGULAR, DiskFile, Entry
from .. import Ask
from .inputs import digest_of
from .origin import BOOTSTRAP

_KIND = "programs"
_FORMAT = 2
"""A new number when the same inputs are to make another program."""

_FIXED = {"SOURCE_DATE_EPOCH": "315532800", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
"""The time is 1980-01-01, the first day that a zip can hold."""

_SETTINGS_OF_COMPILERS = ("CC", "CXX", "CPPFLAGS", "CFLAGS", "CXXFLAGS", "LDFLAGS", "MAKEFLAGS", "RUSTFLAGS")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a `bootstrap` is built.

    ``title`` is how messages call it. ``folders`` hold all that it is built from, and ``settings`` are all that decides
    about its bytes besides: versions, options, the target. ``make`` builds it, and returns the program or the folder
    that it made. ``sources`` are gitignore's patterns of what is of no use beside the finished program.
    """

    title: str
    folders: tuple[Path, ...]
    settings: Mapping[str, Any]
    make: Callable[[Workshop], Path]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Workshop:
    """An empty folder to build in, and the way to run programs there: a failing one ends the build."""

    folder: Path
    title: str
    key: bytes
    ask: Ask

    def run(self, command: Sequence[str | Path], *, folder: Path, environ: Mapping[str, str]) -> str:
        """What the program prints; ToolError, with its exit code and its last lines, when it fails."""
        result = run(command, folder=folder, environ=environ)
        if result.exit_code != 0:
            raise self._failed(command, result)
        return result.stdout

    def _failed(self, command: Sequence[str | Path], result: Result) -> ToolError:
        """The error, with the end of what was printed; all of it is kept in the store."""
        text = redacted(f"{shown(command)}\n\n{result.stdout}\n{result.stderr}")
        log = self.folder / "build.log"
        log.write_text(text, encoding="utf-8")
        kept = self.ask.store.keep("logs", self.key, log.name, log)
        here = f"{self.folder}/"
        return ToolError(
            f"{self.title} can't be built: `{Path(command[0]).name}` ended with exit code {result.exit_code}",
            hint=f"all that it printed is in `{kept}`",
            details=[redacted(line).replace(here, "") for line in (shown(command), *result.last_lines())],
        )


class Product(NamedTuple):
    """What was built: the files as they lie in the artifact, and whether a folder was made, which is all there is."""

    entries: tuple[Entry, ...]
    whole: bool


def compiler_environment(ask: Ask) -> dict[str, str]:
    """The host's variables, with those fixed that would make of the same source another program."""
    return {**ask.host.environ, **_FIXED}


def compiler_settings(ask: Ask, names: Iterable[str] = ()) -> dict[str, str]:
    """The variables by which users tell compilers what to make, as far as they are set."""
    environ = ask.host.environ
    return {name: environ[name] for name in (*_SETTINGS_OF_COMPILERS, *names) if name in environ}


def built(recipe: Recipe, ask: Ask, output: Path) -> Product:
    """What the recipe makes, from the store if it was made before."""
    document = [_FORMAT, digest_of(recipe.folders, output), dict(recipe.settings)]
    key = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).digest()
    product = _kept(key, ask.store)
    if product is None:
        with ask.store.lock(key.hex()):
            product = _kept(key, ask.store)
            if product is None:
                product = _build(recipe, key, ask)
    return product


def _kept(key: bytes, store: Store) -> Product | None:
    note = store.note(_KIND, key.hex())
    if note is None:
        return None
    entries = []
    for path, mode, size, digest in note["files"]:
        sha256 = bytes.fromhex(digest)
        file = store.find(_KIND, key, path)
        if file is None or damaged(file, sha256):
            return None
        entries.append(Entry(path, mode, DiskFile(file, size, sha256)))
    return Product(tuple(entries), note["whole"])


def _build(recipe: Recipe, key: bytes, ask: Ask) -> Product:
    ask.reporter.note(f"building {recipe.title}")
    with ask.store.temporary_folder() as folder:
        made = recipe.make(Workshop(folder, recipe.title, key, ask))
        entries, whole = _entries(made, recipe.title), made.is_dir()
        for entry in entries:
            with ask.store.writing(_KIND, key, entry.path) as file:
                file.writelines(entry.source.chunks())
    files = [[entry.path, entry.mode, entry.source.size, entry.source.sha256.hex()] for entry in entries]
    ask.store.make_note(_KIND, key.hex(), {"files": files, "whole": whole})
    kept = _kept(key, ask.store)
    if kept is None:
        raise ToolError(f"{recipe.title} was built, and is gone from the store already", hint="run the command again")
    return kept


def _entries(made: Path, title: str) -> tuple[Entry, ...]:
    """The program as the `bootstrap`, or the files of the folder, which must hold one."""
    if made.is_dir():
        entries = read_source(made, Selection(include=("*",)), follow_links=True).entries
    else:
        mode = EXECUTABLE if made.stat().st_mode & 0o100 else REGULAR
        entries = (Entry(BOOTSTRAP, mode, DiskFile(made, made.stat().st_size, sha256_of(made))),)
    bootstrap = next((entry for entry in entries if entry.path == BOOTSTRAP), None)
    if bootstrap is None:
        raise CheckError(
            f"{title} has no `{BOOTSTRAP}`", hint=f"the folder that `artifact` names must hold `{BOOTSTRAP}`"
        )
    if bootstrap.mode != EXECUTABLE:
        raise CheckError(f"{title} is not executable", hint="let the build make it so: `chmod +x`")
    return entries
