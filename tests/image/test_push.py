"""Images sent to a real registry, and read there by skopeo."""

import subprocess
from pathlib import Path
from typing import Any

import local_registry
import pytest
from local_registry import LocalRegistry
from sample_images import noise, sample_image

from lpack.image.manifest import parse_manifest
from lpack.image.push import push
from lpack.image.reference import Repository, parse_reference
from lpack.image.registry import Registries, blob_chunks, read_blob, read_manifest

pytestmark = pytest.mark.needs(*local_registry.PROGRAMS)


def skopeo(*arguments: str | Path) -> Any:
    """What skopeo prints, which was written by others."""
    command = ["skopeo", "--insecure-policy", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_an_image_arrives(registry: LocalRegistry, registries: Registries) -> None:
    image = sample_image({"a": b"1"}, {"b": noise(1 << 20)})
    pushed = push(image, Repository(registry.host, "shop/orders"), ["v1", "latest"], registries=registries)
    assert str(pushed.reference) == f"{registry.host}/shop/orders:v1@{image.digest}"
    assert pushed.uploaded == pushed.size == image.size
    assert registry.tags("shop/orders") == {"v1": image.digest, "latest": image.digest}
    digests = {layer.descriptor.digest for layer in image.layers}
    assert registry.blobs() == {*digests, image.manifest.config.digest, image.digest}
    found = read_manifest(registries, parse_reference(f"{registry.host}/shop/orders:v1"))
    assert found.data == image.manifest_bytes
    assert parse_manifest(found.data, "it", media_type=found.media_type) == image.manifest
    repository = Repository(registry.host, "shop/orders")
    assert read_blob(registries, repository, image.manifest.config) == image.config_bytes
    for layer in image.layers:
        assert b"".join(blob_chunks(registries, repository, layer.descriptor)) == b"".join(layer.chunks())
