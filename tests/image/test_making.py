"""Layers: made once for each content, found again, mended when the store is damaged, the same bytes anywhere."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from trees import tree_of

from lpack.errors import InputError
from lpack.image import making
from lpack.image.making import MadeLayer, discard_damaged_layer, keep_layer, make_layer
from lpack.image.manifest import descriptor_of, digest_of
from lpack.image.media_types import DOCKER
from lpack.image.model import Layer
from lpack.means import Means
from lpack.model import Host, Silent
from lpack.store import Store

TREE = tree_of({"var/task/app.py": b"handler = print\n", "var/task/lib/run": b"#!/bin/sh\n"})


@pytest.fixture
def means(tmp_path: Path) -> Means:
    return Means(Store(tmp_path / "store"), Host({}, tmp_path / "store"), Silent())


def blob(made: MadeLayer) -> bytes:
    return b"".join(made.layer.chunks())


def files_in(means: Means) -> list[Path]:
    return [path for path in (means.store.folder / "image-layers").rglob("*") if path.is_file()]


def test_a_layer_is_the_tar_of_its_tree(means: Means) -> None:
    made = make_layer("source", TREE, means)
    data = blob(made)
    tar = gzip.decompress(data)
    assert made.layer.descriptor == descriptor_of(data, DOCKER.gzip_layer)
    assert made.layer.diff_id == digest_of(tar)
    assert made.unzipped_size == len(tar)
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        assert archive.getnames() == ["var", "var/task", "var/task/app.py", "var/task/lib", "var/task/lib/run"]


def test_a_layer_is_made_once(means: Means, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_layer("source", TREE, means)
    monkeypatch.setattr(making, "_make", lambda *_: pytest.fail("made again"))
    again = make_layer("another name", TREE, means)
    assert (again.layer, again.unzipped_size) == (made.layer, made.unzipped_size)


def test_two_stores_make_the_same_bytes(means: Means, tmp_path: Path) -> None:
    other = means._replace(store=Store(tmp_path / "other"), host=Host({}, tmp_path / "other", workers=1))
    assert blob(make_layer("source", TREE, means)) == blob(make_layer("source", TREE, other))


def test_what_is_damaged_is_noticed_and_made_again(means: Means) -> None:
    made = make_layer("source", TREE, means)
    data = blob(made)
    (file,) = files_in(means)
    assert not discard_damaged_layer(TREE, means.store)
    file.write_bytes(data[:-1] + b"x")
    with pytest.raises(InputError, match="the layer `source` in the store has the digest"):
        blob(made)
    assert discard_damaged_layer(TREE, means.store)
    assert blob(make_layer("source", TREE, means)) == data


def test_what_is_gone_is_made_again(means: Means) -> None:
    data = blob(make_layer("source", TREE, means))
    files_in(means)[0].unlink()
    assert not discard_damaged_layer(TREE, means.store)
    assert blob(make_layer("source", TREE, means)) == data


def test_progress_is_told(means: Means) -> None:
    class Listener(Silent):
        def progress(self, label: str, done: int, total: int) -> None:
            told.append((label, done <= total))

    told: list[tuple[str, bool]] = []
    make_layer("source", TREE, means._replace(reporter=Listener()))
    assert set(told) == {("packing source", True)}


def test_a_layer_of_others_is_fetched_once(means: Means) -> None:
    data = b"somebody's layer"
    asked = []

    def chunks() -> list[bytes]:
        asked.append(1)
        return [data[:5], data[5:]]

    layer = Layer(descriptor_of(data, DOCKER.gzip_layer), f"sha256:{hashlib.sha256(b'tar').hexdigest()}", chunks)
    for _ in range(2):
        assert b"".join(keep_layer(layer, means).chunks()) == data
    assert len(asked) == 1
    files_in(means)[0].write_bytes(b"damaged")
    assert b"".join(keep_layer(layer, means).chunks()) == data
    assert len(asked) == 2
