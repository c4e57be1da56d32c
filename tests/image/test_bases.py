"""What images stand on: found, written down, and kept."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import local_registry
import pytest
import registry_faults as faulty
from local_registry import LocalRegistry
from registry_faults import in_front_of
from sample_images import index_of, noise, put_manifest, sample_image, sample_layer, tar_of, write_layout

from lpack.errors import InputError, PublishError, ResolveError, UsageError
from lpack.image.bases import Base, Policy, Wanted, resolve_base
from lpack.image.manifest import Platform, descriptor_of, digest_of
from lpack.image.media_types import DOCKER, OCI_ZSTD_LAYER
from lpack.image.model import Image, Layer
from lpack.image.push import push
from lpack.image.reference import Repository
from lpack.image.registry import Registries
from lpack.means import Means
from lpack.model import Host, Silent
from lpack.store import Store

ARM = Platform("linux", "arm64")
AMD = Platform("linux", "amd64")

needs_registry = pytest.mark.needs(*local_registry.PROGRAMS)

Resolve = Callable[..., Base]


@pytest.fixture
def resolve(tmp_path: Path, host: Host) -> Resolve:
    """Resolves the base of an image called `orders`, whose project is in ``tmp_path/project``."""
    (tmp_path / "project").mkdir()

    def task(base: str, policy: Policy = "keep", platform: Platform = AMD) -> Base:
        wanted = Wanted("orders", base, platform, tmp_path / "project")
        return resolve_base(wanted, policy, Means(Store(host.cache), host, Silent()))

    return task


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "project" / "image-lock.orders.json"


@pytest.fixture
def base(registry: LocalRegistry, registries: Registries) -> Callable[[Image, str], str]:
    """Pushes an image under a tag of the repository `base`, and gives the name that leads to it."""

    def task(image: Image, tag: str = "1") -> str:
        push(image, Repository(registry.host, "base"), [tag], registries=registries)
        return f"{registry.host}/base:{tag}"

    return task


def bytes_of(layer: Layer) -> bytes:
    return b"".join(layer.chunks())


@needs_registry
def test_a_base_is_found_and_written_down(resolve: Resolve, base: Callable[..., str], lock: Path) -> None:
    image = sample_image({"a": b"1"}, {"b": noise(100_000)})
    name = base(image)
    found = resolve(name)
    assert found.name == f"{name}@{image.digest}"
    assert found.image == replace(image, layers=found.image.layers)
    assert found.changes == (f"+ {name} {image.digest}",)
    assert found.sizes == tuple(len(tar_of(files)) for files in ({"a": b"1"}, {"b": noise(100_000)}))
    assert json.loads(lock.read_bytes()) == {
        "format": 1,
        "base": name,
        "platform": "linux/amd64",
        "digest": image.digest,
        "unzipped_sizes": list(found.sizes),
    }
    for own, theirs in zip(found.image.layers, image.layers, strict=True):
        assert bytes_of(own) == bytes_of(theirs)


@needs_registry
def test_its_layers_are_not_fetched(
    resolve: Resolve, base: Callable[..., str], registry: LocalRegistry, store_size: Callable[[], int]
) -> None:
    image = sample_image({"b": noise(3 << 20)})
    name = base(image)
    registry.place(image.layers[0].descriptor.digest).unlink()
    found = resolve(name)
    assert found.sizes == (None,), "there is no layer that could be asked"
    assert store_size() < 10_000
    with pytest.raises(PublishError, match="can't be read from"):
        bytes_of(found.image.layers[0])


@pytest.fixture
def store_size(host: Host) -> Callable[[], int]:
    return lambda: sum(path.stat().st_size for path in host.cache.rglob("*") if path.is_file())


@needs_registry
def test_a_second_build_needs_no_network(resolve: Resolve, tmp_path: Path, registries: Registries, lock: Path) -> None:
    image = sample_image({"a": b"1"})
    with local_registry.serving(tmp_path / "registry") as registry:
        push(image, Repository(registry.host, "base"), ["1"], registries=registries)
        name = f"{registry.host}/base:1"
        first = resolve(name)
    written = lock.stat().st_mtime_ns
    assert resolve(name, "frozen") == first._replace(changes=())
    assert resolve(name) == first._replace(changes=())
    assert lock.stat().st_mtime_ns == written
    with pytest.raises(PublishError, match="can't be read"):
        resolve(name, "upgrade")
    with pytest.raises(PublishError, match="can't be read"):
        bytes_of(first.image.layers[0])


@needs_registry
def test_a_tag_that_moved_is_followed_when_asked(resolve: Resolve, base: Callable[..., str]) -> None:
    first, second = sample_image({"a": b"1"}), sample_image({"a": b"2"})
    name = base(first)
    resolve(name)
    base(second)
    assert resolve(name).image.digest == first.digest
    moved = resolve(name, "upgrade")
    assert moved.image.digest == second.digest
    assert moved.changes == (f"~ {name} {first.digest} → {second.digest}",)
    assert resolve(name, "frozen").image.digest == second.digest
    assert resolve(name, "upgrade").changes == ()


@needs_registry
def test_a_locked_image_that_is_gone(
    resolve: Resolve, base: Callable[..., str], registry: LocalRegistry, host: Host
) -> None:
    image = sample_image({"a": b"1"})
    name = base(image)
    resolve(name)
    shutil.rmtree(registry.folder / "docker/registry/v2/repositories/base/_manifests/revisions")
    assert resolve(name).image.digest == image.digest, "the store has it"
    shutil.rmtree(host.cache)
    with pytest.raises(UsageError) as caught:
        resolve(name)
    assert "does not exist" in caught.value.message
    assert "`image-lock.orders.json` names it" in caught.value.message
    assert "lpack lock orders --upgrade" in (caught.value.hint or "")


@needs_registry
def test_the_platform_is_chosen(resolve: Resolve, base: Callable[..., str], registry: LocalRegistry) -> None:
    amd, arm = sample_image({"a": b"1"}), sample_image({"a": b"1"}, architecture="arm64")
    base(amd, "amd")
    base(arm, "arm")
    put_manifest(registry, "base", "1", index_of(amd, arm, unknown=True), DOCKER.index)
    name = f"{registry.host}/base:1"
    assert resolve(name, platform=ARM).image.digest == arm.digest
    assert resolve(name, platform=AMD).image.digest == amd.digest
    by_digest = f"{registry.host}/base@{digest_of(index_of(amd, arm, unknown=True))}"
    assert resolve(by_digest, platform=ARM).name == f"{registry.host}/base@{arm.digest}"
    with pytest.raises(UsageError, match="has no image for linux/riscv64") as caught:
        resolve(name, platform=Platform("linux", "riscv64"))
    assert caught.value.hint is not None
    assert "linux/amd64 and linux/arm64" in caught.value.hint


@needs_registry
def test_a_base_for_the_other_architecture(resolve: Resolve, base: Callable[..., str], lock: Path) -> None:
    name = base(sample_image({"a": b"1"}, architecture="arm64"))
    with pytest.raises(UsageError, match="has no image for linux/amd64") as caught:
        resolve(name)
    assert caught.value.hint is not None
    assert "linux/arm64" in caught.value.hint
    assert not lock.exists()


@needs_registry
def test_what_is_not_there(resolve: Resolve, base: Callable[..., str], registry: LocalRegistry) -> None:
    base(sample_image({"a": b"1"}))
    for name in (f"{registry.host}/base:2", f"{registry.host}/other:1"):
        with pytest.raises(UsageError) as caught:
            resolve(name)
        assert caught.value.message == f"`{name}` does not exist: `{registry.host}` has no such image"
    base(sample_image({"a": b"1"}), "3.13")
    with pytest.raises(UsageError) as caught:
        resolve(f"{registry.host}/base:3.31")
    assert caught.value.hint == "did you mean `3.13`?"
    with pytest.raises(UsageError, match="is not the name of an image"):
        resolve("Not an image")


@needs_registry
def test_frozen_changes_nothing(resolve: Resolve, base: Callable[..., str]) -> None:
    name = base(sample_image({"a": b"1"}))
    with pytest.raises(ResolveError, match=r"`image-lock\.orders\.json` does not exist"):
        resolve(name, "frozen")
    resolve(name)
    other = base(sample_image({"a": b"1"}), "2")
    with pytest.raises(ResolveError, match="does not fit the base"):
        resolve(other, "frozen")
    assert resolve(other).changes[0].startswith(f"- {name} sha256:")


@needs_registry
def test_layers_that_lambda_would_not_take(resolve: Resolve, base: Callable[..., str], lock: Path) -> None:
    zstd = replace(
        sample_layer({"a": b"1"}), descriptor=descriptor_of(b"zstd", OCI_ZSTD_LAYER), chunks=lambda: iter([b"zstd"])
    )
    with pytest.raises(UsageError, match="take layers compressed by gzip alone"):
        resolve(base(sample_image(zstd, kind="oci")))
    assert not lock.exists()
    tar = tar_of({"a": noise(5000)})
    plain = Layer(descriptor_of(tar, DOCKER.layer), digest_of(tar), lambda: iter([tar]))
    found = resolve(base(sample_image(plain), "plain"))
    (layer,) = found.image.layers
    assert layer.descriptor.media_type == DOCKER.gzip_layer
    assert layer.diff_id == digest_of(tar)
    assert descriptor_of(bytes_of(layer), DOCKER.gzip_layer) == layer.descriptor


def test_a_layout_and_a_tar_of_it(resolve: Resolve, tmp_path: Path) -> None:
    amd, arm = sample_image({"a": b"1"}), sample_image({"a": b"1"}, architecture="arm64", kind="oci")
    folder = write_layout(tmp_path / "project" / "layout", amd, arm)
    subprocess.run(["tar", "-C", folder, "-cf", tmp_path / "project" / "layout.tar", "."], check=True)
    for name in ("layout", "layout.tar", str(folder), "./layout"):
        for wanted, image in ((AMD, amd), (ARM, arm)):
            found = resolve(name, platform=wanted)
            assert found.name == f"{name}@{image.manifest.config.digest}"
            assert found.image == image
            assert bytes_of(found.image.layers[0]) == bytes_of(image.layers[0])
            assert found.sizes == (len(tar_of({"a": b"1"})),)
            assert resolve(name, "frozen", wanted) == found._replace(changes=())
    with pytest.raises(UsageError, match="has no image for linux/riscv64"):
        resolve("layout", platform=Platform("linux", "riscv64"))


def test_a_file_that_changed_is_taken_and_said(resolve: Resolve, tmp_path: Path) -> None:
    folder = tmp_path / "project" / "layout"
    first, second = sample_image({"a": b"1"}), sample_image({"a": b"2"})
    write_layout(folder, first)
    resolve("layout")
    shutil.rmtree(folder)
    write_layout(folder, second)
    with pytest.raises(ResolveError, match="does not fit"):
        resolve("layout", "frozen")
    digests = [image.manifest.config.digest for image in (first, second)]
    assert resolve("layout").changes == (f"~ layout {digests[0]} → {digests[1]}",)


def test_a_damaged_lock(resolve: Resolve, tmp_path: Path, lock: Path) -> None:
    write_layout(tmp_path / "project" / "layout", sample_image({"a": b"1"}))
    for text, fact in (
        ("{", "it is no JSON"),
        ('{"format": 2}', "another version of lpack has written"),
        ('{"format": 1, "digest": "x"}', "`digest` is `x`"),
        (f'{{"format": 1, "digest": "sha256:{"0" * 64}", "unzipped_sizes": ["1"]}}', "`unzipped_sizes[0]`"),
    ):
        lock.write_text(text)
        with pytest.raises(InputError) as caught:
            resolve("layout")
        assert fact in caught.value.message


@needs_registry
def test_a_damaged_store_is_mended(resolve: Resolve, base: Callable[..., str], host: Host) -> None:
    name = base(sample_image({"a": b"1"}))
    first = resolve(name)
    for path in host.cache.rglob("*.json"):
        path.write_bytes(b"{}")
    assert resolve(name) == first._replace(changes=())


@needs_registry
def test_what_a_registry_has_in_the_place_of_an_image(resolve: Resolve, registry: LocalRegistry) -> None:
    with in_front_of(registry) as proxy:
        for data, fact in ((b"<html>", "it is no JSON"), (b'{"schemaVersion": 1}', "is of Docker's schema 1")):
            proxy.faults.clear()
            proxy.always("GET", "/manifests/", faulty.replaced(data))
            with pytest.raises(UsageError) as caught:
                resolve(f"{proxy.host}/base:1")
            assert caught.value.message.startswith("the base of `orders` can't be used: ")
            assert fact in caught.value.message


@needs_registry
def test_a_registry_that_does_not_answer(resolve: Resolve, base: Callable[..., str], registry: LocalRegistry) -> None:
    base(sample_image({"a": b"1"}))
    with in_front_of(registry) as proxy:
        for answer, fact in (
            (faulty.status(503, retry_after="0"), "status 503"),
            (faulty.status(429, "TOOMANYREQUESTS", "pull rate limit", retry_after="0"), "pull rate limit"),
            (faulty.status(401), "it wants credentials for reading from"),
            (faulty.status(403, "DENIED"), "DENIED"),
            (faulty.cut_off_download(3), "connection"),
        ):
            proxy.faults.clear()
            proxy.always("GET", "/manifests/", answer)
            with pytest.raises(PublishError) as caught:
                resolve(f"{proxy.host}/base:1")
            assert fact in caught.value.message
