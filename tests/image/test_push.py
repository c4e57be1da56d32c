"""Images sent to a real registry, and read there by skopeo."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import local_registry
import pytest
from local_registry import LocalRegistry
from registry_faults import in_front_of
from sample_images import noise, sample_image, write_layout

from lpack.errors import InputError, PublishError
from lpack.image.local import read_local
from lpack.image.manifest import parse_manifest
from lpack.image.model import Image, Layer
from lpack.image.push import Pushed, push
from lpack.image.reference import Repository, parse_reference
from lpack.image.registry import Registries, blob_chunks, read_blob, read_manifest

pytestmark = pytest.mark.needs(*local_registry.PROGRAMS)

Push = Callable[..., Pushed]


@pytest.fixture
def to_shop(registry: LocalRegistry, registries: Registries) -> Push:
    """Pushes to the repository `shop`, of the registry or of what is in front of it."""

    def task(image: Image, *tags: str, host: str = registry.host, name: str = "shop") -> Pushed:
        return push(image, Repository(host, name), tags, registries=registries)

    return task


def skopeo(*arguments: str | Path) -> Any:
    """What skopeo prints, which was written by others."""
    command = ["skopeo", "--insecure-policy", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout or "null")


def test_an_image_arrives(registry: LocalRegistry, registries: Registries, to_shop: Push) -> None:
    image = sample_image({"a": b"1"}, {"b": noise(1 << 20)})
    pushed = to_shop(image, "v1", "latest", name="shop/orders")
    assert str(pushed.reference) == f"{registry.host}/shop/orders:v1@{image.digest}"
    assert pushed.uploaded == pushed.size == image.size
    assert registry.tags("shop/orders") == {"v1": image.digest, "latest": image.digest}
    digests = {layer.descriptor.digest for layer in image.layers}
    assert registry.blobs() == {*digests, image.manifest.config.digest, image.digest}
    repository = Repository(registry.host, "shop/orders")
    found = read_manifest(registries, parse_reference(f"{repository}:v1"))
    assert found.data == image.manifest_bytes
    assert parse_manifest(found.data, "it", media_type=found.media_type) == image.manifest
    assert read_blob(registries, repository, image.manifest.config) == image.config_bytes
    for layer in image.layers:
        assert b"".join(blob_chunks(registries, repository, layer.descriptor)) == b"".join(layer.chunks())


@pytest.mark.needs("skopeo")
@pytest.mark.parametrize("kind", ["docker", "oci"])
def test_skopeo_reads_it(registry: LocalRegistry, to_shop: Push, tmp_path: Path, kind: Any) -> None:
    image = sample_image({"a": b"1"}, {"b": noise(100_000)}, architecture="arm64", kind=kind)
    to_shop(image, "v1")
    name = f"docker://{registry.host}/shop:v1"
    inspected = skopeo("inspect", "--tls-verify=false", name)
    assert inspected["Digest"] == image.digest
    assert inspected["Architecture"] == "arm64"
    assert inspected["Env"] == ["PATH=/usr/bin:/bin"]
    assert inspected["Layers"] == [layer.descriptor.digest for layer in image.layers]
    command = ["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", name, f"oci:{tmp_path}/layout:v1"]
    subprocess.run(command, check=True, capture_output=True)
    copied = read_local(tmp_path / "layout", None)
    assert (copied.config.execution, copied.config.diff_ids) == (image.config.execution, image.config.diff_ids)
    assert [b"".join(layer.chunks()) for layer in copied.layers] == [b"".join(layer.chunks()) for layer in image.layers]


@pytest.mark.needs("skopeo")
def test_what_skopeo_pushes_is_read(registry: LocalRegistry, registries: Registries, tmp_path: Path) -> None:
    image = sample_image({"a": b"1"}, kind="oci")
    layout = write_layout(tmp_path / "layout", image)
    target = f"docker://{registry.host}/shop:v1"
    command = ["skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", f"oci:{layout}", target]
    subprocess.run(command, check=True, capture_output=True)
    found = read_manifest(registries, parse_reference(f"{registry.host}/shop:v1"))
    assert found.digest == image.digest


def test_what_is_there_is_not_sent_again(to_shop: Push) -> None:
    image = sample_image({"a": b"1"}, {"b": noise(1 << 20)})
    to_shop(image, "v1")
    again = to_shop(image, "v1")
    assert (again.uploaded, again.mounted) == (0, 0)
    edited = sample_image({"a": b"2"}, {"b": noise(1 << 20)})
    pushed = to_shop(edited, "v1")
    assert pushed.uploaded == edited.layers[0].descriptor.size + len(edited.config_bytes)


def test_the_tag_is_put_last(registry: LocalRegistry, to_shop: Push) -> None:
    image = sample_image({"a": b"1"}, {"b": b"2"})
    with in_front_of(registry) as proxy:
        to_shop(image, "v1", host=proxy.host)
        puts = [each.path for each in proxy.asked if each.method == "PUT"]
        assert all("/blobs/uploads/" in path for path in puts[:3])
        assert puts[3:] == [f"/v2/shop/manifests/{image.digest}", "/v2/shop/manifests/v1"]
        assert proxy.count("PATCH", "") == 0


def test_blobs_are_uploaded_by_one_request_of_known_length(registry: LocalRegistry, to_shop: Push) -> None:
    image = sample_image({"b": noise(1 << 20)})
    with in_front_of(registry) as proxy:
        to_shop(image, "v1", host=proxy.host)
        (put,) = [
            each for each in proxy.asked if image.layers[0].descriptor.digest in each.path and each.method == "PUT"
        ]
        assert put.headers["content-length"] == str(image.layers[0].descriptor.size)
        assert put.size == image.layers[0].descriptor.size
        assert "transfer-encoding" not in put.headers


def test_connections_are_used_again(registry: LocalRegistry, to_shop: Push) -> None:
    with in_front_of(registry) as proxy:
        to_shop(sample_image({"a": b"1"}), "v1", host=proxy.host)
        assert len(proxy.asked) == 11
        assert proxy.connections <= 2, "two blobs are sent side by side"


def test_the_same_layer_twice_is_sent_once(registry: LocalRegistry, to_shop: Push) -> None:
    image = sample_image({"a": b"1"}, {"a": b"1"})
    with in_front_of(registry) as proxy:
        to_shop(image, "v1", host=proxy.host)
        assert proxy.count("PUT", "/blobs/uploads/") == 2


def test_without_a_tag_it_is_found_by_its_digest(
    registry: LocalRegistry, registries: Registries, to_shop: Push
) -> None:
    image = sample_image({"a": b"1"})
    pushed = to_shop(image)
    assert str(pushed.reference) == f"{registry.host}/shop@{image.digest}"
    assert registry.tags("shop") == {}
    assert read_manifest(registries, pushed.reference).data == image.manifest_bytes


def of_origin(image: Image, origin: Repository) -> Image:
    """The image with layers of which all that is known is where they are."""

    def unread() -> Any:
        raise AssertionError("it should not be read")

    return replace(image, layers=tuple(replace(each, origin=origin, chunks=unread) for each in image.layers))


def test_layers_of_the_same_registry_are_mounted(registry: LocalRegistry, to_shop: Push) -> None:
    base = sample_image({"a": noise(100_000)})
    to_shop(base, "1", name="base")
    pushed = to_shop(of_origin(base, Repository(registry.host, "base")), "v1")
    assert pushed.mounted == base.layers[0].descriptor.size
    assert pushed.uploaded == len(base.config_bytes)
    assert registry.tags("shop") == {"v1": base.digest}


def test_a_layer_that_is_there_is_neither_read_nor_mounted(registry: LocalRegistry, to_shop: Push) -> None:
    base = sample_image({"a": noise(100_000)})
    to_shop(base, "1")
    with in_front_of(registry) as proxy:
        pushed = to_shop(of_origin(base, Repository("elsewhere.example.com", "base")), "v2", host=proxy.host)
        assert (pushed.uploaded, pushed.mounted) == (0, 0)
        assert proxy.count("POST", "") == 0


def test_layers_of_another_registry_are_streamed(
    registry: LocalRegistry, registries: Registries, to_shop: Push, tmp_path: Path
) -> None:
    base = sample_image({"a": noise(1 << 20)})
    to_shop(base, "1", name="base")
    origin = Repository(registry.host, "base")

    def streamed(layer: Layer) -> Layer:
        return replace(layer, origin=origin, chunks=lambda: blob_chunks(registries, origin, layer.descriptor))

    image = replace(base, layers=tuple(map(streamed, base.layers)))
    with local_registry.serving(tmp_path / "other") as other:
        pushed = to_shop(image, "v1", host=other.host)
        assert pushed.uploaded == pushed.size
        assert other.tags("shop") == {"v1": image.digest}


def test_a_layer_that_does_not_fit_its_digest(registry: LocalRegistry, to_shop: Push) -> None:
    good = sample_image({"a": b"1"}, {"b": b"2"})
    to_shop(good, "v1")
    image = sample_image({"a": b"1"}, {"b": noise(50_000)})

    def lying() -> Any:
        yield b"x" * 1000
        raise InputError("layer `b` has the digest sha256:x, not sha256:y")

    broken = replace(image, layers=(image.layers[0], replace(image.layers[1], chunks=lying)))
    with pytest.raises(PublishError, match="the image can't be pushed: layer `b` has the digest"):
        to_shop(broken, "v1", "v2")
    assert registry.tags("shop") == {"v1": good.digest}


def test_a_layer_whose_file_is_gone(registry: LocalRegistry, to_shop: Push, tmp_path: Path) -> None:
    image = sample_image({"a": b"1"})
    layer = replace(image.layers[0], chunks=lambda: iter([(tmp_path / "gone").read_bytes()]))
    with pytest.raises(FileNotFoundError):
        to_shop(replace(image, layers=(layer,)), "v1")
    assert registry.tags("shop") == {}


def test_progress_is_told(registry: LocalRegistry, registries_of: Callable[..., Registries], host: Any) -> None:
    told: list[tuple[str, int, int]] = []

    class Listening:
        def note(self, message: str) -> None:
            raise AssertionError(message)

        warning = printed = note

        def progress(self, label: str, done: int, total: int) -> None:
            told.append((label, done, total))

    image = sample_image({"b": noise(1 << 20)})
    push(image, Repository(registry.host, "shop"), ["v1"], registries=registries_of(host, Listening()))
    assert {label for label, _, _ in told} == {"pushing"}
    assert told[-1][1:] == (image.size, image.size)
    assert len(told) > 10


class Impatient:
    """A user who presses Ctrl-C after some bytes."""

    def note(self, message: str) -> None:
        raise AssertionError(message)

    warning = printed = note

    def progress(self, label: str, done: int, total: int) -> None:  # noqa: ARG002 -- the Protocol's
        if done > 1 << 20:
            raise KeyboardInterrupt


def test_ctrl_c_ends_it(registry: LocalRegistry, registries_of: Callable[..., Registries], host: Any) -> None:
    image = sample_image(*({"a": noise(4 << 20, seed)} for seed in range(4)))
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        push(image, Repository(registry.host, "shop"), ["v1"], registries=registries_of(host, Impatient()))
    assert time.monotonic() - started < 10
    assert registry.tags("shop") == {}
