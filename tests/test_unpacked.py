"""Folders of the store: made once, held while they are used, removed whole."""

from __future__ import annotations

import os
import threading
import time
import zipfile
from pathlib import Path

import pytest

from lpack.errors import InputError
from lpack.store import Store
from lpack.tree import EXECUTABLE, LINK, REGULAR, Content, Entry, Tree
from lpack.unpacked import unpacked, write_tree, write_zip

DIGEST = bytes(range(32))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def fill(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "file").write_text("content")


def never(folder: Path) -> None:
    pytest.fail(f"{folder} was there already")


def tree(**files: str) -> Tree:
    return Tree.of(Entry(path, REGULAR, Content.of(text.encode())) for path, text in files.items())


def test_a_folder_is_made_once(store: Store) -> None:
    with unpacked(DIGEST, fill, store) as folder:
        assert (folder / "sub" / "file").read_text() == "content"
    with unpacked(DIGEST, never, store) as again:
        assert again == folder


def test_a_folder_that_could_not_be_made_is_not_there(store: Store) -> None:
    def fail(folder: Path) -> None:
        fill(folder)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), unpacked(DIGEST, fail, store):
        pass
    with unpacked(DIGEST, fill, store) as folder:
        assert (folder / "sub" / "file").exists()


def test_several_at_once_make_it_once(store: Store) -> None:
    made = []

    def slowly(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.1)
        fill(folder)

    def use() -> None:
        with unpacked(DIGEST, slowly, store) as folder:
            assert (folder / "sub" / "file").exists()

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_what_is_in_use_is_not_removed(store: Store) -> None:
    with unpacked(DIGEST, fill, store) as folder:
        assert store.clear().files == 0
        assert (folder / "sub" / "file").exists()
    removed = store.clear()
    assert (removed.files, removed.size) == (1, len("content"))
    assert not folder.exists()
    with unpacked(DIGEST, fill, store) as again:
        assert (again / "sub" / "file").exists()


def test_what_was_not_used_lately_is_pruned_whole(store: Store) -> None:
    with unpacked(DIGEST, fill, store) as folder:
        # However old the files in it may be, it is in use.
        os.utime(folder / "sub" / "file", (0, 0))
    assert store.prune(1).files == 0
    assert (folder / "sub" / "file").exists()
    old = time.time() - 10 * 86_400
    os.utime(folder.parent / "used", (old, old))
    assert store.prune(1).files == 1
    assert not folder.exists()


def test_files_have_lambdas_modes_and_times(tmp_path: Path) -> None:
    entries = [
        Entry("bin/run", EXECUTABLE, Content.of(b"#!/bin/sh\n")),
        Entry("lib/data", REGULAR, Content.of(b"x")),
        Entry("link", LINK, Content.of(b"lib/data")),
    ]
    write_tree(Tree.of(entries), tmp_path)
    assert (tmp_path / "bin" / "run").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "lib" / "data").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "lib" / "data").stat().st_mtime == 315_532_800
    assert (tmp_path / "link").readlink() == Path("lib/data")


def test_later_trees_lie_over_earlier_ones(tmp_path: Path) -> None:
    write_tree(tree(both="lower", lower="lower"), tmp_path)
    write_tree(tree(both="upper"), tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"both": "upper", "lower": "lower"}


def test_a_file_where_another_has_a_folder_is_told(tmp_path: Path) -> None:
    write_tree(tree(**{"a/b": "x"}), tmp_path)
    with pytest.raises(InputError, match="is a file in one layer and a folder in another"):
        write_tree(tree(a="x"), tmp_path)
    write_tree(tree(c="x"), tmp_path)
    with pytest.raises(InputError, match="is a file in one layer and a folder in another"):
        write_tree(tree(**{"c/d": "x"}), tmp_path)


def zipped(file: Path, members: dict[str, tuple[int, bytes]]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (mode, data) in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, data)
    return file


def test_a_zip_is_written_as_it_says(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    members = {"run": (EXECUTABLE, b"#!/bin/sh\n"), "a/data": (REGULAR, b"x" * 100_000), "link": (LINK, b"a/data")}
    write_zip(zipped(tmp_path / "some.zip", members), folder)
    assert (folder / "run").stat().st_mode & 0o777 == 0o755
    assert (folder / "link").read_bytes() == b"x" * 100_000


def test_a_damaged_zip_is_told(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "some.zip", {"data": (REGULAR, os.urandom(1000))})
    content = bytearray(archive.read_bytes())
    content[500] ^= 1
    archive.write_bytes(content)
    with pytest.raises(InputError, match="holds `data`, which"):
        write_zip(archive, tmp_path)


def test_nothing_is_written_beyond_a_link_of_another_layer(tmp_path: Path) -> None:
    """What would be a way out of the folder: a layer's link to somewhere, and a file below it in the next layer."""
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    write_zip(zipped(tmp_path / "lower.zip", {"lib": (LINK, str(outside).encode())}), folder)
    with pytest.raises(InputError, match="is a file in one layer and a folder in another"):
        write_zip(zipped(tmp_path / "upper.zip", {"lib/data": (REGULAR, b"x")}), folder)
    assert list(outside.iterdir()) == []
