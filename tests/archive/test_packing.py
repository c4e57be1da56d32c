"""Packing: deflated once for each content, kept in the store, the same bytes whatever way it came."""

from __future__ import annotations

import hashlib
import os
import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import cramjam
import deflate
import pytest
from raw_zips import DEFLATED, STORED
from trees import disk_file, members

from lpack.archive.packing import IN_MEMORY, KEPT_FROM, Packed, pack, pack_ahead, version
from lpack.errors import InputError
from lpack.store import Store
from lpack.tree import REGULAR, Content, Entry, Member, Source, Tree

numbers = random.Random(1)
SMALL = b"small text " * 10
KEPT = b"\n".join(b"line %d" % numbers.randrange(100_000) for _ in range(9_000))
LARGE = KEPT + bytes(IN_MEMORY) + KEPT
NOISE = {"small": numbers.randbytes(1000), "kept": numbers.randbytes(KEPT_FROM), "large": numbers.randbytes(9 << 20)}

assert len(SMALL) < KEPT_FROM <= len(KEPT) <= IN_MEMORY < len(LARGE)


@pytest.fixture
def store(store_folder: Path) -> Store:
    return Store(store_folder)


def packed_bytes(packed: Packed) -> bytes:
    if packed.file is None:
        return packed.data
    with packed.file.open("rb") as file:
        file.seek(packed.offset)
        return file.read(packed.size)


def inflated(packed: Packed) -> bytes:
    data = packed_bytes(packed)
    assert len(data) == packed.size
    return data if packed.method == STORED else zlib.decompress(data, -15)


def kept(store: Store) -> list[Path]:
    return [path for path in (store.folder / "packed").rglob("*") if path.is_file()]


@pytest.mark.parametrize("data", [b"", b"x", SMALL, KEPT, LARGE], ids=["empty", "one", "small", "kept", "large"])
def test_packed_bytes_inflate_to_the_content(store: Store, data: bytes) -> None:
    for _ in range(2):  # made, and found
        packed = pack(Content.of(data), store)
        assert inflated(packed) == data
        assert packed.crc32 == zlib.crc32(data)
        assert packed.method == (DEFLATED if len(data) > 10 else STORED)


@pytest.mark.parametrize("size", NOISE)
def test_what_does_not_get_smaller_is_stored(store: Store, size: str) -> None:
    for _ in range(2):
        packed = pack(Content.of(NOISE[size]), store)
        assert packed.method == STORED
        assert packed_bytes(packed) == NOISE[size]


def test_up_to_eight_mebibytes_it_is_libdeflate(store: Store) -> None:
    for data in (SMALL, KEPT, LARGE[:IN_MEMORY]):
        assert packed_bytes(pack(Content.of(data), store)) == deflate.deflate_compress(data, 6)


@pytest.mark.parametrize("data", [SMALL, KEPT, LARGE, NOISE["kept"]], ids=["small", "kept", "large", "noise"])
def test_the_bytes_do_not_depend_on_where_the_content_comes_from(tmp_path: Path, data: bytes) -> None:
    class InPieces(Content):
        """The same content in chunks of odd sizes, as another file system may read it."""

        def chunks(self) -> Iterator[bytes]:
            for start in range(0, len(self.data), 777_777):
                yield self.data[start : start + 777_777]

    sources: list[Source] = [
        Content.of(data),
        disk_file(tmp_path / "file", data),
        members(tmp_path / "a.zip", {"a": data}, STORED)["a"],
        InPieces(data, hashlib.sha256(data).digest()),
    ]
    made = [pack(source, Store(tmp_path / f"store{number}")) for number, source in enumerate(sources)]
    assert len({packed_bytes(packed) for packed in made}) == 1
    assert len({(packed.method, packed.size, packed.crc32) for packed in made}) == 1


def test_deflated_members_are_not_touched(tmp_path: Path, store: Store) -> None:
    for data in (SMALL, KEPT, LARGE):
        source = members(tmp_path / "a.zip", {"a": data})["a"]
        packed = pack(source, store)
        assert packed == Packed(DEFLATED, source.packed_size, source.crc32, b"", source.archive, source.offset)
    assert not store.folder.exists()


# What the store keeps


def test_small_contents_are_not_kept(store: Store) -> None:
    pack(Content.of(SMALL), store)
    assert not store.folder.exists()


@pytest.mark.parametrize(
    "data", [KEPT, LARGE, NOISE["kept"], NOISE["large"]], ids=["kept", "large", "noise", "large noise"]
)
def test_a_content_is_deflated_once(store: Store, data: bytes) -> None:
    first = pack(Content.of(data), store)
    (file,) = kept(store)
    os.utime(file, (1, file.stat().st_mtime))
    before = file.stat()
    assert pack(Content.of(data), store) == first
    assert file.stat().st_ino == before.st_ino
    assert file.name.startswith("miniz6-" if len(data) > IN_MEMORY else "libdeflate6-")


def damages(data: bytes) -> Iterator[bytes]:
    yield b""
    yield data[:32]
    yield data[:33]
    yield data[: len(data) // 2]
    yield data + b"x"
    for position in (0, 31, 32, 33, len(data) - 1):
        if position < len(data):
            yield data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


@pytest.mark.parametrize("data", [KEPT, LARGE, NOISE["kept"]], ids=["kept", "large", "noise"])
def test_a_damaged_file_of_the_store_is_replaced(store: Store, data: bytes) -> None:
    right = pack(Content.of(data), store)
    (file,) = kept(store)
    content = file.read_bytes()
    assert inflated(right) == data
    for damaged in damages(content):
        file.write_bytes(damaged)
        assert pack(Content.of(data), store) == right
        assert kept(store) == [file]
        assert file.read_bytes() == content


def test_a_source_that_changed_is_no_excuse_for_what_is_kept(tmp_path: Path, store: Store) -> None:
    archive = tmp_path / "a.zip"
    for data in (KEPT, LARGE):
        source = members(archive, {"a": data}, STORED)["a"]
        pack(source, store)
        with archive.open("rb+") as file:
            file.seek(source.offset)
            file.write(b"X")
        with pytest.raises(InputError, match=r"a\.zip` holds a member, which has another checksum"):
            pack(source, store)


# Ahead


def contents_of_all_kinds(tmp_path: Path) -> Tree:
    sources: dict[str, Source] = {f"kept{number}": Content.of(KEPT + b"%d" % number) for number in range(8)}
    sources |= {"small": Content.of(SMALL), "large": Content.of(LARGE), "same as kept0": Content.of(KEPT + b"0")}
    sources |= members(tmp_path / "a.zip", {"spliced": KEPT})
    sources |= {"stored": members(tmp_path / "b.zip", {"a": NOISE["kept"]}, STORED)["a"]}
    return Tree.of(Entry(path, REGULAR, source) for path, source in sources.items())


@pytest.mark.parametrize("workers", [1, 4])
def test_what_is_worth_keeping_is_packed_ahead(tmp_path: Path, store: Store, workers: int) -> None:
    pack_ahead(contents_of_all_kinds(tmp_path), store, workers=workers)
    assert len(kept(store)) == 8 + 1 + 1
    before = {path: path.stat().st_ino for path in kept(store)}
    pack_ahead(contents_of_all_kinds(tmp_path), store, workers=workers)
    assert {path: path.stat().st_ino for path in kept(store)} == before


def test_what_goes_wrong_ahead_is_raised(tmp_path: Path, store: Store) -> None:
    wrong = [Member(tmp_path / f"{number}", 30, 40_000, 40_000, STORED, 0, bytes([number] * 32)) for number in range(2)]
    tree = Tree.of(Entry(f"{number}", REGULAR, source) for number, source in enumerate(wrong))
    with pytest.raises(InputError, match="can't be read: No such file"):
        pack_ahead(tree, store, workers=2)


def test_the_record_names_the_compressors_that_were_used(tmp_path: Path) -> None:
    libdeflate = f"libdeflate level 6 (deflate {deflate.__version__})"
    miniz = f"miniz_oxide level 6 (cramjam {cramjam.__version__})"

    def used_for(source: Source) -> str:
        return version(Tree.of([Entry("a", REGULAR, source)]))

    assert version(Tree.of([])) == libdeflate
    assert used_for(Content.of(KEPT)) == libdeflate
    assert used_for(members(tmp_path / "a.zip", {"a": LARGE})["a"]) == libdeflate
    assert used_for(Content.of(LARGE)) == f"{libdeflate}, {miniz}"
    assert used_for(members(tmp_path / "b.zip", {"a": LARGE}, STORED)["a"]) == f"{libdeflate}, {miniz}"


def test_a_whole_jar_is_taken_as_it_is(tmp_path: Path, store: Store) -> None:
    jar = tmp_path / "a.jar"
    jar.write_bytes(b"words " * 10_000)
    source = Member(
        jar, 0, 60_000, 60_000, STORED, zlib.crc32(jar.read_bytes()), hashlib.sha256(jar.read_bytes()).digest()
    )
    assert pack(source, store) == Packed(STORED, 60_000, source.crc32, file=jar, offset=0)
    pack_ahead(Tree.of([Entry("a.jar", REGULAR, source)]), store, workers=2)
    assert not (store.folder / "packed").exists()
