"""The tar writer: what goes into layers, read back by Python and by GNU tar."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from trees import disk_file, members, tree_of

from lpack.archive import tar_writer
from lpack.archive.tar_writer import header, tar_pieces
from lpack.errors import LpackError
from lpack.tree import EXECUTABLE, REGULAR, Content, Entry, Tree

LONG = f"{'folder' * 30}/{'name' * 40}.txt"
TREE = tree_of(
    {
        "app.py": b"def handler(event, context): ...",
        "bin/run": b"#!/bin/sh\n",
        "bin/here": b"link:run",
        "empty": b"",
        "block": bytes(512),
        "grün/日本.txt": b"text",
        LONG: b"long",
        "far": b"link:" + b"x/" * 100,
    }
)


def tar_of(tree: Tree) -> bytes:
    return b"".join(tar_pieces(tree))


def read(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getmembers()


def test_files_and_links_come_back() -> None:
    with tarfile.open(fileobj=io.BytesIO(tar_of(TREE))) as archive:
        there = {}
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            there[member.name] = file.read() if file else member.linkname.encode()
    assert {path: data for path, data in there.items() if path in TREE.by_path} == {
        entry.path: entry.read() for entry in TREE
    }


def test_times_owners_and_modes_are_fixed() -> None:
    for member in read(tar_of(TREE)):
        assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (315532800, 0, 0, "", "")
        assert member.type in (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE)
        expected = {tarfile.REGTYPE: TREE.by_path.get(member.name, Entry("", 0, Content.of(b""))).mode & 0o777}
        assert member.mode == expected.get(member.type, 0o755 if member.isdir() else 0o777)


def test_each_folder_comes_once_and_before_what_is_in_it() -> None:
    names = [member.name for member in read(tar_of(TREE))]
    assert len(names) == len(set(names))
    for name in names:
        parent = name.rpartition("/")[0]
        assert not parent or names.index(parent) < names.index(name)


def test_a_folder_is_the_same_entry_in_every_layer() -> None:
    one, other = (tar_of(tree_of({f"var/task/{name}": name.encode()})) for name in ("a", "b"))
    assert one[: 2 * 512] == other[: 2 * 512]


def test_only_what_does_not_fit_has_extended_headers() -> None:
    extended = {member.name for member in read(tar_of(TREE)) if member.pax_headers}
    assert extended == {"grün", "grün/日本.txt", LONG.partition("/")[0], LONG, "far"}


def test_sizes_beyond_eight_gigabytes_are_said_in_an_extended_header() -> None:
    data = header("large", tar_writer.FILE, 0o644, size=9 << 30)
    assert tarfile.TarInfo.frombuf(data[-512:], "utf-8", "strict").size == 0
    assert b" size=9663676416\n" in data
    assert len(header("small", tar_writer.FILE, 0o644, size=(8 << 30) - 1)) == 512


@pytest.mark.needs("tar")
def test_gnu_tar_agrees() -> None:
    command = ["tar", "--list", "--verbose", "--full-time", "--utc", "--quoting-style=literal"]
    environ = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    listed = subprocess.run(command, input=tar_of(TREE), stdout=subprocess.PIPE, env=environ, check=True)
    lines = listed.stdout.decode().splitlines()
    assert "-rwxr-xr-x 0/0              10 1980-01-01 00:00:00 bin/run" in lines
    assert "lrwxrwxrwx 0/0               0 1980-01-01 00:00:00 bin/here -> run" in lines
    assert any(line.endswith(" grün/日本.txt") for line in lines)
    assert any(line.endswith(f" {LONG}") for line in lines)


def test_members_of_wheels_and_files_on_disk_are_the_same_as_bytes(tmp_path: Path) -> None:
    data = b"text " * 100_000
    member = members(tmp_path / "a.zip", {"x": data})["x"]
    sources = (Content.of(data), member, disk_file(tmp_path / "x", data))
    assert len({tar_of(Tree.of([Entry("x", REGULAR, source)])) for source in sources}) == 1


def test_a_file_that_changed_meanwhile_is_an_error(tmp_path: Path) -> None:
    source = disk_file(tmp_path / "x", b"before")
    (tmp_path / "x").write_bytes(b"after!")
    with pytest.raises(LpackError, match="changed while it was being packed"):
        tar_of(Tree.of([Entry("x", EXECUTABLE, source)]))
