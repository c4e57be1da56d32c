"""Images by their names: in a registry, in files, in the engine."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import docker_engine
import local_registry
import pytest
from local_registry import LocalRegistry
from sample_images import sample_image, tar_of, write_layout

from lpack.errors import InputError, ToolError, UsageError
from lpack.image.contents import read_layer
from lpack.image.manifest import Platform
from lpack.image.model import Image
from lpack.image.opening import opened
from lpack.image.push import push
from lpack.image.reference import Repository
from lpack.image.registry import Registries
from lpack.model import Host, Silent

Open = Callable[..., AbstractContextManager[Image]]


@pytest.fixture
def open_image(tmp_path: Path, host: Host) -> Open:
    def task(text: str, wanted: Platform | None = None) -> AbstractContextManager[Image]:
        return opened(text, wanted, folder=tmp_path, host=host, reporter=Silent())

    return task


def test_a_folder(open_image: Open, tmp_path: Path) -> None:
    image = sample_image({"a": b"1"})
    write_layout(tmp_path / "layout", image)
    with open_image("layout") as found:
        assert found == image
        assert [member.path for member, _ in read_layer(found.layers[0], most=1 << 20)] == ["a"]


def test_several_images_want_a_platform(open_image: Open, tmp_path: Path) -> None:
    write_layout(tmp_path / "layout", sample_image({"a": b"1"}), sample_image({"a": b"1"}, architecture="arm64"))
    with pytest.raises(UsageError, match="has images for linux/amd64 and linux/arm64"), open_image("layout"):
        pass
    with open_image("layout", Platform("linux", "arm64")) as found:
        assert found.config.platform == Platform("linux", "arm64")


def test_what_is_no_image(open_image: Open, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar_of({"a": b"1"}))
    (tmp_path / "b.tar").write_bytes(b"\x1f\x8b\x08")
    (tmp_path / "c.tar").write_bytes(b"<html>" * 1000)
    (tmp_path / "d").mkdir()
    for text, error, fact in (
        ("a.tar", InputError, "it has neither `index.json` nor `manifest.json`"),
        ("b.tar", InputError, "is compressed"),
        ("c.tar", InputError, "is no tar"),
        ("./d", UsageError, "is no OCI layout"),
        ("./e", UsageError, "does not exist"),
    ):
        with pytest.raises(error) as caught, open_image(text):
            pass
        assert fact in caught.value.message


@pytest.mark.needs(*local_registry.PROGRAMS)
def test_a_registry(open_image: Open, registry: LocalRegistry, registries: Registries) -> None:
    image = sample_image({"a": b"1"}, kind="oci")
    push(image, Repository(registry.host, "shop"), ["v1"], registries=registries)
    for name in (f"{registry.host}/shop:v1", f"{registry.host}/shop@{image.digest}"):
        with open_image(name) as found:
            assert found.manifest_bytes == image.manifest_bytes
            assert [member.path for member, _ in read_layer(found.layers[0], most=1 << 20)] == ["a"]


@pytest.mark.engine
def test_the_engine(tmp_path: Path) -> None:
    host = Host(docker_engine.ENVIRON, tmp_path / "store")
    name = docker_engine.unique("opening")
    with docker_engine.connected() as client:
        labels = [f"LABEL {docker_engine.LABEL}=1"]
        client.api.import_image_from_data(tar_of({"one": b"1"}), repository=name, tag="v1", changes=labels)
        try:
            with opened(f"docker-daemon:{name}:v1", None, folder=tmp_path, host=host, reporter=Silent()) as found:
                assert found.config.platform.os == "linux"
                (layer,) = found.layers
                files = {member.path: b"".join(data) for member, data in read_layer(layer, most=1 << 20)}
                assert files == {"one": b"1"}
        finally:
            client.images.remove(f"{name}:v1")
    with (
        pytest.raises(UsageError, match="has no image"),
        opened(f"docker-daemon:{name}:v1", None, folder=tmp_path, host=host, reporter=Silent()),
    ):
        pass
    assert not list((tmp_path / "store" / "tmp").iterdir())


def test_no_engine(host: Host, tmp_path: Path) -> None:
    elsewhere = Host({**host.environ, "DOCKER_HOST": f"unix://{tmp_path}/none"}, host.cache)
    with (
        pytest.raises(ToolError, match="no Docker Engine answers"),
        opened("docker-daemon:shop", None, folder=tmp_path, host=elsewhere, reporter=Silent()),
    ):
        pass
