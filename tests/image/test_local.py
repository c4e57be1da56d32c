"""Images in files that other tools wrote, and such as nobody should read."""

import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import local_registry
import pytest
from local_registry import LocalRegistry
from sample_images import index_of, noise, sample_image, sample_layer, tar_of, write_layout

from lpack.errors import InputError, LpackError, UsageError
from lpack.image.contents import read_layer
from lpack.image.local import is_local, read_local
from lpack.image.manifest import Platform, descriptor_of, digest_of
from lpack.image.media_types import DOCKER, OCI
from lpack.image.model import Image
from lpack.image.opening import of_archive
from lpack.image.push import push
from lpack.image.reference import Repository
from lpack.image.registry import Registries
from lpack.model import Host

IMAGE = sample_image({"a": b"1"}, {"b": noise(100_000)})


def files_of(image: Image) -> list[dict[str, bytes]]:
    return [{member.path: b"".join(data) for member, data in read_layer(layer, most=1 << 20)} for layer in image.layers]


def written(path: Path, files: Mapping[str, bytes | str]) -> Path:
    """A tar of files, and of links, which are given by their targets."""
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.needs(*local_registry.PROGRAMS, "skopeo")
@pytest.mark.parametrize("kind", ["docker-archive:{}:shop:v1", "oci-archive:{}:v1", "oci:{}:v1", "dir:{}"])
def test_what_skopeo_writes(kind: str, registry: LocalRegistry, registries: Registries, tmp_path: Path) -> None:
    push(IMAGE, Repository(registry.host, "shop"), ["v1"], registries=registries)
    source, target = f"docker://{registry.host}/shop:v1", kind.format(tmp_path / "out")
    command = ["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", source, target]
    subprocess.run(command, check=True, capture_output=True)
    if kind.startswith("dir"):  # skopeo's own, which nobody else has
        with pytest.raises(UsageError, match="is no OCI layout"):
            read_local(tmp_path / "out", None)
        return
    found = read_local(tmp_path / "out", Platform("linux", "amd64"))
    assert files_of(found) == files_of(IMAGE)
    assert found.config.diff_ids == IMAGE.config.diff_ids
    assert found.config.execution == IMAGE.config.execution


def docker_archive(**changes: Any) -> dict[str, bytes | str]:
    """What `docker save` wrote before it wrote OCI layouts: equal layers are links to the first of them."""
    tar = tar_of({"a": b"1"})
    config = json.loads(sample_image({"a": b"1"}, {"a": b"1"}).config_bytes)
    manifest = {"Config": "c.json", "RepoTags": ["shop:v1"], "Layers": ["one/layer.tar", "two/layer.tar"], **changes}
    return {
        "c.json": json.dumps(config).encode(),
        "one/layer.tar": tar,
        "two/layer.tar": "../one/layer.tar",
        "manifest.json": json.dumps([manifest]).encode(),
    }


def test_what_docker_used_to_write(tmp_path: Path) -> None:
    found = read_local(written(tmp_path / "a.tar", docker_archive()), None)
    assert files_of(found) == [{"a": b"1"}] * 2
    assert [layer.descriptor.media_type for layer in found.layers] == [DOCKER.layer] * 2
    layer = sample_layer({"a": b"1"})
    packed = {**docker_archive(), "one/layer.tar": b"".join(layer.chunks())}
    found = read_local(written(tmp_path / "b.tar", packed), None)
    assert [each.descriptor for each in found.layers] == [layer.descriptor] * 2
    assert files_of(found) == [{"a": b"1"}] * 2


@pytest.mark.parametrize(
    ("files", "fact"),
    [
        ({**docker_archive(), "one/layer.tar": tar_of({"a": b"2"})}, "has the digest sha256:"),
        ({**docker_archive(), "one/layer.tar": "../../etc/passwd"}, "names `one/layer.tar`, which is not there"),
        (docker_archive(Layers=["one/layer.tar"]), "has 1 layers, but its config names 2"),
        (docker_archive(Layers=["three.tar", "four.tar"]), "names `three.tar`, which is not there"),
        (docker_archive(Config="x.json"), "has no `x.json`"),
        (docker_archive(Config="manifest.json"), "it is no JSON object"),
        ({**docker_archive(), "manifest.json": b"[]"}, "has 0 images"),
        ({**docker_archive(), "manifest.json": b"{}"}, "`list` is not a list"),
        ({**docker_archive(), "./manifest.json": b"[]"}, "has `manifest.json` twice"),
        ({"manifest.json": bytes(5 << 20)}, "has 5,242,880 bytes"),
        ({"something": b"else"}, "it has neither"),
    ],
)
def test_archives_that_are_none(files: dict[str, bytes | str], fact: str, tmp_path: Path) -> None:
    with pytest.raises(LpackError) as caught:
        files_of(read_local(written(tmp_path / "a.tar", files), None))
    assert fact in caught.value.message


def test_several_images_in_one_archive(tmp_path: Path) -> None:
    one = json.loads(docker_archive()["manifest.json"])[0]
    files = {**docker_archive(), "manifest.json": json.dumps([one, {**one, "RepoTags": ["other:v2"]}]).encode()}
    with pytest.raises(UsageError, match="has 2 images: other:v2, shop:v1") as caught:
        read_local(written(tmp_path / "a.tar", files), None)
    assert "docker save" in (caught.value.hint or "")


def test_an_archive_for_another_platform(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tar", docker_archive())
    with pytest.raises(UsageError, match="has no image for linux/arm64"):
        read_local(path, Platform("linux", "arm64"))


def layout_with(tmp_path: Path, **changes: bytes) -> Path:
    folder = write_layout(tmp_path / "layout", IMAGE)
    for name, data in changes.items():
        place = {"index": folder / "index.json"}.get(name) or folder / "blobs/sha256" / name.removeprefix("sha256_")
        place.write_bytes(data)
    return folder


def descriptor_in_index(data: bytes, media_type: str) -> bytes:
    entry = {**descriptor_of(data, media_type).as_dict()}
    return json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()


def test_an_index_in_an_index(tmp_path: Path) -> None:
    inner = index_of(IMAGE, unknown=True)
    name = digest_of(inner).replace(":", "_")
    folder = layout_with(tmp_path, index=descriptor_in_index(inner, OCI.index), **{name: inner})
    with pytest.raises(InputError, match="but it was sent as"):  # that of Docker, and said to be OCI's
        read_local(folder, None)
    shutil.rmtree(folder)
    folder = layout_with(tmp_path, index=descriptor_in_index(inner, DOCKER.index), **{name: inner})
    assert read_local(folder, None).digest == IMAGE.digest


@pytest.mark.parametrize(
    ("damage", "fact"),
    [
        (lambda folder: (folder / "index.json").write_bytes(b"{"), "it is no JSON"),
        (lambda folder: (folder / "index.json").write_bytes(IMAGE.manifest_bytes), "is no index"),
        (lambda folder: (folder / "index.json").write_bytes(index_of()), "has no images"),
        (lambda folder: blob(folder, IMAGE.digest).write_bytes(b"{}"), "ends after 2 of"),
        (lambda folder: blob(folder, IMAGE.digest).unlink(), "has no images"),
        (lambda folder: blob(folder, IMAGE.manifest.config.digest).unlink(), "lacks the config of its image"),
        (lambda folder: blob(folder, IMAGE.manifest.config.digest).write_bytes(b"{}"), "config of"),
        (lambda folder: blob(folder, IMAGE.layers[0].descriptor.digest).write_bytes(b"x"), "ends after 1 of"),
        (lambda folder: blob(folder, IMAGE.layers[0].descriptor.digest).unlink(), "lacks layer"),
    ],
)
def test_layouts_that_are_damaged(damage: Callable[[Path], object], fact: str, tmp_path: Path) -> None:
    folder = layout_with(tmp_path)
    damage(folder)
    with pytest.raises(LpackError) as caught:
        files_of(read_local(folder, None))
    assert fact in caught.value.message


def blob(folder: Path, digest: str) -> Path:
    return folder / "blobs" / digest.replace(":", "/")


def test_what_means_a_file(tmp_path: Path) -> None:
    write_layout(tmp_path / "layout", IMAGE)
    (tmp_path / "debian").mkdir()
    (tmp_path / "image").write_bytes(b"")
    for text in ("layout", "./x", "../x", "/x", "x.tar", "image", f"{tmp_path}/layout"):
        assert is_local(text, tmp_path), text
    for text in ("debian", "debian:12", "public.ecr.aws/lambda/python:3.13", "x/y", "layouts"):
        assert not is_local(text, tmp_path), text


@pytest.mark.needs(*local_registry.PROGRAMS)
def test_an_archive_whose_base_is_in_a_registry(
    registry: LocalRegistry, registries: Registries, tmp_path: Path, host: Host
) -> None:
    base = sample_image({"a": b"1"})
    push(base, Repository(registry.host, "base"), ["1"], registries=registries)
    folder = layout_with(tmp_path)
    blob(folder, IMAGE.layers[0].descriptor.digest).unlink()
    assert IMAGE.layers[0].descriptor == base.layers[0].descriptor
    image = of_archive(folder, f"{registry.host}/base:1@{base.digest}", host)
    assert [layer.origin for layer in image.layers] == [Repository(registry.host, "base"), None]
    assert files_of(image) == files_of(IMAGE)
    pushed = push(image, Repository(registry.host, "shop"), ["v1"], registries=registries)
    assert pushed.mounted == base.layers[0].descriptor.size
    with pytest.raises(InputError, match="lacks layer"):
        files_of(of_archive(folder, f"./base.tar@{base.digest}", host))


def test_an_archive_without_a_base(tmp_path: Path, host: Host) -> None:
    assert of_archive(layout_with(tmp_path), "", host) == IMAGE
