import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from in_process import lpack

Project = Callable[[Mapping[str, str | bytes]], Path]

CONFIGURATION = """
[defaults]
runtime = "python3.13"
handler = "app.handler"

[function.north]
source = "north"

[function.east]
source = "east"
"""
CODE = "def handler(event, context): ...\n"


@pytest.fixture
def folder(project: Project) -> Path:
    return project({"lpack.toml": CONFIGURATION, "north/app.py": CODE, "east/app.py": CODE})


@pytest.fixture
def foreign(folder: Path) -> Path:
    """A zip that another tool made."""
    with zipfile.ZipFile(folder / "foreign.zip", "w") as archive:
        archive.write(folder / "north" / "app.py", "app.py")
    return folder / "foreign.zip"


def test_all_functions_are_checked_when_none_is_named(folder: Path) -> None:
    lpack("build", folder=folder)
    run = lpack("check", folder=folder)
    assert (run.exit_code, run.stderr) == (0, "")
    assert [line.split()[-1] for line in run.stdout.splitlines()[1:]] == ["fine", "fine"]


def test_the_finished_file_is_what_is_checked(folder: Path) -> None:
    lpack("build", folder=folder)
    with zipfile.ZipFile(folder / "dist" / "north.zip", "w") as archive:
        archive.writestr("other.py", "")
    run = lpack("check", folder=folder)
    assert run.exit_code == 5
    assert [line.split()[-1] for line in run.stdout.splitlines()[1:]] == ["broken", "fine"]
    assert "error: north: the handler `app.handler` was not found" in run.stderr
    assert "`north.zip` is not the artifact that `north.zip.json` describes" in run.stderr


def test_what_was_not_built_is_told_and_the_rest_checked(folder: Path) -> None:
    lpack("build", "north", folder=folder)
    run = lpack("check", folder=folder)
    assert run.exit_code == 2
    assert [line.split()[-1] for line in run.stdout.splitlines()[1:]] == ["fine", "missing"]
    assert "error: `east` was not built: there is no " in run.stderr
    assert "hint: run `lpack build east` first" in run.stderr


def test_settings_of_the_configuration_are_checked_too(folder: Path) -> None:
    lpack("build", folder=folder)
    (folder / "lpack.toml").write_text(CONFIGURATION + "timeout = 9000\n")
    run = lpack("check", folder=folder)
    assert run.exit_code == 5
    assert "error: east: `timeout = 9000` is not possible" in run.stderr


def test_a_zip_of_another_tool_is_checked_for_the_target_that_is_said(folder: Path, foreign: Path) -> None:
    arguments = ("check", foreign.name, "--runtime", "python3.13", "--architecture", "arm64", "--handler")
    assert lpack(*arguments, "app.handler", folder=folder).exit_code == 0
    run = lpack(*arguments, "app.handle", folder=folder)
    assert run.exit_code == 5
    assert "hint: did you mean `app.handler`?" in run.stderr


def test_without_a_record_the_runtime_must_be_said(folder: Path, foreign: Path) -> None:
    run = lpack("check", foreign, folder=folder)
    assert run.exit_code == 2
    assert "error: `foreign.zip` has no build record, so its runtime is not known" in run.stderr
    assert "hint: say it: `--runtime python3.13" in run.stderr


def test_the_record_says_what_a_file_of_lpack_is_for(folder: Path, tmp_path: Path) -> None:
    lpack("build", "north", folder=folder)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(folder / "dist", elsewhere)
    assert lpack("check", "north.zip", folder=elsewhere).exit_code == 0
    (elsewhere / "north.zip.json").write_text("{}")
    run = lpack("check", "north.zip", "--runtime", "python3.13", folder=elsewhere)
    assert run.exit_code == 0
    assert "warning: `north.zip.json` is not a build record" in run.stderr


@pytest.mark.parametrize("option", [("--runtime", "python3.31"), ("--architecture", "arm")])
def test_an_unknown_target_is_an_error(folder: Path, foreign: Path, option: tuple[str, str]) -> None:
    run = lpack("check", foreign, "--runtime", "python3.13", *option, folder=folder)
    assert run.exit_code == 2
    assert f"error: `{option[1]}` is not a" in run.stderr


def test_a_runtime_that_lpack_does_not_know_yet_is_an_error(folder: Path, foreign: Path) -> None:
    run = lpack("check", foreign, "--runtime", "ruby3.4", "--handler", "shop.handle", folder=folder)
    assert run.exit_code == 2
    assert "ruby" in run.stderr


def test_several_files_are_all_checked(folder: Path, foreign: Path) -> None:
    (folder / "broken.zip").write_bytes(foreign.read_bytes()[:-10])
    run = lpack("check", "broken.zip", foreign.name, "--runtime", "python3.13", "--json", folder=folder)
    assert run.exit_code == 1
    assert [(each["name"], each["fine"]) for each in run.json["artifacts"]] == [
        ("broken.zip", False),
        ("foreign.zip", True),
    ]
    assert "is not a zip, or it is cut off" in run.json["artifacts"][0]["error"]["message"]


@pytest.mark.needs("zip")
def test_info_zip_makes_zips_that_can_be_checked(folder: Path) -> None:
    subprocess.run(["zip", "-q", "-r", "-y", "../made.zip", "."], cwd=folder / "north", check=True)
    run = lpack("check", "made.zip", "--runtime", "python3.14", "--handler", "app.handler", folder=folder)
    assert (run.exit_code, run.stderr) == (0, "")
