"""What is in the layers of an image, each by itself, and all on top of each other as a container sees them.

Source: https://github.com/opencontainers/image-spec/blob/main/layer.md
"""

from __future__ import annotations

import hashlib
import posixpath
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ..archive.tar_reader import Member, Streamed, read_members
from ..errors import InputError, UnsafeArchiveError
from .media_types import GZIP_LAYERS, PLAIN_LAYERS
from .model import Layer

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_LONGEST_CHAIN = 40
"""Links that the kernel follows for one path: https://man7.org/linux/man-pages/man7/path_resolution.7.html"""

_GZIP = 16 + zlib.MAX_WBITS
_PIECE = 1 << 18


@dataclass(slots=True)
class Read:
    """What is known of a layer when it was read to its end: bytes unpacked, and the members of its gzip file."""

    size: int = 0
    gzip_members: int = 0


def read_layer(layer: Layer, *, most: int, read: Read | None = None) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """The members of a layer with their data, which is there until the next one is asked for.

    InputError for a layer that is not what its digests say, is damaged, unpacks to more than ``most`` bytes, or is
    compressed in a way that can't be read here. ``read`` is filled in at the end.
    """
    read = read or Read()
    subject = f"layer `{layer.descriptor.digest}`"
    digest = hashlib.sha256()

    def hashed() -> Iterator[bytes]:
        for piece in _unpacked(layer, subject, read):
            digest.update(piece)
            read.size += len(piece)
            yield piece

    stream = Streamed(hashed(), subject, most=most)
    yield from read_members(stream, subject)
    stream.skip(most + 1)  # engines fill archives up
    if f"sha256:{digest.hexdigest()}" != layer.diff_id:
        raise InputError(f"{subject} unpacks to sha256:{digest.hexdigest()}, and the config says {layer.diff_id}")


def _unpacked(layer: Layer, subject: str, read: Read) -> Iterator[bytes]:
    media_type = layer.descriptor.media_type
    if media_type in PLAIN_LAYERS:
        return layer.chunks()
    if media_type in GZIP_LAYERS:
        return _gunzipped(layer.chunks(), subject, read)
    raise InputError(f"{subject} is `{media_type}`, which can't be read here", hint="push the image again with gzip")


def _gunzipped(chunks: Iterator[bytes], subject: str, read: Read) -> Iterator[bytes]:
    inflater = None
    for chunk in chunks:
        waiting = chunk
        while waiting:
            if inflater is None:
                inflater = zlib.decompressobj(_GZIP)
                read.gzip_members += 1
            try:
                piece = inflater.decompress(waiting, _PIECE)
            except zlib.error as error:
                raise InputError(f"{subject} is damaged: it is no gzip file, {error}") from error
            if piece:
                yield piece
            waiting = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            if inflater.eof:
                inflater = None
    if inflater is not None:
        raise InputError(f"{subject} is damaged: its gzip file ends early")


class Placed(NamedTuple):
    """A member where a container sees it: its whole ``path``, without a slash in front, and its layer's number."""

    path: str
    member: Member
    layer: int


@dataclass(frozen=True, slots=True)
class Files:
    """The files of all layers so far, as a container sees them."""

    placed: dict[str, Placed] = field(default_factory=dict)
    _children: dict[str, set[str]] = field(default_factory=dict)

    def add(self, member: Member, layer: int) -> None:
        """Lay a member on top; UnsafeArchiveError for a path that leaves the root."""
        parts = [part for part in member.path.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise UnsafeArchiveError(f"layer {layer + 1} has a path that leaves the root, `{member.path}`")
        if not parts:
            return
        folder = self._folder(parts[:-1])
        name = parts[-1]
        if name == _OPAQUE:
            self._remove(folder, layer, itself=False)
        elif name.startswith(_WHITEOUT):
            self._remove(posixpath.join(folder, name.removeprefix(_WHITEOUT)), layer)
        else:
            path = posixpath.join(folder, name)
            if member.kind != "folder":
                self._remove(path, layer + 1)
            self.placed[path] = Placed(path, member, layer)
            while path:  # some tars don't tell of all folders
                above = posixpath.dirname(path)
                self._children.setdefault(above, set()).add(path)
                path = above

    def find(self, path: str) -> Placed | None:
        """What is at a path, at the end of all links; None when nothing is."""
        return self._find([part for part in path.split("/") if part not in ("", ".")], _LONGEST_CHAIN)

    def _find(self, parts: list[str], links_left: int) -> Placed | None:
        found: Placed | None = None
        here = ""
        for number, part in enumerate(parts):
            if part == "..":
                here = posixpath.dirname(here)
                continue
            path = posixpath.join(here, part)
            found = self.placed.get(path)
            if found is None and path in self._children:
                here = path
                continue
            if found is None:
                return None
            if found.member.kind == "link":
                if not links_left:
                    return None
                target = found.member.target
                start = [] if target.startswith("/") else here.split("/")
                rest = [each for each in (*start, *target.split("/")) if each not in ("", ".")]
                return self._find([*rest, *parts[number + 1 :]], links_left - 1)
            if found.member.kind == "hard link":
                aim = self.placed.get(posixpath.normpath(found.member.target.lstrip("/")))
                found = found if aim is None else found._replace(member=aim.member)
            here = found.path
        return found

    def _folder(self, parts: list[str]) -> str:
        """Where a folder of that name really is: an earlier layer may have a link there."""
        path = "/".join(parts)
        found = self._find(parts, _LONGEST_CHAIN)
        return found.path if found and found.member.kind == "folder" else path

    def _remove(self, path: str, before: int, *, itself: bool = True) -> None:
        """Take away what layers before that one have at a path, and below."""
        for child in [*self._children.get(path, ())]:
            self._remove(child, before)
        if not self._children.get(path):
            self._children.pop(path, None)
        there = self.placed.get(path)
        if itself and there and there.layer < before:
            del self.placed[path]
        if path not in self.placed and path not in self._children:
            self._children.get(posixpath.dirname(path), set()).discard(path)
