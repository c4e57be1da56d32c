"""The store: files kept by the hash of their content, and notes about them that took time to find out.

Safe for many processes at once: every file is written beside its place and moved there whole, so a name in the store
either is absent or holds all of its content. Nothing in it is precious; what is damaged is removed and made again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from .errors import LpackError

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Usage:
    """What one kind of thing takes in the store: a number of files, and their bytes."""

    kind: str
    files: int
    size: int


def sha256_of(path: Path) -> bytes:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of ``path`` when the block ends, and leaves no trace when it fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{time.monotonic_ns():x}.partial")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@dataclass(frozen=True, slots=True)
class Store:
    """The content-addressed cache in one folder, which is made when something is first kept."""

    folder: Path

    # Files, by what they are ("wheels", "packed") and the SHA-256 of the content that they stand for.

    def path(self, kind: str, digest: bytes, name: str) -> Path:
        """Where the file ``name`` of that kind and digest is, or would be."""
        key = digest.hex()
        return self.folder / kind / key[:2] / key / name

    def find(self, kind: str, digest: bytes, name: str) -> Path | None:
        """The file's place if the store has it; what was asked for counts as used today."""
        path = self.path(kind, digest, name)
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        self._touch(path, status.st_mtime)
        return path

    def keep(self, kind: str, digest: bytes, name: str, partial: Path) -> Path:
        """Move a finished file of ``temporary_file`` into its place, whole and flushed to the disk."""
        path = self.path(kind, digest, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
        return path

    def discard(self, path: Path) -> None:
        """Forget a file that turned out to be damaged."""
        path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def temporary_folder(self) -> Iterator[Path]:
        """A folder on the store's own disk, gone when the block ends."""
        parent = self.folder / "tmp"
        folder = parent / f"{os.getpid()}-{time.monotonic_ns():x}"
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise LpackError(
                f"the store `{self.folder}` can't be written: {error.strerror}",
                hint="set LPACK_CACHE_DIR to a folder that you can write to",
            ) from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock of that name against all processes, so that a thing is fetched or built once."""
        from filelock import FileLock

        folder = self.folder / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{name}.lock"):
            yield

    # Notes: JSON documents by kind and key. A note can be lost at any time; it is never the only copy of anything.

    def _note_path(self, kind: str, key: str) -> Path:
        return self.folder / "notes" / kind / key[:2] / key

    def note(self, kind: str, key: str) -> Any | None:
        """What was noted under that key; None when nothing was, or when the note is damaged."""
        path = self._note_path(kind, key)
        try:
            with path.open("rb") as file:
                modified = os.fstat(file.fileno()).st_mtime
                checksum, document = file.read(64), file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if hashlib.sha256(document).hexdigest().encode() != checksum:
            path.unlink(missing_ok=True)
            return None
        self._touch(path, modified)
        return json.loads(document)

    def make_note(self, kind: str, key: str, value: Any) -> None:
        """Note a value that JSON can hold."""
        document = json.dumps(value, separators=(",", ":")).encode()
        with replacing(self._note_path(kind, key)) as file:
            file.write(hashlib.sha256(document).hexdigest().encode() + document)

    # Housekeeping

    @staticmethod
    def _touch(path: Path, modified: float) -> None:
        # The time of last use, a day's precision, in the modification time: access times are often turned off.
        if time.time() - modified > 86_400:
            with contextlib.suppress(OSError):  # another user's store is read, and can't be touched
                os.utime(path)

    def usage(self) -> list[Usage]:
        """What the store holds, by kind."""
        result = []
        for kind in sorted(self.folder.iterdir()) if self.folder.is_dir() else []:
            sizes = [status.st_size for _, status in _files(kind)]
            result.append(Usage(kind.name, len(sizes), sum(sizes)))
        return result

    def prune(self, unused_days: float) -> Usage:
        """Remove what was not used for so many days; what was removed."""
        before = time.time() - unused_days * 86_400
        return self._remove(before)

    def clear(self) -> Usage:
        """Remove everything; what was removed."""
        return self._remove(float("inf"))

    def _remove(self, before: float) -> Usage:
        files = size = 0
        if self.folder.is_dir():
            for path, status in _files(self.folder):
                if status.st_mtime < before and path.parent.name != "locks":
                    path.unlink(missing_ok=True)
                    files += 1
                    size += status.st_size
            _remove_empty_folders(self.folder)
        return Usage("removed", files, size)


def damaged(path: Path, digest: bytes) -> bool:
    """Whether a file of the store no longer has the content that it stands for."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return True
    return _digest_at(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns) != digest


@functools.lru_cache(maxsize=4096)  # functions of one project share most of their wheels
def _digest_at(path: Path, size: int, modified: int, changed: int) -> bytes:
    del size, modified, changed  # they tell one state of the file from another
    return sha256_of(path)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with contextlib.suppress(FileNotFoundError):  # another process removed it meanwhile
                yield path, path.stat()


def _remove_empty_folders(folder: Path) -> None:
    for parent, _, _ in os.walk(folder, topdown=False):
        if Path(parent) != folder:
            with contextlib.suppress(OSError):  # not empty, or another process was faster
                Path(parent).rmdir()
