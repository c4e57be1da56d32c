from __future__ import annotations

import contextlib
import gzip
import io
import os
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpack.ecosystems.python import sdists
from lpack.ecosystems.python.sdists import unpack_sdist
from lpack.errors import InputError, UnsafeArchiveError


def member(
    name: str, kind: bytes = tarfile.REGTYPE, *, data: bytes = b"", link: str = "", mode: int = 0o644
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname, info.mode = kind, len(data), link, mode
    return info, data


def sdist_of(folder: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]], *, mode: str = "w:gz") -> Path:
    file = folder / "demo-1.0.tar.gz"
    with tarfile.open(file, mode) as archive:  # type: ignore[call-overload]
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return file


def unpacked(sdist: Path, folder: Path) -> dict[str, bytes]:
    place = folder / "unpacked"
    place.mkdir()
    project = unpack_sdist(sdist, place)
    return {str(path.relative_to(project)): path.read_bytes() for path in project.rglob("*") if path.is_file()}


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz", "w"])
def test_files_are_unpacked_whatever_packed_them(tmp_path: Path, mode: str) -> None:
    files = [member("demo-1.0", tarfile.DIRTYPE), member("./demo-1.0/a/b.py", data=b"b"), member("demo-1.0/setup.py")]
    assert unpacked(sdist_of(tmp_path, files, mode=mode), tmp_path) == {"a/b.py": b"b", "setup.py": b""}


def test_a_zip_is_unpacked_too(tmp_path: Path) -> None:
    file = tmp_path / "demo-1.0.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("demo-1.0/setup.py", "s")
    assert unpacked(file, tmp_path) == {"setup.py": b"s"}


def test_only_the_executable_bit_is_kept(tmp_path: Path) -> None:
    files = [member("demo-1.0/run", mode=0o6711), member("demo-1.0/read", mode=0o000)]
    unpacked(sdist_of(tmp_path, files), tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "unpacked" / "demo-1.0").iterdir()}
    assert modes == {"run": 0o755, "read": 0o644}


def test_links_become_the_files_that_they_lead_to(tmp_path: Path) -> None:
    files = [
        member("demo-1.0/a/link", tarfile.SYMTYPE, link="../b/other"),
        member("demo-1.0/b/other", tarfile.LNKTYPE, link="demo-1.0/file"),
        member("demo-1.0/file", data=b"data", mode=0o755),
    ]
    assert unpacked(sdist_of(tmp_path, files), tmp_path) == dict.fromkeys(("a/link", "b/other", "file"), b"data")


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.SYMTYPE, "../../outside"),
        (tarfile.SYMTYPE, "link"),
        (tarfile.SYMTYPE, "folder"),
        (tarfile.LNKTYPE, "demo-1.0/absent"),
        (tarfile.LNKTYPE, "/etc/passwd"),
    ],
)
def test_a_link_that_leads_to_no_file_is_refused(tmp_path: Path, kind: bytes, link: str) -> None:
    files = [member("demo-1.0/folder", tarfile.DIRTYPE), member("demo-1.0/link", kind, link=link)]
    with pytest.raises(UnsafeArchiveError, match=r"a link that leads to none of its files: `demo-1\.0/link`"):
        unpacked(sdist_of(tmp_path, files), tmp_path)


@pytest.mark.parametrize("name", ["../outside", "demo-1.0/../../outside", "/outside", "demo-1.0/a\\b", "C:/outside"])
def test_a_member_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafeArchiveError):
        unpacked(sdist_of(tmp_path, [member("demo-1.0/setup.py"), member(name, data=b"x")]), tmp_path)
    assert names_in(tmp_path) == {"demo-1.0.tar.gz", "unpacked"}


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_a_device_is_refused(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(UnsafeArchiveError, match="neither a file nor a link nor a folder"):
        unpacked(sdist_of(tmp_path, [member("demo-1.0/device", kind)]), tmp_path)


def test_a_bomb_is_refused_by_its_announced_size(tmp_path: Path) -> None:
    info = tarfile.TarInfo("demo-1.0/zeros")
    info.size = sdists.MAX_UNPACKED + 1
    file = tmp_path / "demo-1.0.tar.gz"
    file.write_bytes(gzip.compress(info.tobuf()))
    with pytest.raises(UnsafeArchiveError, match="would unpack to more than"):
        unpacked(file, tmp_path)


def test_a_bomb_in_a_zip_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdists, "MAX_UNPACKED", 1 << 20)
    with zipfile.ZipFile(tmp_path / "demo-1.0.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("demo-1.0/zeros", bytes((1 << 20) + 1))
    with pytest.raises(UnsafeArchiveError, match="would unpack to more than 1048576 bytes"):
        unpacked(tmp_path / "demo-1.0.zip", tmp_path)
    assert names_in(tmp_path / "unpacked") == set()


def test_an_empty_one_is_no_source_distribution(tmp_path: Path) -> None:
    """Also where the folder that it is unpacked to is to be made."""
    with zipfile.ZipFile(tmp_path / "demo-1.0.zip", "w"):
        pass
    for number, sdist in enumerate([tmp_path / "demo-1.0.zip", sdist_of(tmp_path, [])]):
        with pytest.raises(InputError, match="it must hold one folder"):
            unpack_sdist(sdist, tmp_path / "new" / str(number))


@pytest.mark.parametrize("files", [[], [member("a/x"), member("b/x")], [member("setup.py")]])
def test_what_is_not_one_folder_is_no_source_distribution(
    tmp_path: Path, files: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    with pytest.raises(InputError, match="it must hold one folder"):
        unpacked(sdist_of(tmp_path, files), tmp_path)


def test_a_file_inside_a_file_is_an_error(tmp_path: Path) -> None:
    files = [member("demo-1.0/a", data=b"x"), member("demo-1.0/a/b", data=b"y")]
    with pytest.raises(InputError, match=r"demo-1.0.tar.gz` can't be unpacked"):
        unpacked(sdist_of(tmp_path, files), tmp_path)


def test_a_truncated_one_is_an_error(tmp_path: Path) -> None:
    file = sdist_of(tmp_path, [member("demo-1.0/a", data=os.urandom(50_000))])
    file.write_bytes(file.read_bytes()[:20_000])
    with pytest.raises(InputError, match="can't be unpacked"):
        unpacked(file, tmp_path)


@given(
    data=st.one_of(
        st.binary(max_size=2000),
        st.binary(max_size=2000).map(gzip.compress),
        st.lists(st.tuples(st.integers(0, 1535), st.integers(0, 255)), max_size=20),
    )
)
def test_any_bytes_are_unpacked_inside_or_refused(data: bytes | list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = sdist_of(folder, [member("demo-1.0/a", data=b"x" * 100), member("demo-1.0/b")], mode="w")
        if isinstance(data, bytes):
            file.write_bytes(data)
        else:
            changed = bytearray(file.read_bytes())
            for position, value in data:
                changed[position] = value
            file.write_bytes(changed)
        with contextlib.suppress(InputError):
            unpacked(file, folder)
        assert names_in(folder) == {"demo-1.0.tar.gz", "unpacked"}
