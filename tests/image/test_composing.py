"""Images on a base: what stays of the base's config, and what comes on top."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from trees import tree_of

from lpack.image.composing import CREATED, composed
from lpack.image.config import Execution, History, ImageConfig
from lpack.image.making import MadeLayer, make_layer
from lpack.image.manifest import Platform, descriptor_of, digest_of
from lpack.image.media_types import DOCKER, OCI
from lpack.image.model import Image, Layer, assembled
from lpack.means import Means
from lpack.model import Host, Silent
from lpack.store import Store

HISTORY = (
    History(created_by="ADD file", created="2026-01-01T00:00:00Z"),
    History(created_by="ENV A=1", empty_layer=True),
    History(created_by="COPY runtime"),
)
EXECUTION = Execution(cmd=("app.handler",))


def layer(data: bytes, media_type: str = DOCKER.gzip_layer) -> Layer:
    return Layer(descriptor_of(data, media_type), digest_of(b"tar of " + data), lambda: iter([data]))


def base(history: tuple[History, ...] = HISTORY) -> Image:
    others = {"os.version": "1", "container": "abc", "docker_version": "20.10"}
    platform = Platform("linux", "arm64", "v8")
    config = ImageConfig(platform, Execution(cmd=("bash",)), (), history, "2026-11-25T00:00:00Z", "me", others)
    return assembled(config, [layer(b"one"), layer(b"two", OCI.gzip_layer)])


@pytest.fixture
def made(tmp_path: Path) -> list[MadeLayer]:
    means = Means(Store(tmp_path), Host({}, tmp_path), Silent())
    return [make_layer(name, tree_of({f"var/task/{name}": b"x"}), means) for name in ("numpy", "source")]


def test_layers_come_on_top_of_the_base(made: list[MadeLayer]) -> None:
    image = composed(base(), made, EXECUTION)
    assert image.layers == (*base().layers[:1], *image.layers[1:2], *(each.layer for each in made))
    assert image.config.diff_ids == tuple(each.diff_id for each in image.layers)
    assert {each.media_type for each in image.manifest.layers} == {DOCKER.gzip_layer}


def test_the_config_is_the_images_own(made: list[MadeLayer]) -> None:
    config = composed(base(), made, EXECUTION).config
    assert (config.execution, config.created, config.author) == (EXECUTION, CREATED, "")
    assert config.platform == Platform("linux", "arm64", "v8")
    assert config.others == {"os.version": "1"}


def test_each_layer_has_a_history_entry(made: list[MadeLayer]) -> None:
    history = composed(base(), made, EXECUTION).config.history
    assert history[:3] == HISTORY
    assert [(each.created, each.created_by) for each in history[3:]] == [
        (CREATED, "lpack: numpy"),
        (CREATED, "lpack: source"),
    ]


@pytest.mark.parametrize("history", [(), HISTORY[:1], (*HISTORY, HISTORY[0])])
def test_a_base_with_another_history_than_layers_is_mended(made: list[MadeLayer], history: tuple[History, ...]) -> None:
    config = composed(base(history), made, EXECUTION).config
    assert len(config.history) == len(config.diff_ids)
    assert config.history[0].created_by == f"base layer {config.diff_ids[0]}"


def test_the_format_decides_about_media_types_and_nothing_else(made: list[MadeLayer]) -> None:
    docker, oci = composed(base(), made, EXECUTION), composed(base(), made, EXECUTION, format="oci")
    assert docker.config_bytes == oci.config_bytes
    assert oci.manifest.media_type == OCI.manifest
    assert docker.manifest.media_type == DOCKER.manifest


def test_another_base_makes_another_image(made: list[MadeLayer]) -> None:
    other = replace(base(), layers=(layer(b"other"), layer(b"two")))
    assert composed(other, made, EXECUTION).digest != composed(base(), made, EXECUTION).digest
