"""The zip writer: fixed bytes, spliced members, all or nothing."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import signal
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path

import deflate
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_zips import DEFLATED, STORED, zip64_extra
from trees import disk_file, members, tree_of

from lpack.archive.zip_reader import read_directory, read_zip
from lpack.archive.zip_writer import Written, _central_header, _end, _local_header, _Placed, write_zip
from lpack.errors import InputError, LpackError, UnsafeArchiveError
from lpack.store import Store
from lpack.tree import EXECUTABLE, LINK, REGULAR, Content, DiskFile, Entry, Member, Tree

GIB = 1 << 30


@pytest.fixture
def store(store_folder: Path) -> Store:
    return Store(store_folder)


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "dist" / "orders.zip"


# The layout


SAMPLE = {
    "app.py": b"def handler(event, context):\n    return event\n" * 3,
    "bin/run": b"#!/bin/sh\necho hello\n",
    "bin/link": b"link:run",
    "data.bin": bytes(range(256)),
    "empty": b"",
    "é.txt": b"text",
}


def expected_bytes(files: dict[str, tuple[int, bytes]]) -> bytes:
    """The layout, written down once more: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT."""
    body = directory = b""
    for path, (mode, data) in sorted(files.items(), key=lambda item: item[0].encode()):
        name, packed, method = path.encode(), deflate.deflate_compress(data, 6), DEFLATED
        if len(packed) >= len(data):
            packed, method = data, STORED
        facts = struct.pack(
            "<HHHHLLLHH", 0x800, method, 0, 0x21, zlib.crc32(data), len(packed), len(data), len(name), 0
        )
        directory += b"PK\1\2" + bytes([20, 3, 20, 0]) + facts + struct.pack("<HHHLL", 0, 0, 0, mode << 16, len(body))
        directory += name
        body += b"PK\3\4" + bytes([20, 0]) + facts + name + packed
    ending = struct.pack("<HHHHLLH", 0, 0, len(files), len(files), len(directory), len(body), 0)
    return body + directory + b"PK\5\6" + ending


def test_the_layout_is_fixed_to_the_byte(destination: Path, store: Store) -> None:
    write_zip(tree_of(SAMPLE), destination, store=store)
    modes = {"bin/run": 0o100755, "bin/link": 0o120777}
    plain = {path: (modes.get(path, 0o100644), data.removeprefix(b"link:")) for path, data in SAMPLE.items()}
    assert destination.read_bytes() == expected_bytes(plain)


def test_the_bytes_are_the_same_everywhere(destination: Path, store: Store) -> None:
    """These digests change with the versions of deflate and cramjam only, whatever machine this runs on."""
    numbers = random.Random(1)
    words = [bytes(numbers.choices(b"abcdefgh ", k=numbers.randint(1, 9))) for _ in range(500)]
    text = b" ".join(numbers.choices(words, k=60_000))
    large = text * 3 + bytes(8 << 20)
    assert len(text) > 32 << 10
    assert len(large) > 8 << 20
    tree = tree_of({**SAMPLE, "small": text[:1000], "kept": text, "large": large})
    assert tree.content == "40fefe74764fbed550e4ead85bb09143911c60fcb9ab24fd3f16603d538501c9"
    assert (
        write_zip(tree, destination, store=store).sha256
        == "09340c394ac64c15cc2d0733c8b83d4deb8e41043e43929192706a59a53f9536"
    )


def test_other_programs_see_the_same_facts(destination: Path, store: Store) -> None:
    write_zip(tree_of(SAMPLE), destination, store=store)
    with zipfile.ZipFile(destination) as archive:
        found = archive.infolist()
        assert archive.comment == b""
    assert [info.filename for info in found] == ["app.py", "bin/link", "bin/run", "data.bin", "empty", "é.txt"]
    for info in found:
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
        assert (info.create_system, info.create_version, info.extract_version) == (3, 20, 20)
        assert info.flag_bits == 0x800
        assert (info.extra, info.comment, info.internal_attr) == (b"", b"", 0)
    assert [info.external_attr >> 16 for info in found] == [REGULAR, LINK, EXECUTABLE, REGULAR, REGULAR, REGULAR]


@pytest.mark.parametrize("seed", range(5))
def test_entries_are_sorted_by_the_bytes_of_their_paths(destination: Path, store: Store, seed: int) -> None:
    paths = ["B", "Z/a", "a-b", "a.b", "a/b", "a/é", "a0", "b", "z", "~", "é", "ü/x", "\uffee", "\U0001f600"]
    shuffled = random.Random(seed).sample(paths, len(paths))
    write_zip(tree_of(dict.fromkeys(shuffled, b"x")), destination, store=store)
    with zipfile.ZipFile(destination) as archive:
        assert archive.namelist() == paths


def test_an_empty_tree_is_an_empty_zip(destination: Path, store: Store) -> None:
    write_zip(tree_of({}), destination, store=store)
    assert destination.read_bytes() == b"PK\5\6" + bytes(18)


def test_what_was_written_is_told(destination: Path, store: Store) -> None:
    written = write_zip(tree_of(SAMPLE), destination, store=store)
    digest = hashlib.sha256(destination.read_bytes())
    assert written == Written(
        path=destination,
        size=destination.stat().st_size,
        sha256=digest.hexdigest(),
        code_sha256=base64.b64encode(digest.digest()).decode(),
    )


_NAMES = st.text(st.characters(exclude_categories=["C"], exclude_characters="\\/:"), min_size=1, max_size=8)
_FILES = st.dictionaries(
    st.lists(_NAMES.filter(lambda name: name.strip(".")), min_size=1, max_size=3).map("/".join),
    st.binary(max_size=100) | st.binary(max_size=9).map(lambda data: data * 5000),
    max_size=8,
).filter(lambda files: not any(path.startswith(f"{other}/") for path in files for other in files))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=_FILES)
def test_any_tree_is_read_back_as_it_was(destination: Path, store: Store, files: dict[str, bytes]) -> None:
    tree = tree_of(files)
    write_zip(tree, destination, store=store)
    assert read_zip(destination).content == tree.content
    with zipfile.ZipFile(destination) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {entry.path: entry.read() for entry in tree}


# Splicing


def streams(path: Path) -> dict[str, bytes]:
    """The packed bytes of a zip's members, as they lie in it."""
    data = path.read_bytes()
    return {each.path: data[each.offset : each.offset + each.packed_size] for each in read_directory(path)}


def test_deflated_members_are_copied_as_they_are(tmp_path: Path, destination: Path, store: Store) -> None:
    numbers = random.Random(2)
    files = {
        f"pkg/{number:03}.py": numbers.randbytes(size // 2) + bytes(size // 2)
        for number, size in enumerate([*range(0, 3000, 100), 300_000, 5_000_000, 1, 4_000_000])
    }
    wheel = tmp_path / "a.whl"
    found = members(wheel, files)
    other = members(tmp_path / "b.whl", {"pkg/000b.py": b"between " * 10})
    tree = Tree.of(Entry(path, REGULAR, source) for path, source in {**found, **other}.items())
    write_zip(tree, destination, store=store)
    spliced, original = streams(destination), streams(wheel)
    assert max(map(len, original.values())) > 1 << 20
    assert {path: spliced[path] for path in original} == original
    assert spliced["pkg/000b.py"] == streams(tmp_path / "b.whl")["pkg/000b.py"]
    assert not (store.folder / "packed").exists()
    assert read_zip(destination).content == tree.content


def test_the_order_in_the_wheel_does_not_matter(tmp_path: Path, destination: Path, store: Store) -> None:
    files = {f"{number:03}": b"text " * number for number in range(300)}
    written = []
    for seed in range(3):
        paths = random.Random(seed).sample(sorted(files), len(files))
        found = members(tmp_path / f"{seed}.whl", {path: files[path] for path in paths})
        tree = Tree.of(Entry(path, REGULAR, source) for path, source in found.items())
        written.append(write_zip(tree, destination, store=store).sha256)
    assert len(set(written)) == 1


def test_stored_members_are_deflated(tmp_path: Path, destination: Path, store: Store) -> None:
    data = b"text " * 1000
    source = members(tmp_path / "a.whl", {"a": data}, STORED)["a"]
    write_zip(Tree.of([Entry("a", REGULAR, source)]), destination, store=store)
    assert streams(destination) == {"a": deflate.deflate_compress(data, 6)}


@pytest.mark.parametrize("size", [100, 40_000, 9 << 20])
def test_what_deflate_can_not_shrink_is_stored(tmp_path: Path, destination: Path, store: Store, size: int) -> None:
    data = random.Random(3).randbytes(size)
    tree = Tree.of([Entry("a", REGULAR, disk_file(tmp_path / "a", data))])
    for _ in range(2):
        write_zip(tree, destination, store=store)
        assert read_directory(destination)[0].method == STORED
        assert streams(destination) == {"a": data}


# All or nothing


def left_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def old(destination: Path) -> dict[str, bytes]:
    """What the folder of the artifact holds before something goes wrong."""
    destination.parent.mkdir()
    destination.write_bytes(b"the old artifact")
    return left_in(destination.parent)


def test_a_file_that_changes_meanwhile_is_named(
    tmp_path: Path, destination: Path, store: Store, old: dict[str, bytes]
) -> None:
    file = disk_file(tmp_path / "app.py", b"as it was")
    for changed in (b"as it is.", b"as it was, and more", b"", b"as it wa"):
        file.path.write_bytes(changed)
        with pytest.raises(LpackError, match=r"app\.py` changed while it was being packed") as caught:
            write_zip(Tree.of([Entry("app.py", REGULAR, file)]), destination, store=store)
        assert caught.value.hint == "run the command again"
    assert left_in(destination.parent) == old


@pytest.mark.parametrize("size", [10, 40_000, 9 << 20])
def test_a_file_that_is_gone_is_named(
    tmp_path: Path, destination: Path, store: Store, old: dict[str, bytes], size: int
) -> None:
    tree = Tree.of([Entry("app.py", REGULAR, disk_file(tmp_path / "app.py", b"x" * size))])
    (tmp_path / "app.py").unlink()
    with pytest.raises(LpackError, match=r"app\.py` can't be read: No such file"):
        write_zip(tree, destination, store=store)
    assert left_in(destination.parent) == old


@pytest.mark.parametrize("size", [0, 60])
def test_a_wheel_that_is_cut_off_is_named(
    tmp_path: Path, destination: Path, store: Store, old: dict[str, bytes], size: int
) -> None:
    found = members(tmp_path / "a.whl", {"a": random.Random(4).randbytes(1000)})
    os.truncate(tmp_path / "a.whl", size)
    with pytest.raises(InputError, match=r"a\.whl` ends in the middle of a member"):
        write_zip(Tree.of([Entry("a", REGULAR, found["a"])]), destination, store=store)
    assert left_in(destination.parent) == old


def test_a_wheel_that_is_gone_is_named(tmp_path: Path, destination: Path, store: Store, old: dict[str, bytes]) -> None:
    found = members(tmp_path / "a.whl", {"a": b"a"})
    (tmp_path / "a.whl").unlink()
    with pytest.raises(LpackError, match=r"a\.whl` can't be read: No such file"):
        write_zip(Tree.of([Entry("a", REGULAR, found["a"])]), destination, store=store)
    assert left_in(destination.parent) == old


def test_what_can_not_be_read_back_does_not_get_its_name(
    destination: Path, store: Store, old: dict[str, bytes]
) -> None:
    device = Entry("device", 0o020666, Content.of(b""))
    with pytest.raises(UnsafeArchiveError, match="`device`, which is neither a file nor a link"):
        write_zip(Tree.of([device]), destination, store=store)
    lying = Member(destination, 0, 5, 1_000_000, DEFLATED, 0, bytes(32))
    with pytest.raises(InputError, match="`a`, which lies about its size"):
        write_zip(Tree.of([Entry("a", REGULAR, lying)]), destination, store=store)
    assert left_in(destination.parent) == old


def test_a_folder_that_can_not_be_written_is_said(tmp_path: Path, store: Store) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LpackError, match=r"file/orders\.zip` can't be written: ") as caught:
        write_zip(tree_of(SAMPLE), tmp_path / "file" / "orders.zip", store=store)
    assert "--output" in str(caught.value.hint)
    (tmp_path / "orders.zip").mkdir()
    with pytest.raises(LpackError, match=r"orders\.zip` can't be written: Is a directory"):
        write_zip(tree_of(SAMPLE), tmp_path / "orders.zip", store=store)
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("home")) == [
        "file",
        "orders.zip",
    ]


PROGRAM = """
import resource, sys
from pathlib import Path
from lpack.archive.zip_writer import write_zip
from lpack.errors import LpackError
from lpack.store import Store, sha256_of
from lpack.tree import REGULAR, DiskFile, Entry, Tree
file, destination, store, limit = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
source = DiskFile(file, *eval(sys.argv[5]))
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
print("ready", flush=True)
try:
    write_zip(Tree.of([Entry("a", REGULAR, source)]), destination, store=Store(store))
except LpackError as error:
    print(error)
"""


def started(file: DiskFile, destination: Path, store: Store, *, limit: int = 0) -> subprocess.Popen[str]:
    facts = repr((file.size, file.sha256))
    arguments = [file.path, destination, store.folder, str(limit), facts]
    return subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE, text=True)


def test_a_full_disk_is_said_and_leaves_the_old_artifact(
    tmp_path: Path, destination: Path, store: Store, old: dict[str, bytes]
) -> None:
    """As full as a disk is to a process that may write no larger files."""
    file = disk_file(tmp_path / "noise", random.Random(5).randbytes(20_000))
    with started(file, destination, store, limit=10_000) as process:
        output, _ = process.communicate()
    assert f"`{destination}` can't be written: File too large" in output
    assert left_in(destination.parent) == old


@pytest.mark.parametrize("size", [100_000, 9 << 20])
def test_a_full_store_is_said_and_leaves_nothing(
    tmp_path: Path, destination: Path, store: Store, old: dict[str, bytes], size: int
) -> None:
    file = disk_file(tmp_path / "noise", random.Random(6).randbytes(size // 2) + bytes(size // 2))
    with started(file, destination, store, limit=5_000) as process:
        output, _ = process.communicate()
    assert f"the store `{store.folder}` can't be written: File too large" in output
    assert left_in(destination.parent) == old
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []


def test_a_process_that_is_killed_leaves_the_old_artifact(
    tmp_path: Path, destination: Path, store: Store, old: dict[str, bytes]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # whoever reads it waits for ever
    with started(DiskFile(pipe, 10, bytes(32)), destination, store) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        deadline = time.monotonic() + 30
        while left_in(destination.parent) == old and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert destination.read_bytes() == old[destination.name]
    (leftover,) = (path for path in destination.parent.iterdir() if path != destination)

    write_zip(tree_of(SAMPLE), destination, store=store)
    assert leftover.exists(), "it could still be somebody's"
    os.utime(leftover, (0, 0))
    write_zip(tree_of(SAMPLE), destination, store=store)
    assert list(left_in(destination.parent)) == [destination.name]


def test_processes_that_write_the_same_at_once_do_not_disturb_each_other(
    tmp_path: Path, destination: Path, store: Store
) -> None:
    text = b"".join(b"line %d\n" % number for number in range(20_000))
    file = disk_file(tmp_path / "text", text)
    processes = [started(file, destination, store) for _ in range(4)]
    assert [process.communicate()[0] for process in processes] == ["ready\n"] * 4
    assert [process.returncode for process in processes] == [0] * 4
    assert read_zip(destination).by_path["a"].read() == text
    assert list(left_in(destination.parent)) == [destination.name]
    assert len([path for path in store.folder.rglob("*") if path.is_file()]) == 1


# zip64


@pytest.mark.slow
def test_more_than_65535_entries_make_it_zip64(destination: Path, store: Store) -> None:
    nothing = Content.of(b"")
    many = [Entry(f"{number:05}", REGULAR, nothing) for number in range(65_536)]
    write_zip(Tree.of(many), destination, store=store)
    with zipfile.ZipFile(destination) as archive:
        assert len(archive.infolist()) == 65_536
        assert archive.namelist()[-1] == "65535"
    assert b"PK\6\6" in destination.read_bytes()[-120:]


def placed(name: str, *, size: int, packed_size: int, offset: int) -> _Placed:
    entry = Entry(name, REGULAR, Content.of(b""))
    return _Placed(entry, name.encode(), STORED, 0, packed_size, size, offset)


@pytest.mark.parametrize(
    ("sizes", "local", "central"),
    [
        ({"size": 4 * GIB - 2, "packed_size": 4 * GIB - 2, "offset": 4 * GIB - 2}, b"", b""),
        ({"size": 4 * GIB - 1, "packed_size": 9, "offset": 9}, zip64_extra(4 * GIB - 1, 9), zip64_extra(4 * GIB - 1)),
        ({"size": 9, "packed_size": 4 * GIB, "offset": 9}, zip64_extra(9, 4 * GIB), zip64_extra(4 * GIB)),
        ({"size": 9, "packed_size": 9, "offset": 4 * GIB}, b"", zip64_extra(4 * GIB)),
        (
            {"size": 6 * GIB, "packed_size": 5 * GIB, "offset": 7 * GIB},
            zip64_extra(6 * GIB, 5 * GIB),
            zip64_extra(6 * GIB, 5 * GIB, 7 * GIB),
        ),
    ],
)
def test_zip64_fields_are_those_that_are_needed(sizes: dict[str, int], local: bytes, central: bytes) -> None:
    member = placed("a", **sizes)
    front, listed = _local_header(member), _central_header(member)
    assert front[31:] == local
    assert listed[47:] == central
    assert struct.unpack("<H", front[28:30]) == (len(local),)
    assert struct.unpack("<H", listed[30:32]) == (len(central),)
    assert front[4] == (45 if local else 20)
    assert listed[4:8] == bytes([45 if central else 20, 3, 45 if central else 20, 0])
    assert struct.unpack("<LL", front[18:26]) == ((0xFFFFFFFF,) * 2 if local else (sizes["packed_size"], sizes["size"]))
    said = struct.unpack("<LL", listed[20:28]) + struct.unpack("<L", listed[42:46])
    assert said == tuple(min(sizes[key], 0xFFFFFFFF) for key in ("packed_size", "size", "offset"))


def test_a_zip_of_more_than_four_gibibytes_is_read_by_python_and_by_lpack(tmp_path: Path) -> None:
    """Laid out as the writer does it, but with a hole in the file instead of a large member's data."""
    first = placed("a", size=5 * GIB, packed_size=5 * GIB, offset=0)
    second = placed("b", size=0, packed_size=0, offset=len(_local_header(first)) + 5 * GIB)
    directory = _central_header(first) + _central_header(second)
    start = second.offset + len(_local_header(second))
    path = tmp_path / "sparse.zip"
    with path.open("wb") as file:
        file.write(_local_header(first))
        file.seek(second.offset)
        file.write(_local_header(second) + directory + _end(start, len(directory), 2))
    records = {record.path: record for record in read_directory(path)}
    assert (records["a"].size, records["a"].offset) == (5 * GIB, len(_local_header(first)))
    assert records["b"].offset == start
    with zipfile.ZipFile(path) as archive:
        assert [(info.file_size, info.header_offset) for info in archive.infolist()] == [
            (5 * GIB, 0),
            (0, second.offset),
        ]
        assert archive.read("b") == b""
        with archive.open("a") as member:
            assert member.read(100) == bytes(100)
