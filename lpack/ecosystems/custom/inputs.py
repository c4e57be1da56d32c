"""The files that a program is built from: their digest, and a copy to build in."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError
from ...sources.patterns import Patterns
from ...sources.rules import Rules
from ...store import sha256_of

_NOTHING = Patterns.of((), origin="")


class Input(NamedTuple):
    """A file below a folder: its path there, where it is, and whether it may be executed."""

    path: str
    place: Path
    executable: bool


def inputs_in(folder: Path, output: Path) -> tuple[Input, ...]:
    """All files below the folder that a build may read, sorted by the bytes of the path; links are followed.

    Version control, caches and other tools' folders, lpack's own files and ``output`` are none. What the user excludes
    is: it is excluded from the artifact. InputError for what can't be read.
    """
    try:
        status = output.stat() if output.exists() else None
        rules = Rules(include=_NOTHING, exclude=_NOTHING, ignored=_NOTHING, output=status)
        found = _walk(folder, "", (os.path.realpath(folder),), rules)
        return tuple(sorted(found, key=lambda each: os.fsencode(each.path)))
    except OSError as error:
        raise InputError(f"`{error.filename}` can't be read: {error.strerror}") from error


def _walk(folder: Path, prefix: str, above: tuple[str, ...], rules: Rules) -> Iterator[Input]:
    with os.scandir(folder) as children:
        for child in children:
            path, place = prefix + child.name, Path(child.path)
            if child.is_dir():
                real = os.path.realpath(place)
                # A link to a folder that it lies in would never end.
                if real not in above and not rules.reason(path, child, "folder") and not is_build_folder(place):
                    yield from _walk(place, f"{path}/", (*above, real), rules)
            elif child.is_file() and not rules.reason(path, child, "file"):
                yield Input(path, place, bool(child.stat().st_mode & 0o100))


def is_build_folder(folder: Path) -> bool:
    """Whether CMake built something there."""
    return (folder / "CMakeCache.txt").is_file()


def digest_of(folders: Iterable[Path], output: Path) -> str:
    """A digest of all that can be built from in the folders, wherever they are."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in inputs_in(folder, output):
            mode = b"x" if file.executable else b"-"
            digest.update(b"%b\0%b%b" % (os.fsencode(file.path), mode, _sha256(file.place)))
        digest.update(b"\0")  # no path is empty: here another folder begins
    return digest.hexdigest()


def _sha256(file: Path) -> bytes:
    try:
        return sha256_of(file)
    except OSError as error:
        raise InputError(f"`{file}` can't be read: {error.strerror}") from error


def copy_inputs(folder: Path, destination: Path, output: Path) -> None:
    """Copy all that can be built from to a folder that is made for it."""
    destination.mkdir()
    for file in inputs_in(folder, output):
        copy = destination / file.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(file.place, copy)
            status = file.place.stat()
            os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))  # make decides by these what is to be done
        except OSError as error:
            raise InputError(f"`{file.place}` can't be copied: {error.strerror}") from error
        copy.chmod(0o755 if file.executable else 0o644)
