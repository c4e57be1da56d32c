"""Images put together from parts, and taken apart again."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from lpack.errors import InputError
from lpack.image.config import Execution, ImageConfig
from lpack.image.manifest import Descriptor, Platform, descriptor_of, digest_of
from lpack.image.media_types import DOCKER, OCI, OCI_ZSTD_LAYER
from lpack.image.model import Image, Layer, assembled, file_chunks, read_image, verified

CONFIG = ImageConfig(Platform("linux", "amd64"), Execution(cmd=("app.handler",)), ())


def layer(data: bytes, media_type: str = DOCKER.gzip_layer) -> Layer:
    return Layer(descriptor_of(data, media_type), digest_of(b"tar of " + data), lambda: iter([data]))


def again(image: Image) -> Image:
    layers = {each.descriptor.digest: each for each in image.layers}

    def layer_of(descriptor: Descriptor, diff_id: str) -> Layer:
        return replace(layers[descriptor.digest], descriptor=descriptor, diff_id=diff_id)

    return read_image(image.manifest_bytes, image.config_bytes, layer_of, subject="`shop`")


def test_an_image_of_layers() -> None:
    image = assembled(CONFIG, [layer(b"one"), layer(b"two", OCI.gzip_layer)])
    assert image.digest == f"sha256:{hashlib.sha256(image.manifest_bytes).hexdigest()}"
    assert image.config.diff_ids == (digest_of(b"tar of one"), digest_of(b"tar of two"))
    assert [each.media_type for each in image.manifest.layers] == [DOCKER.gzip_layer] * 2
    assert image.manifest.config == descriptor_of(image.config_bytes, DOCKER.config)
    assert image.size == 6 + len(image.config_bytes)
    assert again(image) == image


def test_the_media_types_are_those_of_the_format() -> None:
    image = assembled(CONFIG, [layer(b"one"), layer(b"two", DOCKER.layer), layer(b"3", OCI_ZSTD_LAYER)], format="oci")
    assert image.manifest.media_type == OCI.manifest
    assert image.manifest.config.media_type == OCI.config
    assert [each.media_type for each in image.manifest.layers] == [OCI.gzip_layer, OCI.layer, OCI_ZSTD_LAYER]


def test_parts_that_do_not_belong_together() -> None:
    one, two = assembled(CONFIG, [layer(b"one")]), assembled(CONFIG, [layer(b"one"), layer(b"two")])
    with pytest.raises(InputError, match="config of `shop` has another digest than its manifest says"):
        again(replace(one, config_bytes=two.config_bytes))
    without = replace(CONFIG, diff_ids=()).to_bytes()
    manifest = replace(one.manifest, config=descriptor_of(without, DOCKER.config))
    with pytest.raises(InputError, match="`shop` has 1 layers, but its config names 0"):
        again(replace(one, manifest_bytes=manifest.to_bytes(), config_bytes=without))


@pytest.mark.parametrize(
    ("chunks", "fact"),
    [
        ([b"one", b"tw"], "ends after 5 of 6 bytes"),
        ([], "ends after 0 of 6 bytes"),
        ([b"onetwo", b"x"], "has more than the 6 bytes"),
        ([b"one", b"twx"], "has the digest sha256:"),
    ],
)
def test_bytes_that_are_not_what_was_said(chunks: list[bytes], fact: str) -> None:
    given: list[bytes] = []
    with pytest.raises(InputError) as caught:
        given.extend(verified(chunks, descriptor_of(b"onetwo", DOCKER.gzip_layer), "a layer"))
    assert fact in caught.value.message
    assert b"".join(given) != b"onetwo"
    assert b"".join(given) != b"".join(chunks) or not chunks, "the last chunk is held back"


def test_bytes_that_are_what_was_said() -> None:
    for chunks in ([b"onetwo"], [b"", b"one", b"", b"two", b""]):
        assert b"".join(verified(chunks, descriptor_of(b"onetwo", DOCKER.gzip_layer), "a layer")) == b"onetwo"
    assert list(verified([], descriptor_of(b"", DOCKER.gzip_layer), "a layer")) == []


def test_a_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(b"0123456789")
    assert b"".join(file_chunks(path)) == b"0123456789"
    assert b"".join(file_chunks(path, offset=2, size=3)) == b"234"
    assert b"".join(file_chunks(path, offset=8, size=30)) == b"89"
