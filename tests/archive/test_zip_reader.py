"""The zip reader: a right answer or a clear error, whatever the bytes are."""

from __future__ import annotations

import io
import os
import stat
import struct
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from raw_zips import DEFLATED, DESCRIPTOR, ENCRYPTED, STORED, Raw, deflate, end, raw_zip, zip64_extra

from lpack.archive.zip_reader import read_directory, read_zip
from lpack.errors import InputError, UnsafeArchiveError
from lpack.tree import LINK, REGULAR

GIB = 1 << 30
MAX_16, MAX_32 = 0xFFFF, 0xFFFFFFFF

Written = Callable[[bytes], Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(data: bytes) -> Path:
        path = tmp_path / "some.zip"
        path.write_bytes(data)
        return path

    return write


def contents(path: Path) -> dict[str, bytes]:
    return {entry.path: entry.read() for entry in read_zip(path)}


def refused(path: Path, fact: str, kind: type[InputError] = InputError) -> None:
    with pytest.raises(kind, match=fact) as caught:
        read_zip(path)
    assert str(path) in str(caught.value)


# What is right


FILES = {"a.txt": b"one", "folder/b.txt": b"two " * 1000, "empty": b"", "folder/\N{SNOWMAN}.txt": b"three"}


@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_what_python_writes_is_read(tmp_path: Path, method: int) -> None:
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
    assert contents(path) == FILES


def test_what_python_writes_to_a_pipe_is_read(written: Written) -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as reader:
        with os.fdopen(write_end, "wb") as writer, zipfile.ZipFile(writer, "w", DEFLATED) as archive:
            for name, data in FILES.items():
                archive.writestr(name, data)
        data = reader.read()
    assert data.count(b"PK\7\10") == len(FILES)
    assert contents(written(data)) == FILES


def test_a_member_that_python_forced_to_be_zip64_is_read(tmp_path: Path) -> None:
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w", DEFLATED) as archive, archive.open("a", "w", force_zip64=True) as member:
        member.write(b"one")
    assert contents(path) == {"a": b"one"}


@pytest.mark.needs("zip")
@pytest.mark.parametrize("options", [["-r"], ["-r", "-0"], ["-r", "-fd"], ["-r", "-fz"], ["-r", "-D"], ["-r", "-X"]])
def test_what_zip_writes_is_read(tmp_path: Path, options: list[str]) -> None:
    for name, data in FILES.items():
        place = tmp_path / "files" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    links = {}
    if "-fd" not in options:  # with which zip may refuse links, as it happens to come across them
        (tmp_path / "files" / "folder" / "link").symlink_to("b.txt")
        links["folder/link"] = b"b.txt"
    (tmp_path / "files" / "empty").chmod(0o755)
    subprocess.run(["zip", "-q", "-y", *options, "../some.zip", "."], cwd=tmp_path / "files", check=True)
    tree = read_zip(tmp_path / "some.zip")
    assert {entry.path: entry.read() for entry in tree} == {**FILES, **links}
    assert all(tree.by_path[path].mode == LINK for path in links)
    assert tree.by_path["empty"].mode == 0o100755


@pytest.mark.needs("zip")
def test_what_zip_writes_to_a_pipe_is_read(tmp_path: Path, written: Written) -> None:
    (tmp_path / "a").write_bytes(b"one " * 1000)
    made = subprocess.run(["zip", "-q", "-", "a"], cwd=tmp_path, stdout=subprocess.PIPE, check=True)
    assert contents(written(made.stdout)) == {"a": b"one " * 1000}


@pytest.mark.parametrize(
    ("signature", "form"), [(b"PK\7\10", "<LLL"), (b"", "<LLL"), (b"PK\7\10", "<LQQ"), (b"", "<LQQ")]
)
@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_sizes_behind_the_data_are_read_from_the_directory(
    written: Written, signature: bytes, form: str, method: int
) -> None:
    plain = Raw(method=method)
    facts = plain.fields()
    member = Raw(
        method=method,
        said={"flags": DESCRIPTOR},
        local={"crc": 0, "packed_size": 0, "size": 0},
        after=signature + struct.pack(form, facts["crc"], facts["packed_size"], facts["size"]),
    )
    assert contents(written(raw_zip(member, Raw(name=b"b")))) == {"a.txt": b"content", "b": b"content"}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (0o100755, 0o100755),
        (0o755, 0o100755),
        (0o100600, 0o100600),
        (0o100000, 0o100000),
        (0o120777, LINK),
        (0o120000, 0o120000),
        (0, REGULAR),
    ],
)
def test_modes_are_as_the_zip_has_them(written: Written, mode: int, expected: int) -> None:
    (entry,) = read_zip(written(raw_zip(Raw(mode=mode))))
    assert entry.mode == expected


def test_folders_are_left_away(written: Written) -> None:
    folders = [Raw(name=b"a/", data=b"", mode=0o040755), Raw(name=b"b/", data=b"", method=DEFLATED)]
    assert contents(written(raw_zip(*folders, Raw(name=b"a/b")))) == {"a/b": b"content"}


@pytest.mark.parametrize("name", ["café".encode(), b"caf\x82"])
def test_names_without_the_flag_of_utf8_are_that_or_in_code_page_437(written: Written, name: bytes) -> None:
    assert list(contents(written(raw_zip(Raw(name=name, said={"flags": 0}))))) == ["café"]


def test_headers_may_differ_in_the_flag_of_utf8(written: Written) -> None:
    assert contents(written(raw_zip(Raw(local={"flags": 0})))) == {"a.txt": b"content"}


def test_the_order_of_the_directory_and_gaps_do_not_matter(written: Written) -> None:
    first, second = Raw(name=b"b", after=b"gap"), Raw(name=b"a")
    body = b"before" + first.in_front() + second.in_front()
    directory = second.in_directory(6 + len(first.in_front())) + first.in_directory(6)
    data = body + directory + end(2, len(directory), len(body))
    assert contents(written(data)) == {"a": b"content", "b": b"content"}
    assert [record.path for record in read_directory(written(data))] == ["a", "b"]


@pytest.mark.parametrize("comment", [b"a comment", b"PK" * 100, bytes(MAX_16)])
def test_comments_are_read_over(written: Written, comment: bytes) -> None:
    assert contents(written(raw_zip(Raw(comment=b"of a member"), comment=comment))) == {"a.txt": b"content"}


def test_a_program_in_front_is_fine_where_offsets_count_from_the_start(written: Written) -> None:
    assert contents(written(raw_zip(Raw(), prefix=b"#!/usr/bin/python3\n"))) == {"a.txt": b"content"}


def test_a_zip_may_be_empty(written: Written) -> None:
    assert contents(written(raw_zip())) == {}


# zip64


@pytest.mark.parametrize("said", [{}, {"here": MAX_16, "count": MAX_16, "size": MAX_32, "start": MAX_32}])
def test_the_end_may_be_in_zip64(written: Written, said: Mapping[str, int]) -> None:
    assert contents(written(raw_zip(Raw(), zip64=True, **said))) == {"a.txt": b"content"}


def test_sizes_and_offset_may_be_in_zip64(written: Written) -> None:
    first = Raw(name=b"first")
    offset = len(first.in_front())
    large = {"packed_size": MAX_32, "size": MAX_32}
    second = Raw(
        said=large,
        local_extra=b"XX\2\0ab" + zip64_extra(7, 7),
        central={"offset": MAX_32},
        central_extra=b"XX\2\0ab" + zip64_extra(7, 7, offset),
    )
    assert contents(written(raw_zip(first, second))) == {"first": b"content", "a.txt": b"content"}


def test_a_streamed_member_in_zip64_is_read(written: Written) -> None:
    member = Raw(
        local={"flags": DESCRIPTOR, "crc": 0, "packed_size": MAX_32, "size": MAX_32},
        local_extra=zip64_extra(0, 0),
        after=b"PK\7\10" + bytes(20),
    )
    assert contents(written(raw_zip(member))) == {"a.txt": b"content"}


def test_members_behind_four_gibibytes_are_read(tmp_path: Path) -> None:
    hole, behind = 5 * GIB, Raw(name=b"behind", central={"offset": MAX_32}, central_extra=zip64_extra(5 * GIB))
    directory = behind.in_directory(hole)
    start = hole + len(behind.in_front())
    path = tmp_path / "sparse.zip"
    with path.open("wb") as file:
        file.seek(hole)
        file.write(behind.in_front() + directory + end(1, len(directory), start, zip64=True, start=MAX_32))
    assert contents(path) == {"behind": b"content"}


@pytest.mark.slow
def test_65535_members_need_no_zip64(written: Written) -> None:
    members = [Raw(name=b"%05d" % number, data=b"") for number in range(MAX_16)]
    size = len(members[0].in_front())
    fronts = b"".join(member.in_front() for member in members)
    directory = b"".join(member.in_directory(number * size) for number, member in enumerate(members))
    assert len(read_directory(written(fronts + directory + end(MAX_16, len(directory), len(fronts))))) == MAX_16


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (raw_zip(Raw(), zip64=True, count=2), "says two things about its directory"),
        (raw_zip(Raw(), zip64=True, size=1), "says two things about its directory"),
        (raw_zip(Raw(), zip64=True, disk=1), "says two things about its directory"),
        (raw_zip(Raw(), start=MAX_32), "directory is not where it should be"),
        (raw_zip(Raw(), here=MAX_16, count=MAX_16), "cut off"),
        (raw_zip(Raw(), zip64=True).replace(b"PK\6\6", b"PK\6\5"), "zip64 record is not where it should be"),
        (raw_zip(Raw(), zip64=True).replace(b"PK\6\6\x2c", b"PK\6\6\x2d"), "zip64 record is not where it should be"),
        (raw_zip(Raw(central={"size": MAX_32})), "lacks the sizes of a large member"),
        (raw_zip(Raw(central={"size": MAX_32}, central_extra=zip64_extra())), "lacks the sizes of a large member"),
        (raw_zip(Raw(central={"size": MAX_32}, central_extra=b"\1\0")), "lacks the sizes of a large member"),
        (
            raw_zip(Raw(central={"size": MAX_32, "packed_size": MAX_32}, central_extra=zip64_extra(7))),
            "lacks the sizes of a large member",
        ),
        (raw_zip(Raw(local={"size": MAX_32})), "lacks the sizes of a large member"),
        (raw_zip(Raw(local={"size": MAX_32}, local_extra=zip64_extra(8))), "describes `a.txt` in two ways"),
        (
            raw_zip(Raw(central={"offset": MAX_32}, central_extra=zip64_extra(1 << 63))),
            "header of `a.txt` is not where it should be",
        ),
    ],
)
def test_lies_in_zip64_are_found(written: Written, data: bytes, fact: str) -> None:
    refused(written(data), fact)


# What leaves the root, or clashes


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        (b"../a", "leaves the root"),
        (b"a/../../b", "leaves the root"),
        (b"..", "leaves the root"),
        (b"a/../b", "leaves the root"),
        (b"/etc/passwd", "is absolute"),
        (b"/", "is empty"),
        (b"//a", "is absolute"),
        (b"C:/a", "is absolute"),
        (b"..\\a", "contains a backslash"),
        (b"\\\\server\\share", "contains a backslash"),
        (b"./a", "is not in its simplest form"),
        (b"a//b", "is not in its simplest form"),
        (b"a//", "is not in its simplest form"),
        (b".", "is not in its simplest form"),
        (b"", "is empty"),
        (b"a\0b", "contains a control character"),
        (b"a\nb", "contains a control character"),
        (b"\x1b[31m", "contains a control character"),
        (b"a" * 256, "is too long"),
        (b"a/" * 2500 + b"b", "is too long"),
        (b"caf\xe9", "is not valid UTF-8"),
        (b"\xed\xa0\x80", "is not valid UTF-8"),
    ],
)
@pytest.mark.parametrize("tail", [b"", b"/"])
def test_unsafe_names_are_refused(written: Written, name: bytes, fact: str, tail: bytes) -> None:
    if not (tail and name.endswith(b"/")) and name + tail not in (b"/", b""):
        refused(written(raw_zip(Raw(name=name + tail, data=b""))), fact, UnsafeArchiveError)


@pytest.mark.parametrize(
    ("names", "fact"),
    [
        ([b"a", b"b", b"a"], "holds `a` twice"),
        ([b"a", b"a/"], "holds `a` twice"),
        ([b"a/", b"a/"], "holds `a` twice"),
        ([b"a", b"a/b"], "`a` is a file, and also the folder of `a/b`"),
        ([b"a", b"a-", b"a/b"], "`a` is a file, and also the folder of `a/b`"),
    ],
)
def test_names_that_clash_are_refused(written: Written, names: list[bytes], fact: str) -> None:
    refused(written(raw_zip(*(Raw(name=name, data=b"") for name in names))), fact, UnsafeArchiveError)


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFDIR, 0o110000])
def test_only_files_and_links_are_taken(written: Written, kind: int) -> None:
    refused(written(raw_zip(Raw(mode=kind | 0o666))), "`a.txt`, which is neither a file nor a link", UnsafeArchiveError)


# What lies about itself


@pytest.mark.parametrize(
    "member",
    [
        Raw(said={"size": 8}),
        Raw(said={"size": 6}),
        Raw(method=DEFLATED, said={"size": 8}),
        Raw(method=DEFLATED, said={"size": 6}),
        Raw(method=DEFLATED, said={"size": 0}),
        Raw(method=DEFLATED, data=b"", said={"size": 1}),
        Raw(method=DEFLATED, data=bytes(3 << 20), said={"size": 1 << 20}),
        Raw(method=DEFLATED, data=bytes(1 << 20), said={"size": 3 << 20}),
        Raw(said={"size": 2 * GIB}),
        Raw(method=DEFLATED, said={"size": 2 * GIB}),
    ],
)
def test_a_size_that_lies_is_refused(written: Written, member: Raw) -> None:
    refused(written(raw_zip(member)), "`a.txt`, which lies about its size", UnsafeArchiveError)


def test_a_folder_has_no_data(written: Written) -> None:
    refused(written(raw_zip(Raw(name=b"a/"))), "a folder with data, `a/`", UnsafeArchiveError)


def test_a_size_that_reaches_into_what_follows_is_refused(written: Written) -> None:
    lie = Raw(said={"size": 40, "packed_size": 40})
    refused(written(raw_zip(lie, Raw(name=b"b"))), "uses the bytes of `b` twice", UnsafeArchiveError)
    refused(written(raw_zip(lie)), "a member reaches into the directory")
    refused(written(raw_zip(Raw(said={"size": 1000, "packed_size": 1000}))), "a member reaches into the directory")


@pytest.mark.parametrize(
    "member",
    [
        Raw(local_name=b"b.txt"),
        Raw(local_name=b"a.txt.exe"),
        Raw(local_name=b"a"),
        Raw(local={"method": DEFLATED}),
        Raw(local={"crc": 1}),
        Raw(local={"size": 6}),
        Raw(local={"packed_size": 6}),
        Raw(local={"flags": DESCRIPTOR, "size": 6}),
        Raw(local={"flags": DESCRIPTOR, "crc": 0, "size": 6, "packed_size": 0}),
        Raw(local={"flags": ENCRYPTED}),
        Raw(local={"crc": 0, "size": 0, "packed_size": 0}),
    ],
)
def test_two_headers_that_differ_are_refused(written: Written, member: Raw) -> None:
    refused(written(raw_zip(member)), "describes `a.txt` in two ways", UnsafeArchiveError)


@pytest.mark.parametrize("flags", [0x1, 0x9, 0x41, 0x2001])
def test_encrypted_members_are_refused(written: Written, flags: int) -> None:
    refused(written(raw_zip(Raw(said={"flags": flags}))), "an encrypted member, `a.txt`", UnsafeArchiveError)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_is_refused(tmp_path: Path, method: int) -> None:
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.txt", b"content")
    refused(path, f"`a.txt`, compressed by method {method}", UnsafeArchiveError)


@pytest.mark.parametrize("method", [1, 6, 9, 93, 99])
def test_unknown_compression_is_refused(written: Written, method: int) -> None:
    refused(written(raw_zip(Raw(said={"method": method}))), f"compressed by method {method}", UnsafeArchiveError)


# Bombs


def test_members_that_share_their_bytes_are_refused(written: Written) -> None:
    kernel = Raw(method=DEFLATED, data=bytes(1 << 20))
    front = kernel.in_front()
    directory = kernel.in_directory(0) + kernel.in_directory(0).replace(b"a.txt", b"b.txt")
    data = front + directory + end(2, len(directory), len(front))
    with pytest.raises(UnsafeArchiveError):
        read_zip(written(data))


def test_members_that_quote_the_headers_of_others_are_refused(written: Written) -> None:
    """The construction of https://www.bamsoftware.com/hacks/zipbomb/: each member's data runs on into the next ones."""
    kernel = Raw(name=b"b", method=DEFLATED, data=bytes(1 << 20))
    quoted = kernel.in_front()
    header_size = len(quoted) - len(kernel.bytes_there)
    quote = b"\0" + struct.pack("<HH", header_size, header_size ^ 0xFFFF)
    outer = Raw(
        name=b"a",
        method=DEFLATED,
        data=quoted[:header_size] + kernel.data,
        packed=quote + quoted,
    )
    body = outer.in_front()
    directory = outer.in_directory(0) + kernel.in_directory(len(body) - len(quoted))
    data = body + directory + end(2, len(directory), len(body))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:  # a bomb that works
        assert archive.read("a").endswith(archive.read("b"))
    refused(written(data), "uses the bytes of `b` twice, as a zip bomb does", UnsafeArchiveError)


def test_a_header_inside_of_another_members_data_is_refused(written: Written) -> None:
    hidden = Raw(name=b"b", data=b"")
    outer = Raw(name=b"a", data=hidden.in_front())
    body = outer.in_front()
    directory = outer.in_directory(0) + hidden.in_directory(len(body) - len(outer.data))
    refused(written(body + directory + end(2, len(directory), len(body))), "uses the bytes of `b` twice")


def test_more_than_ten_gibibytes_are_refused_by_what_is_announced(written: Written) -> None:
    sizes = {"size": 4 * GIB - 2}
    packed = bytes(5 << 20)
    members = [Raw(name=b"%d" % number, method=DEFLATED, packed=packed, said=sizes) for number in range(3)]
    refused(written(raw_zip(*members)), f"would unpack to {3 * sizes['size']} bytes", UnsafeArchiveError)
    huge = Raw(said={"size": MAX_32}, local_extra=zip64_extra(10 * GIB + 1), central_extra=zip64_extra(10 * GIB + 1))
    refused(written(raw_zip(huge)), "lies about its size", UnsafeArchiveError)


def test_data_behind_the_end_of_a_stream_is_refused(written: Written) -> None:
    member = Raw(method=DEFLATED, packed=deflate(b"content") + bytes(64 << 20))
    refused(written(raw_zip(member)), "can't be inflated: something follows its end")


# What is damaged


@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_a_wrong_checksum_is_found(written: Written, method: int) -> None:
    refused(written(raw_zip(Raw(method=method, said={"crc": 1}))), "`a.txt`, which has another checksum")


@pytest.mark.parametrize("packed", [b"", b"\xff" * 20, deflate(b"content")[:-1], deflate(bytes(3 << 20))[:-1]])
def test_broken_deflate_is_found(written: Written, packed: bytes) -> None:
    refused(written(raw_zip(Raw(method=DEFLATED, packed=packed))), "`a.txt`, which (can't be inflated|lies about)")


ZIP = raw_zip(
    Raw(method=DEFLATED, data=b"content " * 20),
    Raw(name="folder/é".encode(), local_extra=zip64_extra(7, 7), local={"size": MAX_32, "packed_size": MAX_32}),
    Raw(name=b"stream", said={"flags": DESCRIPTOR}, local={"crc": 0, "packed_size": 0, "size": 0}, after=bytes(12)),
    Raw(name=b"link", data=b"a.txt", mode=LINK),
    zip64=True,
    comment=b"a comment",
)


def test_a_zip_that_is_cut_off_anywhere_is_an_error(written: Written) -> None:
    assert len(contents(written(ZIP))) == 4
    for length in range(len(ZIP)):
        refused(written(ZIP[:length]), "zip")


def test_a_zip_whose_start_is_missing_is_an_error(written: Written) -> None:
    for start in range(1, len(ZIP)):
        refused(written(ZIP[start:]), "zip")


@pytest.mark.parametrize("junk", [b"\0", b"junk", bytes(100_000)])
def test_junk_in_front_or_behind_is_an_error(written: Written, junk: bytes) -> None:
    refused(written(junk + ZIP), "is a broken zip")
    refused(written(ZIP + junk), "something follows its end|is not a zip")


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (b"", "is not a zip"),
        (b"hello", "is not a zip"),
        (b"PK\5\6", "is not a zip"),
        (raw_zip(comment=raw_zip()), "zip"),
        (raw_zip(Raw(), disk=1), "one part of a zip that was split"),
        (raw_zip(Raw(), first_disk=1), "one part of a zip that was split"),
        (raw_zip(Raw(), here=0), "one part of a zip that was split"),
        (raw_zip(Raw(), here=0, count=0), "its directory holds more than 0 entries"),
        (raw_zip(Raw(), Raw(name=b"b"), here=1, count=1), "its directory holds more than 1 entries"),
        (raw_zip(Raw(), here=2, count=2), "its directory is cut off"),
        (raw_zip(Raw(), size=1), "directory is not where it should be"),
        (raw_zip(Raw(), start=1), "directory is not where it should be"),
        (raw_zip(Raw()).replace(b"PK\1\2", b"PK\1\1"), "its directory is damaged"),
        (raw_zip(Raw()).replace(b"PK\3\4", b"PK\3\3"), "header of `a.txt` is not where it should be"),
        (raw_zip(Raw(central={"offset": 1})), "header of `a.txt` is not where it should be"),
        (raw_zip(Raw(central={"offset": MAX_32 - 1})), "header of `a.txt` is not where it should be"),
    ],
)
def test_a_broken_zip_is_an_error(written: Written, data: bytes, fact: str) -> None:
    refused(written(data), fact)


def test_signatures_without_end_are_looked_through(written: Written) -> None:
    refused(written(b"PK\5\6" * 100_000), "is a broken zip")


# What is no file


def test_what_is_no_file_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "absent.zip", "can't be read: No such file or directory")
    refused(tmp_path, "is not a file")
    refused(tmp_path / "pipe", "is not a file")
    refused(Path(os.devnull), "is not a file")
