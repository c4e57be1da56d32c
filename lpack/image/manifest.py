"""Manifests: which config and which layers make an image, and indexes: which image is for which platform.

Docker schema 2: https://distribution.github.io/distribution/spec/manifest-v2-2/
OCI: https://github.com/opencontainers/image-spec/blob/main/manifest.md and …/image-index.md
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import InputError
from .documents import Document, parse, written
from .media_types import DOCKER, DOCKER_SCHEMA_1, INDEXES, MANIFESTS, OCI, Format

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
"""The one algorithm that all registries have: https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests"""

LARGEST_DOCUMENT = 4 << 20
"""Bytes of a manifest or a config that registries take at most: 4 MiB."""


class Descriptor(NamedTuple):
    """What a blob is: its media type, its digest (``sha256:…``) and its size in bytes."""

    media_type: str
    digest: str
    size: int

    @property
    def sha256(self) -> bytes:
        """The digest's own bytes."""
        return bytes.fromhex(self.digest.removeprefix("sha256:"))

    def as_dict(self) -> dict[str, Any]:
        """The descriptor as JSON holds it."""
        return {"mediaType": self.media_type, "size": self.size, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest of one image for one platform."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def format(self) -> Format:
        """Whose manifest it is."""
        return "docker" if self.media_type == DOCKER.manifest else "oci"

    def to_bytes(self) -> bytes:
        """The manifest as registries keep it: the same bytes every time."""
        document: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "config": self.config.as_dict(),
            "layers": [layer.as_dict() for layer in self.layers],
        }
        if self.annotations:
            document["annotations"] = dict(sorted(self.annotations.items()))
        return written(document)


class Platform(NamedTuple):
    """What an image of an index is for, in Go's words: ``linux``, ``arm64``, and "" or ``v8``, say."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class Index(NamedTuple):
    """A list of manifests for several platforms; those of attestations have a platform that is ``unknown``."""

    media_type: str
    manifests: tuple[tuple[Descriptor, Platform | None], ...]


def digest_of(data: bytes) -> str:
    """The digest of ``data``, as registries write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def descriptor_of(data: bytes, media_type: str) -> Descriptor:
    """What describes ``data``."""
    return Descriptor(media_type, digest_of(data), len(data))


def parse_manifest(data: bytes, subject: str, *, media_type: str = "") -> Manifest | Index:
    """The manifest or index in ``data``; ``media_type`` is what it was said to be, and ``subject`` is for messages.

    InputError when it is neither, or could be taken for both (CVE-2021-41190).
    """
    document = parse(data, subject)
    own = document.text("mediaType")
    version = document.number("schemaVersion")
    if version == 1 or {own, media_type} & DOCKER_SCHEMA_1:
        raise InputError(
            f"{subject} is of Docker's schema 1, which is out of use",
            hint="push the image again with a tool of today",
        )
    if version != 2:
        document.refuse("schemaVersion", f"is {version}, not 2")
    if own and media_type in MANIFESTS | INDEXES and own != media_type:
        document.refuse("mediaType", f"is `{own}`, but it was sent as `{media_type}`")
    if "manifests" in document.fields and ("layers" in document.fields or "config" in document.fields):
        document.refuse("manifests", "is there beside `layers` or `config`: it could be an image or an index")
    kind = own or (media_type if media_type in MANIFESTS | INDEXES else _guessed(document))
    if kind in INDEXES:
        return Index(kind, tuple(_of_index(each) for each in document.documents("manifests")))
    if kind not in MANIFESTS:
        document.refuse("mediaType", f"is `{kind}`, which is no image")
    if "config" not in document.fields:
        document.refuse("config", "is missing")
    layers = tuple(_descriptor(each) for each in document.documents("layers"))
    return Manifest(kind, _descriptor(document.document("config")), layers, document.names("annotations"))


def manifest_of(
    config: Descriptor,
    layers: Sequence[Descriptor],
    *,
    format: Format = "docker",  # noqa: A002 -- what users call it
) -> Manifest:
    """The manifest that names a config and layers."""
    return Manifest((DOCKER if format == "docker" else OCI).manifest, config, tuple(layers))


def _guessed(document: Document) -> str:
    """What a document without a media type is; OCI leaves it to the transport, and archives have none."""
    if "manifests" in document.fields:
        return OCI.index
    return DOCKER.manifest if document.document("config").text("mediaType") == DOCKER.config else OCI.manifest


def _of_index(document: Document) -> tuple[Descriptor, Platform | None]:
    said = document.document("platform")
    platform = Platform(said.text("os"), said.text("architecture"), said.text("variant")) if said.fields else None
    return _descriptor(document), platform


def _descriptor(document: Document) -> Descriptor:
    digest = document.required("digest")
    if not DIGEST.fullmatch(digest):
        document.refuse("digest", f"is `{digest}`, which is no SHA-256 digest")
    return Descriptor(document.required("mediaType"), digest, document.number("size"))
