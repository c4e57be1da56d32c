"""The archive of an image: what `docker load` and readers of OCI layouts find in it, skopeo among them."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from trees import tree_of

from lpack.errors import InputError, LpackError
from lpack.image.archive_writer import tag_of, write_archive
from lpack.image.composing import composed
from lpack.image.config import Execution, ImageConfig
from lpack.image.making import make_layer
from lpack.image.manifest import Platform, descriptor_of
from lpack.image.media_types import DOCKER
from lpack.image.model import Image, Layer, assembled
from lpack.means import Means
from lpack.model import Host, Silent
from lpack.store import Store, sha256_of

EMPTY = assembled(ImageConfig(Platform("linux", "amd64"), Execution(), ()), [])


@pytest.fixture
def image(tmp_path: Path) -> Image:
    means = Means(Store(tmp_path / "store"), Host({}, tmp_path / "store"), Silent())
    made = [make_layer(name, tree_of({f"var/task/{name}": b"x"}), means) for name in ("numpy", "source")]
    return composed(EMPTY, made, Execution(cmd=("app.handler",)))


def contents(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        files = [(member.name, archive.extractfile(member)) for member in archive if member.isfile()]
        return {name: stream.read() for name, stream in files if stream}


def test_blobs_lie_under_their_digests(image: Image, tmp_path: Path) -> None:
    write_archive(image, "orders", tmp_path / "orders.tar")
    blobs = {name: data for name, data in contents(tmp_path / "orders.tar").items() if name.startswith("blobs/")}
    assert blobs == {f"blobs/sha256/{hashlib.sha256(data).hexdigest()}": data for data in blobs.values()}
    assert len(blobs) == 2 + len(image.layers)


def test_it_is_an_archive_of_docker(image: Image, tmp_path: Path) -> None:
    write_archive(image, "Orders", tmp_path / "orders.tar")
    files = contents(tmp_path / "orders.tar")
    (manifest,) = json.loads(files["manifest.json"])
    assert manifest["RepoTags"] == ["orders:latest"]
    assert files[manifest["Config"]] == image.config_bytes
    assert [files[layer] for layer in manifest["Layers"]] == [b"".join(layer.chunks()) for layer in image.layers]


def test_it_is_an_oci_layout(image: Image, tmp_path: Path) -> None:
    write_archive(image, "orders", tmp_path / "orders.tar")
    files = contents(tmp_path / "orders.tar")
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (described,) = json.loads(files["index.json"])["manifests"]
    assert described["digest"] == image.digest
    assert described["size"] == len(image.manifest_bytes)
    assert described["platform"] == {"architecture": "amd64", "os": "linux"}
    assert files[f"blobs/sha256/{image.digest.removeprefix('sha256:')}"] == image.manifest_bytes


def test_what_was_written_is_known(image: Image, tmp_path: Path) -> None:
    written = write_archive(image, "orders", tmp_path / "orders.tar")
    assert (written.size, bytes.fromhex(written.sha256)) == (
        (tmp_path / "orders.tar").stat().st_size,
        sha256_of(tmp_path / "orders.tar"),
    )
    assert write_archive(image, "orders", tmp_path / "again.tar") == written


def test_layers_can_be_left_out(image: Image, tmp_path: Path) -> None:
    write_archive(image, "orders", tmp_path / "orders.tar", without={image.layers[0].descriptor.digest})
    files = contents(tmp_path / "orders.tar")
    (manifest,) = json.loads(files["manifest.json"])
    assert [layer in files for layer in manifest["Layers"]] == [False, True]


def test_a_layer_that_is_there_twice_is_written_once(image: Image, tmp_path: Path) -> None:
    twice = assembled(image.config, [*image.layers, image.layers[0]])
    write_archive(twice, "orders", tmp_path / "orders.tar")
    with tarfile.open(tmp_path / "orders.tar") as archive:
        names = archive.getnames()
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "tag"),
    [("orders", "orders:latest"), ("My-Orders_2", "my-orders_2:latest"), ("_orders", None), ("größe", None)],
)
def test_the_engine_calls_it_by_its_name_where_it_can(name: str, tag: str | None, image: Image, tmp_path: Path) -> None:
    assert tag_of(name) == tag
    write_archive(image, name, tmp_path / "some.tar")
    (manifest,) = json.loads(contents(tmp_path / "some.tar")["manifest.json"])
    assert manifest["RepoTags"] == ([tag] if tag else None)


def test_a_broken_layer_leaves_the_old_archive(image: Image, tmp_path: Path) -> None:
    def broken() -> Any:
        raise InputError("the layer is broken")

    wrong = assembled(image.config, [Layer(descriptor_of(b"x", DOCKER.gzip_layer), image.layers[0].diff_id, broken)])
    (tmp_path / "orders.tar").write_bytes(b"old")
    with pytest.raises(InputError, match="the layer is broken"):
        write_archive(wrong, "orders", tmp_path / "orders.tar")
    assert [path.name for path in tmp_path.glob("*orders*")] == ["orders.tar"]
    assert (tmp_path / "orders.tar").read_bytes() == b"old"


def test_a_folder_that_is_a_file_is_the_users_to_mend(image: Image, tmp_path: Path) -> None:
    (tmp_path / "dist").write_bytes(b"")
    with pytest.raises(LpackError, match="can't be written"):
        write_archive(image, "orders", tmp_path / "dist" / "orders.tar")


@pytest.mark.needs("skopeo")
@pytest.mark.parametrize("transport", ["oci-archive", "docker-archive"])
def test_skopeo_reads_it(transport: str, image: Image, tmp_path: Path) -> None:
    write_archive(image, "orders", tmp_path / "orders.tar")
    command = ["skopeo", f"--tmpdir={tmp_path}", "copy", f"{transport}:{tmp_path}/orders.tar"]
    subprocess.run([*command, f"dir:{tmp_path}/copy"], check=True, capture_output=True)
    manifest = json.loads((tmp_path / "copy" / "manifest.json").read_bytes())
    assert manifest["config"]["digest"] == image.manifest.config.digest
    if transport == "oci-archive":
        assert (tmp_path / "copy" / "manifest.json").read_bytes() == image.manifest_bytes


def test_the_members_are_in_order(image: Image, tmp_path: Path) -> None:
    write_archive(image, "orders", tmp_path / "orders.tar")
    with tarfile.open(fileobj=io.BytesIO((tmp_path / "orders.tar").read_bytes())) as archive:
        assert archive.getnames()[:5] == ["oci-layout", "index.json", "manifest.json", "blobs", "blobs/sha256"]
