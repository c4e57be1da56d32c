"""Layers made of Trees: each once, kept in the store by what went in."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ..archive import gzip
from ..archive.tar_writer import LAYOUT, tar_pieces
from ..means import Means
from ..store import Store, damaged
from ..tree import Tree
from .manifest import Descriptor
from .media_types import DOCKER
from .model import Layer, file_chunks, verified

_KIND = "image-layers"
_NAME = "layer.tar.gz"


class MadeLayer(NamedTuple):
    """A layer of lpack's own: what is in it in a word, and the bytes of its tar."""

    name: str
    layer: Layer
    unzipped_size: int


def make_layer(name: str, tree: Tree, means: Means) -> MadeLayer:
    """The layer of the tree: the store's, or one that is made now."""
    store = means.store
    key = _key(tree)
    made = _kept(name, key, store)
    if made is None:
        with store.lock(key):
            made = _kept(name, key, store)
            if made is None:
                _make(name, tree, key, means)
                made = _kept(name, key, store)
    if made is None:  # another process cleared the store meanwhile
        return make_layer(name, tree, means)
    return made


def is_kept(tree: Tree, store: Store) -> bool:
    """Whether the store has the layer of the tree."""
    return _kept("", _key(tree), store) is not None


def discard_damaged_layer(tree: Tree, store: Store) -> bool:
    """Forget the layer of the tree if its bytes are not its own any more; whether they were not."""
    noted = store.note(_KIND, _key(tree))
    digest = bytes.fromhex(noted["digest"].removeprefix("sha256:")) if noted else b""
    path = store.find(_KIND, digest, _NAME) if noted else None
    if path is None or not damaged(path, digest):
        return False
    store.discard(path)
    return True


def keep_layer(layer: Layer, means: Means) -> Layer:
    """A layer of others, from the store, where it is fetched to when it is first wanted."""
    store, descriptor, label = means.store, layer.descriptor, f"fetching layer {layer.descriptor.digest[7:19]}"
    path = store.find(_KIND, descriptor.sha256, _NAME)
    if path is None or damaged(path, descriptor.sha256):
        with store.lock(descriptor.sha256.hex()):
            path = store.path(_KIND, descriptor.sha256, _NAME)
            if damaged(path, descriptor.sha256):
                with store.writing(_KIND, descriptor.sha256, _NAME) as file:
                    for chunk in layer.chunks():
                        file.write(chunk)
                        means.reporter.progress(label, file.tell(), descriptor.size)
    return replace(layer, chunks=functools.partial(_chunks, path, descriptor, descriptor.digest))


def _key(tree: Tree) -> str:
    return hashlib.sha256(json.dumps([tree.content, LAYOUT, gzip.version()]).encode()).hexdigest()


def _kept(name: str, key: str, store: Store) -> MadeLayer | None:
    noted = store.note(_KIND, key)
    if noted is None:
        return None
    descriptor = Descriptor(DOCKER.gzip_layer, noted["digest"], noted["size"])
    path = store.find(_KIND, descriptor.sha256, _NAME)
    if path is None:
        return None
    chunks = functools.partial(_chunks, path, descriptor, name)
    return MadeLayer(name, Layer(descriptor, noted["diff_id"], chunks), noted["unzipped_size"])


def _chunks(path: Path, descriptor: Descriptor, name: str) -> Iterator[bytes]:
    return verified(file_chunks(path), descriptor, f"the layer `{name}` in the store")


def _make(name: str, tree: Tree, key: str, means: Means) -> None:
    tar = _Measured(tar_pieces(tree))
    compressed = _Measured(gzip.gzipped(_told(tar, f"packing {name}", tree.size, means), workers=means.host.workers))
    with means.store.temporary_folder() as folder:
        partial = folder / _NAME
        with partial.open("xb") as file:
            for piece in compressed:
                file.write(piece)
        means.store.keep(_KIND, compressed.digest.digest(), _NAME, partial)
    noted = {
        "digest": f"sha256:{compressed.digest.hexdigest()}",
        "size": compressed.size,
        "diff_id": f"sha256:{tar.digest.hexdigest()}",
        "unzipped_size": tar.size,
    }
    means.store.make_note(_KIND, key, noted)


class _Measured:
    """Pieces, of which the size and the digest are known when all have been taken."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            self.digest.update(piece)
            yield piece


def _told(tar: _Measured, label: str, total: int, means: Means) -> Iterator[bytes]:
    for piece in tar:
        yield piece
        means.reporter.progress(label, min(tar.size, total), total)
