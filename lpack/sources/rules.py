"""What of a source folder is left out: what the user says, what is known by its name, and what it holds."""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from ..errors import InputError, LpackError
from ..store import CACHE_SIGNATURE, CACHE_TAG, is_partial
from .patterns import Patterns

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
    "image-lock.*.json": "lpack's own files",
    IGNORE_FILE: "lpack's own files",
}
"""What is left out by its name. Never a shared library, never a folder for what it is merely called."""

_PLAIN_NAMES = {name: reason for name, reason in _NAMES.items() if "*" not in name}
_NAME_PATTERNS = {name: reason for name, reason in _NAMES.items() if "*" in name}
_OUTPUT = "lpack's output"

Kind = Literal["file", "folder", "link", "other"]


class Selection(NamedTuple):
    """What a user says about the files of a source folder, in gitignore's patterns.

    ``include`` brings back what any other rule leaves out; ``output`` is the folder that artifacts are written to.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    output: Path | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """All that decides about what is left out."""

    include: Patterns
    exclude: Patterns
    ignored: Patterns
    output: os.stat_result | None

    @classmethod
    def of(cls, folder: Path, selection: Selection) -> Rules:
        """The rules for a folder, with those of its ignore file."""
        ignore_file = folder / IGNORE_FILE
        try:
            lines = ignore_file.read_text(encoding="utf-8").splitlines() if ignore_file.is_file() else []
            output = selection.output.stat() if selection.output and selection.output.exists() else None
        except UnicodeDecodeError as error:
            raise InputError(f"`{ignore_file}` is not UTF-8") from error
        except OSError as error:
            raise LpackError(f"`{error.filename}` can't be read: {error.strerror}") from error
        return cls(
            Patterns.of(selection.include, origin="include"),
            Patterns.of(selection.exclude, origin="exclude"),
            Patterns.of(lines, origin=IGNORE_FILE),
            output,
        )

    def reason(self, path: str, child: os.DirEntry[str], kind: Kind) -> str | None:
        """Why something is left out, or None."""
        if self.exclude.verdict(path, is_folder=kind == "folder"):
            return "exclude"
        if self.ignored.verdict(path, is_folder=kind == "folder"):
            return IGNORE_FILE
        if child.name in _PLAIN_NAMES:
            return _PLAIN_NAMES[child.name]
        for pattern, reason in _NAME_PATTERNS.items():
            if fnmatch.fnmatchcase(child.name, pattern):
                return reason
        if is_partial(child.name):
            return _OUTPUT
        if kind != "file":
            return self._reason_of_folder(Path(child.path))
        if child.name.endswith((".zip", ".zip.json")) and _is_artifact(Path(child.path)):
            return _OUTPUT
        return None

    def _reason_of_folder(self, place: Path) -> str | None:
        try:
            status = place.stat()
        except OSError:
            return None  # a broken link; reading it tells more
        if self.output and os.path.samestat(status, self.output):
            return _OUTPUT
        if _starts_with(place / "pyvenv.cfg", b""):
            return "a virtual environment"
        if _starts_with(place / CACHE_TAG, CACHE_SIGNATURE):
            return "a cache"
        return None


def _starts_with(file: Path, start: bytes) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(len(start)) == start
    except OSError:
        return False  # it is not there, or not for us


def _is_artifact(place: Path) -> bool:
    """Whether a zip, or a file beside one, was made by lpack: its record says so."""
    record = place if place.name.endswith(".json") else place.with_name(f"{place.name}.json")
    try:
        document = json.loads(record.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and "code_sha256" in document and "lpack" in document
