"""The files that a build tool may read, and a copy of them to build in: the user's folders are only read."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError
from ...sources import Selection, read_source
from ...store import sha256_of
from ...tree import EXECUTABLE, DiskFile


class Counted(NamedTuple):
    """A file that counts: its path in the copy, where it is, its digest, and whether it may be executed."""

    path: str
    place: Path
    sha256: bytes
    executable: bool


def files_in(folder: Path, root: Path, *, exclude: Sequence[str]) -> list[Counted]:
    """The files below a folder that lies in ``root``; links are followed.

    ``exclude`` are gitignore's patterns, relative to the folder. InputError for what can't be read.
    """
    prefix = folder.relative_to(root).as_posix()
    found = read_source(folder, Selection(exclude=exclude), follow_links=True)
    return [
        Counted(
            path=entry.path if prefix == "." else f"{prefix}/{entry.path}",
            place=entry.source.path,
            sha256=entry.source.sha256,
            executable=entry.mode == EXECUTABLE,
        )
        for entry in found.entries
        if isinstance(entry.source, DiskFile)
    ]


def one_file(file: Path, root: Path) -> Counted:
    """A single file that lies in ``root``; InputError when it can't be read."""
    try:
        executable = bool(file.stat().st_mode & 0o100)
        return Counted(file.relative_to(root).as_posix(), file, sha256_of(file), executable)
    except OSError as error:
        raise InputError(f"`{file}` can't be read: {error.strerror}") from error


def digest_of(files: Iterable[Counted]) -> bytes:
    """A digest over the files' paths, contents, and rights."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(b"%b\0%b%b" % (os.fsencode(file.path), b"x" if file.executable else b"-", file.sha256))
    return digest.digest()


def copy_files(files: Iterable[Counted], destination: Path) -> None:
    """Lay the files out in a folder; InputError for one that can't be read."""
    for file in files:
        copy = destination / file.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(file.place, copy)
        except OSError as error:
            raise InputError(f"`{file.place}` can't be copied: {error.strerror}") from error
        copy.chmod(0o755 if file.executable else 0o644)
