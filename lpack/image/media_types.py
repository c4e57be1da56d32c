"""The names by which registries know the parts of an image.

Docker schema 2: https://distribution.github.io/distribution/spec/manifest-v2-2/#media-types
OCI: https://github.com/opencontainers/image-spec/blob/main/media-types.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = Literal["docker", "oci"]
"""Whose media types an image carries; Lambda takes both, and Docker's have been taken the longest."""


@dataclass(frozen=True, slots=True)
class MediaTypes:
    """The media types of one format."""

    index: str
    manifest: str
    config: str
    layer: str
    gzip_layer: str


DOCKER = MediaTypes(
    index="application/vnd.docker.distribution.manifest.list.v2+json",
    manifest="application/vnd.docker.distribution.manifest.v2+json",
    config="application/vnd.docker.container.image.v1+json",
    layer="application/vnd.docker.image.rootfs.diff.tar",
    gzip_layer="application/vnd.docker.image.rootfs.diff.tar.gzip",
)
OCI = MediaTypes(
    index="application/vnd.oci.image.index.v1+json",
    manifest="application/vnd.oci.image.manifest.v1+json",
    config="application/vnd.oci.image.config.v1+json",
    layer="application/vnd.oci.image.layer.v1.tar",
    gzip_layer="application/vnd.oci.image.layer.v1.tar+gzip",
)
OF_FORMAT: dict[Format, MediaTypes] = {"docker": DOCKER, "oci": OCI}

OCI_ZSTD_LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"

DOCKER_SCHEMA_1 = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)
"""Manifests from before 2016, which registries of today don't take: https://docs.docker.com/retired/"""

INDEXES = frozenset({DOCKER.index, OCI.index})
MANIFESTS = frozenset({DOCKER.manifest, OCI.manifest})
GZIP_LAYERS = frozenset({DOCKER.gzip_layer, OCI.gzip_layer})
PLAIN_LAYERS = frozenset({DOCKER.layer, OCI.layer})
