import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lpack.errors import LpackError
from lpack.model import LeftOut
from lpack.record import OWN_OUTPUT, PackageRecord, Record, counted, read_record, record_file, write_record

RECORD = Record(
    name="orders",
    kind="function-zip",
    runtimes=("python3.13",),
    architectures=("arm64",),
    handler="app.handler",
    artifact="orders.zip",
    sha256="ab" * 32,
    code_sha256="q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=",
    content="cd" * 32,
    size=1234,
    unzipped_size=5678,
    layers=(),
    packages=(PackageRecord("demo", "1.0", "pkg:pypi/demo@1.0", "ef" * 32, 5000),),
    left_out={"exclude": 2},
    inputs="12" * 32,
    lpack="0.1.0",
    deflate="libdeflate level 6 (deflate 0.9.0)",
    layout=1,
)


def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(RECORD.as_dict()))
    return loaded


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_record(RECORD, tmp_path / "orders.zip")
    assert read_record(tmp_path / "orders.zip") == RECORD


def test_it_lies_beside_its_artifact(tmp_path: Path) -> None:
    write_record(RECORD, tmp_path / "orders.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["orders.zip.json"]
    assert record_file(tmp_path / "orders.zip") == tmp_path / "orders.zip.json"


def test_its_fields_are_a_contract() -> None:
    assert list(document()) == [
        "format",
        "name",
        "kind",
        "runtimes",
        "architectures",
        "handler",
        "artifact",
        "sha256",
        "code_sha256",
        "content",
        "size",
        "unzipped_size",
        "layers",
        "packages",
        "left_out",
        "inputs",
        "lpack",
        "deflate",
        "layout",
    ]
    assert list(document()["packages"][0]) == ["name", "version", "purl", "sha256", "size"]


def test_the_same_record_is_not_written_twice(tmp_path: Path) -> None:
    artifact = tmp_path / "orders.zip"
    write_record(RECORD, artifact)
    before = record_file(artifact).stat()
    write_record(RECORD, artifact)
    after = record_file(artifact).stat()
    # Not the whole answer: to look at the file may change the time of its last reading.
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )
    write_record(replace(RECORD, size=1), artifact)
    assert read_record(artifact) == replace(RECORD, size=1)


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "7", '"format"', "{", "{}", '{"format": 1}', '{"format": 2}', "\x00"),
        pytest.param("[" * 100_000, id="nested too deep"),
        pytest.param("\udc80", id="no UTF-8"),
    ],
)
def test_anything_else_is_no_record(tmp_path: Path, text: str) -> None:
    record_file(tmp_path / "orders.zip").write_bytes(text.encode(errors="surrogateescape"))
    assert read_record(tmp_path / "orders.zip") is None


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"format": None},
        {"size": "1234"},
        {"size": True},
        {"sha256": 5},
        {"handler": None},
        {"left_out": []},
        {"runtimes": []},
        {"runtimes": None},
        {"architectures": []},
        {"packages": [{"name": "demo"}]},
        {"packages": [{**document()["packages"][0], "size": None}]},
        {"packages": 3},
        {"more": 1},
    ],
    ids=str,
)
def test_a_changed_record_is_none(tmp_path: Path, change: dict[str, Any]) -> None:
    record_file(tmp_path / "orders.zip").write_text(json.dumps({**document(), **change}))
    assert read_record(tmp_path / "orders.zip") is None


@pytest.mark.parametrize("key", list(document()))
def test_a_record_lacks_nothing(tmp_path: Path, key: str) -> None:
    fields = document()
    del fields[key]
    record_file(tmp_path / "orders.zip").write_text(json.dumps(fields))
    assert read_record(tmp_path / "orders.zip") is None


def test_a_folder_in_its_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "orders.zip.json").mkdir()
    assert read_record(tmp_path / "orders.zip") is None
    with pytest.raises(LpackError, match=r"orders\.zip\.json` can't be written: Is a directory"):
        write_record(RECORD, tmp_path / "orders.zip")


def test_left_out_paths_are_counted_by_reason() -> None:
    left_out = [
        LeftOut("b", "exclude"),
        LeftOut(".git/", "version control"),
        LeftOut("a", "exclude"),
        LeftOut("dist/", OWN_OUTPUT),
    ]
    assert counted(left_out) == {"exclude": 2, "version control": 1}
