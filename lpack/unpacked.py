"""What artifacts unpack to: folders of the store, made once for each content."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import InputError, LpackError
from .folders import FILES, hold, put
from .store import UNPACKED, Store
from .tree import EXECUTABLE, LINK, Member, Tree, inflated

if TYPE_CHECKING:
    from .archive.zip_reader import Record

TIME = 315_532_800
"""1980-01-01, the time of every member of lpack's zips: what a folder holds is as old as it is in Lambda."""

_TRIES = 100  # a folder is made again when another process removes it, which it will not do for ever


@contextlib.contextmanager
def unpacked(digest: bytes, fill: Callable[[Path], None], store: Store) -> Iterator[Path]:
    """The folder that stands for the digest, which nobody removes while the block lasts; ``fill`` makes it."""
    place = store.folder / UNPACKED / digest.hex()[:2] / digest.hex()
    for _ in range(_TRIES):
        held = hold(place)
        if held:
            with held:
                yield place / FILES
            return
        with store.lock(digest.hex()):
            if not (place / FILES).is_dir():
                _make(place, fill, store)
    raise LpackError(f"`{place}` is removed again and again", hint="is `lpack cache clear` running?")


def _make(place: Path, fill: Callable[[Path], None], store: Store) -> None:
    with store.temporary_folder() as folder:
        made = folder / FILES
        try:
            made.mkdir()
            fill(made)
            made.chmod(0o755)
            put(made, place)
        except OSError as error:
            raise store.unusable(error, "written") from error


def write_tree(tree: Tree, folder: Path) -> None:
    """Write the files and links of a tree to a folder, over what is there, as Lambda merges layers."""
    _write_all(((path, mode, source.chunks()) for path, mode, source, _ in tree), folder)


def write_zip(archive: Path, folder: Path) -> None:
    """Write what is in a zip to a folder, over what is there; each member is inflated once, and held against its CRC.

    UnsafeArchiveError and InputError say what is wrong with it.
    """
    from .archive.zip_reader import read_directory

    with archive.open("rb") as file:

        def chunks(record: Record) -> Iterator[bytes]:
            sizes = (record.offset, record.packed_size, record.size)
            member = Member(archive, *sizes, record.method, record.crc32, b"")
            return inflated(file, member, name=f"`{record.path}`")

        records = [record for record in read_directory(archive) if not record.is_folder]
        _write_all(((record.path, record.mode, chunks(record)) for record in records), folder)


def write_file(file: Path, mode: int, chunks: Iterable[bytes]) -> None:
    """Write one file or link, and the folders above it, over what is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    _write(file, mode, chunks)


def _write_all(files: Iterable[tuple[str, int, Iterable[bytes]]], root: Path) -> None:
    """Write files and links; InputError where one is in the way of another, or a link leads somewhere else."""
    known = {root}
    for path, mode, chunks in files:
        try:
            _make_folder((root / path).parent, known)
            _write(root / path, mode, chunks)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            fact = f"`{path}`, or a folder on the way to it, is a file in one layer and a folder in another"
            raise InputError(fact, hint="Lambda can't merge such layers: rename one of them") from error


def _write(file: Path, mode: int, chunks: Iterable[bytes]) -> None:
    file.unlink(missing_ok=True)
    if mode == LINK:
        file.symlink_to(b"".join(chunks).decode())
        return
    with file.open("xb", buffering=0) as stream:
        for chunk in chunks:
            stream.write(chunk)
    file.chmod(0o755 if mode == EXECUTABLE else 0o644)
    os.utime(file, (TIME, TIME))


def _make_folder(folder: Path, known: set[Path]) -> None:
    """Make a folder and those above it; what lies beyond a link is not below the root, and is left alone."""
    if folder in known:
        return
    _make_folder(folder.parent, known)
    if folder.is_symlink():
        raise FileExistsError(folder)
    folder.mkdir(exist_ok=True)
    known.add(folder)
