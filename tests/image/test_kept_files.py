"""The files of images as a tree, and the programs that images start with."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from trees import tree_of

from lpack.archive.gzip import gzipped
from lpack.archive.tar_writer import tar_pieces
from lpack.errors import InputError
from lpack.image.config import Execution
from lpack.image.kept_files import KeptFiles, kept_files, problem_of_program
from lpack.image.manifest import descriptor_of, digest_of
from lpack.image.media_types import DOCKER, OCI_ZSTD_LAYER
from lpack.image.model import Layer

HARD = b"hard:"


def tar_of(files: Mapping[str, bytes | int]) -> bytes:
    """A tar of these contents: ``link:…``, ``hard:…``, programs that start with ``#!``, and folders by their modes."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            content = b""
            if isinstance(data, int):
                member.type, member.mode = tarfile.DIRTYPE, data
            elif data.startswith(HARD):
                member.type, member.linkname = tarfile.LNKTYPE, data.removeprefix(HARD).decode()
            elif data.startswith(b"link:"):
                member.type, member.linkname = tarfile.SYMTYPE, data.removeprefix(b"link:").decode()
            else:
                content, member.mode = data, 0o755 if data.startswith(b"#!") else 0o644
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def layer_of(tar: bytes, media_type: str = DOCKER.gzip_layer) -> Layer:
    blob = tar if media_type == DOCKER.layer else gzip.compress(tar)
    return Layer(descriptor_of(blob, media_type), digest_of(tar), lambda: iter([blob[:100], blob[100:]]))


def read(tmp_path: Path, *layers: Mapping[str, bytes | int], wanted: str = "") -> KeptFiles:
    folder = tmp_path / "kept"
    folder.mkdir()
    return kept_files([layer_of(tar_of(each)) for each in layers], folder, lambda path: path.startswith(wanted))


def files(contents: KeptFiles) -> dict[str, bytes]:
    return {entry.path: entry.read() for entry in contents.tree}


def test_layers_lie_one_over_the_other(tmp_path: Path) -> None:
    contents = read(tmp_path, {"a": b"old", "b": b"b"}, {"./a": b"new", "/c/d": b"d"})
    assert files(contents) == {"a": b"new", "b": b"b", "c/d": b"d"}


def test_what_is_gone_is_gone(tmp_path: Path) -> None:
    below = {"folder": 0o755, "folder/x": b"x", "folder/y": b"y", "other/z": b"z", "file": b"f"}
    contents = read(tmp_path, below, {"folder/.wh.x": b"", "other/.wh..wh..opq": b"", "other/w": b"w", ".wh.file": b""})
    assert files(contents) == {"folder/y": b"y", "other/w": b"w"}


def test_a_file_takes_the_place_of_a_folder_and_the_other_way_round(tmp_path: Path) -> None:
    contents = read(tmp_path, {"a/x": b"x", "b": b"b"}, {"a": b"file", "b": 0o755, "b/y": b"y"})
    assert files(contents) == {"a": b"file", "b/y": b"y"}


def test_modes_and_links_are_told(tmp_path: Path) -> None:
    contents = read(tmp_path, {"run": b"#!/bin/sh", "link": b"link:run", "folder": 0o700})
    assert contents.tree.by_path["run"].mode == stat.S_IFREG | 0o755
    assert contents.tree.by_path["link"].read() == b"run"
    assert contents.files.placed["folder"].member.mode == 0o700


def test_hard_links_are_told_where_they_matter(tmp_path: Path) -> None:
    layer = {"usr/a": b"a", "usr/b": b"hard:usr/a", "var/task/a": b"a", "var/task/b": b"hard:var/task/a"}
    contents = read(tmp_path, layer, wanted="var/task")
    assert contents.hard_links == ("var/task/b",)
    assert files(contents) == {"var/task/a": b"a", "var/task/b": b"a"}
    assert "usr/b" in contents.files.placed


def test_layers_that_are_not_compressed_are_read_as_well(tmp_path: Path) -> None:
    contents = kept_files([layer_of(tar_of({"a": b"a"}), DOCKER.layer)], tmp_path, lambda _: True)
    assert files(contents) == {"a": b"a"}
    assert contents.sizes == (len(tar_of({"a": b"a"})),)


def test_gzip_files_of_several_members_are_read_as_well(tmp_path: Path) -> None:
    tar = tar_of({"a": b"a"})
    blob = gzip.compress(tar[:300]) + gzip.compress(tar[300:])
    layer = Layer(descriptor_of(blob, DOCKER.gzip_layer), digest_of(tar), lambda: iter([blob]))
    assert files(kept_files([layer], tmp_path, lambda _: True)) == {"a": b"a"}


def test_what_lpack_wrote_is_read(tmp_path: Path) -> None:
    tree = tree_of({"var/task/app.py": b"text " * 1_000_000, "var/task/bin/run": b"#!/bin/sh", "x/link": b"link:y"})
    tar = b"".join(tar_pieces(tree))
    blob = b"".join(gzipped([tar]))
    layer = Layer(descriptor_of(blob, DOCKER.gzip_layer), digest_of(tar), lambda: iter([blob]))
    assert kept_files([layer], tmp_path, lambda _: True).tree.content == tree.content


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda blob: b"no gzip" + blob, "is damaged"),
        (lambda blob: blob[:-20], "ends early"),
        (lambda blob: blob[:40] + b"\xff\xff" + blob[42:], "damaged"),
    ],
)
def test_broken_layers_are_errors(tmp_path: Path, change: object, problem: str) -> None:
    tar = tar_of({"a": bytes(range(256)) * 100})
    blob = change(gzip.compress(tar))  # type: ignore[operator]
    layer = Layer(descriptor_of(blob, DOCKER.gzip_layer), digest_of(tar), lambda: iter([blob]))
    with pytest.raises(InputError, match=problem):
        kept_files([layer], tmp_path, lambda _: True)


def test_a_layer_with_another_content_than_the_config_says(tmp_path: Path) -> None:
    layer = layer_of(tar_of({"a": b"a"}))
    wrong = Layer(layer.descriptor, digest_of(b"other"), layer.chunks)
    with pytest.raises(InputError, match=r"unpacks to sha256:[0-9a-f]{64}, and the config says"):
        kept_files([wrong], tmp_path, lambda _: True)


def test_a_layer_that_lambda_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"zstd`, which can't be read here"):
        kept_files([layer_of(tar_of({}), OCI_ZSTD_LAYER)], tmp_path, lambda _: True)


PROGRAMS: dict[str, bytes | int] = {
    "usr/bin/python3": b"#!",
    "bin": b"link:usr/bin",
    "entry.sh": b"#!",
    "plain": b"text",
    "here": b"link:/bin/python3",
    "circle": b"link:circle",
    "var/task/run": b"#!",
}


@pytest.mark.parametrize(
    ("start", "problem"),
    [
        ("/entry.sh", ""),
        ("/bin/python3", ""),
        ("/here", ""),
        ("python3", ""),
        ("./run", ""),
        ("/plain", "has mode 0644, so that Lambda's user can't run it"),
        ("/nowhere", "is not there"),
        ("/circle", "is not there"),
        ("/usr", "is not there"),
        ("node", "is not there: none is in PATH"),
    ],
)
def test_the_program_that_an_image_starts_with(tmp_path: Path, start: str, problem: str) -> None:
    contents = read(tmp_path, PROGRAMS)
    execution = Execution(env=("PATH=/usr/bin:/bin",), entrypoint=(start,), working_dir="/var/task")
    assert problem_of_program(contents.files, execution) == problem
