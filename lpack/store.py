"""The store: files kept by the hash of their content, and notes about them that took time to find out.

Safe for many processes at once: every file is written beside its place and moved there whole, so a name in the store
either is absent or holds all of its content. Nothing in it is precious; what is damaged is removed and made again.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, TypeVar

from .errors import LpackError
from .folders import remove_unused

_DAY = 86_400
_TEMPORARY = "tmp"
_LOCKS = "locks"

UNPACKED = "unpacked"
"""The kind of the folders that are there whole or not at all."""

CACHE_TAG = "CACHEDIR.TAG"
CACHE_SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55"
"""The file, and how it begins, by which programs know a folder as a cache: https://bford.info/cachedir/"""

_TRIES = 100  # a folder is made again when another process tidies it away, which it will not do for ever

T = TypeVar("T")

_PARTIAL = re.compile(r"\..+\.[0-9a-f]{16}\.partial", re.DOTALL)


class Usage(NamedTuple):
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
    partial = path.with_name(f".{path.name}.{_unique()}.partial")
    try:
        with _in_folder(path.parent, lambda: partial.open("xb")) as file:
            _sweep(path)
            yield file
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def is_partial(name: str) -> bool:
    """Whether a file of that name is one that ``replacing`` writes, or was writing when its process was killed."""
    return _PARTIAL.fullmatch(name) is not None


def _unique() -> str:
    return os.urandom(8).hex()


def _in_folder(folder: Path, act: Callable[[], T]) -> T:
    """Do something in a folder, which is made for it, and again if another process that tidies up is quicker."""
    for _ in range(_TRIES):
        with contextlib.suppress(FileNotFoundError):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except FileExistsError:  # it was there, and was gone when it was looked at
                if folder.exists() and not folder.is_dir():
                    raise
                continue
            return act()
    return act()


def _sweep(path: Path) -> None:
    """Remove what killed processes left of their attempts to replace ``path``, as far as it is to be had."""
    with contextlib.suppress(OSError):  # a folder may be written to and yet not be listed
        for other in path.parent.iterdir():
            if other.name.startswith(f".{path.name}.") and is_partial(other.name) and _is_abandoned(other):
                with contextlib.suppress(OSError):  # another process was quicker, or it is another user's
                    other.unlink()


def _is_abandoned(path: Path) -> bool:
    """Whether something temporary is so old that the process it belonged to must be gone.

    What is from times to come is not: where clocks are wrong, it may be what another process is working on.
    """
    with contextlib.suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime > _DAY
    return False


@dataclass(frozen=True, slots=True)
class Store:
    """The content-addressed cache in one folder, which is made when something is first kept.

    Every method raises LpackError when the folder can't be used, or its disk is full.
    """

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
        except OSError as error:
            raise self.unusable(error, "read") from error
        _touch(path, status.st_mtime)
        return path

    def keep(self, kind: str, digest: bytes, name: str, partial: Path) -> Path:
        """Move a finished file of ``temporary_folder`` into its place, whole and flushed to the disk."""
        path = self.path(kind, digest, name)
        with self._written():
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            return _in_folder(path.parent, lambda: partial.replace(path))

    @contextlib.contextmanager
    def reading(self, kind: str, digest: bytes, name: str) -> Iterator[BinaryIO | None]:
        """The file, open, if the store has it."""
        path = self.find(kind, digest, name)
        try:
            file = path.open("rb") if path else None
        except FileNotFoundError:  # another process removed it meanwhile
            file = None
        except OSError as error:
            raise self.unusable(error, "read") from error
        with file or contextlib.nullcontext():
            yield file

    @contextlib.contextmanager
    def writing(self, kind: str, digest: bytes, name: str) -> Iterator[BinaryIO]:
        """A file to write, which the store has when the block ends without an error."""
        with self._written(), replacing(self.path(kind, digest, name)) as file:
            yield file

    def discard(self, path: Path) -> None:
        """Forget a file that turned out to be damaged."""
        with self._written():
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def temporary_folder(self) -> Iterator[Path]:
        """A folder on the store's own disk, gone when the block ends."""
        parent = self.folder / _TEMPORARY
        folder = parent / _unique()
        with self._written():
            _in_folder(parent, folder.mkdir)
            for other in parent.iterdir():
                if _is_abandoned(other):
                    _remove_tree(other)
        try:
            yield folder
        finally:
            _remove_tree(folder)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock of that name against all processes, so that a thing is fetched or built once."""
        import fcntl

        folder = self.folder / _LOCKS
        with contextlib.ExitStack() as stack:
            with self._written():
                file = stack.enter_context(_in_folder(folder, lambda: (folder / f"{name}.lock").open("ab")))
                fcntl.flock(file, fcntl.LOCK_EX)
            stack.callback(fcntl.flock, file, fcntl.LOCK_UN)  # not by closing alone: a child may have the file as well
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
        except OSError as error:
            raise self.unusable(error, "read") from error
        if hashlib.sha256(document).hexdigest().encode() != checksum:
            self.discard(path)
            return None
        _touch(path, modified)
        return json.loads(document)

    def make_note(self, kind: str, key: str, value: Any) -> None:
        """Note a value that JSON can hold."""
        document = json.dumps(value, separators=(",", ":")).encode()
        with self._written(), replacing(self._note_path(kind, key)) as file:
            file.write(hashlib.sha256(document).hexdigest().encode() + document)
        self._mark()

    def _mark(self) -> None:
        """Say to back-ups, and to lpack itself where the store lies among a function's files, that it is a cache."""
        tag = self.folder / CACHE_TAG
        if not tag.exists():
            with self._written(), replacing(tag) as file:
                file.write(CACHE_SIGNATURE + b"\n")

    # Housekeeping

    def usage(self) -> list[Usage]:
        """What the store holds, by kind."""
        result = []
        for kind in self._kinds():
            sizes = [status.st_size for _, status in _files(kind)]
            result.append(Usage(kind.name, len(sizes), sum(sizes)))
        return result

    def prune(self, unused_days: float) -> Usage:
        """Remove what was not used for so many days; what was removed.

        What seems to be used at a time that is still to come counts as used now.
        """
        return self._remove(time.time() - unused_days * _DAY)

    def clear(self) -> Usage:
        """Remove everything that no other process may be working with; what was removed."""
        return self._remove(float("inf"))

    def _kinds(self) -> list[Path]:
        try:
            return sorted(path for path in self.folder.iterdir() if path.is_dir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self.unusable(error, "read") from error

    def _remove(self, before: float) -> Usage:
        files = size = 0
        with self._written():
            for folder in self._removable():
                if folder.name == UNPACKED:
                    folders_removed = remove_unused(folder, before)
                    files, size = files + folders_removed[0], size + folders_removed[1]
                    continue
                for path, status in _files(folder):
                    if status.st_mtime >= before:
                        if status.st_mtime > time.time():
                            _touch(path, status.st_mtime)
                    elif not is_partial(path.name) or _is_abandoned(path):
                        path.unlink(missing_ok=True)
                        files += 1
                        size += status.st_size
                _remove_empty_folders(folder)
        return Usage("removed", files, size)

    def _removable(self) -> Iterator[Path]:
        for kind in self._kinds():
            if kind.name == _TEMPORARY:
                yield from filter(_is_abandoned, kind.iterdir())
            elif kind.name != _LOCKS:  # a lock that is removed while it is held holds nobody off any more
                yield kind

    # What can go wrong

    @contextlib.contextmanager
    def _written(self) -> Iterator[None]:
        """A block that writes to the store."""
        try:
            yield
        except OSError as error:
            raise self.unusable(error, "written") from error

    def unusable(self, error: OSError, wanted: Literal["read", "written"]) -> LpackError:
        """What to say when the system refuses something that the store needs."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "make room, run `lpack cache prune`, or set LPACK_CACHE_DIR to a folder on another disk"
            return LpackError("the disk that holds the store is full", hint=hint)
        return LpackError(
            f"the store `{self.folder}` can't be {wanted}: {error.strerror or error}",
            hint="set LPACK_CACHE_DIR to a folder that you can write to",
        )


def _touch(path: Path, modified: float) -> None:
    # The time of last use, a day's precision, in the modification time: access times are often turned off.
    if abs(time.time() - modified) > _DAY:  # one that is still to come was told by a clock that went wrong
        with contextlib.suppress(OSError):  # another user's store is read, and can't be touched
            os.utime(path)


def damaged(path: Path, digest: bytes) -> bool:
    """Whether a file of the store no longer has the content that it stands for."""
    try:
        status = path.stat()
        return _digest_at(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns) != digest
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError as error:
        raise LpackError(f"`{path}` can't be read: {error.strerror}") from error


@functools.lru_cache(maxsize=4096)  # functions of one project share most of their wheels
def _digest_at(path: Path, size: int, modified: int, changed: int) -> bytes:
    del size, modified, changed  # they tell one state of the file from another
    return sha256_of(path)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue  # another process removed it meanwhile
            yield path, status


def _remove_tree(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # what can't be removed is tried again another day


def _remove_empty_folders(folder: Path) -> None:
    for parent, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):  # it is not empty
            Path(parent).rmdir()
