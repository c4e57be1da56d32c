"""Dockerfiles of the user's own: what the real engine makes of them, and what is said when it can't."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import base_images
import docker_engine
import local_registry
import pytest
from command_line import Run
from docker.errors import APIError, ImageNotFound
from local_registry import LocalRegistry

from lpack.errors import ToolError
from lpack.image import opening
from lpack.image.dockerfile import image_from_dockerfile
from lpack.image.local import read_local
from lpack.image.manifest import Platform
from lpack.image.media_types import GZIP_LAYERS
from lpack.means import Means
from lpack.model import Host, Silent
from lpack.record import read_record
from lpack.store import Store

pytestmark = base_images.needs(base_images.PLAIN)

HERE = Platform("linux", {"x86_64": "amd64", "arm64": "arm64"}[base_images.HERE])
CONFIGURATION = f"""
[function.orders]
runtime = "provided.al2023"
architecture = "{base_images.HERE}"
source = "src"
package = "image"
dockerfile = "src/Dockerfile"
"""
DOCKERFILE = """\
FROM {base}
LABEL lpack.test={label}
COPY bootstrap /var/runtime/bootstrap
WORKDIR /var/task
ENTRYPOINT ["/var/runtime/bootstrap"]
"""

Project = Callable[[Mapping[str, str | bytes]], Path]
Lpack = Callable[..., Run]


@pytest.fixture
def orders(project: Project) -> Iterator[Path]:
    """A function with a Dockerfile; the engine forgets what was made of it, which a label of its own tells."""
    label = docker_engine.unique("dockerfile")
    text = DOCKERFILE.format(base=base_images.image(base_images.PLAIN), label=label)
    folder = project({"lpack.toml": CONFIGURATION, "src/Dockerfile": text, "src/bootstrap": "#!/bin/sh\n"})
    (folder / "src" / "bootstrap").chmod(0o755)
    yield folder
    with docker_engine.connected() as client:
        for image in client.images.list(filters={"label": f"{docker_engine.LABEL}={label}"}):
            with contextlib.suppress(APIError, ImageNotFound):  # one that another stands on goes with that
                client.images.remove(image.id)


def built(lpack: Lpack, folder: Path, *options: str) -> dict[str, Any]:
    run = lpack("build", "--json", *options, folder=folder, environ=docker_engine.ENVIRON | _store())
    assert run.exit_code == 0, run.stdout + run.stderr
    found: dict[str, Any] = run.json["artifacts"][0]
    return found


def _store() -> dict[str, str]:
    return {"LPACK_CACHE_DIR": os.environ["LPACK_CACHE_DIR"]}


def test_what_the_engine_builds_is_an_artifact_like_others(lpack: Lpack, orders: Path) -> None:
    artifact = built(lpack, orders)
    assert (artifact["kind"], artifact["status"]) == ("image", "built")
    image, record = read_local(orders / "dist" / "orders.tar", None), read_record(orders / "dist" / "orders.tar")
    assert record is not None
    assert record.image is not None
    assert record.image.digest == image.digest
    assert {layer.descriptor.media_type for layer in image.layers} <= GZIP_LAYERS
    assert record.unzipped_size == sum(layer.unzipped_size or 0 for layer in record.image.layers)
    assert image.config.execution.entrypoint == ("/var/runtime/bootstrap",)
    assert built(lpack, orders)["status"] == "unchanged"
    assert lpack("check", folder=orders).exit_code == 0


@pytest.mark.needs(*local_registry.PROGRAMS)
def test_it_is_pushed_like_others(lpack: Lpack, orders: Path, registry: LocalRegistry) -> None:
    artifact = built(lpack, orders, "--push", "--repository", f"{registry.host}/shop")
    assert registry.tags("shop") == {"orders": artifact["record"]["image"]["digest"]}


def test_it_is_held_to_the_same_checks(lpack: Lpack, orders: Path) -> None:
    (orders / "src" / "bootstrap").chmod(0o644)
    run = lpack("build", folder=orders, environ=docker_engine.ENVIRON | _store())
    assert run.exit_code == 5
    assert "the image starts with `/var/runtime/bootstrap`, which has mode 0644" in run.stderr
    assert not (orders / "dist" / "orders.tar").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("RUN echo here && exit 3", "returned a non-zero code: 3"),
        ("COPY nothing /", "nothing"),
        ("NONSENSE", "unknown instruction"),
        ("RUN --mount=type=cache,target=/x true", "BuildKit"),
    ],
)
def test_a_step_that_fails_is_told_with_what_it_printed(lpack: Lpack, orders: Path, line: str, said: str) -> None:
    with (orders / "src" / "Dockerfile").open("a") as file:
        file.write(f"{line}\n")
    run = lpack("build", folder=orders, environ=docker_engine.ENVIRON | _store())
    assert run.exit_code == 4
    assert said in run.stderr
    assert "Dockerfile` can't be built: " in run.stderr
    assert "echo here" not in line or "  here\n" in run.stderr


def test_an_image_that_was_kept_is_not_saved_again(
    orders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "store")
    means = Means(store, Host(docker_engine.ENVIRON, store.folder), Silent())
    first = image_from_dockerfile(orders / "src" / "Dockerfile", orders / "src", HERE, means)
    monkeypatch.setattr(opening, "_saved", lambda *_: pytest.fail("saved again"))
    assert image_from_dockerfile(orders / "src" / "Dockerfile", orders / "src", HERE, means) == first


def test_without_an_engine_there_is_no_image(orders: Path, tmp_path: Path) -> None:
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/nobody.sock", "PATH": "/usr/bin", "HOME": str(tmp_path)}
    means = Means(Store(tmp_path / "store"), Host(nowhere, tmp_path / "store"), Silent())
    with pytest.raises(ToolError, match="no Docker Engine answers"):
        image_from_dockerfile(orders / "src" / "Dockerfile", orders / "src", HERE, means)
