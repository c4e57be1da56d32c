"""Folders that are made whole, held while somebody works in them, and removed whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import BinaryIO

FILES = "files"
"""What such a folder is for; beside it lies the file that is locked."""

_USED = "used"


def hold(place: Path) -> BinaryIO | None:
    """An open file: until it is closed, or this process ends in whatever way, nobody removes the folder.

    None when somebody is just removing it. What is held counts as used now.
    """
    import fcntl

    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context((place / _USED).open("rb"))
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(file.fileno()), (place / _USED).stat()):
                return None
        except (FileNotFoundError, BlockingIOError):
            return None
        with contextlib.suppress(PermissionError):  # another user's store is read, and can't be touched
            os.utime(place / _USED)
        stack.pop_all()
        return file


def put(made: Path, place: Path) -> None:
    """Move what was made to its place, where it can be held from then on."""
    place.mkdir(parents=True, exist_ok=True)
    (place / _USED).touch()
    made.rename(place / FILES)


def remove_unused(kind: Path, before: float) -> tuple[int, int]:
    """Remove the folders that were last used before that time and that nobody holds; how many files, and bytes."""
    files = size = 0
    for place in kind.glob("*/*"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError):  # another process was quicker, or works there
            if (place / _USED).stat().st_mtime < before:
                removed = _removed(place)
                files, size = files + len(removed), size + sum(removed)
    return files, size


def _removed(place: Path) -> list[int]:
    """Remove the folder; the sizes of its files."""
    import fcntl

    with (place / _USED).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        sizes = [path.lstat().st_size for path in (place / FILES).rglob("*") if path.is_symlink() or path.is_file()]
        gone = place.with_name(f"{place.name}.{time.time_ns()}.gone")
        place.rename(gone)  # from here on it is there for nobody
    shutil.rmtree(gone, ignore_errors=True)  # what is left of it is removed another day
    return sizes
