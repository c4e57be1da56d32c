"""The user's own files: which of a folder belong into the artifact, and why the others don't."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .errors import InputError, LpackError
from .model import LeftOut
from .tree import EXECUTABLE, LINK, REGULAR, Content, DiskFile, Entry, unsafe

IGNORE_FILE = ".lpackignore"

_NAMES = {
    "__pycache__": "byte code of another Python",
    "*.pyc": "byte code of another Python",
    "*.pyo": "byte code of another Python",
    ".git": "version control",
    ".hg": "version control",
    ".svn": "version control",
    ".tox": "a tool's own files",
    ".nox": "a tool's own files",
    ".mypy_cache": "a tool's own files",
    ".pytest_cache": "a tool's own files",
    ".ruff_cache": "a tool's own files",
    ".hypothesis": "a tool's own files",
    ".aws-sam": "a tool's own files",
    ".serverless": "a tool's own files",
    ".terraform": "a tool's own files",
    "node_modules": "a tool's own files",
    ".idea": "an editor's files",
    ".vscode": "an editor's files",
    ".DS_Store": "an editor's files",
    "lpack.toml": "lpack's own files",
    "pylock.*.toml": "lpack's own files",
    IGNORE_FILE: "lpack's own files",
}
"""What is left out by its name. Never a shared library, never a folder for what it is merely called."""

_PLAIN_NAMES = {name: reason for name, reason in _NAMES.items() if "*" not in name}
_PATTERNS = {name: reason for name, reason in _NAMES.items() if "*" in name}

Matcher = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a user says about the files of a source folder, in gitignore's patterns.

    ``include`` brings back what any other rule leaves out; ``output`` is the folder that artifacts are written to.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    output: Path | None = None


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """The entries of a source folder, and what was left out: a folder that was left out whole counts once."""

    entries: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...]


def read_source(folder: Path, selection: Selection) -> OwnFiles:
    """The files and links of the folder; InputError names links that are broken or leave it."""
    walk = _Walk(folder, _Rules.of(folder, selection))
    walk.visit("", None)
    _check_links(walk.entries, folder)
    return OwnFiles(tuple(walk.entries), tuple(walk.left_out))


@dataclass(frozen=True, slots=True)
class _Rules:
    include: Matcher | None
    exclude: Matcher | None
    ignored: Matcher | None
    output: Path | None

    @classmethod
    def of(cls, folder: Path, selection: Selection) -> _Rules:
        ignore_file = folder / IGNORE_FILE
        try:
            lines = ignore_file.read_text(encoding="utf-8").splitlines() if ignore_file.is_file() else []
        except UnicodeDecodeError as error:
            raise InputError(f"`{ignore_file}` is not UTF-8") from error
        return cls(
            _matcher(selection.include, "include"),
            _matcher(selection.exclude, "exclude"),
            _matcher(lines, IGNORE_FILE),
            selection.output.resolve() if selection.output else None,
        )

    def reason(self, path: str, place: Path, name: str, *, is_folder: bool) -> str | None:
        """Why a file or folder is left out, or None."""
        asked = f"{path}/" if is_folder else path
        if self.exclude and self.exclude(asked):
            return "exclude"
        if self.ignored and self.ignored(asked):
            return IGNORE_FILE
        if name in _PLAIN_NAMES:
            return _PLAIN_NAMES[name]
        for pattern, reason in _PATTERNS.items():
            if fnmatch.fnmatchcase(name, pattern):
                return reason
        if is_folder:
            if (place / "pyvenv.cfg").is_file():
                return "a virtual environment"
            if self.output and place.resolve() == self.output:
                return "lpack's output"
        elif name.endswith((".zip", ".zip.json")) and _is_artifact(place):
            return "lpack's output"
        return None


def _matcher(patterns: Iterable[str], origin: str) -> Matcher | None:
    lines = [line for line in patterns if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        return None
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    try:
        return GitIgnoreSpec.from_lines(lines).match_file
    except GitIgnorePatternError as error:
        raise InputError(f"`{origin}` holds a pattern that is not one of gitignore's: {error}") from error


def _is_artifact(place: Path) -> bool:
    """Whether a zip, or a file beside one, was made by lpack: its record says so."""
    record = place if place.name.endswith(".json") else place.with_name(f"{place.name}.json")
    try:
        document = json.loads(record.read_bytes()) if record.is_file() else None
    except ValueError:
        return False
    return isinstance(document, dict) and "code_sha256" in document and "lpack" in document


@dataclass(slots=True)
class _Walk:
    folder: Path
    rules: _Rules
    entries: list[Entry] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def visit(self, parent: str, inherited: str | None) -> None:
        """Look at a folder's content; ``inherited`` is why the folder itself is left out, but for what is included."""
        place = self.folder / parent
        try:
            children = sorted(os.scandir(place), key=lambda child: child.name)
        except OSError as error:
            raise LpackError(f"`{place}` can't be read: {error.strerror}") from error
        for child in children:
            path = f"{parent}/{child.name}" if parent else child.name
            is_folder = child.is_dir(follow_symlinks=False)
            reason = inherited or self.rules.reason(path, Path(child.path), child.name, is_folder=is_folder)
            if reason and self.rules.include and not is_folder and self.rules.include(path):
                reason = None
            if reason and not inherited:
                self.left_out.append(LeftOut(f"{path}/" if is_folder else path, reason))
            if is_folder:
                if not reason or self.rules.include:
                    self.visit(path, reason)
            elif not reason:
                self._add(path, child)

    def _add(self, path: str, child: os.DirEntry[str]) -> None:
        problem = unsafe(path)
        if problem:
            raise InputError(f"`{child.path!a}` can't go into an artifact: its name {problem}", hint="rename it")
        if child.is_symlink():
            self.entries.append(Entry(path, LINK, Content.of(_link_target(path, self.folder).encode())))
        elif child.is_file():
            self.entries.append(_file(path, Path(child.path)))
        else:
            self.left_out.append(LeftOut(path, "neither a file nor a folder"))


def _file(path: str, place: Path) -> Entry:
    try:
        with place.open("rb") as file:
            status = os.fstat(file.fileno())
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise LpackError(f"`{place}` can't be read: {error.strerror}") from error
    # Only the owner's right counts: group's and others' depend on the umask of whoever made the checkout.
    mode = EXECUTABLE if status.st_mode & 0o100 else REGULAR
    return Entry(path, mode, DiskFile(place, status.st_size, digest))


def _link_target(path: str, folder: Path) -> str:
    """The link's target, relative to the link; InputError when it is broken or leaves the folder."""
    place = folder / path
    target = str(place.readlink())
    try:
        resolved = place.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"the link `{path}` is broken: there is no `{target}`", hint="mend or remove it, or exclude it"
        ) from error
    if not resolved.is_relative_to(folder.resolve()):
        raise InputError(
            f"the link `{path}` leaves the source: it leads to `{target}`",
            hint="replace it by what it leads to, or exclude it",
        )
    if os.path.isabs(target):  # noqa: PTH117 -- a text, not a place
        inside = Path(target).resolve().relative_to(folder.resolve())
        return posixpath.relpath(inside.as_posix(), posixpath.dirname(path) or ".")
    return target


def _check_links(entries: Sequence[Entry], folder: Path) -> None:
    """A link inside the source may still lead to something that is left out."""
    links = [entry for entry in entries if entry.mode == LINK]
    if not links:
        return
    there = {entry.path for entry in entries}
    there.update(parent for entry in entries for parent in _parents(entry.path))
    for link in links:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(link.path), link.read().decode()))
        if target not in there and target != ".":
            inside = f"`{target}` of `{folder.name}`"
            raise InputError(
                f"the link `{link.path}` leads to {inside}, which is left out",
                hint=f"exclude the link too, or `include` {target}",
            )


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path
