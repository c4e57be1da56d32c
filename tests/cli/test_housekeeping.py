import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from in_process import lpack

from lpack.aws.runtimes import RUNTIMES

Project = Callable[[Mapping[str, str | bytes]], Path]


# init


def test_what_init_makes_can_be_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "orders"
    folder.mkdir()
    monkeypatch.chdir(folder)
    run = lpack("init", "--runtime", "python3.13", "--architecture", "arm64", folder=folder)
    assert (run.exit_code, run.stderr) == (0, "")
    *made, ready = run.stdout.splitlines()
    assert made == ["made src/orders/app.py", "made src/orders/requirements.txt", "made lpack.toml"]
    assert ready == "`orders` is ready for python3.13 on arm64: run `lpack build`"
    assert lpack("build", folder=folder).exit_code == 0
    with zipfile.ZipFile(folder / "dist" / "orders.zip") as archive:
        assert "app.py" in archive.namelist()
    assert lpack("check", folder=folder).exit_code == 0


def test_init_takes_the_newest_python_when_none_is_named(tmp_path: Path) -> None:
    document = lpack("init", "--name", "hello", "--json", folder=tmp_path).json
    newest = next(name for name, each in RUNTIMES.items() if each.family == "python" and each.lifecycle.deprecated)
    assert (document["name"], document["runtime"], document["architecture"]) == ("hello", newest, "x86_64")
    assert str(tmp_path / "lpack.toml") in document["files"]


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    assert lpack("init", "-q", folder=tmp_path).stdout == ""
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    run = lpack("init", folder=tmp_path)
    assert run.exit_code == 2
    assert "configures lpack already" in run.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


# cache


@pytest.fixture
def filled(project: Project, make_wheel: Callable[..., Path]) -> Path:
    """A project that was built, and so a store with something in it."""
    make_wheel("demo", "1.0")
    text = '[function.hello]\nruntime = "python3.13"\nhandler = "app.handler"\n'
    requirements = "--no-index\n--find-links ../wheels\ndemo\n"
    folder = project({"lpack.toml": text, "app.py": "def handler(e, c): ...\n", "requirements.txt": requirements})
    assert lpack("build", folder=folder).exit_code == 0
    return folder


def test_the_store_tells_where_it_is(tmp_path: Path, store_folder: Path) -> None:
    assert lpack("cache", "dir", folder=tmp_path).stdout == f"{store_folder}\n"
    assert lpack("cache", "dir", "--json", folder=tmp_path).json == {"format": 1, "folder": str(store_folder)}


def test_a_home_folder_may_be_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LPACK_CACHE_DIR", "~/store")
    assert lpack("cache", "dir", folder=tmp_path).stdout == f"{tmp_path}/store\n"
    monkeypatch.delenv("LPACK_CACHE_DIR")
    assert lpack("cache", "dir", folder=tmp_path).stdout.startswith(f"{tmp_path}/")


def test_the_store_tells_what_it_holds(filled: Path) -> None:
    document = lpack("cache", "size", "--json", folder=filled).json
    assert {each["kind"]: each["files"] for each in document["usage"]}["wheels"] == 1
    lines = lpack("cache", "size", folder=filled).stdout.splitlines()
    assert lines[0].split() == ["kind", "files", "size"]
    assert lines[-1].split()[0] == "together"


def test_an_empty_store_holds_nothing(tmp_path: Path) -> None:
    lines = lpack("cache", "size", folder=tmp_path).stdout.splitlines()
    assert [line.split() for line in lines] == [["kind", "files", "size"], ["together", "0", "0", "bytes"]]
    assert lpack("cache", "clear", folder=tmp_path).stdout == "removed 0 files, 0 bytes\n"


def test_what_was_used_lately_is_not_pruned(filled: Path, store_folder: Path) -> None:
    before = sorted(store_folder.rglob("*.whl"))
    assert lpack("cache", "prune", folder=filled).stdout == "removed 0 files, 0 bytes\n"
    assert sorted(store_folder.rglob("*.whl")) == before


def test_a_cleared_store_is_filled_again(filled: Path, store_folder: Path) -> None:
    document = lpack("cache", "clear", "--json", folder=filled).json
    assert document["removed"]["files"] > 0
    assert not list(store_folder.rglob("*.whl"))
    (filled / "dist" / "hello.zip").unlink()
    assert lpack("build", folder=filled).exit_code == 0


# doctor


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")


@pytest.mark.usefixtures("bare_machine")
def test_the_doctor_tells_what_is_there_and_what_for(tmp_path: Path) -> None:
    run = lpack("doctor", folder=tmp_path)
    assert (run.exit_code, run.stderr) == (0, "")
    rows = {line[4:].split()[0]: line for line in run.stdout.splitlines()[1:]}
    assert rows["uv"].startswith("ok  uv ")
    assert rows["uv"].endswith("resolving Python dependencies for any target")
    assert rows["git"].startswith("-   git ")
    assert " not found " in rows["git"]


@pytest.mark.usefixtures("bare_machine")
def test_the_doctor_s_document_has_a_format(tmp_path: Path) -> None:
    told = lpack("doctor", "--json", folder=tmp_path)
    assert told.exit_code == 0, told.stderr
    assert next(iter(told.json)) == "format"
    assert told.json["format"] == 1


@pytest.mark.usefixtures("bare_machine")
def test_the_doctor_fails_when_something_indispensable_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LPACK_CACHE_DIR", str(tmp_path / "file"))
    run = lpack("doctor", folder=tmp_path)
    assert run.exit_code == 1
    assert any(line.startswith("!!  store ") for line in run.stdout.splitlines())
    tools = {tool["name"]: tool for tool in lpack("doctor", "--json", folder=tmp_path).json["tools"]}
    assert tools["store"] == {
        "name": "store",
        "found": None,
        "needed_for": "keeping wheels and packed files",
        "required": True,
    }
