"""Manifests and indexes, read strictly and written the same every time."""

import json
from typing import Any

import pytest

from lpack.errors import InputError
from lpack.image.manifest import (
    Descriptor,
    Index,
    Manifest,
    Platform,
    descriptor_of,
    manifest_of,
    parse_manifest,
)
from lpack.image.media_types import DOCKER, OCI, Format

SUBJECT = "the manifest of `shop`"
CONFIG = descriptor_of(b"{}", DOCKER.config)
LAYER = descriptor_of(b"layer", DOCKER.gzip_layer)


def document(**changes: Any) -> bytes:
    whole = json.loads(manifest_of(CONFIG, [LAYER]).to_bytes())
    return json.dumps({key: value for key, value in {**whole, **changes}.items() if value is not ...}).encode()


@pytest.mark.parametrize("kind", ["docker", "oci"])
def test_what_is_written_is_read_again(kind: Format) -> None:
    manifest = manifest_of(CONFIG, [LAYER, LAYER], format=kind)
    assert parse_manifest(manifest.to_bytes(), SUBJECT) == manifest
    assert manifest.format == kind


def test_a_manifest_is_the_same_bytes_every_time() -> None:
    one = Manifest(OCI.manifest, CONFIG, (LAYER,), {"b": "2", "a": "1"})
    other = Manifest(OCI.manifest, CONFIG, (LAYER,), {"a": "1", "b": "2"})
    assert one.to_bytes() == other.to_bytes()
    empty = Descriptor(DOCKER.config, f"sha256:{'0' * 64}", 2)
    assert manifest_of(empty, []).to_bytes() == (
        b'{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":'
        b'{"mediaType":"application/vnd.docker.container.image.v1+json","size":2,"digest":"sha256:'
        + b"0" * 64
        + b'"},"layers":[]}'
    )


def test_oci_leaves_the_media_type_to_the_transport() -> None:
    bare = document(mediaType=...)
    assert parse_manifest(bare, SUBJECT, media_type=OCI.manifest) == Manifest(OCI.manifest, CONFIG, (LAYER,))
    assert parse_manifest(bare, SUBJECT) == Manifest(DOCKER.manifest, CONFIG, (LAYER,)), "its config is Docker's"
    assert parse_manifest(bare, SUBJECT, media_type="application/json").media_type == DOCKER.manifest


def test_an_index_tells_platforms() -> None:
    data = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI.index,
            "manifests": [
                {**LAYER.as_dict(), "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
                {**LAYER.as_dict(), "platform": None},
            ],
        }
    ).encode()
    index = parse_manifest(data, SUBJECT)
    assert isinstance(index, Index)
    assert index.manifests == ((LAYER, Platform("linux", "arm64", "v8")), (LAYER, None))
    assert str(index.manifests[0][1]) == "linux/arm64/v8"


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (b"", "it is no JSON"),
        (b"\xff{}", "it is no JSON"),
        (b"[]", "it is no JSON object"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"schemaVersion": 2, "schemaVersion": 2}', "a key is there twice"),
        (b'{"schemaVersion": NaN}', "NaN is no number"),
        (b"{}", "`schemaVersion` is missing"),
        (document(schemaVersion=3), "`schemaVersion` is 3, not 2"),
        (document(schemaVersion=True), "`schemaVersion` is not a number"),
        (document(mediaType="text/html"), "`mediaType` is `text/html`, but it was sent as"),
        (document(mediaType=1), "`mediaType` is not a string"),
        (document(mediaType=OCI.manifest), f"`mediaType` is `{OCI.manifest}`, but it was sent as `{DOCKER.manifest}`"),
        (document(manifests=[]), "it could be an image or an index"),
        (document(config=...), "`config` is missing"),
        (document(config=[]), "`config` is not an object"),
        (document(config={}), "`config.digest` is missing"),
        (document(layers={}), "`layers` is not a list"),
        (document(layers=[1]), "`layers[0]` is not an object"),
        (document(layers=[{**LAYER.as_dict(), "digest": "sha256:AB"}]), "`layers[0].digest` is `sha256:AB`"),
        (document(layers=[{**LAYER.as_dict(), "digest": "../../etc"}]), "which is no SHA-256 digest"),
        (document(layers=[{**LAYER.as_dict(), "size": -1}]), "`layers[0].size` is -1"),
        (document(layers=[{**LAYER.as_dict(), "size": 1.5}]), "`layers[0].size` is not a number"),
        (document(layers=[{**LAYER.as_dict(), "mediaType": None}]), "`layers[0].mediaType` is missing"),
        (document(annotations={"a": 1}), "`annotations.a` is not a string"),
    ],
)
def test_what_is_no_manifest(data: bytes, fact: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_manifest(data, SUBJECT, media_type=DOCKER.manifest)
    assert caught.value.message.startswith(f"{SUBJECT} is not valid: ")
    assert fact in caught.value.message


def test_another_document_is_no_image() -> None:
    with pytest.raises(InputError, match="`mediaType` is `text/html`, which is no image"):
        parse_manifest(document(mediaType="text/html"), SUBJECT)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b'{"schemaVersion": 1}', ""),
        (b'{"schemaVersion": 2}', "application/vnd.docker.distribution.manifest.v1+prettyjws"),
    ],
)
def test_schema_1_is_out_of_use(data: bytes, media_type: str) -> None:
    with pytest.raises(InputError, match="is of Docker's schema 1") as caught:
        parse_manifest(data, SUBJECT, media_type=media_type)
    assert caught.value.hint
