"""The files of an image that somebody wants to look into, as a Tree, and what is known of all the others."""

from __future__ import annotations

import hashlib
import posixpath
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..tree import LINK, Content, Entry, Member, Source, Tree, unsafe
from .config import Execution
from .contents import Files, Placed, Read, read_layer
from .model import Layer

MOST = 16 << 30
"""Bytes of a layer's tar that are read at most: Lambda takes 10 GB of all layers together."""

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MISSING = "is not there"


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """What is in an image when all its layers lie one over the other.

    ``tree`` holds the files and links that are wanted, by paths from the root, and ``hard_links`` the paths of those
    that layers hold as hard links. ``sizes`` are the bytes of the layers' tars, ``gzip_members`` how many gzip files
    each of them is a row of, 0 for one that is not compressed.
    """

    tree: Tree
    files: Files
    hard_links: tuple[str, ...]
    sizes: tuple[int, ...]
    gzip_members: tuple[int, ...]


def kept_files(layers: Iterable[Layer], folder: Path, is_wanted: Callable[[str], bool]) -> KeptFiles:
    """What the layers unpack to; the wanted files are kept in the ``folder`` as long as that is there.

    InputError for a layer that is not what it should be.
    """
    files, reads = Files(), []
    kept: dict[tuple[int, int], Source] = {}
    for number, layer in enumerate(layers):
        read = Read()
        with (folder / str(number)).open("xb") as stream:
            for member, data in read_layer(layer, most=MOST, read=read):
                files.add(member, number)
                if member.kind == "file" and is_wanted(_plain(member.path)):
                    kept[number, member.offset] = _kept(data, stream, folder / str(number))
        reads.append(read)
    wanted = [placed for placed in files.placed.values() if is_wanted(placed.path) and unsafe(placed.path) is None]
    entries = (_entry(placed, files, kept) for placed in wanted)
    return KeptFiles(
        tree=Tree.of(entry for entry in entries if entry),
        files=files,
        hard_links=tuple(sorted(placed.path for placed in wanted if placed.member.kind == "hard link")),
        sizes=tuple(read.size for read in reads),
        gzip_members=tuple(read.gzip_members for read in reads),
    )


def problem_of_program(files: Files, execution: Execution) -> str:
    """Why the program that the image starts with can't be started; "" when it can."""
    program = next(iter((*execution.entrypoint, *execution.cmd)), "")
    if not program:
        return ""  # which is another matter
    if "/" in program:
        return _problem(files, posixpath.join("/", execution.working_dir, program))
    variables = dict(each.split("=", 1) for each in execution.env if "=" in each)
    folders = variables.get("PATH", _DEFAULT_PATH).split(":")
    found = [_problem(files, posixpath.join("/", folder, program)) for folder in folders]
    return "" if "" in found else next((each for each in found if each != _MISSING), f"{_MISSING}: none is in PATH")


def _problem(files: Files, path: str) -> str:
    found = files.find(path)
    if found is None:
        return _MISSING
    if found.member.kind != "file":
        return "is no file"
    mode = found.member.mode
    return "" if mode & stat.S_IXOTH else f"has mode {mode:04o}, so that Lambda's user can't run it"


def _plain(path: str) -> str:
    return posixpath.normpath(path).lstrip("/")


def _entry(placed: Placed, files: Files, kept: dict[tuple[int, int], Source]) -> Entry | None:
    """The entry of a file or link; None for folders and devices."""
    path, member, _ = placed
    if member.kind == "link":
        return Entry(path, LINK, Content.of(member.target.encode(errors="surrogateescape")))
    found = files.find(path) if member.kind == "hard link" else placed
    source = kept.get((found.layer, found.member.offset)) if found else None
    return Entry(path, stat.S_IFREG | found.member.mode, source) if found and source else None


def _kept(data: Iterator[bytes], stream: BinaryIO, file: Path) -> Member:
    """A file of the layer, as a member of the file that all of its wanted ones are kept in."""
    offset, size, crc, digest = stream.tell(), 0, 0, hashlib.sha256()
    for chunk in data:
        stream.write(chunk)
        size += len(chunk)
        crc = zlib.crc32(chunk, crc)
        digest.update(chunk)
    return Member(file, offset, size, size, 0, crc, digest.digest())
