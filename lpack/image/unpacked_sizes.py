"""What layers unpack to, without unpacking them: a gzip file ends with the size of what was put in.

Source: https://www.rfc-editor.org/rfc/rfc1952#page-8
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from ..errors import LpackError
from ..http_failures import RequestFailure
from ..transfers import Progress, transfer_all
from .manifest import Descriptor
from .media_types import GZIP_LAYERS, PLAIN_LAYERS
from .model import Layer
from .reference import Repository
from .registry import Access, Registries

_END = 4
_WRAPS = 1 << 32
"""The size is told in 32 bits; what is larger starts again at 0."""


def sizes_in_registry(
    registries: Registries, repository: Repository, layers: Sequence[Descriptor]
) -> tuple[int | None, ...]:
    """The bytes that layers of a registry unpack to, None for those of which it does not give the end alone."""
    stop = threading.Event()
    registries = replace(registries, stop=stop)

    def size(layer: Descriptor) -> int | None:
        return _size_in_registry(registries, repository, layer)

    progress = Progress("measuring layers", registries.reporter)
    return tuple(transfer_all(layers, size, stop=stop, progress=progress))


def size_of_local(layer: Layer) -> int | None:
    """The bytes that a layer unpacks to, by reading it to its end; None for one that is not there."""
    end = b""
    try:
        for chunk in layer.chunks():
            end = (end + chunk)[-_END:]
    except LpackError:
        return None  # which whoever needs the layer will be told
    return _told(layer.descriptor, end)


def _size_in_registry(registries: Registries, repository: Repository, layer: Descriptor) -> int | None:
    if layer.media_type not in GZIP_LAYERS:
        return _told(layer, b"")
    headers, path = {"Range": f"bytes=-{_END}"}, f"blobs/{layer.digest}"
    try:
        with registries.exchange(Access(repository), "GET", path, headers=headers, expected=(200, 206)) as reply:
            return _told(layer, reply.read(_END)) if reply.status == 206 else None
    except RequestFailure:
        return None  # nothing depends on it but how well the image's size is known


def _told(layer: Descriptor, end: bytes) -> int | None:
    if layer.media_type in PLAIN_LAYERS:
        return layer.size
    if layer.media_type not in GZIP_LAYERS or len(end) < _END:
        return None
    size = int.from_bytes(end, "little")
    while size < layer.size * 0.99 - 64:  # deflate makes nothing larger by more than that
        size += _WRAPS
    return size
