"""Exit codes, help, and one JSON document whatever happens."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from command_line import Run
from in_process import lpack as lpack_here

from lpack import __version__
from lpack.cli import run
from lpack.cli.app import app

Project = Callable[[Mapping[str, str | bytes]], Path]
Captured = pytest.CaptureFixture[str]

COMMANDS = ("init", "lock", "build", "check", "inspect", "invoke", "events", "doctor", "layers", "cache")
CACHE_COMMANDS = ("dir", "size", "prune", "clear")
COMMON = ("--directory", "--json", "--verbose", "--quiet", "--no-color")


def test_help_names_every_command(capsys: Captured) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert [word for line in shown.out.splitlines() for word in line.split()[1:2] if word in COMMANDS] == list(COMMANDS)


@pytest.mark.parametrize(
    "command",
    [[name] for name in COMMANDS[:-1]] + [["layers", "add"]] + [["cache", name] for name in CACHE_COMMANDS],
    ids=" ".join,
)
def test_every_command_takes_the_common_options_and_says_so(command: list[str], capsys: Captured) -> None:
    assert run([*command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(option in shown for option in COMMON)


@pytest.mark.parametrize("command", [*COMMANDS, "publish", "test"])
def test_a_command_that_is_prepared_alone_is_what_it_is_among_all(command: str, capsys: Captured) -> None:
    assert run([command, "--help"]) == 0
    alone = capsys.readouterr().out
    assert f"Usage: lpack {command} " in alone
    assert app(args=[command, "--help"], prog_name="lpack", standalone_mode=False) == 0
    assert capsys.readouterr().out == alone


@pytest.mark.parametrize("command", COMMANDS[:-1])
def test_every_command_shows_examples(command: str, capsys: Captured) -> None:
    run([command, "--help"])
    assert f"$ lpack {command}" in capsys.readouterr().out


def test_without_a_command_the_help_is_shown(capsys: Captured) -> None:
    assert run([]) == 2
    shown = capsys.readouterr()
    assert "Usage: lpack" in shown.out
    assert "error" not in shown.err


def test_the_version_is_told(capsys: Captured) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"lpack {__version__}\n"


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["biuld"], "no such command 'biuld'. Did you mean 'build'?", "`lpack --help`"),
        (["build", "--forzen"], "no such option: --forzen", "`lpack build --help`"),
        (["inspect"], "missing argument 'NAME|FILE'", "`lpack inspect --help`"),
        (["cache", "prune", "--days", "many"], "invalid value for '--days'", "`lpack cache prune --help`"),
        (["cache", "prune", "--days", "-1"], "invalid value for '--days'", "`lpack cache prune --help`"),
        (["build", "-C", "nowhere/at/all"], "`nowhere/at/all` is not a folder", "give `-C` the folder"),
        (["init", "--runtime", "python3.31"], "`python3.31` is not a Lambda runtime", "did you mean `python3."),
        (["init", "--architecture", "amd64"], "`amd64` is not an architecture of Lambda", "use x86_64 or arm64"),
        (["inspect", "no.zip"], "there is no file `no.zip`", "name a zip, an image, or a function"),
        (["check", "no/such.zip"], "there is no file `no/such.zip`", "name a zip, an image, or a function"),
        (["build"], "has no lpack.toml", "run `lpack init`"),
        (["build", "orders", "--layer", "scipy"], "a build is of the project's parts or", "leave out one of the two"),
        (
            ["build", "--runtime", "python3.13"],
            "`--runtime` and `--architecture` go with `--layer`",
            "the configuration",
        ),
        (["build", "--layer", "scypi"], "`scypi` is not in the catalogue of layers", "did you mean `scipy`?"),
    ],
)
def test_wrong_usage_is_told_on_stderr_and_in_json(
    arguments: list[str], message: str, hint: str, *, capsys: Captured, empty_folder: Path
) -> None:
    assert Path.cwd() == empty_folder
    assert run(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert message in shown.err
    assert f"hint: {hint}" in shown.err

    assert run([*arguments, "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["format"] == 1
    assert document["error"]["exit_code"] == 2
    assert message in document["error"]["message"]
    assert hint in document["error"]["hint"]


@pytest.mark.parametrize(
    "command",
    [
        ["lock"],
        ["build"],
        ["build", "--dry-run"],
        ["check"],
        ["inspect", "hello"],
        ["inspect", "shared"],
        ["inspect", "dist/hello.zip"],
        ["inspect", "dist/shared.zip"],
        ["layers"],
        # It starts every program that there is, two of them in Java; tests of its own have a bare machine.
        pytest.param(["doctor"], marks=pytest.mark.slow),
        *(["cache", name] for name in CACHE_COMMANDS),
    ],
    ids=" ".join,
)
def test_json_is_one_document_with_a_format(command: list[str], project: Project) -> None:
    configuration = '[function.hello]\nruntime = "python3.13"\nhandler = "app.handler"\nlayers = ["shared"]\n'
    configuration += '[layer.shared]\nruntimes = ["python3.13"]\nsource = { python = "shared" }\n'
    files = {"app.py": "def handler(event, context): ...\n", "shared/shared.py": ""}
    folder = project({"lpack.toml": configuration, **files})
    lpack_here("build", folder=folder)
    told = lpack_here(*command, "--json", folder=folder)
    assert told.exit_code == 0, told.stderr
    assert next(iter(told.json)) == "format"
    assert told.json["format"] == 1


def test_json_tells_of_failures_too(project: Project) -> None:
    folder = project({"lpack.toml": "[function.hello]\n"})
    told = lpack_here("build", "--json", folder=folder)
    assert told.exit_code == 2
    assert told.json["error"]["kind"] == "ConfigError"
    assert len(told.json["error"]["details"]) == 2


def test_it_runs_as_a_module_and_as_a_script(lpack: Callable[..., Run]) -> None:
    script = Path(sys.executable).with_name("lpack")
    process = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert process.stdout == lpack("--version").stdout == f"lpack {__version__}\n"
