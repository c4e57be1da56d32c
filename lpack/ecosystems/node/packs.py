"""Packages as zips of the store: packed once for each content, by whatever lock it is asked for, and then spliced."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from ...archive.zip_reader import read_zip
from ...archive.zip_writer import LAYOUT, write_zip
from ...store import Store, damaged
from ...tree import EXECUTABLE, REGULAR, Entry, Member, Tree

_KIND = "npm"
_NAME = "package.zip"
_NOTE = "npm-pack-1"
"""The kind of the index notes; a new number when what they hold changes."""


class Pack(NamedTuple):
    """A package's files in a zip of the store; ``content`` is the digest (hex) of the tree of them."""

    file: Path
    sha256: bytes
    content: str
    entries: tuple[Entry, ...]


class Key(NamedTuple):
    """By what a pack is found: the digest that it is kept under, and the SHA-256 of its bytes (both hex)."""

    kept: str
    sha256: str


def made_by() -> tuple[object, ...]:
    """The versions of all that decides about the bytes of a pack, besides its files."""
    import cramjam
    import deflate

    return (LAYOUT, deflate.__version__, cramjam.__version__)


def make_pack(tree: Tree, store: Store, *, workers: int) -> Key:
    """Pack a package's files, unless the store has the same already."""
    kept = hashlib.sha256(json.dumps([tree.content, made_by()]).encode()).digest()
    known = store.note(_KIND, kept.hex())
    if known and _found(Key(kept.hex(), known), store):
        return Key(kept.hex(), known)
    with store.temporary_folder() as folder:
        # What is compressed on the way is in the pack: nothing of it has to be kept a second time.
        written = write_zip(tree, folder / _NAME, store=Store(folder / "store"), workers=workers)
        file = store.keep(_KIND, kept, _NAME, written.path)
    _index(file, bytes.fromhex(written.sha256), store)
    store.make_note(_KIND, kept.hex(), written.sha256)
    return Key(kept.hex(), written.sha256)


def open_pack(key: Key, store: Store) -> Pack | None:
    """The pack, if the store has it and knows or can learn what is in it."""
    file = store.find(_KIND, bytes.fromhex(key.kept), _NAME)
    return _opened(file, bytes.fromhex(key.sha256), store) if file else None


def _found(key: Key, store: Store) -> bool:
    file = store.find(_KIND, bytes.fromhex(key.kept), _NAME)
    return file is not None and not damaged(file, bytes.fromhex(key.sha256))


@functools.lru_cache(maxsize=4096)  # functions of one project share most of their packages
def _opened(file: Path, sha256: bytes, store: Store) -> Pack | None:
    index = store.note(_NOTE, sha256.hex())
    if index is None:
        if damaged(file, sha256):
            return None
        index = _index(file, sha256, store)
    return Pack(
        file,
        sha256,
        index["content"],
        tuple(
            Entry(
                path,
                EXECUTABLE if executable else REGULAR,
                Member(file, offset, packed_size, size, method, crc32, bytes.fromhex(digest)),
            )
            for path, executable, offset, packed_size, size, method, crc32, digest in index["members"]
        ),
    )


def _index(file: Path, sha256: bytes, store: Store) -> Any:
    """What is in a pack, read off it once and noted."""
    tree = read_zip(file)
    members = [(path, mode == EXECUTABLE, *source[1:6], source.sha256.hex()) for path, mode, source, _ in tree]
    index = {"content": tree.content, "members": members}
    store.make_note(_NOTE, sha256.hex(), index)
    return index
