"""Layers from configuration to artifact, with the functions that use them, through the command line's door."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from in_process import lpack

from lpack.aws.limits import UNZIPPED_BYTES
from lpack.record import read_record, record_file

pytestmark = pytest.mark.slow

Project = Callable[[Mapping[str, str | bytes]], Path]
MakeWheel = Callable[..., Path]

CODE = "def handler(event, context): ...\n"
REQUIREMENTS = "--no-index\n--find-links ../wheels\n"
ARN = "arn:aws:lambda:eu-west-1:123456789012:layer:theirs:3"

FUNCTION = '[function.{name}]\nsource = "{name}"\nlayers = {layers}\nrequirements = "{name}.txt"\n'


def configuration(functions: Mapping[str, str], more: str = "") -> str:
    """Functions with the names of their layers, as TOML, above two layers of which ``base`` holds demo and helper."""
    text = '[defaults]\nruntime = "python3.13"\nhandler = "app.handler"\n'
    text += "".join(FUNCTION.format(name=name, layers=layers) for name, layers in functions.items())
    text += '[layer.base]\nruntimes = ["python3.13"]\nrequirements = "base.txt"\n'
    text += '[layer.own]\nruntimes = ["python3.13"]\nsource = { python = "modules" }\n'
    return text + more


FUNCTIONS = {"north": '["base", "own"]', "east": '["base"]', "south": "[]"}


@pytest.fixture
def shop(project: Project, make_wheel: MakeWheel) -> Path:
    """Three functions that all want ``demo``, with ``helper`` which it needs: two have both from a layer."""
    make_wheel("demo", "1.0", requires=["helper"])
    make_wheel("helper", "2.0")
    make_wheel("extra", "1.0", requires=["helper"])
    files = {f"{name}/app.py": f"# {name}\n{CODE}" for name in FUNCTIONS}
    files |= {f"{name}.txt": REQUIREMENTS + "demo\n" for name in ("base", "east", "south")}
    files["north.txt"] = REQUIREMENTS + "demo\nextra\n"
    return project({"lpack.toml": configuration(FUNCTIONS), "modules/shared.py": "SHARED = 1\n", **files})


def built(folder: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    """The artifacts of a build that went well, by the names of their files."""
    run = lpack("build", "--json", *arguments, folder=folder)
    assert run.exit_code == 0, run.stderr
    return {Path(each["path"]).name: each for each in run.json["artifacts"]}


def statuses(artifacts: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {name: each["status"] for name, each in artifacts.items()}


def names_in(artifact: Path) -> list[str]:
    with zipfile.ZipFile(artifact) as archive:
        assert archive.testzip() is None
        return [name for name in archive.namelist() if ".dist-info/" not in name]


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """What changes when a file of the output is written again."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in (folder / "dist").iterdir()}


# Built once, for many


def test_layers_are_built_with_the_functions_that_lack_what_they_hold(shop: Path) -> None:
    artifacts = built(shop)
    assert statuses(artifacts) == dict.fromkeys(["base.zip", "own.zip", "north.zip", "east.zip", "south.zip"], "built")
    assert names_in(shop / "dist" / "base.zip") == ["python/demo.py", "python/helper.py"]
    assert names_in(shop / "dist" / "own.zip") == ["python/shared.py"]
    assert names_in(shop / "dist" / "north.zip") == ["app.py", "extra.py"]
    assert names_in(shop / "dist" / "east.zip") == ["app.py"]
    assert names_in(shop / "dist" / "south.zip") == ["app.py", "demo.py", "helper.py"]


def test_the_record_of_a_layer_tells_what_it_is_for(shop: Path) -> None:
    artifacts = built(shop)
    record = read_record(shop / "dist" / "base.zip")
    assert record is not None
    assert (record.name, record.kind, record.handler, record.layers) == ("base", "layer", "", ())
    assert (record.runtimes, record.architectures) == (("python3.13",), ("x86_64",))
    assert [(each.name, each.version) for each in record.packages] == [("demo", "1.0"), ("helper", "2.0")]
    assert artifacts["north.zip"]["record"]["layers"] == ["base", "own"]
    assert artifacts["base.zip"]["kind"] == "layer"
    assert artifacts["north.zip"]["kind"] == "function-zip"


def test_the_layers_of_a_function_count_towards_its_limit(shop: Path) -> None:
    artifacts = built(shop)
    sizes = {name: each["record"]["unzipped_size"] for name, each in artifacts.items()}
    assert {name: each["layers_size"] for name, each in artifacts.items()} == {
        "base.zip": 0,
        "own.zip": 0,
        "north.zip": sizes["base.zip"] + sizes["own.zip"],
        "east.zip": sizes["base.zip"],
        "south.zip": 0,
    }


def test_a_second_build_writes_nothing(shop: Path) -> None:
    built(shop)
    before = state(shop)
    assert set(statuses(built(shop, "--frozen")).values()) == {"unchanged"}
    assert state(shop) == before


def test_an_edit_of_one_function_touches_that_function_alone(shop: Path) -> None:
    built(shop)
    before = state(shop)
    (shop / "north" / "app.py").write_text(CODE + "# edited\n")
    assert [name for name, status in statuses(built(shop)).items() if status == "built"] == ["north.zip"]
    now = state(shop)
    assert {name for name in now if now[name] != before[name]} == {"north.zip", "north.zip.json"}


def test_a_function_is_built_with_its_layers_and_a_layer_alone(shop: Path) -> None:
    assert list(built(shop, "east")) == ["base.zip", "east.zip"]
    assert list(built(shop, "own")) == ["own.zip"]
    assert sorted(state(shop)) == [f"{name}{end}" for name in ("base", "east", "own") for end in (".zip", ".zip.json")]


def test_layers_come_first_whatever_is_named_first(shop: Path) -> None:
    assert list(built(shop, "south", "own", "east")) == ["base.zip", "own.zip", "south.zip", "east.zip"]


def test_a_dry_run_writes_no_artifact_and_tells_of_layers_too(shop: Path) -> None:
    run = lpack("build", "east", "--dry-run", folder=shop)
    assert run.exit_code == 0
    assert not (shop / "dist").exists()
    headlines = [line for line in run.stdout.splitlines() if "unzipped" in line]
    assert [line.rpartition("/")[2].partition(":")[0] for line in headlines] == ["base.zip", "east.zip"]
    assert "python/demo.py  (demo)" in run.stdout
    assert run.stderr.splitlines()[-1].startswith("2 planned in ")


def test_quiet_and_frozen_as_with_functions(shop: Path) -> None:
    run = lpack("build", "--frozen", folder=shop)
    assert run.exit_code == 3
    assert "hint: run `lpack lock base` and commit the file" in run.stderr
    lpack("lock", folder=shop)
    run = lpack("build", "--frozen", "-q", folder=shop)
    assert (run.exit_code, run.stdout, run.stderr) == (0, "", "")
    assert (shop / "dist" / "base.zip").is_file()


def test_what_holds_for_the_layers_of_many_functions_is_said_once(shop: Path) -> None:
    more = '[layer.other]\nruntimes = ["python3.13"]\nsource = { python = "other" }\n'
    layers = '["own", "other"]'
    (shop / "lpack.toml").write_text(configuration(dict.fromkeys(FUNCTIONS, layers), more))
    (shop / "other").mkdir()
    (shop / "other" / "shared.py").write_text("SHARED = 2\n")
    run = lpack("build", folder=shop)
    assert run.exit_code == 0, run.stderr
    [warning] = [line for line in run.stderr.splitlines() if line.startswith("warning")]
    told = "the layer `other` overwrites a file of the layer `own` with other content"
    assert warning == f"warning: north, east, south: {told}"
    check = lpack("check", folder=shop)
    assert check.exit_code == 0
    assert f"warning: north, east, south: {told}" in check.stderr


# What fails


def test_a_layer_that_fails_fails_the_functions_that_use_it_and_no_others(shop: Path) -> None:
    built(shop)
    before = state(shop)
    (shop / "base.txt").write_text(REQUIREMENTS + "nowhere\n")
    (shop / "south" / "app.py").write_text(CODE + "# edited\n")
    run = lpack("build", folder=shop)
    assert run.exit_code == 3
    lines = [line.split() for line in run.stdout.splitlines()[1:]]
    assert {Path(line[0]).name: line[-1] for line in lines} == {
        "base.zip": "failed",
        "own.zip": "unchanged",
        "north.zip": "failed",
        "east.zip": "failed",
        "south.zip": "built",
    }
    assert "error: north, east: the layer `base`, which it uses, failed" in run.stderr
    assert run.stderr.splitlines()[-2:] == [
        "error: 3 of 5 functions and layers failed: `base`, `north`, `east`",
        "  what an earlier build made is still in place",
    ]
    now = state(shop)
    assert {name for name in now if now[name] != before[name]} == {"south.zip", "south.zip.json"}


def test_json_tells_of_a_layer_that_failed(shop: Path) -> None:
    (shop / "base.txt").write_text(REQUIREMENTS + "nowhere\n")
    run = lpack("build", "--json", folder=shop)
    errors = {each["name"]: each["error"]["exit_code"] for each in run.json["artifacts"] if each["error"]}
    assert errors == {"base": 3, "north": 5, "east": 5}


def make_large(folder: Path, size: int) -> None:
    """Give the layer ``own`` so many bytes in all, which take no room on the disk."""
    with (folder / "modules" / "zeros").open("wb") as file:
        file.truncate(size - (folder / "modules" / "shared.py").stat().st_size)


@pytest.mark.slow
def test_a_layer_over_the_limit_is_not_built(shop: Path) -> None:
    make_large(shop, UNZIPPED_BYTES)
    run = lpack("build", "own", folder=shop)
    assert run.exit_code == 5
    assert "Unzipped size must be smaller than 262144000 bytes" in run.stderr
    assert not (shop / "dist" / "own.zip").exists()


@pytest.mark.slow
def test_a_function_over_the_limit_with_its_layers_fails_alone(shop: Path) -> None:
    artifacts = built(shop)
    room = UNZIPPED_BYTES - sum(artifacts[name]["record"]["unzipped_size"] for name in ("base.zip", "north.zip"))
    make_large(shop, room + 1)
    run = lpack("build", folder=shop)
    assert run.exit_code == 5
    assert "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes" in run.stderr
    assert "The actual size is 262144001 bytes." in run.stderr
    assert run.stderr.splitlines()[-2] == "error: 1 of 5 functions and layers failed: `north`"
    make_large(shop, room)
    row = next(line for line in lpack("build", folder=shop).stdout.splitlines() if "north.zip" in line)
    assert row.split()[-3:-1] == ["100", "%"]


def test_a_handler_may_be_in_a_layer(shop: Path) -> None:
    (shop / "modules" / "shared.py").write_text(CODE)
    text = configuration(FUNCTIONS).replace('source = "north"\n', 'source = "north"\nhandler = "shared.handler"\n')
    (shop / "lpack.toml").write_text(text)
    assert lpack("build", folder=shop).exit_code == 0
    assert lpack("check", folder=shop).exit_code == 0
    (shop / "modules" / "shared.py").write_text("")
    run = lpack("build", folder=shop)
    assert run.exit_code == 5
    assert "error: north: the handler `shared.handler` was not found" in run.stderr


def test_a_handler_that_may_be_in_a_layer_of_others_is_worth_a_warning(shop: Path) -> None:
    text = configuration({"east": f'["base", "{ARN}"]'}).replace("[defaults]", '[defaults]\nhandler = "agent.run"', 1)
    (shop / "lpack.toml").write_text(text.replace('handler = "app.handler"\n', ""))
    run = lpack("build", "east", folder=shop)
    assert run.exit_code == 0, run.stderr
    assert "warning: east: the handler `agent.run` was not found" in run.stderr
    assert f"hint: this is fine if it is in `{ARN}`" in run.stderr


def test_layers_of_others_count_with_the_size_that_is_given(shop: Path) -> None:
    known = f'{{ arn = "{ARN}", unzipped-size = 26214400 }}'
    (shop / "lpack.toml").write_text(configuration({"east": f'["base", {known}]'}))
    run = lpack("build", "east", folder=shop)
    assert run.exit_code == 0
    assert run.stdout.splitlines()[-1].split()[-3:] == ["10", "%", "built"]
    assert read_record(shop / "dist" / "east.zip").layers == ("base", ARN)  # type: ignore[union-attr]
    (shop / "lpack.toml").write_text(configuration({"east": f'["base", "{ARN}"]'}))
    run = lpack("build", "east", folder=shop)
    assert f"uses `{ARN}`, whose size is not known: it is not counted" in run.stderr
    assert run.stdout.splitlines()[-1].split()[-3:-1] == ["0", "%"]


def test_an_extension_that_can_not_be_run_is_an_error(shop: Path) -> None:
    more = '[layer.agent]\nruntimes = ["python3.13"]\nsource = { extensions = "agent" }\n'
    (shop / "lpack.toml").write_text(configuration(FUNCTIONS, more))
    (shop / "agent").mkdir()
    (shop / "agent" / "watcher").write_text("#!/bin/sh\n")
    run = lpack("build", "agent", folder=shop)
    assert run.exit_code == 5
    assert "`agent` has `extensions/watcher` among its extensions, which Lambda can't run" in run.stderr
    (shop / "agent" / "watcher").chmod(0o755)
    assert names_in(shop / "dist" / Path(next(iter(built(shop, "agent"))))) == ["extensions/watcher"]


# Several artifacts

SPLIT = """
[layer.fast]
runtimes = ["python3.12", "python3.13"]
architectures = ["x86_64", "arm64"]
requirements = "fast.txt"
"""


@pytest.fixture
def split(project: Project, make_wheel: MakeWheel) -> Path:
    """A layer with one package that differs by architecture, one by version, and one that is the same for all."""
    for machine in ("x86_64", "aarch64"):
        make_wheel("native", "1.0", {"native.py": f"# {machine}\n"}, tag=f"py3-none-manylinux_2_17_{machine}")
    for version in ("312", "313"):
        make_wheel("compiled", "1.0", {"compiled.py": f"# {version}\n"}, tag=f"cp{version}-none-any")
    make_wheel("pure", "1.0")
    return project({"lpack.toml": SPLIT, "fast.txt": REQUIREMENTS + "pure\n"})


def want(folder: Path, *packages: str) -> None:
    (folder / "fast.txt").write_text(REQUIREMENTS + "".join(f"{name}\n" for name in packages))


def test_what_is_the_same_everywhere_is_one_artifact(split: Path) -> None:
    artifacts = built(split)
    assert list(artifacts) == ["fast.zip"]
    record = artifacts["fast.zip"]["record"]
    assert record["runtimes"] == ["python3.12", "python3.13"]
    assert record["architectures"] == ["x86_64", "arm64"]


def test_what_differs_by_architecture_is_one_artifact_for_each(split: Path) -> None:
    want(split, "native")
    artifacts = built(split)
    assert {name: each["record"]["architectures"] for name, each in artifacts.items()} == {
        "fast-x86_64.zip": ["x86_64"],
        "fast-arm64.zip": ["arm64"],
    }
    assert all(each["record"]["name"] == "fast" for each in artifacts.values())


def test_what_differs_by_version_has_a_folder_for_each(split: Path) -> None:
    want(split, "compiled", "pure")
    run = lpack("build", folder=split)
    assert "`compiled` differs from one runtime to the next" in run.stderr
    assert names_in(split / "dist" / "fast.zip") == [
        "python/lib/python3.12/site-packages/compiled.py",
        "python/lib/python3.13/site-packages/compiled.py",
        "python/pure.py",
    ]
    record = read_record(split / "dist" / "fast.zip")
    assert record is not None
    assert [each.name for each in record.packages] == ["compiled", "pure", "compiled"]
    assert sum(each.size for each in record.packages) == record.unzipped_size


def test_what_is_said_of_several_artifacts_is_said_once(split: Path) -> None:
    want(split, "compiled", "native")
    code = '[function.orders]\nruntime = "python3.13"\nhandler = "app.handler"\nlayers = ["fast"]\nrequirements = []\n'
    (split / "lpack.toml").write_text(SPLIT + code)
    (split / "app.py").write_text(CODE)
    run = lpack("build", folder=split)
    assert run.exit_code == 0, run.stderr
    [note] = [line for line in run.stderr.splitlines() if line.startswith("note")]
    assert note.startswith("note: fast: `compiled` differs from one runtime to the next")


def test_artifacts_that_a_layer_no_longer_has_are_removed_and_nothing_else(split: Path) -> None:
    built(split)
    dist = split / "dist"
    for name in ("fast-mine.zip", "faster.zip", "notes.txt"):
        (dist / name).write_text("mine")
    for end in ("", ".json"):  # a copy that somebody keeps
        (dist / f"fast-kept.zip{end}").write_bytes((dist / f"fast.zip{end}").read_bytes())
    want(split, "native")
    run = lpack("build", folder=split)
    assert run.exit_code == 0
    assert "note: removed `fast.zip`: `fast` has other artifacts now" in run.stderr
    assert not (dist / "fast.zip").exists()
    assert not (dist / "fast.zip.json").exists()
    kept = {"fast-mine.zip", "faster.zip", "notes.txt", "fast-kept.zip", "fast-kept.zip.json"}
    made = {f"fast-{each}.zip{end}" for each in ("x86_64", "arm64") for end in ("", ".json")}
    assert {path.name for path in dist.iterdir()} == kept | made

    (split / "lpack.toml").write_text(SPLIT + "per-runtime = true\n")
    want(split, "compiled")
    run = lpack("build", folder=split)
    assert run.stderr.count("note: removed `fast-") == 2
    made = {f"fast-python{each}.zip{end}" for each in ("312", "313") for end in ("", ".json")}
    assert {path.name for path in dist.iterdir()} == kept | made


def test_nothing_is_removed_while_it_is_not_replaced(split: Path) -> None:
    built(split)
    before = state(split)
    want(split, "native")
    assert statuses(built(split, "--dry-run")) == {"fast-x86_64.zip": "planned", "fast-arm64.zip": "planned"}
    want(split, "nowhere")
    assert lpack("build", folder=split).exit_code == 3
    assert state(split) == before


def test_a_layer_that_fails_tells_that_an_artifact_of_it_is_there(split: Path) -> None:
    want(split, "native")
    built(split)
    want(split, "nowhere")
    run = lpack("build", folder=split)
    assert run.stderr.splitlines()[-1] == "  what an earlier build made is still in place"


def test_a_function_gets_the_artifact_for_its_target(split: Path, make_wheel: MakeWheel) -> None:
    want(split, "native")
    make_wheel("user", "1.0", requires=["native"])
    functions = "".join(
        f'[function.{name}]\nruntime = "python3.12"\narchitecture = "{name}"\nhandler = "app.handler"\n'
        'layers = ["fast"]\nrequirements = "user.txt"\nsource = "src"\n'
        for name in ("x86_64", "arm64")
    )
    (split / "lpack.toml").write_text(SPLIT + functions)
    (split / "src").mkdir()
    (split / "src" / "app.py").write_text(CODE)
    (split / "user.txt").write_text(REQUIREMENTS + "user\n")
    artifacts = built(split)
    for name in ("x86_64", "arm64"):
        assert names_in(split / "dist" / f"{name}.zip") == ["app.py", "user.py"]
        assert artifacts[f"{name}.zip"]["layers_size"] == artifacts[f"fast-{name}.zip"]["record"]["unzipped_size"]
    assert lpack("check", folder=split).exit_code == 0


# Left alone


def _upgrade_lpack(patch: pytest.MonkeyPatch) -> None:
    """What another version of lpack, of the zip's layout and of the compressor would be: the seams that name them."""
    patch.setattr("lpack.artifacts.__version__", "9.9")
    patch.setattr("lpack.forms.as_zip.LAYOUT", 99)
    patch.setattr("deflate.__version__", "9.9")


def test_an_upgrade_of_lpack_leaves_layers_alone_and_packs_functions_anew(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(shop)
    before = state(shop)
    _upgrade_lpack(monkeypatch)
    assert statuses(built(shop)) == {
        "base.zip": "unchanged",
        "own.zip": "unchanged",
        "north.zip": "built",
        "east.zip": "built",
        "south.zip": "built",
    }
    now = state(shop)
    assert {name for name in now if now[name] == before[name]} == {
        f"{name}{end}" for name in ("base", "own") for end in (".zip", ".zip.json")
    }


def test_an_upgraded_lpack_makes_a_layer_that_holds_something_else(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built(shop)
    _upgrade_lpack(monkeypatch)
    (shop / "modules" / "shared.py").write_text("SHARED = 2\n")
    artifacts = built(shop)
    assert artifacts["own.zip"]["status"] == "built"
    assert artifacts["own.zip"]["record"]["lpack"] == "9.9"
    assert artifacts["base.zip"]["status"] == "unchanged"


def test_a_target_more_changes_the_record_of_a_layer_that_holds_the_same(
    split: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = built(split)["fast.zip"]["record"]
    before = state(split)["fast.zip"]
    _upgrade_lpack(monkeypatch)
    (split / "lpack.toml").write_text(SPLIT.replace('["python3.12", ', '["python3.11", "python3.12", '))
    again = built(split)["fast.zip"]
    assert again["status"] == "unchanged"
    assert again["record"]["runtimes"] == ["python3.11", "python3.12", "python3.13"]
    assert again["record"]["sha256"] == first["sha256"]
    assert state(split)["fast.zip"] == before


@pytest.mark.parametrize("change", ["cut", "gone", "no record"])
def test_a_layer_that_is_damaged_is_made_again(shop: Path, change: str) -> None:
    first = built(shop)["base.zip"]["record"]
    artifact = shop / "dist" / "base.zip"
    data = artifact.read_bytes()
    match change:
        case "cut":
            os.truncate(artifact, 99)
        case "gone":
            artifact.unlink()
        case _:
            record_file(artifact).unlink()
    again = built(shop)["base.zip"]
    assert (again["status"], again["record"]) == ("built", first)
    assert artifact.read_bytes() == data


def test_a_damaged_wheel_of_the_store_is_had_again_for_layers_too(shop: Path, store_folder: Path) -> None:
    first = built(shop)["base.zip"]["record"]
    data = (shop / "dist" / "base.zip").read_bytes()
    (shop / "dist" / "base.zip").unlink()
    for wheel in (store_folder / "wheels").rglob("*.whl"):
        os.truncate(wheel, 50)
    assert built(shop)["base.zip"]["record"] == first
    assert (shop / "dist" / "base.zip").read_bytes() == data


# Locks


def locks(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("pylock.*.toml")}


def test_layers_and_functions_are_locked_by_name_and_the_function_lacks_what_the_layer_has(shop: Path) -> None:
    run = lpack("lock", "north", "--json", folder=shop)
    assert run.exit_code == 0
    assert [(each["name"], each["changes"]) for each in run.json["locks"]] == [
        ("base", ["+ demo 1.0", "+ helper 2.0"]),
        ("own", []),
        ("north", ["+ extra 1.0"]),
    ]
    assert [each["file"] and Path(each["file"]).name for each in run.json["locks"]] == [
        "pylock.base.toml",
        None,
        "pylock.north.toml",
    ]
    assert sorted(locks(shop)) == ["pylock.base.toml", "pylock.north.toml"]
    assert lpack("lock", "--check", "north", folder=shop).exit_code == 0
    assert lpack("lock", "--check", folder=shop).exit_code == 3


def test_a_function_is_upgraded_without_its_layers_and_all_with_them(shop: Path, make_wheel: MakeWheel) -> None:
    lpack("lock", folder=shop)
    before = locks(shop)
    make_wheel("helper", "2.1")
    make_wheel("extra", "1.1", requires=["helper"])
    run = lpack("lock", "north", "--upgrade", folder=shop)
    assert "north: locked 1 package\n  ~ extra 1.0 → 1.1\n" in run.stdout
    assert {name for name, text in locks(shop).items() if text != before[name]} == {"pylock.north.toml"}
    run = lpack("lock", "--upgrade", folder=shop)
    assert run.stdout.splitlines()[:2] == ["base, south: locked 1 package", "  ~ helper 2.0 → 2.1"]
    assert lpack("lock", "--check", folder=shop).exit_code == 0


def test_a_layer_that_is_upgraded_alone_is_followed_by_the_functions_locks(shop: Path, make_wheel: MakeWheel) -> None:
    lpack("lock", folder=shop)
    make_wheel("helper", "2.1")
    assert lpack("lock", "base", "--upgrade", folder=shop).stdout == "base: locked 1 package\n  ~ helper 2.0 → 2.1\n"
    run = lpack("lock", "--check", "north", folder=shop)
    assert run.exit_code == 3
    assert "`pylock.north.toml` does not fit the requirements any more" in run.stderr
    assert built(shop, "north")["north.zip"]["status"] == "built"
    assert lpack("lock", "--check", "north", folder=shop).exit_code == 0


def test_a_layer_that_can_not_be_locked_is_told_once_for_its_functions(shop: Path) -> None:
    (shop / "base.txt").write_text(REQUIREMENTS + "nowhere\n")
    run = lpack("lock", folder=shop)
    assert run.exit_code == 3
    assert "error: north, east: the layer `base`, which it uses, failed" in run.stderr
    assert "south: locked 2 packages" in run.stdout
