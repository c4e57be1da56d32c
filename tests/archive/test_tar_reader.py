"""Tars, as Python, GNU tar and lpack write them, and such as nobody should read."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpack.archive.tar_reader import Member, Opened, Streamed, read_members
from lpack.errors import UnsafeArchiveError

SUBJECT = "layer 1"


def read(data: bytes, *, piece: int = 1000, most: int = 1 << 20) -> list[tuple[Member, bytes]]:
    chunks = (data[start : start + piece] for start in range(0, len(data), piece))
    members = read_members(Streamed(chunks, SUBJECT, most=most), SUBJECT)
    found = [(member, b"".join(contents)) for member, contents in members]
    assert [member for member, _ in read_members(Opened(io.BytesIO(data)), SUBJECT)] == [each for each, _ in found]
    return found


def tar(*members: tarfile.TarInfo, kind: int = tarfile.PAX_FORMAT, data: bytes = b"data") -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=kind) as archive:
        for member in members:
            member.size = len(data) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(data))
    return output.getvalue()


def info(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", **fields: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    for field, value in fields.items():
        setattr(member, field, value)
    return member


def test_all_kinds_of_members() -> None:
    data = tar(
        info("folder", tarfile.DIRTYPE, mode=0o755),
        info("folder/file", mode=0o4755, uid=1000, gid=100),
        info("link", tarfile.SYMTYPE, "folder/file"),
        info("hard", tarfile.LNKTYPE, "folder/file"),
        info("char", tarfile.CHRTYPE),
        info("block", tarfile.BLKTYPE),
        info("pipe", tarfile.FIFOTYPE),
        info(".wh.gone"),
    )
    found = [member for member, _ in read(data)]
    assert [(each.path, each.kind, each.target) for each in found] == [
        ("folder/", "folder", ""),
        ("folder/file", "file", ""),
        ("link", "link", "folder/file"),
        ("hard", "hard link", "folder/file"),
        ("char", "character device", ""),
        ("block", "block device", ""),
        ("pipe", "pipe", ""),
        (".wh.gone", "file", ""),
    ]
    assert (found[1].mode, found[1].owner, found[1].group, found[1].size) == (0o4755, 1000, 100, 4)
    assert data[found[1].offset :][:4] == b"data"


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_and_large_numbers(kind: int) -> None:
    path, target = f"{'é' * 100}/{'b' * 150}", "t" * 300
    data = tar(info(path, uid=1 << 30), info("link", tarfile.SYMTYPE, target), info("next"), kind=kind)
    (one, content), (link, _), (following, _) = read(data)
    assert (one.path, content) == (path, b"data")
    assert link.target == target
    assert (following.path, following.target) == ("next", "")


def test_ustar_parts_long_names() -> None:
    path = f"{'a' * 150}/{'b' * 90}"
    assert [member.path for member, _ in read(tar(info(path), kind=tarfile.USTAR_FORMAT))] == [path]


@pytest.mark.needs("tar")
def test_what_gnu_tar_writes(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with (tmp_path / "in" / "sparse").open("wb") as file:
        for place in range(40):  # more holes than one header tells of
            file.seek(place << 20)
            file.write(b"x")
    (tmp_path / "in" / "plain").write_bytes(b"plain")
    (tmp_path / "in" / "bytes\udcff").write_bytes(b"")
    for options in (["--format=gnu", "--sparse"], ["--format=posix"], ["--format=oldgnu"], ["--format=v7"]):
        command = ["tar", *options, "-cf", tmp_path / "out.tar", "--sort=name", "-C", tmp_path / "in", "."]
        subprocess.run(command, check=True)
        found = {member.path: member for member, _ in read((tmp_path / "out.tar").read_bytes(), most=1 << 27)}
        assert set(found) == {"./", "./bytes\udcff", "./plain", "./sparse"}
        assert found["./plain"].size == 5


@pytest.mark.parametrize("end", [0, 512, 1024, 5120])
def test_archives_end_in_several_ways(end: int) -> None:
    data = tar(info("a")).rstrip(b"\0")
    data += bytes(-len(data) % 512)
    assert [member.path for member, _ in read(data + bytes(end))] == ["a"]


def _cut(data: bytes) -> Iterator[tuple[bytes, str]]:
    yield data[:700], "ends in the middle of a file"
    yield data[:300], "is no tar"
    yield b"<html>" + data, "is no tar"
    yield data[:1024] + b"x" * 512, "has a damaged header"
    yield data[:1024] + bytes(512) + b"x" * 512, "goes on after its end"
    yield data[:156] + b"9" + data[157:], "is no tar"


@pytest.mark.parametrize(("data", "fact"), list(_cut(tar(info("a"), data=b"d" * 512))))
def test_what_is_damaged(data: bytes, fact: str) -> None:
    with pytest.raises(UnsafeArchiveError) as caught:
        read(data)
    assert caught.value.message == f"{SUBJECT} {fact}"


def header(kind: bytes, data: bytes) -> bytes:
    member = info("extension", kind)
    block = bytearray(member.tobuf(tarfile.USTAR_FORMAT))
    block[124:136] = b"%011o\0" % len(data)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + data + bytes(-len(data) % 512)


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (header(b"x", b"30 path=short\n"), "has a damaged PAX header"),
        (header(b"x", b"path=a\n"), "has a damaged PAX header"),
        (header(b"x", b"-1 path=a\n"), "has a damaged PAX header"),
        (header(b"x", b"0 path=a\n"), "has a damaged PAX header"),
        (header(b"x", b"11 size=-4\n") + tar(info("a")), "has a damaged PAX header"),
        (header(b"x", b"10 path=a\n"), "ends after a header that tells of another one"),
        (header(b"L", b"a" * (2 << 20)), "has a header of 2,097,152 bytes"),
        (header(b"L", b"a" * 600)[:700], "ends in the middle of a header"),
        (header(b"Z", b""), "has a member of a kind that is not known, b'Z'"),
    ],
)
def test_headers_that_lie(data: bytes, fact: str) -> None:
    with pytest.raises(UnsafeArchiveError) as caught:
        read(data, most=1 << 23)
    assert caught.value.message == f"{SUBJECT} {fact}"


def test_a_bomb_is_not_unpacked() -> None:
    data = tar(info("a"), data=bytes(1 << 20))
    with pytest.raises(UnsafeArchiveError, match="layer 1 unpacks to more than 1,000 bytes"):
        list(read_members(Streamed(iter([data[:600], data[600:]]), SUBJECT, most=1000), SUBJECT))
