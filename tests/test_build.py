"""Building through the command line's door, in this process; what needs processes of its own is at the end."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from built_once import built_once
from in_process import lpack
from index_server import IndexServer

from lpack.record import read_record, record_file

Project = Callable[[Mapping[str, str | bytes]], Path]

CONFIGURATION = """
[defaults]
runtime = "python3.13"
handler = "app.handler"

[function.orders]
"""
CODE = "import demo\n\ndef handler(event, context):\n    return demo.VERSION\n"
REQUIREMENTS = "--no-index\n--find-links ../wheels\ndemo\n"


@pytest.fixture
def orders(project: Project, make_wheel: Callable[..., Path]) -> Path:
    """A function with two packages and a file that is large enough to be compressed once and kept."""
    make_wheel("demo", "1.0", requires=["helper"])
    make_wheel("helper", "2.0")
    text = "".join(f"{number} is a number\n" for number in range(5000))
    return project({"lpack.toml": CONFIGURATION, "app.py": CODE, "requirements.txt": REQUIREMENTS, "numbers.txt": text})


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture
def finished(request: pytest.FixtureRequest, tmp_path: Path, shelf: Path) -> Path:
    """The same function, built."""

    def make() -> Path:
        folder: Path = request.getfixturevalue("orders")
        assert built(folder)["status"] == "built"
        return folder

    return built_once(shelf / "orders", tmp_path, make)


def built(folder: Path, *arguments: str) -> dict[str, Any]:
    """The one artifact of a build that went well, as JSON tells it."""
    run = lpack("build", "--json", *arguments, folder=folder)
    assert run.exit_code == 0, run.stderr
    [artifact] = run.json["artifacts"]
    return dict(artifact)


def marks(artifact: Path) -> tuple[int, ...]:
    """What changes when the artifact or its record is written again."""
    return tuple(
        value for path in (artifact, record_file(artifact)) for value in (path.stat().st_ino, path.stat().st_mtime_ns)
    )


# What is built


def test_an_artifact_holds_the_function_and_its_packages(orders: Path) -> None:
    assert built(orders)["status"] == "built"
    with zipfile.ZipFile(orders / "dist" / "orders.zip") as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {
            "app.py",
            "requirements.txt",
            "numbers.txt",
            "demo.py",
            *(f"demo-1.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL")),
            "helper.py",
            *(f"helper-2.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL")),
        }
        assert archive.read("app.py").decode() == CODE


def test_the_record_tells_what_was_built(orders: Path) -> None:
    document = built(orders)
    artifact = orders / "dist" / "orders.zip"
    data = artifact.read_bytes()
    record = read_record(artifact)
    assert record is not None
    assert document["record"] == json.loads(record_file(artifact).read_text())
    assert document["path"] == str(artifact)
    assert record.sha256 == sha256(data).hexdigest()
    assert record.size == len(data)
    with zipfile.ZipFile(artifact) as archive:
        assert record.unzipped_size == sum(member.file_size for member in archive.infolist())
        own = {"app.py", "requirements.txt", "numbers.txt"}
        sizes = {member.filename: member.file_size for member in archive.infolist() if member.filename not in own}
    assert [(each.name, each.version, each.purl) for each in record.packages] == [
        ("demo", "1.0", "pkg:pypi/demo@1.0"),
        ("helper", "2.0", "pkg:pypi/helper@2.0"),
    ]
    assert sum(each.size for each in record.packages) == sum(sizes.values())
    wheel = orders.parent / "wheels" / "demo-1.0-py3-none-any.whl"
    assert record.packages[0].sha256 == sha256(wheel.read_bytes()).hexdigest()


def test_what_is_left_out_is_counted(orders: Path) -> None:
    configuration = CONFIGURATION + 'exclude = ["*.csv", "drafts/"]\n'
    (orders / "lpack.toml").write_text(configuration)
    for name in ("a.csv", "b.csv", "drafts/one", "drafts/two", "__pycache__/app.pyc", "env/settings.py", "lib.so"):
        (orders / name).parent.mkdir(exist_ok=True)
        (orders / name).write_text("")
    record = built(orders)["record"]
    assert record["left_out"]["exclude"] == 3
    assert record["left_out"]["byte code of another Python"] == 1
    with zipfile.ZipFile(orders / "dist" / "orders.zip") as archive:
        assert {"env/settings.py", "lib.so"} <= set(archive.namelist())


def test_a_dry_run_lists_what_would_go_in_and_writes_no_artifact(orders: Path) -> None:
    document = built(orders, "--dry-run")
    assert document["status"] == "planned"
    assert document["record"] is None
    assert not (orders / "dist").exists()
    built(orders)
    with zipfile.ZipFile(orders / "dist" / "orders.zip") as archive:
        assert [file["path"] for file in document["files"]] == archive.namelist()
        assert [file["size"] for file in document["files"]] == [each.file_size for each in archive.infolist()]


# What is built again, and what is not


def test_what_is_there_already_is_left_alone(finished: Path) -> None:
    before = marks(finished / "dist" / "orders.zip")
    assert built(finished)["status"] == "unchanged"
    assert marks(finished / "dist" / "orders.zip") == before


def test_settings_that_are_not_in_the_artifact_leave_it_alone(finished: Path) -> None:
    before = marks(finished / "dist" / "orders.zip")
    (finished / "lpack.toml").write_text(CONFIGURATION + 'memory = 512\nenvironment = { TABLE = "orders" }\n')
    assert built(finished)["status"] == "unchanged"
    assert marks(finished / "dist" / "orders.zip") == before


def _truncate(folder: Path) -> None:
    os.truncate(folder / "dist" / "orders.zip", 100)


def _flip(folder: Path) -> None:
    artifact = folder / "dist" / "orders.zip"
    data = bytearray(artifact.read_bytes())
    data[60] ^= 1
    artifact.write_bytes(data)


def _edit_record(**fields: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "dist" / "orders.zip.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))

    return change


def _write(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: (folder / "dist" / "orders.zip").unlink(), id="no artifact"),
        pytest.param(_truncate, id="truncated artifact"),
        pytest.param(_flip, id="changed artifact"),
        pytest.param(lambda folder: (folder / "dist" / "orders.zip.json").unlink(), id="no record"),
        pytest.param(lambda folder: os.truncate(folder / "dist" / "orders.zip.json", 50), id="truncated record"),
        pytest.param(_edit_record(sha256="0" * 64), id="another hash"),
        pytest.param(_edit_record(content="0" * 64), id="another content"),
        pytest.param(_edit_record(inputs="0" * 64), id="other inputs"),
        pytest.param(_edit_record(format=99), id="another format"),
    ],
)
def test_a_changed_artifact_or_record_is_made_again(finished: Path, change: Callable[[Path], object]) -> None:
    first = built(finished)["record"]
    data = (finished / "dist" / "orders.zip").read_bytes()
    change(finished)
    again = built(finished)
    assert again["status"] == "built"
    assert again["record"] == first
    assert (finished / "dist" / "orders.zip").read_bytes() == data


@pytest.mark.parametrize("field", [{"size": 1}, {"handler": "x.y"}, {"packages": []}, {"left_out": {"a": 1}}], ids=str)
def test_a_record_that_tells_something_wrong_is_put_right(finished: Path, field: dict[str, object]) -> None:
    first = built(finished)["record"]
    _edit_record(**field)(finished)
    again = built(finished)
    assert again["status"] == "unchanged"
    assert again["record"] == first == json.loads((finished / "dist" / "orders.zip.json").read_text())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_write("app.py", CODE + "# changed\n"), id="code"),
        pytest.param(_write("new.py", ""), id="new file"),
        pytest.param(lambda folder: (folder / "numbers.txt").unlink(), id="file gone"),
        pytest.param(lambda folder: (folder / "app.py").chmod(0o755), id="mode"),
        pytest.param(_write(".lpackignore", "numbers.txt\n"), id="ignored"),
        pytest.param(_write("lpack.toml", CONFIGURATION + 'exclude-packages = ["helper"]\n'), id="package left out"),
        pytest.param(_write("lpack.toml", CONFIGURATION.replace("3.13", "3.14")), id="runtime"),
        pytest.param(_write("lpack.toml", CONFIGURATION + 'architecture = "arm64"\n'), id="architecture"),
        pytest.param(_write("requirements.txt", REQUIREMENTS + "# changed\n"), id="a file of the source"),
    ],
)
def test_a_change_of_what_goes_in_gives_another_artifact(finished: Path, change: Callable[[Path], object]) -> None:
    first = built(finished)["record"]
    change(finished)
    again = built(finished)
    assert again["status"] == "built"
    assert again["record"]["inputs"] != first["inputs"]
    assert again["record"]["sha256"] == sha256((finished / "dist" / "orders.zip").read_bytes()).hexdigest()


def test_a_new_handler_is_in_the_record(finished: Path) -> None:
    (finished / "lpack.toml").write_text(CONFIGURATION + 'handler = "app.other"\n')
    _write("app.py", CODE + "other = handler\n")(finished)
    assert built(finished)["record"]["handler"] == "app.other"


def test_a_new_version_of_a_package_is_taken_when_asked_for(finished: Path, make_wheel: Callable[..., Path]) -> None:
    make_wheel("helper", "3.0")
    assert built(finished)["status"] == "unchanged"
    assert lpack("lock", "--upgrade", folder=finished).exit_code == 0
    again = built(finished)
    assert again["status"] == "built"
    assert [package["version"] for package in again["record"]["packages"]] == ["1.0", "3.0"]


def test_a_lock_that_no_longer_fits_is_an_error_when_frozen(finished: Path) -> None:
    (finished / "requirements.txt").write_text(REQUIREMENTS + "helper<2\n")
    run = lpack("build", "--frozen", folder=finished)
    assert run.exit_code == 3
    assert "`pylock.orders.toml` does not fit the requirements any more" in run.stderr
    assert "hint: run `lpack lock orders` and commit the file" in run.stderr


# Failures


def test_what_fails_the_checks_does_not_replace_the_old_artifact(finished: Path) -> None:
    before = marks(finished / "dist" / "orders.zip")
    (finished / "app.py").write_text("def another(event, context): ...\n")
    run = lpack("build", folder=finished)
    assert run.exit_code == 5
    assert "the handler `app.handler` was not found: `app.py` does not define `handler`" in run.stderr
    assert "what an earlier build made is still in place" in run.stderr
    assert run.stdout == ""
    assert marks(finished / "dist" / "orders.zip") == before
    assert lpack("check", folder=finished).exit_code == 0


MANY = """
[defaults]
runtime = "python3.13"
handler = "app.handler"
requirements = "requirements.txt"
""" + "".join(f'[function.{name}]\nsource = "{name}"\n' for name in ("north", "east", "south", "west"))


@pytest.fixture(params=["threads", pytest.param("processes", marks=pytest.mark.slow)])
def many(
    project: Project, make_wheel: Callable[..., Path], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Four functions with the same packages; ``east`` lacks its handler."""
    if request.param == "processes":
        monkeypatch.setattr("lpack.build.MANY", 2)  # otherwise they are too few for that
    make_wheel("demo", "1.0", requires=["helper"])
    make_wheel("helper", "2.0")
    code = {f"{name}/app.py": f"# {name}\n{CODE}" for name in ("north", "south", "west")}
    return project({"lpack.toml": MANY, "requirements.txt": REQUIREMENTS, "east/app.py": "", **code})


def test_one_function_that_fails_leaves_the_others_artifacts_good(many: Path) -> None:
    run = lpack("build", folder=many)
    assert run.exit_code == 5
    assert sorted(path.name for path in (many / "dist").glob("*.zip")) == ["north.zip", "south.zip", "west.zip"]
    lines = run.stdout.splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["built", "failed", "built", "built"]
    assert run.stderr.splitlines()[-1] == "error: 1 of 4 functions failed: `east`"
    assert "error: east: the handler `app.handler` was not found" in run.stderr
    assert lpack("check", "north", "south", "west", folder=many).exit_code == 0


def test_the_outcomes_are_in_the_order_of_the_names(many: Path) -> None:
    run = lpack("build", "west", "north", "--json", folder=many)
    assert run.exit_code == 0
    assert [artifact["name"] for artifact in run.json["artifacts"]] == ["west", "north"]


def test_functions_share_what_they_share(many: Path, store_folder: Path) -> None:
    lpack("build", folder=many)
    assert len(list((store_folder / "wheels").rglob("*.whl"))) == 2
    record = json.loads((many / "dist" / "north.zip.json").read_text())
    assert record["packages"] == json.loads((many / "dist" / "west.zip.json").read_text())["packages"]


def test_processes_make_what_threads_make(many: Path) -> None:
    names = ("north", "south", "west")
    lpack("build", *names, folder=many)
    made = {file.name: file.read_bytes() for file in (many / "dist").iterdir()}
    for name in names:
        lpack("build", name, "-o", "alone", folder=many)
    assert made == {file.name: file.read_bytes() for file in (many / "alone").iterdir()}


def test_several_failures_are_told_apart_and_the_first_decides_the_exit_code(many: Path) -> None:
    (many / "north" / "requirements.txt").write_text("--no-index\nnowhere\n")
    (many / "lpack.toml").write_text(MANY.replace('"north"\n', '"north"\nrequirements = "north/requirements.txt"\n'))
    run = lpack("build", "--json", folder=many)
    errors = {artifact["name"]: artifact["error"] for artifact in run.json["artifacts"] if artifact["error"]}
    assert {name: error["exit_code"] for name, error in errors.items()} == {"north": 3, "east": 5}
    assert run.exit_code == 3
    assert run.stderr.splitlines()[-1] == "error: 2 of 4 functions failed: `north`, `east`"


def test_an_output_folder_that_is_a_file_is_an_error(orders: Path) -> None:
    (orders / "dist").write_text("")
    run = lpack("build", folder=orders)
    assert run.exit_code == 1
    assert f"error: `{orders / 'dist' / 'orders.zip'}` can't be written: " in run.stderr
    assert "hint: choose another folder with `--output`" in run.stderr


def test_a_store_that_is_a_file_is_an_error(orders: Path, store_folder: Path) -> None:
    store_folder.parent.mkdir(parents=True, exist_ok=True)
    store_folder.write_text("")
    run = lpack("build", folder=orders)
    assert run.exit_code == 1
    assert "LPACK_CACHE_DIR" in run.stderr


# A store in disorder


def _all(pattern: str, change: Callable[[Path], object]) -> Callable[[Path], None]:
    def disorder(store: Path) -> None:
        files = [path for path in store.glob(pattern) if path.is_file()]
        assert files
        for path in files:
            change(path)

    return disorder


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _garble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for position in range(len(data) // 3, len(data), 7):
        data[position] ^= 0x55
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        *((kind, damage) for kind in ("wheels", "packed", "notes") for damage in (_cut, _garble)),
        *(("*", damage) for damage in (_empty, _cut, _garble, Path.unlink)),
    ],
)
def test_a_damaged_store_is_found_out_and_mended(
    finished: Path, store_folder: Path, kind: str, damage: Callable[[Path], object]
) -> None:
    first = built(finished)["record"]
    data = (finished / "dist" / "orders.zip").read_bytes()
    (finished / "dist" / "orders.zip").unlink()
    _all(f"{kind}/**/*", damage)(store_folder)
    again = built(finished)
    assert again["status"] == "built"
    assert again["record"] == first
    assert (finished / "dist" / "orders.zip").read_bytes() == data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None


def test_a_damaged_wheel_is_fetched_again_from_its_index(
    index: IndexServer, project: Project, make_wheel: Callable[..., Path], store_folder: Path
) -> None:
    wheel = make_wheel("demo", "1.0")
    requirements = f"--index-url {index.index_url}\ndemo\n"
    folder = project({"lpack.toml": CONFIGURATION, "app.py": CODE, "requirements.txt": requirements})
    built(folder)
    _all("wheels/**/*.whl", _cut)(store_folder)
    (folder / "dist" / "orders.zip").unlink()
    asked = len(index.asked_for(wheel.name))
    built(folder)
    assert len(index.asked_for(wheel.name)) == asked + 1
    [kept] = (store_folder / "wheels").rglob("*.whl")
    assert kept.read_bytes() == wheel.read_bytes()


def test_nothing_is_asked_for_when_lock_and_store_suffice(
    index: IndexServer, project: Project, make_wheel: Callable[..., Path]
) -> None:
    make_wheel("demo", "1.0")
    requirements = f"--index-url {index.index_url}\ndemo\n"
    folder = project({"lpack.toml": CONFIGURATION, "app.py": CODE, "requirements.txt": requirements})
    built(folder)
    asked = len(index.asked)
    (folder / "dist" / "orders.zip").unlink()
    built(folder, "--frozen")
    assert len(index.asked) == asked


def test_what_a_killed_build_left_is_removed(orders: Path) -> None:
    leftovers = [
        orders / "dist" / name
        for name in (".orders.zip.00000000deadbeef.partial", ".orders.zip.json.0123456789abcdef.partial")
    ]
    others = [
        orders / "dist" / name for name in (".orders.zip", "orders.zip.partial", ".more.zip.0123456789abcdef.partial")
    ]
    (orders / "dist").mkdir()
    for path in leftovers + others:
        path.write_text("half")
    built(orders)
    assert not any(path.exists() for path in leftovers)
    assert all(path.exists() for path in others)
