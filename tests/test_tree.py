from __future__ import annotations

import hashlib
import posixpath
import random
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpack.errors import InputError, LpackError, UnsafeArchiveError
from lpack.tree import EXECUTABLE, LINK, REGULAR, Content, DiskFile, Entry, Member, Tree, unsafe

DATA = b"some content " * 100
MIB = 1 << 20


def entry(path: str, data: bytes = b"", mode: int = REGULAR) -> Entry:
    return Entry(path, mode, Content.of(data))


def deflated(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


# The tree


def test_entries_are_sorted_by_the_bytes_of_their_paths() -> None:
    paths = ["B", "a-b", "a.b", "a/b", "a/é", "a0", "b", "é", "\uffee", "\U0001f600"]
    for seed in range(5):
        tree = Tree.of(entry(path) for path in random.Random(seed).sample(paths, len(paths)))
        assert [each.path for each in tree] == paths
    assert len(tree) == len(paths)
    assert tree.by_path["a/b"].path == "a/b"


@pytest.mark.parametrize(
    ("paths", "fact"),
    [
        (["a", "b", "a"], "`a` occurs twice"),
        (["a", "a/b"], "`a` is a file, and also the folder of `a/b`"),
        (["a/b", "a-", "a.", "a0", "a"], "`a` is a file, and also the folder of `a/b`"),
        (["a/b/c/d", "a/b"], "`a/b` is a file, and also the folder of `a/b/c/d`"),
        (["é/é", "é"], "`é` is a file, and also the folder of `é/é`"),
        (["a", "../a"], r"'\.\./a'` can't be a path in an artifact: it leaves the root"),
        (["\udcff"], "is not valid Unicode"),
        ([""], "is empty"),
    ],
)
def test_paths_that_clash_or_are_unsafe_are_refused(paths: list[str], fact: str) -> None:
    with pytest.raises(InputError, match=fact):
        Tree.of(entry(path) for path in paths)


_PATHS = st.lists(st.sampled_from(["a", "b", "a-", "a.b", "é"]), min_size=1, max_size=3).map("/".join)


@given(paths=st.lists(_PATHS, max_size=6))
def test_it_is_a_tree_exactly_if_a_file_system_could_hold_it(paths: list[str]) -> None:
    clash = len(set(paths)) < len(paths) or any(path.startswith(f"{other}/") for path in paths for other in paths)
    try:
        tree = Tree.of(map(entry, paths))
    except InputError:
        assert clash
    else:
        assert not clash
        assert [each.path for each in tree] == sorted(paths, key=str.encode)


def test_deep_paths_are_fine() -> None:
    deep = [entry(f"{number}/" + "u/" * 2000 + "x") for number in range(3000)]
    assert len(Tree.of(deep)) == 3000


def test_the_size_is_that_of_the_contents() -> None:
    assert Tree.of([entry("a", b"12"), entry("b", b"345")]).size == 5
    assert Tree.of([]).size == 0


def test_the_content_digest_is_over_path_mode_and_data() -> None:
    files = [entry("é", b"one", EXECUTABLE), entry("b/c", b"../d", LINK), entry("a", b"three")]
    expected = hashlib.sha256()
    for path, mode, data in [("a", "100644", b"three"), ("b/c", "120777", b"../d"), ("é", "100755", b"one")]:
        expected.update(path.encode() + b"\0" + mode.encode() + b"\0" + hashlib.sha256(data).digest())
    assert Tree.of(files).content == expected.hexdigest()
    contents = {
        Tree.of([each]).content
        for each in (entry("a"), entry("b"), entry("a", b"x"), entry("a", b"", EXECUTABLE), entry("a", b"", LINK))
    }
    assert len(contents) == 5


def test_the_content_digest_does_not_depend_on_the_package_or_the_kind_of_source(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(DATA)
    (tmp_path / "z").write_bytes(deflated(DATA))
    digest = hashlib.sha256(DATA).digest()
    sources = [
        Content.of(DATA),
        DiskFile(tmp_path / "a", len(DATA), digest),
        Member(tmp_path / "z", 0, len(deflated(DATA)), len(DATA), 8, zlib.crc32(DATA), digest),
    ]
    trees = [Tree.of([Entry("a", REGULAR, source, package)]) for source in sources for package in ("", "pkg")]
    assert len({tree.content for tree in trees}) == 1
    assert {tree.size for tree in trees} == {len(DATA)}
    assert {tree.by_path["a"].read() for tree in trees} == {DATA}


# Paths


@pytest.mark.parametrize(
    "path",
    ["a", "a/b", ".a", "..a", "a..", "a/..b", "...", "a b", "-", "é", "日/本", "a" * 255, "é" * 127, "a/" * 2000 + "a"],
)
def test_these_paths_are_fine(path: str) -> None:
    assert unsafe(path) is None


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "is empty"),
        ("/", "is absolute"),
        ("/a", "is absolute"),
        ("C:", "is absolute"),
        ("c:/a", "is absolute"),
        ("..", "leaves the root"),
        ("../a", "leaves the root"),
        ("a/..", "leaves the root"),
        ("a/../b", "leaves the root"),
        (".", "is not in its simplest form"),
        ("./a", "is not in its simplest form"),
        ("a/.", "is not in its simplest form"),
        ("a//b", "is not in its simplest form"),
        ("a/", "is not in its simplest form"),
        ("a\\b", "contains a backslash"),
        ("a\0", "contains a control character"),
        ("a\n", "contains a control character"),
        ("a\x7f", "contains a control character"),
        ("é\t", "contains a control character"),
        ("a\udcff", "is not valid Unicode"),
        ("a" * 256, "is too long for a file system"),
        ("é" * 128, "is too long for a file system"),
        ("a/" + "a" * 256, "is too long for a file system"),
        ("a/" * 2048 + "a", "is too long for a file system"),
    ],
)
def test_these_paths_are_unsafe(path: str, reason: str) -> None:
    assert unsafe(path) == reason


@given(path=st.text(st.sampled_from("ab/.\\\0é"), max_size=8))
def test_what_is_safe_stays_below_its_root(path: str) -> None:
    if unsafe(path) is None:
        assert posixpath.normpath(f"/root/{path}") == f"/root/{path}"
        assert "\\" not in path
        assert "\0" not in path


# Sources


def member(archive: Path, packed: bytes, data: bytes, method: int = 8) -> Member:
    archive.write_bytes(b"before" + packed + b"after")
    digest = hashlib.sha256(data).digest()
    return Member(archive, 6, len(packed), len(data), method, zlib.crc32(data), digest)


LARGE = random.Random(1).randbytes(MIB) + bytes(3 * MIB) + b"end"


@pytest.mark.parametrize("data", [b"", b"x", DATA, LARGE, bytes(MIB), bytes(MIB + 1)])
def test_members_are_inflated_in_pieces(tmp_path: Path, data: bytes) -> None:
    for source in (member(tmp_path / "a", deflated(data), data), member(tmp_path / "b", data, data, method=0)):
        pieces = list(source.chunks())
        assert b"".join(pieces) == data
        assert max(map(len, pieces), default=0) <= MIB


def blocks_of_exactly(size: int) -> tuple[bytes, bytes]:
    """A deflate stream of that size, of blocks that are not compressed, and what it inflates to."""
    packed = data = b""
    while len(packed) < size:
        length = min(size - len(packed) - 5, 60_000)
        is_last = len(packed) + 5 + length == size
        packed += struct.pack("<BHH", is_last, length, length ^ 0xFFFF) + bytes(length)
        data += bytes(length)
    return packed, data


@pytest.mark.parametrize("size", [100, MIB - 1, MIB, MIB + 1])
def test_bytes_behind_the_end_of_a_stream_are_found(tmp_path: Path, size: int) -> None:
    packed, data = blocks_of_exactly(size)
    assert b"".join(member(tmp_path / "a", packed, data).chunks()) == data
    with pytest.raises(InputError, match="can't be inflated: something follows its end"):
        list(member(tmp_path / "a", packed + b"x", data).chunks())


@pytest.mark.parametrize(
    ("changed", "fact"),
    [
        ({"size": len(DATA) - 1}, "lies about its size"),
        ({"size": len(DATA) + 1}, "lies about its size"),
        ({"crc32": 1}, "has another checksum than its archive says"),
        ({"packed_size": 5}, "can't be inflated: it has no end"),
        ({"packed_size": 0}, "can't be inflated: it has no end"),
        ({"offset": 0}, "can't be inflated"),
        ({"offset": 1_000_000}, "is cut off"),
    ],
)
def test_a_member_that_is_not_as_recorded_is_an_error(tmp_path: Path, changed: dict[str, int], fact: str) -> None:
    source = member(tmp_path / "a.zip", deflated(DATA), DATA)._replace(**changed)
    with pytest.raises(InputError, match=rf"a\.zip` holds a member, which {fact}"):
        list(source.chunks())


def test_a_bomb_is_not_inflated_further_than_it_says(tmp_path: Path) -> None:
    packed = deflated(bytes(64 * MIB))
    source = member(tmp_path / "a", packed, b"x" * 10)
    inflated = []
    with pytest.raises(UnsafeArchiveError, match="lies about its size"):
        inflated.extend(source.chunks())
    assert inflated == []


def test_an_archive_that_is_gone_is_named(tmp_path: Path) -> None:
    source = member(tmp_path / "a.zip", b"", b"", method=0)
    (tmp_path / "a.zip").unlink()
    with pytest.raises(InputError, match=r"a\.zip` can't be read: No such file"):
        list(source.chunks())


def test_members_of_a_real_zip_are_where_it_says(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", DATA)
        info = archive.getinfo("a")
    source = Member(tmp_path / "a.zip", 31, info.compress_size, len(DATA), 8, info.CRC, bytes(32))
    assert b"".join(source.chunks()) == DATA


def test_a_file_that_changed_is_named(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_bytes(DATA)
    source = DiskFile(path, len(DATA), hashlib.sha256(DATA).digest())
    assert b"".join(source.chunks()) == DATA
    for changed in (b"", DATA[:-1], DATA + b"x", DATA.upper(), bytes(5 * MIB)):
        path.write_bytes(changed)
        with pytest.raises(LpackError, match=r"app\.py` changed while it was being packed"):
            list(source.chunks())
    path.unlink()
    with pytest.raises(LpackError, match=r"app\.py` can't be read: No such file"):
        list(source.chunks())


def test_a_file_whose_size_was_told_wrong_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(DATA)
    for size in (0, len(DATA) - 1, len(DATA) + 1):
        with pytest.raises(LpackError, match="changed while it was being packed"):
            list(DiskFile(tmp_path / "a", size, hashlib.sha256(DATA).digest()).chunks())


def test_a_file_that_grows_for_ever_is_not_read_for_ever() -> None:
    with pytest.raises(LpackError, match="changed while it was being packed"):
        for _ in DiskFile(Path("/dev/zero"), 10, bytes(32)).chunks():
            pass
