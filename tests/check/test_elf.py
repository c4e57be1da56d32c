from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from check_samples import facts, subject, tree
from elf_files import AARCH64, CUDA, I386, OBJECT, PROGRAM, elf_file, elf_header
from hypothesis import given, settings
from hypothesis import strategies as st

from lpack.archive.zip_reader import read_zip
from lpack.check import check, elf_facts
from lpack.check.elf import ElfFacts, read_elf
from lpack.errors import InputError
from lpack.store import Store, sha256_of
from lpack.tree import REGULAR, DiskFile, Entry, Member, Tree

LOADER = "/lib64/ld-linux-x86-64.so.2"
RICH = elf_file(
    needed=["libfoo.so.1", "libc.so.6"],
    soname="libme.so.2",
    runpath="$ORIGIN/../x:/opt/lib",
    interpreter=LOADER,
    versions={
        "libc.so.6": ["GLIBC_2.9", "GLIBC_2.28", "GLIBC_2.3.4", "GLIBC_PRIVATE"],
        "libstdc++.so.6": ["GLIBCXX_3.4.9", "GLIBCXX_3.4.29", "CXXABI_1.3.13", "CXXABI_TM_1"],
    },
)


def read(data: bytes) -> ElfFacts:
    found = read_elf(io.BytesIO(data))
    assert found is not None
    return found


def test_all_facts_of_a_file_are_read() -> None:
    assert read(RICH) == ElfFacts(
        machine="EM_X86_64",
        bits=64,
        interpreter=LOADER,
        soname="libme.so.2",
        needed=("libfoo.so.1", "libc.so.6"),
        run_paths=("$ORIGIN/../x", "/opt/lib"),
        glibc=(2, 28),
        glibcxx=(3, 4, 29),
        cxxabi=(1, 3, 13),
    )


def test_section_headers_are_not_needed() -> None:
    stripped = elf_file(needed=["libfoo.so.1"], versions={"libc.so.6": ["GLIBC_2.38"]}, sections=False)
    found = read(stripped)
    assert (found.needed, found.glibc) == (("libfoo.so.1",), (2, 38))


@pytest.mark.parametrize(
    ("data", "machine", "bits"),
    [
        (elf_file(machine=AARCH64), "EM_AARCH64", 64),
        (elf_header(I386, bits=32), "EM_386", 32),
        (elf_header(CUDA), "EM_CUDA", 64),
        (elf_header(64_000), "EM_64000", 64),
        (elf_file(kind=PROGRAM), "EM_X86_64", 64),
    ],
)
def test_the_machine_is_read(data: bytes, machine: str, bits: int) -> None:
    found = read(data)
    assert (found.machine, found.bits) == (machine, bits)


@pytest.mark.parametrize("data", [b"", b"\x7fEL", b"print('\x7fELF')", elf_file(kind=OBJECT)])
def test_what_is_never_loaded_has_no_facts(data: bytes) -> None:
    assert read_elf(io.BytesIO(data)) is None


def test_runpath_replaces_rpath() -> None:
    assert read(elf_file(rpath="$ORIGIN/a:$ORIGIN/b")).run_paths == ("$ORIGIN/a", "$ORIGIN/b")
    assert read(elf_file(rpath="/old", runpath="/new")).run_paths == ("/new",)


def test_names_are_in_utf_8() -> None:
    assert read(elf_file(soname="libbücher.so")).soname == "libbücher.so"
    assert read(elf_file(soname="libXcher.so").replace(b"libXcher", b"lib\xfccher")).broken


def test_names_too_long_for_a_path_are_refused() -> None:
    assert read(elf_file(soname="x" * 4095)).soname == "x" * 4095
    assert read(elf_file(soname="x" * 4096)) == ElfFacts(broken="it has names that are too long for any file")


def test_weak_versions_may_be_missing() -> None:
    found = read(elf_file(versions={"libc.so.6": ["GLIBC_2.17", "GLIBC_2.38"]}, weak=["GLIBC_2.38"]))
    assert found.glibc == (2, 17)


def test_packed_relocations_need_the_glibc_that_knows_them() -> None:
    found = read(elf_file(versions={"libc.so.6": ["GLIBC_2.17", "GLIBC_ABI_DT_RELR"]}))
    assert found.glibc == (2, 36)


@pytest.mark.parametrize(
    ("options", "aligned"),
    [
        ({}, True),
        ({"skew": 0x1000}, True),
        ({"skew": 0x10}, False),
        ({"alignment": 0x10000}, True),
        ({"alignment": 0x10000, "skew": 0x1000}, False),
        ({"alignment": 8}, False),
        # Programs are mapped by the kernel, which asks for less.
        ({"alignment": 0x10000, "skew": 0x1000, "interpreter": LOADER}, True),
        ({"alignment": 8, "kind": PROGRAM}, True),
        ({"skew": 0x10, "kind": PROGRAM}, False),
    ],
)
def test_segments_have_to_be_aligned(options: dict[str, Any], aligned: bool) -> None:  # noqa: FBT001 - a table's column
    found = read(elf_file(**options))
    assert found.aligned is aligned


def test_a_file_that_is_cut_short_is_broken() -> None:
    assert read(RICH[:-300]) == ElfFacts(broken="it is cut short")
    assert read(RICH[:60]).broken


def test_endless_tables_end() -> None:
    # A table of versions whose last entry leads to itself.
    versions = elf_file(versions={"libc.so.6": ["GLIBC_2.17"]})
    number = pack("<2Q", 0x6FFFFFFF, 1)
    assert versions.count(number) == 1
    endless = versions.replace(number, pack("<2Q", 0x6FFFFFFF, 1 << 40))
    assert read(endless) == ElfFacts(broken="its tables are endless")


@pytest.mark.needs("readelf")
@pytest.mark.parametrize("data", [RICH, elf_file(machine=AARCH64, rpath="$ORIGIN"), elf_header(I386, bits=32)])
def test_the_sample_files_are_sound(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sample.so"
    path.write_bytes(data)
    done = subprocess.run(["readelf", "-hldSVW", path], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert all(f"[{library}]" in done.stdout for library in read(data).needed)


@pytest.mark.needs("gcc", "readelf")
def test_what_a_compiler_makes_is_read(tmp_path: Path) -> None:
    source = tmp_path / "a.c"
    source.write_text('#include <math.h>\n#include <stdio.h>\ndouble f(double x) { puts(""); return pow(x, x); }\n')
    library = tmp_path / "liba.so"
    flags = ["-shared", "-fPIC", "-Wl,-soname,liba.so.1", "-Wl,-rpath,$ORIGIN/x", "-Wl,--no-as-needed"]
    subprocess.run([shutil.which("gcc") or "gcc", *flags, "-o", library, source, "-lm"], check=True)
    found = read(library.read_bytes())
    assert (found.soname, found.needed, found.run_paths) == ("liba.so.1", ("libm.so.6", "libc.so.6"), ("$ORIGIN/x",))
    assert found.aligned
    assert found.glibc >= (2, 2, 5)


# Whatever the bytes are, there is an answer.


def _is_an_answer(data: bytes) -> None:
    found = read_elf(io.BytesIO(data))
    assert found is None or found.broken or found.machine
    # … that the other checks can take, and the store can hold.
    files = {"x.so": data}
    assert isinstance(check(tree(files), subject(), packages=[], elf=facts(files)), list)


@given(st.binary(max_size=300), st.sampled_from([b"\x7fELF", b"\x7fELF\x02\x01\x01", RICH[:64], RICH[:232]]))
@settings(max_examples=150, deadline=None)
def test_random_bytes_are_read_or_broken(data: bytes, start: bytes) -> None:
    _is_an_answer(start + data)


@given(
    st.lists(st.tuples(st.integers(4, len(RICH) - 1), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(5, len(RICH)) | st.just(len(RICH)),
)
@settings(max_examples=300, deadline=None)
def test_damaged_files_are_read_or_broken(changes: list[tuple[int, int]], end: int) -> None:
    damaged = bytearray(RICH)
    for at, value in changes:
        damaged[at] = value
    _is_an_answer(bytes(damaged[:end]))


# The facts of a tree.


@pytest.fixture
def store(store_folder: Path) -> Store:
    return Store(store_folder)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "some.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("pkg/__init__.py", "# nothing that a loader would load\n" * 10)
        file.writestr("pkg/a.so", RICH)
        file.writestr("pkg/same.so", RICH)
        file.writestr("pkg/b.so", elf_file(needed=["libz.so.1"]))
        file.writestr("pkg/object.o", elf_file(kind=OBJECT))
        file.writestr("pkg/broken.so", RICH[:200])
        file.writestr(zipfile.ZipInfo("pkg/stored.so"), RICH)
    return path


def test_elf_files_are_found_by_their_content(archive: Path, store: Store) -> None:
    found = elf_facts(read_zip(archive), store)
    assert set(found) == {"pkg/a.so", "pkg/same.so", "pkg/b.so", "pkg/broken.so", "pkg/stored.so"}
    assert found["pkg/a.so"] == found["pkg/same.so"] == found["pkg/stored.so"] == read(RICH)
    assert found["pkg/b.so"].needed == ("libz.so.1",)
    assert found["pkg/broken.so"].broken


def test_an_archive_is_read_once(archive: Path, store: Store) -> None:
    members = read_zip(archive)
    first = elf_facts(members, store)
    archive.unlink()
    assert elf_facts(members, store) == first


def test_notes_belong_to_the_content_not_to_the_place(archive: Path, store: Store, tmp_path: Path) -> None:
    first = elf_facts(read_zip(archive), store)
    elsewhere = archive.rename(tmp_path / "moved.whl")
    members = read_zip(elsewhere)
    elsewhere.unlink()
    assert elf_facts(members, store) == first


def test_loose_files_are_read(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "libmine.so"
    path.write_bytes(RICH)
    (tmp_path / "app.py").write_text("import this\n" * 20)
    disk = [
        Entry(file.name, REGULAR, DiskFile(file, file.stat().st_size, sha256_of(file)))
        for file in (path, tmp_path / "app.py")
    ]
    mixed = Tree.of([*disk, *tree({"made.so": elf_file(soname="x"), "link.so": "libmine.so"})])
    for _ in range(2):
        found = elf_facts(mixed, store)
        assert set(found) == {"libmine.so", "made.so"}
        assert found["libmine.so"] == read(RICH)


def test_large_files_are_read(store: Store) -> None:
    large = RICH + bytes(9 << 20)
    assert elf_facts(tree({"large.so": large}), store) == {"large.so": read(RICH)}
    assert not list(store.folder.glob("tmp/*"))


def test_a_tree_without_native_code_has_no_facts(store: Store) -> None:
    assert elf_facts(tree({"app.py": b"def handler(event, context): ...\n" * 4, "empty": b""}), store) == {}


def test_a_damaged_note_is_made_again(archive: Path, store: Store) -> None:
    members = read_zip(archive)
    first = elf_facts(members, store)
    for note in store.folder.glob("notes/elf/*/*"):
        note.write_bytes(b"{}")
    assert elf_facts(members, store) == first


def test_a_broken_archive_is_an_error(archive: Path, store: Store) -> None:
    members = read_zip(archive)
    data = bytearray(archive.read_bytes())
    for entry in members:
        assert isinstance(entry.source, Member)
        start, end = entry.source.offset, entry.source.offset + entry.source.packed_size
        data[start:end] = b"\xff" * (end - start)
    archive.write_bytes(data)
    with pytest.raises(InputError, match=r"some\.whl"):
        elf_facts(members, store)


@given(position=st.integers(4, len(RICH) - 1), value=st.integers(0, 255))
@settings(max_examples=50, deadline=None)
def test_noted_facts_are_the_facts_that_were_read(
    position: int, value: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    damaged = RICH[:position] + bytes([value]) + RICH[position + 1 :]
    store = Store(tmp_path_factory.mktemp("store"))
    members = tree({"x.so": damaged})
    assert elf_facts(members, store) == elf_facts(members, store)
