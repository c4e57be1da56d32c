"""Layers that are not compressed, compressed as lpack compresses its own, and kept in the store."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..archive import gzip
from ..means import Means
from ..model import Reporter
from ..store import Store, damaged
from .manifest import Descriptor
from .media_types import DOCKER
from .model import Layer, file_chunks, verified

_KIND = "image-layers"
_NAME = "layer.tar.gz"


def packed(layer: Layer, means: Means) -> Layer:
    """The layer with a blob that gzip has made: the store's, or one that is made now."""
    key = hashlib.sha256(f"{layer.diff_id} {gzip.version()}".encode()).hexdigest()
    found = _kept(key, means.store)
    if found is None:
        with means.store.lock(key):
            found = _kept(key, means.store) or _make(layer, key, means)
    descriptor, path = found
    subject = f"layer `{layer.diff_id}` in the store"
    return replace(
        layer, descriptor=descriptor, chunks=functools.partial(_chunks, path, descriptor, subject), origin=None
    )


def _kept(key: str, store: Store) -> tuple[Descriptor, Path] | None:
    noted = store.note(_KIND, key)
    if noted is None:
        return None
    descriptor = Descriptor(DOCKER.gzip_layer, noted["digest"], noted["size"])
    path = store.find(_KIND, descriptor.sha256, _NAME)
    if path is None or damaged(path, descriptor.sha256):
        return None
    return descriptor, path


def _make(layer: Layer, key: str, means: Means) -> tuple[Descriptor, Path]:
    store, host, reporter = means
    digest = hashlib.sha256()
    label = f"packing layer {layer.diff_id[7:19]}"
    with store.temporary_folder() as folder:
        partial = folder / _NAME
        with partial.open("xb") as file:
            for piece in gzip.gzipped(_told(layer, label, reporter), workers=host.workers):
                digest.update(piece)
                file.write(piece)
            size = file.tell()
        path = store.keep(_KIND, digest.digest(), _NAME, partial)
    store.make_note(_KIND, key, {"digest": f"sha256:{digest.hexdigest()}", "size": size})
    return Descriptor(DOCKER.gzip_layer, f"sha256:{digest.hexdigest()}", size), path


def _told(layer: Layer, label: str, reporter: Reporter) -> Iterator[bytes]:
    done = 0
    for chunk in layer.chunks():
        yield chunk
        done += len(chunk)
        reporter.progress(label, done, layer.descriptor.size)


def _chunks(path: Path, descriptor: Descriptor, subject: str) -> Iterator[bytes]:
    return verified(file_chunks(path), descriptor, subject)
