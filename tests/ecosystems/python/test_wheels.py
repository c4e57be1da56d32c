from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import sample_wheels
from hypothesis import given
from hypothesis import strategies as st

from lpack.ecosystems.python import wheel_layout
from lpack.ecosystems.python.wheels import Wheel, admit, open_wheel, read_wheel
from lpack.errors import InputError, LpackError
from lpack.store import Store, sha256_of
from lpack.tree import EXECUTABLE, REGULAR, Content, Member, unsafe

MakeWheel = Callable[..., Path]


def opened(file: Path, name: str = "") -> Wheel:
    return read_wheel(file, name or file.name, sha256_of(file))


def laid_out(file: Path) -> dict[str, tuple[str, bytes]]:
    modes = {EXECUTABLE: "x", REGULAR: "-"}
    return {entry.path: (modes[entry.mode], entry.read()) for entry in opened(file).entries}


def rewritten(file: Path, changes: Mapping[str, str | bytes | None]) -> Path:
    """The wheel with members replaced, added or (None) taken away; its RECORD stays as it is."""
    with zipfile.ZipFile(file) as archive:
        contents: dict[str, str | bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in (contents | changes).items():
            if data is not None:
                archive.writestr(name, data)
    return file


# What a wheel unpacks to


def test_the_root_stays_and_every_scheme_has_its_place(make_wheel: MakeWheel) -> None:
    wheel = make_wheel(
        "De.Mo",
        files={
            "demo/__init__.py": "root",
            "{data}/purelib/demo/pure.py": "pure",
            "{data}/platlib/demo/native.so": "native",
            "{data}/data/share/demo/data.txt": "data",
            "{data}/data/lib/libdemo.so": "library",
            "{data}/headers/demo.h": "header",
            "{data}/scripts/tool": "#!/bin/sh\n",
        },
    )
    found = laid_out(wheel)
    assert {path: data for path, (_, data) in found.items() if "dist-info" not in path} == {
        "demo/__init__.py": b"root",
        "demo/pure.py": b"pure",
        "demo/native.so": b"native",
        "share/demo/data.txt": b"data",
        "lib/libdemo.so": b"library",
        "include/python/de-mo/demo.h": b"header",
        "bin/tool": b"#!/bin/sh\n",
    }
    recorded = dict(line.split(",", 1) for line in found["De_Mo-1.0.dist-info/RECORD"][1].decode().splitlines())
    assert recorded.keys() == found.keys()
    assert recorded["demo/pure.py"] == f"sha256={wheel_layout.digest_in_record(hashlib.sha256(b'pure').digest())},4"


def test_executable_bits_are_kept_and_scripts_are_executable(make_wheel: MakeWheel) -> None:
    files = {"demo/tool": "t", "demo/data": "d", "{data}/data/run": "r", "{data}/scripts/script": "s"}
    found = laid_out(make_wheel("demo", files=files, executables=["demo/tool", "{data}/data/run"]))
    assert {path: mode for path, (mode, _) in found.items() if "dist-info" not in path} == {
        "demo/tool": "x",
        "demo/data": "-",
        "run": "x",
        "bin/script": "x",
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"#!python\nimport demo\n", b"#!/usr/bin/env python3\nimport demo\n"),
        (b"#!pythonw\r\nimport demo\r\n", b"#!/usr/bin/env python3\nimport demo\r\n"),
        (b"#!python -I\nimport demo\n", b"#!/usr/bin/env python3 -I\nimport demo\n"),
        (b"#!python", b"#!/usr/bin/env python3"),
        (b"#!/usr/bin/python\n", b"#!/usr/bin/python\n"),
        (b"\x7fELF" + b"x" * 2_000_000, b"\x7fELF" + b"x" * 2_000_000),
    ],
)
def test_only_scripts_for_any_python_get_an_interpreter(make_wheel: MakeWheel, before: bytes, after: bytes) -> None:
    found = laid_out(make_wheel("demo", files={"{data}/scripts/tool": before}))
    assert found["bin/tool"] == ("x", after)


ENTRY_POINTS = """
[console_scripts]
# a comment
; another
demo = demo.cli:main
 demo-more=demo.cli : Application.run [extra]

[other]
nothing = demo

[ gui_scripts ]
demo-window = demo.window:show
"""


def test_entry_points_become_launchers(make_wheel: MakeWheel) -> None:
    found = laid_out(make_wheel("demo", entry_points=ENTRY_POINTS))
    assert {path for path in found if path.startswith("bin/")} == {"bin/demo", "bin/demo-more", "bin/demo-window"}
    mode, text = found["bin/demo-more"]
    assert mode == "x"
    assert text.decode() == (
        "#!/usr/bin/env python3\nimport sys\n\nfrom demo.cli import Application\n\n"
        'if __name__ == "__main__":\n    sys.exit(Application.run())\n'
    )


def test_a_launcher_takes_the_place_of_the_one_that_setuptools_made(make_wheel: MakeWheel) -> None:
    scripts = ("demo", "demo.exe", "demo-script.py", "other-script.py")
    files = {f"{{data}}/scripts/{name}": "old" for name in scripts}
    found = laid_out(make_wheel("demo", files=files, entry_points="[console_scripts]\ndemo = demo:main\n"))
    assert {path for path in found if path.startswith("bin/")} == {"bin/demo", "bin/other-script.py"}
    assert b"from demo import main" in found["bin/demo"][1]


def test_what_installers_write_is_left_out(make_wheel: MakeWheel) -> None:
    names = ("INSTALLER", "REQUESTED", "direct_url.json")
    wheel = make_wheel("demo", files={"demo.py": "", **{f"{{dist_info}}/{name}": "x" for name in names}})
    found = laid_out(wheel)
    assert found.keys() == {"demo.py", *(f"demo-1.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL"))}
    assert b"INSTALLER" not in found["demo-1.0.dist-info/RECORD"][1]


def test_a_wheel_with_nothing_to_move_is_spliced_as_it_is(make_wheel: MakeWheel) -> None:
    assert all(isinstance(entry.source, Member) for entry in opened(make_wheel("demo")).entries)
    moved = opened(make_wheel("moved", files={"{data}/purelib/moved.py": ""})).entries
    assert [entry.path for entry in moved if isinstance(entry.source, Content)] == ["moved-1.0.dist-info/RECORD"]


def test_a_link_is_written_as_pip_writes_it(make_wheel: MakeWheel) -> None:
    wheel = make_wheel("demo", files={"libdemo.so": "libdemo.so.1"})
    with zipfile.ZipFile(wheel) as archive:
        contents = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in contents.items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, (0o120777 if name == "libdemo.so" else 0o100644) << 16
            archive.writestr(info, data)
    assert laid_out(wheel)["libdemo.so"] == ("-", b"libdemo.so.1")


def test_requirements_are_read_from_the_metadata(make_wheel: MakeWheel) -> None:
    wheel = opened(make_wheel("demo", "1.0+local", requires=["part>=1", "extra ; extra == 'x'"]))
    assert (wheel.name, wheel.version) == ("demo", "1.0+local")
    assert wheel.requires == ("part>=1", "extra ; extra == 'x'")


# The store


def test_the_store_knows_a_wheel_without_reading_it_again(make_wheel: MakeWheel, store_folder: Path) -> None:
    store, wheel = Store(store_folder), make_wheel("demo", entry_points="[console_scripts]\ndemo = demo:main\n")
    admitted = admit(wheel, wheel.name, sha256_of(wheel), store)
    sha256 = admitted.sha256
    wheel.write_bytes(b"no wheel any more")
    known = open_wheel(wheel, sha256, store)
    assert known == admitted
    assert [entry.path for entry in known.entries] == sorted(entry.path for entry in known.entries)


def test_a_note_that_is_lost_is_made_again(make_wheel: MakeWheel, store_folder: Path) -> None:
    wheel = make_wheel("demo")
    assert open_wheel(wheel, sha256_of(wheel), Store(store_folder)) == opened(wheel)
    assert list(store_folder.glob("notes/wheel-*/*/*"))


# What is refused

NO_HASHES = "demo-1.0.dist-info/METADATA,,\ndemo-1.0.dist-info/WHEEL,,\ndemo-1.0.dist-info/RECORD,,\n"


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"demo.py": "changed"}, "holds a `demo.py` that is not the one of its RECORD"),
        ({"more.py": ""}, "holds `more.py`, which its RECORD does not list"),
        ({"demo-1.0.dist-info/RECORD": None}, "is not a wheel: it has no `demo-1.0.dist-info/RECORD`"),
        ({"demo-1.0.dist-info/WHEEL": None}, "is not a wheel: it has no `demo-1.0.dist-info/WHEEL`"),
        ({"demo-1.0.dist-info/METADATA": None}, "is not a wheel: it has no `demo-1.0.dist-info/METADATA`"),
        ({"demo-1.0.dist-info/RECORD": '"demo'}, "which its RECORD does not list"),
        ({"demo-1.0.dist-info/RECORD": '"' + "x" * 200_000}, "has a broken RECORD"),
        ({"demo-1.0.dist-info/RECORD": "demo.py,,\n" + NO_HASHES}, "that is not the one of its RECORD"),
        ({"demo-1.0.dist-info/RECORD": "demo.py\n" + NO_HASHES}, "that is not the one of its RECORD"),
        ({"demo-1.0.dist-info/WHEEL": "Wheel-Version: 2.0\n"}, "is a wheel of version `2.0`; lpack knows version 1"),
        ({"demo-1.0.dist-info/WHEEL": ""}, "is a wheel of version ``"),
        ({"other-1.0.dist-info/METADATA": ""}, "has 2 `.dist-info` folders; a wheel has one"),
    ],
)
def test_a_wheel_that_is_not_what_it_says_is_refused(
    make_wheel: MakeWheel, changes: dict[str, str | None], fact: str
) -> None:
    wheel = rewritten(make_wheel("demo"), changes)
    with pytest.raises(InputError) as caught:
        opened(wheel)
    assert caught.value.message.startswith(f"`{wheel.name}` ")
    assert fact in caught.value.message


def test_a_zip_that_is_no_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("demo.py", "")
    with pytest.raises(InputError, match=r"has no `\.dist-info` folders"):
        opened(wheel)
    wheel.write_bytes(b"no zip")
    with pytest.raises(InputError, match="is not a zip"):
        opened(wheel)


@pytest.mark.parametrize("name", ["other-1.0-py3-none-any.whl", "demo-2.0-py3-none-any.whl"])
def test_another_project_or_version_inside_is_refused(make_wheel: MakeWheel, name: str) -> None:
    with pytest.raises(InputError, match=rf"`{name}` holds another project: `demo"):
        opened(make_wheel("demo"), name)


@pytest.mark.parametrize("name", ["demo.whl", "demo-1.0.tar.gz", "demo-one-py3-none-any.whl", "demo-1.0-py3-none.whl"])
def test_a_file_name_that_is_no_wheel_s_is_refused(make_wheel: MakeWheel, name: str) -> None:
    with pytest.raises(InputError, match=rf"`{name}` is not the name of a wheel"):
        opened(make_wheel("demo"), name)


def test_the_version_may_be_written_in_another_way(make_wheel: MakeWheel) -> None:
    assert opened(make_wheel("demo", "1.0"), "DEMO-1.0.0-1-py2.py3-none-any.whl").version == "1.0.0"


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512", "md5", "sha1"])
def test_a_record_may_use_sha256_or_better(make_wheel: MakeWheel, algorithm: str) -> None:
    wheel = make_wheel("demo", files={"demo.py": "x"})
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, b"x").digest()).decode().rstrip("=")
    with zipfile.ZipFile(wheel) as archive:
        lines = archive.read("demo-1.0.dist-info/RECORD").decode().splitlines()
    lines[0] = f"demo.py,{algorithm}={digest},1"
    rewritten(wheel, {"demo-1.0.dist-info/RECORD": "\n".join(lines)})
    if algorithm in {"md5", "sha1"}:
        with pytest.raises(InputError, match="that is not the one of its RECORD"):
            opened(wheel)
    else:
        assert laid_out(wheel)["demo.py"] == ("-", b"x")


@pytest.mark.parametrize(
    "entry_point",
    ["demo", "demo = demo", "demo = demo:", "demo = :main", "demo = demo:main()", "../demo = demo:main", "= demo:main"],
)
def test_a_broken_entry_point_is_refused(make_wheel: MakeWheel, entry_point: str) -> None:
    with pytest.raises(InputError, match="has a broken entry point: "):
        opened(make_wheel("demo", entry_points=f"[console_scripts]\n{entry_point}\n"))


@pytest.mark.parametrize("path", ["{data}/unknown/x", "{data}/x", "{data}/purelib", "other-1.0.data/x"])
def test_a_file_of_no_known_scheme_is_refused(make_wheel: MakeWheel, path: str) -> None:
    with pytest.raises(InputError, match="which belongs to no known install scheme"):
        opened(make_wheel("demo", files={path: ""}))


def test_two_files_for_one_place_are_refused_unless_they_are_the_same(make_wheel: MakeWheel) -> None:
    assert laid_out(make_wheel("same", files={"a.py": "1", "{data}/purelib/a.py": "1"}))["a.py"] == ("-", b"1")
    with pytest.raises(InputError, match=r"unpacks two different files to `a\.py`"):
        opened(make_wheel("other", files={"a.py": "1", "{data}/purelib/a.py": "2"}))
    with pytest.raises(InputError, match=r"`third-1\.0-py3-none-any\.whl` can't be unpacked: `a` is a file, and also"):
        opened(make_wheel("third", files={"a": "1", "{data}/data/a/b": "2"}))


def test_metadata_of_a_monstrous_size_is_refused(make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel_layout, "_LONGEST_TEXT", 1000)
    with pytest.raises(InputError, match="METADATA` that is too large"):
        opened(make_wheel("demo", requires=["x" * 2000]))


# Any bytes

with tempfile.TemporaryDirectory() as _folder:
    SAMPLE = sample_wheels.make_wheel(
        Path(_folder),
        "demo",
        files={"demo/__init__.py": "x = 1\n" * 20, "{data}/scripts/tool": "#!python\n", "{data}/data/etc/demo": "1"},
        entry_points="[console_scripts]\ndemo = demo:main\n",
    ).read_bytes()
    _file = Path(_folder, "demo-1.0-py3-none-any.whl")
    WHOLE = {entry.path: entry.source.sha256 for entry in opened(_file).entries}

CHANGES = st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=8)


def read_bytes(data: bytes) -> dict[str, bytes] | None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "demo-1.0-py3-none-any.whl")
        file.write_bytes(data)
        with contextlib.suppress(LpackError):
            wheel = opened(file)
            assert not any(unsafe(entry.path) for entry in wheel.entries)
            return {entry.path: hashlib.sha256(entry.read()).digest() for entry in wheel.entries}
    return None


@given(st.binary(max_size=400))
def test_any_bytes_are_no_wheel(data: bytes) -> None:
    assert read_bytes(data) is None


@given(CHANGES)
def test_a_wheel_with_wrong_bytes_is_refused_or_unpacks_to_the_same(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SAMPLE)
    for position, value in changes:
        data[position] = value
    found = read_bytes(bytes(data))
    assert found is None or found == WHOLE


_PATHS = st.sampled_from(
    [
        "demo.py",
        "a/b",
        "a",
        "../up",
        "/top",
        "demo-1.0.data/scripts/x",
        "demo-1.0.data/data/../x",
        "demo-1.0.data/purelib/",
    ]
    + [f"demo-1.0.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "INSTALLER")]
)
_TEXTS = st.sampled_from(
    ["", "Name: demo\nVersion: 1.0\n", "Wheel-Version: 1.0\n", "[console_scripts]\na=b:c\n", "#!python", "\0", "a,b\n"]
) | st.text(max_size=20)


@given(st.dictionaries(_PATHS, _TEXTS, max_size=6), st.booleans())
def test_any_members_are_refused_or_unpacked_inside(files: dict[str, str], listed: bool) -> None:  # noqa: FBT001
    if listed:
        lines = [
            f"{path},sha256={wheel_layout.digest_in_record(hashlib.sha256(text.encode()).digest())},\n"
            for path, text in files.items()
        ]
        files = {**files, "demo-1.0.dist-info/RECORD": "".join(lines)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    read_bytes(buffer.getvalue())
