"""Programs built once for each content: they are kept in the store by the hash of what went in."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...download import redacted
from ...errors import CheckError, ToolError
from ...processes import Result, run, shown
from ...sources import Selection, read_source
from ...store import Store, damaged
from ...tree import EXECUTABLE, DiskFile, Entry
from .. import Ask
from .inputs import digest_of
from .origin import BOOTSTRAP

_KIND = "programs"
_FORMAT = 1
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
    """An empty folder to build in, and the way to run programs there: a failing one ends the build.

    ``output`` is the folder of the user's that artifacts are written to, which is part of no program.
    """

    folder: Path
    title: str
    key: bytes
    ask: Ask
    output: Path

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


def compiler_environment(ask: Ask) -> dict[str, str]:
    """The host's variables, with those fixed that would make of the same source another program."""
    return {**ask.host.environ, **_FIXED}


def compiler_settings(ask: Ask, names: Iterable[str] = ()) -> dict[str, str]:
    """The variables by which users tell compilers what to make, as far as they are set."""
    environ = ask.host.environ
    return {name: environ[name] for name in (*_SETTINGS_OF_COMPILERS, *names) if name in environ}


def built(recipe: Recipe, ask: Ask, output: Path) -> tuple[Entry, ...]:
    """What the recipe makes, from the store if it was made before: the `bootstrap`, and what lies beside it."""
    document = [_FORMAT, digest_of(recipe.folders, output), dict(recipe.settings)]
    key = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).digest()
    entries = _kept(key, ask.store)
    if entries is None:
        with ask.store.lock(key.hex()):
            entries = _kept(key, ask.store)
            if entries is None:
                entries = _build(recipe, key, ask, output)
    return entries


def _kept(key: bytes, store: Store) -> tuple[Entry, ...] | None:
    note = store.note(_KIND, key.hex())
    if note is None:
        return None
    entries = []
    for path, mode, size, digest in note:
        sha256 = bytes.fromhex(digest)
        file = store.find(_KIND, key, path)
        if file is None or damaged(file, sha256):
            return None
        entries.append(Entry(path, mode, DiskFile(file, size, sha256)))
    return tuple(entries)


def _build(recipe: Recipe, key: bytes, ask: Ask, output: Path) -> tuple[Entry, ...]:
    ask.reporter.note(f"building {recipe.title}")
    with ask.store.temporary_folder() as folder:
        made = recipe.make(Workshop(folder, recipe.title, key, ask, output))
        entries = _files(made, folder / "result", recipe.title)
        note = []
        for entry in entries:
            ask.store.keep(_KIND, key, entry.path, folder / "result" / entry.path)
            note.append([entry.path, entry.mode, entry.source.size, entry.source.sha256.hex()])
    ask.store.make_note(_KIND, key.hex(), note)
    kept = _kept(key, ask.store)
    if kept is None:
        raise ToolError(f"{recipe.title} was built, and is gone from the store already", hint="run the command again")
    return kept


def _files(made: Path, result: Path, title: str) -> tuple[Entry, ...]:
    """Move what was made to the folder ``result``, where a program is called `bootstrap`; its files."""
    if made.is_dir():
        made.rename(result)
    else:
        result.mkdir()
        shutil.move(made.resolve(), result / BOOTSTRAP)
    entries = read_source(result, Selection(include=("*",)), follow_links=True).entries
    bootstrap = next((entry for entry in entries if entry.path == BOOTSTRAP), None)
    if bootstrap is None:
        raise CheckError(
            f"{title} has no `{BOOTSTRAP}`", hint=f"the folder that `artifact` names must hold `{BOOTSTRAP}`"
        )
    if bootstrap.mode != EXECUTABLE:
        raise CheckError(f"{title} is not executable", hint="let the build make it so: `chmod +x`")
    return entries
