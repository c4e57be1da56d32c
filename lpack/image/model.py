"""An image: its manifest, its config, and layers whose bytes are read when they are wanted, and not before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import InputError
from .config import ImageConfig, parse_config
from .manifest import Descriptor, Index, Manifest, descriptor_of, digest_of, manifest_of, parse_manifest
from .media_types import GZIP_LAYERS, OF_FORMAT, PLAIN_LAYERS, Format
from .reference import Repository

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer: what its blob is, and the ``diff_id`` (``sha256:…``) of the tar in it.

    ``chunks()`` streams the blob as registries keep it, and raises InputError before its end when it is not what the
    descriptor says. ``origin`` is a repository that has the blob.
    """

    descriptor: Descriptor
    diff_id: str
    chunks: Callable[[], Iterator[bytes]] = field(repr=False, compare=False)
    origin: Repository | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """An image for one platform, as bytes and as what they say; ``layers`` are the lowest first."""

    manifest_bytes: bytes = field(repr=False)
    config_bytes: bytes = field(repr=False)
    manifest: Manifest
    config: ImageConfig
    layers: tuple[Layer, ...]

    @property
    def digest(self) -> str:
        """What the image is called in every registry: the digest of its manifest."""
        return digest_of(self.manifest_bytes)

    @property
    def size(self) -> int:
        """The bytes of all blobs, compressed, as a registry counts them."""
        return self.manifest.config.size + sum(layer.descriptor.size for layer in self.layers)


def assembled(
    config: ImageConfig,
    layers: Sequence[Layer],
    *,
    format: Format = "docker",  # noqa: A002 -- what users call it
) -> Image:
    """The image of a config and layers; media types are those of ``format``, and the diff ids are the layers' own."""
    types = OF_FORMAT[format]
    config = replace(config, diff_ids=tuple(layer.diff_id for layer in layers))
    config_bytes = config.to_bytes()
    layers = tuple(replace(layer, descriptor=_in_format(layer.descriptor, format)) for layer in layers)
    manifest = manifest_of(
        descriptor_of(config_bytes, types.config), [layer.descriptor for layer in layers], format=format
    )
    return Image(manifest.to_bytes(), config_bytes, manifest, config, layers)


def with_layers(image: Image, layers: Sequence[Layer]) -> Image:
    """The image with the same layers in other wrappings: its config is the same bytes, its manifest another one."""
    manifest = replace(image.manifest, layers=tuple(layer.descriptor for layer in layers))
    return Image(manifest.to_bytes(), image.config_bytes, manifest, image.config, tuple(layers))


def read_image(
    manifest_bytes: bytes, config_bytes: bytes, layer_of: Callable[[Descriptor, str], Layer], *, subject: str
) -> Image:
    """An image that another tool made; ``layer_of`` gives the layer of a descriptor and a diff id.

    InputError, about ``subject``, when the parts don't fit together.
    """
    manifest = parse_manifest(manifest_bytes, f"the manifest of {subject}")
    if isinstance(manifest, Index):
        raise InputError(f"{subject} is an index of several images, not one image")
    if digest_of(config_bytes) != manifest.config.digest:
        raise InputError(f"the config of {subject} has another digest than its manifest says")
    config = parse_config(config_bytes, f"the config of {subject}")
    if len(config.diff_ids) != len(manifest.layers):
        raise InputError(
            f"{subject} has {len(manifest.layers)} layers, but its config names {len(config.diff_ids)}: "
            "the parts of the image don't belong together"
        )
    layers = tuple(layer_of(*each) for each in zip(manifest.layers, config.diff_ids, strict=True))
    return Image(manifest_bytes, config_bytes, manifest, config, layers)


def verified(chunks: Iterable[bytes], descriptor: Descriptor, subject: str) -> Iterator[bytes]:
    """The chunks; InputError, before the last of them is given away, when they are not what the descriptor says."""
    digest = hashlib.sha256()
    size = 0
    waiting = b""
    for chunk in chunks:
        size += len(chunk)
        if size > descriptor.size:
            raise InputError(f"{subject} has more than the {descriptor.size} bytes that its manifest says")
        digest.update(chunk)
        if waiting:
            yield waiting
        waiting = chunk
    if size < descriptor.size:
        raise InputError(f"{subject} ends after {size} of {descriptor.size} bytes")
    if digest.digest() != descriptor.sha256:
        raise InputError(f"{subject} has the digest sha256:{digest.hexdigest()}, not {descriptor.digest}")
    if waiting:
        yield waiting


def file_chunks(path: Path, *, offset: int = 0, size: int | None = None) -> Iterator[bytes]:
    """The bytes of a file, or ``size`` of them from ``offset`` on."""
    left = path.stat().st_size - offset if size is None else size
    with path.open("rb") as file:
        file.seek(offset)
        while left and (chunk := file.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk


def _in_format(descriptor: Descriptor, format: Format) -> Descriptor:  # noqa: A002
    """The descriptor with the format's own media type: the blobs of both formats are the same."""
    types = OF_FORMAT[format]
    if descriptor.media_type in GZIP_LAYERS:
        return descriptor._replace(media_type=types.gzip_layer)
    if descriptor.media_type in PLAIN_LAYERS:
        return descriptor._replace(media_type=types.layer)
    return descriptor
