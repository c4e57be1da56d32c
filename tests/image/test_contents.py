"""What is in layers, and what a container sees of them together."""

import gzip
import io
import tarfile
from collections.abc import Mapping

import pytest
from sample_images import sample_layer, tar_of

from lpack.errors import InputError, UnsafeArchiveError
from lpack.image.contents import Files, Read, read_layer
from lpack.image.manifest import descriptor_of, digest_of
from lpack.image.media_types import DOCKER, OCI_ZSTD_LAYER
from lpack.image.model import Layer

FILES = {"var/task/app.py": b"code", "usr/bin/tool": b"t" * 100_000}
MOST = 1 << 20


def layer(data: bytes, tar: bytes, media_type: str = DOCKER.gzip_layer) -> Layer:
    return Layer(descriptor_of(data, media_type), digest_of(tar), lambda: iter([data[:100], data[100:]]))


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)  # the same in every process of the tests: they are told apart by it


def contents(of: Layer, read: Read | None = None) -> dict[str, bytes]:
    return {member.path: b"".join(data) for member, data in read_layer(of, most=MOST, read=read)}


def test_what_is_in_a_layer() -> None:
    read = Read()
    assert contents(sample_layer(FILES), read) == FILES
    assert read == Read(len(tar_of(FILES)), 1)
    tar = tar_of(FILES)
    assert contents(layer(tar, tar, DOCKER.layer)) == FILES
    in_parts = b"".join(packed(tar[start : start + 5000]) for start in range(0, len(tar), 5000))
    assert contents(layer(in_parts, tar), read) == FILES
    assert read.gzip_members > 10


@pytest.mark.parametrize(
    ("data", "media_type", "fact"),
    [
        (packed(tar_of({"a": b"1"})), DOCKER.gzip_layer, "and the config says"),
        (packed(tar_of(FILES))[:-9], DOCKER.gzip_layer, "its gzip file ends early"),
        (packed(tar_of(FILES))[:50], DOCKER.gzip_layer, "its gzip file ends early"),
        (b"\x1f\x8b\x08\x00garbage" * 50, DOCKER.gzip_layer, "is damaged: it is no gzip file"),
        (tar_of(FILES), DOCKER.gzip_layer, "is damaged: it is no gzip file"),
        (packed(tar_of(FILES)) + b"more", DOCKER.gzip_layer, "is damaged: it is no gzip file"),
        (packed(b"no tar" * 1000), DOCKER.gzip_layer, "is no tar"),
        (packed(bytes(MOST + 1)), DOCKER.gzip_layer, "unpacks to more than 1,048,576 bytes"),
        (packed(tar_of({"a": bytes(4 << 20)})), DOCKER.gzip_layer, "unpacks to more than 1,048,576 bytes"),
        (b"zstd", OCI_ZSTD_LAYER, "which can't be read here"),
    ],
)
def test_layers_that_are_not_what_they_should_be(data: bytes, media_type: str, fact: str) -> None:
    with pytest.raises(InputError) as caught:
        contents(layer(data, tar_of(FILES), media_type))
    assert fact in caught.value.message


def merged(*layers: list[tarfile.TarInfo]) -> Files:
    files = Files()
    for number, members in enumerate(layers):
        output = io.BytesIO()
        with tarfile.open(fileobj=output, mode="w") as archive:
            for member in members:
                archive.addfile(member)
        tar = output.getvalue()
        for member, _ in read_layer(layer(tar, tar, DOCKER.layer), most=MOST):
            files.add(member, number)
    return files


def info(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


FOLDER, LINK, HARD = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([[info("a"), info("./b"), info("/c")]], {"a": 0, "b": 0, "c": 0}),
        ([[info("a")], [info("a")]], {"a": 1}),
        ([[info("a"), info("b")], [info(".wh.a")]], {"b": 0}),
        ([[info("d", FOLDER), info("d/a"), info("d/e/b")], [info(".wh.d")]], {}),
        ([[info("d/a"), info("d/b")], [info("d/.wh..wh..opq"), info("d/c")]], {"d/c": 1}),
        ([[info("d/a")], [info("d/c"), info("d/.wh..wh..opq")]], {"d/c": 1}),
        ([[info("d", FOLDER), info("d/a")], [info("d", FOLDER)]], {"d": 1, "d/a": 0}),
        ([[info("d", FOLDER), info("d/a")], [info("d")]], {"d": 1}),
        ([[info("d/a/b/c")], [info("d")], [info("d", FOLDER), info("d/e")]], {"d": 2, "d/e": 2}),
        ([[info("d/a/b")], [info(".wh.d"), info("d/c")]], {"d/c": 1}),
        ([[info("d/a/b")], [info("d/c"), info(".wh.d")]], {"d/c": 1}),
        (
            [[info("usr/lib", FOLDER), info("lib", LINK, "usr/lib")], [info("lib/a")], [info("lib/.wh.a")]],
            {"usr/lib": 0, "lib": 0},
        ),
    ],
)
def test_layers_on_top_of_each_other(layers: list[list[tarfile.TarInfo]], expected: Mapping[str, int]) -> None:
    assert {path: each.layer for path, each in merged(*layers).placed.items()} == expected


def test_links_are_followed_within_the_image() -> None:
    files = merged(
        [
            info("usr/bin/python3.13"),
            info("usr/bin/python3", LINK, "python3.13"),
            info("bin", LINK, "usr/bin"),
            info("opt/python", LINK, "/../usr/./bin/../bin/python3"),
            info("usr/bin/hard", HARD, "usr/bin/python3.13"),
            info("loop", LINK, "loop"),
            info("broken", LINK, "nowhere"),
            info("usr", FOLDER),
            info("usr/bin", FOLDER),
        ]
    )
    for path in ("/bin/python3", "bin/python3.13", "/opt/python", "//usr//bin/./python3", "bin/hard"):
        found = files.find(path)
        assert found is not None, path
        assert found.member.path == "usr/bin/python3.13"
    for path in ("loop", "broken", "bin/none", "usr/bin/python3/deeper"):
        assert files.find(path) is None


def test_paths_do_not_leave_the_root() -> None:
    with pytest.raises(UnsafeArchiveError, match=r"layer 1 has a path that leaves the root, `a/\.\./\.\./b`"):
        merged([info("a/../../b")])
