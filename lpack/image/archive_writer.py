"""An image as one tar that `docker load` takes and that is an OCI image layout, both with the same blobs.

Docker: https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
OCI: https://github.com/opencontainers/image-spec/blob/main/image-layout.md, which says that blobs may be missing where
another store has them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from ..archive.tar_writer import END, FILE, FOLDER, FOLDER_MODE, header
from ..errors import LpackError
from ..store import replacing
from .manifest import Descriptor, digest_of
from .media_types import OCI
from .model import Image

LAYOUT = 1
"""The version of what follows; another number means that the same image gives another archive."""

_BLOBS = "blobs/sha256"
_BLOCK = 512
_MOST_BEHIND = 8
"""Pieces that the digest may be behind: so much memory they take."""
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")


class WrittenArchive(NamedTuple):
    """A finished archive: its size in bytes, and its SHA-256 (hex)."""

    size: int
    sha256: str


def write_archive(image: Image, name: str, destination: Path, *, without: Collection[str] = ()) -> WrittenArchive:
    """Write the image's archive in place of ``destination``, which is replaced whole or not at all.

    An engine that loads it calls the image by ``name``, where it can be the name of one. Layers whose digests are in
    ``without`` are named in it, and left out. InputError when a layer is not what it should be; LpackError when the
    folder can't be written or the disk is full.
    """
    digest, size = hashlib.sha256(), 0
    try:
        # Another thread digests the archive, while this one digests the layers that it reads.
        with replacing(destination) as file, ThreadPoolExecutor(max_workers=1) as digesting:
            behind: deque[Future[None]] = deque()
            for piece in _pieces(image, name, without):
                behind.append(digesting.submit(digest.update, piece))
                size += len(piece)
                file.write(piece)
                if len(behind) > _MOST_BEHIND:
                    behind.popleft().result()
    except OSError as error:
        raise LpackError(
            f"`{destination}` can't be written: {error.strerror}",
            hint="choose another folder with `--output`, or make room on the disk",
        ) from error
    return WrittenArchive(size, digest.hexdigest())


def tag_of(name: str) -> str | None:
    """What an engine that loads the archive calls the image; None where the name can't be one of an image."""
    return f"{name.lower()}:latest" if _NAME.fullmatch(name.lower()) else None


def _pieces(image: Image, name: str, without: Collection[str]) -> Iterator[bytes]:
    tag = tag_of(name)
    yield from _file("oci-layout", _written({"imageLayoutVersion": "1.0.0"}))
    yield from _file("index.json", _written(_index(image, tag)))
    yield from _file("manifest.json", _written([_docker_manifest(image, tag)]))
    for folder in ("blobs/", f"{_BLOBS}/"):
        yield header(folder, FOLDER, FOLDER_MODE)
    yield from _file(_blob(digest_of(image.manifest_bytes)), image.manifest_bytes)
    yield from _file(_blob(image.manifest.config.digest), image.config_bytes)
    # The same layer may be there twice, as an empty one often is.
    for layer in {layer.descriptor.digest: layer for layer in image.layers}.values():
        if layer.descriptor.digest not in without:
            yield from _member(_blob(layer.descriptor.digest), layer.descriptor.size, layer.chunks())
    yield END


def _index(image: Image, tag: str | None) -> dict[str, Any]:
    described = Descriptor(image.manifest.media_type, image.digest, len(image.manifest_bytes)).as_dict()
    platform = image.config.platform
    described["platform"] = {"architecture": platform.architecture, "os": platform.os}
    if platform.variant:
        described["platform"]["variant"] = platform.variant
    if tag:
        described["annotations"] = {
            "io.containerd.image.name": f"docker.io/library/{tag}",
            "org.opencontainers.image.ref.name": tag.rpartition(":")[2],
        }
    return {"schemaVersion": 2, "mediaType": OCI.index, "manifests": [described]}


def _docker_manifest(image: Image, tag: str | None) -> dict[str, Any]:
    return {
        "Config": _blob(image.manifest.config.digest),
        "RepoTags": [tag] if tag else None,
        "Layers": [_blob(layer.descriptor.digest) for layer in image.layers],
    }


def _blob(digest: str) -> str:
    return f"{_BLOBS}/{digest.removeprefix('sha256:')}"


def _written(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _file(path: str, data: bytes) -> Iterator[bytes]:
    yield from _member(path, len(data), [data])


def _member(path: str, size: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    yield header(path, FILE, 0o644, size=size)
    yield from pieces
    yield bytes(-size % _BLOCK)
