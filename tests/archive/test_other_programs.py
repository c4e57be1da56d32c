"""Other programs accept every zip that is written, and unpack from it what went in."""

from __future__ import annotations

import functools
import os
import random
import stat
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from raw_zips import DEFLATED
from trees import disk_file, members, tree_of

from lpack.archive.zip_writer import write_zip
from lpack.store import Store
from lpack.tree import EXECUTABLE, LINK, REGULAR, Content, Entry, Member, Tree

TEXT = b"some text that can be made smaller, again and again\n"


def plain(tmp_path: Path) -> Tree:
    del tmp_path
    return tree_of({"app.py": TEXT, "empty": b"", "bin/run": b"#!/bin/sh\n", "noise": random.Random(1).randbytes(3000)})


def with_links(tmp_path: Path) -> Tree:
    del tmp_path
    links = {"link": b"link:folder/file", "folder/up": b"link:../link", "to-folder": b"link:folder"}
    return tree_of({"folder/file": TEXT, **links})


def with_other_letters(tmp_path: Path) -> Tree:
    del tmp_path
    names = ["é.txt", "übung/ß", "日本語/ファイル.txt", "\U0001f600", "a b", "-rf", "a'b\"c$(d)", "[x]*?", "ж" * 100]
    return tree_of(dict.fromkeys(names, TEXT) | {"naïve": "link:é.txt".encode()})


def from_everywhere(tmp_path: Path) -> Tree:
    wheel = members(tmp_path / "a.whl", {f"pkg/{number}.py": TEXT * number for number in range(50)})
    disk = {f"own/{number}.py": disk_file(tmp_path / f"{number}.py", TEXT * number) for number in range(50)}
    large = {"large": disk_file(tmp_path / "large", random.Random(1).randbytes(4 << 20) + bytes(5 << 20))}
    return Tree.of(Entry(path, REGULAR, source) for path, source in {**wheel, **disk, **large}.items())


def with_many_files(tmp_path: Path) -> Tree:
    del tmp_path
    return tree_of({f"{number % 9}/{number:05}": b"" for number in range(66_000)})


SMALL = [plain, with_links, with_other_letters, from_everywhere]
TREES = [*SMALL, pytest.param(with_many_files, marks=pytest.mark.slow)]


Made = Callable[[Callable[[Path], Tree]], tuple[Tree, Path]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Each zip once for all who read it."""

    @functools.cache
    def make(trees: Callable[[Path], Tree]) -> tuple[Tree, Path]:
        folder = tmp_path_factory.mktemp("zip")
        tree = trees(folder)
        write_zip(tree, folder / "some.zip", store=Store(folder / "store"))
        return tree, folder / "some.zip"

    return make


@pytest.mark.parametrize("trees", TREES)
def test_python_accepts_it(made: Made, trees: Callable[[Path], Tree]) -> None:
    tree, path = made(trees)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [entry.path for entry in tree]


@pytest.mark.needs("unzip")
@pytest.mark.parametrize("trees", TREES)
def test_unzip_accepts_it(made: Made, trees: Callable[[Path], Tree]) -> None:
    _, path = made(trees)
    process = subprocess.run(["unzip", "-tqq", path], capture_output=True, text=True, check=False)
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")


@pytest.mark.needs("zip", "unzip")
@pytest.mark.parametrize("trees", TREES)
def test_zip_accepts_it(made: Made, trees: Callable[[Path], Tree]) -> None:
    _, path = made(trees)
    before = path.read_bytes()
    process = subprocess.run(["zip", "-T", path], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    assert path.read_bytes() == before


@pytest.mark.needs("unzip")
@pytest.mark.parametrize("trees", SMALL)
def test_unzip_unpacks_what_went_in(made: Made, tmp_path: Path, trees: Callable[[Path], Tree]) -> None:
    tree, path = made(trees)
    folder = tmp_path / "unpacked"
    environ = {**os.environ, "LC_ALL": "C.UTF-8"}  # or it would write other letters as it likes
    subprocess.run(["unzip", "-qq", path, "-d", folder], env=environ, check=True)
    found = {}
    for place in folder.rglob("*"):
        if place.is_symlink():
            found[str(place.relative_to(folder))] = (LINK, os.fsencode(place.readlink()))
        elif place.is_file():
            kept = EXECUTABLE if stat.S_IMODE(place.stat().st_mode) == 0o755 else REGULAR
            found[str(place.relative_to(folder))] = (kept, place.read_bytes())
    assert found == {entry.path: (entry.mode, entry.read()) for entry in tree}


@pytest.mark.slow
@pytest.mark.needs("unzip")
def test_unzip_and_python_accept_more_than_four_gibibytes(tmp_path: Path, store_folder: Path) -> None:
    """One member, whose deflated bytes are the same block over and over.

    It repeats a kilobyte, not a zero: unzip copies what repeats over a shorter distance byte by byte.
    """
    data, times = random.Random(1).randbytes(1 << 10) * (1 << 16), 65
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = compressor.compress(data) + compressor.flush(zlib.Z_FULL_FLUSH)
    packed = block * times + compressor.flush()
    crc = functools.reduce(lambda crc, _: zlib.crc32(data, crc), range(times), 0)
    (tmp_path / "stream").write_bytes(packed)
    huge = Member(tmp_path / "stream", 0, len(packed), len(data) * times, DEFLATED, crc, bytes(32))
    tree = Tree.of([Entry("huge", REGULAR, huge), Entry("small", REGULAR, Content.of(TEXT))])
    write_zip(tree, tmp_path / "some.zip", store=Store(store_folder))
    with zipfile.ZipFile(tmp_path / "some.zip") as archive:
        assert [info.file_size for info in archive.infolist()] == [65 << 26, len(TEXT)]
        assert archive.read("small") == TEXT
    subprocess.run(["unzip", "-tqq", tmp_path / "some.zip"], check=True)
