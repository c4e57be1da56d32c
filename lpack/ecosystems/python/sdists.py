"""Source distributions: unpacked with suspicion, as regular files in one folder.

Source: https://packaging.python.org/en/latest/specifications/source-distribution-format/
"""

from __future__ import annotations

import lzma
import posixpath
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, cast

from ...archive.zip_reader import read_zip
from ...errors import InputError, UnsafeArchiveError
from ...tree import unsafe

MAX_UNPACKED = 2 << 30
"""No source distribution comes near; a bomb does."""

_MAX_LINKS = 10
_CHUNK = 1 << 20


def unpack_sdist(sdist: Path, destination: Path) -> Path:
    """Unpack a ``.tar.gz`` (or another tar) or ``.zip`` into an empty or new folder; the one folder that it holds.

    Links become copies of what they lead to. UnsafeArchiveError names a member that must not be unpacked, InputError
    says what else is wrong.
    """
    destination.mkdir(parents=True, exist_ok=True)
    if sdist.suffix == ".zip":
        _unpack_zip(sdist, destination)
    else:
        _unpack_tar(sdist, destination)
    found = list(destination.iterdir())
    if len(found) != 1 or not found[0].is_dir():
        raise InputError(f"`{sdist.name}` is no source distribution: it must hold one folder, and nothing beside it")
    return found[0]


def _unpack_zip(sdist: Path, destination: Path) -> None:
    tree = read_zip(sdist)
    _refuse_bomb(sdist, tree.size)
    for entry in tree:
        _write(destination / entry.path, entry.source.chunks(), executable=bool(entry.mode & 0o100))


def _unpack_tar(sdist: Path, destination: Path) -> None:
    try:
        with tarfile.open(sdist) as archive:
            members = _members(archive, sdist)
            for path, member in members.items():
                place = destination / path
                if member.isdir():
                    place.mkdir(parents=True, exist_ok=True)
                    continue
                file = _behind(path, members, sdist)
                _write(place, _chunks(archive, file), executable=bool(file.mode & 0o100))
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError) as error:
        raise InputError(f"`{sdist.name}` can't be unpacked: {error}") from error


def _members(archive: tarfile.TarFile, sdist: Path) -> dict[str, tarfile.TarInfo]:
    """The members by path; where one occurs twice, the later one counts, as in every tar."""
    members: dict[str, tarfile.TarInfo] = {}
    size = 0
    for member in archive:
        path = posixpath.normpath(member.name) if member.name.strip("./") else ""
        if not path:
            continue
        if reason := unsafe(path):
            raise UnsafeArchiveError(f"`{sdist.name}` holds a member whose name {reason}: `{member.name}`")
        if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
            raise UnsafeArchiveError(f"`{sdist.name}` holds `{path}`, which is neither a file nor a link nor a folder")
        size += max(member.size, 0)
        _refuse_bomb(sdist, size)
        members[path] = member
    return members


def _behind(path: str, members: Mapping[str, tarfile.TarInfo], sdist: Path) -> tarfile.TarInfo:
    """The regular file at ``path``, or at the end of the links that start there."""
    place = path
    for _ in range(_MAX_LINKS):
        member = members.get(place)
        if member is None or member.isdir():
            break
        if not (member.issym() or member.islnk()):
            return member
        start = posixpath.dirname(place) if member.issym() else ""
        place = posixpath.normpath(posixpath.join(start, member.linkname))
    raise UnsafeArchiveError(f"`{sdist.name}` holds a link that leads to none of its files: `{path}`")


def _chunks(archive: tarfile.TarFile, file: tarfile.TarInfo) -> Iterator[bytes]:
    with cast("IO[bytes]", archive.extractfile(file)) as opened:
        while chunk := opened.read(_CHUNK):
            yield chunk


def _refuse_bomb(sdist: Path, size: int) -> None:
    if size > MAX_UNPACKED:
        raise UnsafeArchiveError(f"`{sdist.name}` would unpack to more than {MAX_UNPACKED} bytes")


def _write(place: Path, chunks: Iterable[bytes], *, executable: bool) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        file.writelines(chunks)
    place.chmod(0o755 if executable else 0o644)
