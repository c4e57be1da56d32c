import json
import os
import re
import runpy
import subprocess
from pathlib import Path

import pytest
from packaging.version import Version

from lpack import config, starters
from lpack.aws.architectures import ARM64, X86_64, Architecture
from lpack.aws.limits import FUNCTION_NAME
from lpack.aws.runtimes import RUNTIMES
from lpack.config import Function
from lpack.errors import ConfigError, LpackError, UsageError
from lpack.model import Target

PYTHON = RUNTIMES["python3.13"]
CODE = "def handler(event, context):\n    return event\n"


def create(folder: Path, *, name: str = "shop", architecture: Architecture = X86_64) -> list[str]:
    """The paths of the files written, relative to the folder."""
    files = starters.create(folder, name=name, runtime=PYTHON, architecture=architecture)
    assert all(file.is_file() for file in files)
    return [str(file.relative_to(folder)) for file in files]


def only_function(folder: Path) -> Function:
    (function,) = config.load(folder).functions
    return function


def put(folder: Path, path: str, text: str = "") -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# An empty folder


@pytest.mark.parametrize("architecture", [X86_64, ARM64])
def test_an_empty_folder_gets_a_function_that_loads(tmp_path: Path, architecture: Architecture) -> None:
    written = create(tmp_path, architecture=architecture)
    assert written == ["src/shop/app.py", "src/shop/requirements.txt", "lpack.toml"]
    function = only_function(tmp_path)
    assert function.name == "shop"
    assert function.target == Target(PYTHON, architecture)
    assert function.source == tmp_path / "src" / "shop"
    assert function.handler == "app.handler"
    assert (function.memory, function.timeout) == (128, 3)
    (test,) = function.tests
    assert (test.name, test.event) == ("greets", {"name": "Ada"})
    assert test.expect == {"statusCode": 200, "body": {"message": "Hello, Ada!"}}


def test_the_first_function_answers(tmp_path: Path) -> None:
    create(tmp_path)
    handler = runpy.run_path(str(tmp_path / "src/shop/app.py"))["handler"]
    response = json.loads(json.dumps(handler({"name": "Ada"}, None)))
    assert response == {"statusCode": 200, "body": '{"message": "Hello, Ada!"}'}
    assert "Hello, world!" in handler({}, None)["body"]


def test_the_first_function_needs_no_packages(tmp_path: Path) -> None:
    create(tmp_path)
    lines = (tmp_path / "src/shop/requirements.txt").read_text().splitlines()
    assert lines
    assert all(line.startswith("#") for line in lines)


def test_no_half_written_files_stay(tmp_path: Path) -> None:
    create(tmp_path)
    assert files_in(tmp_path) == ["lpack.toml", "src", "src/shop", "src/shop/app.py", "src/shop/requirements.txt"]


# A folder with code


@pytest.mark.parametrize(
    ("file", "code", "handler"),
    [
        ("app.py", CODE, "app.handler"),
        ("lambda_function.py", "def lambda_handler(event, context): ...", "lambda_function.lambda_handler"),
        ("main.py", "from mangum import Mangum\nhandler = Mangum(app)\n", "main.handler"),
        ("index.py", "handler: Callable[[Event], None] = make()\n", "index.handler"),
        ("handler.py", "def handler[T](event: T, context: object) -> T: ...", "handler.handler"),
    ],
)
def test_existing_code_is_used_as_it_is(tmp_path: Path, file: str, code: str, handler: str) -> None:
    put(tmp_path, file, code)
    assert create(tmp_path) == ["lpack.toml"]
    function = only_function(tmp_path)
    assert (function.source, function.handler, function.tests) == (tmp_path, handler, ())
    assert (tmp_path / file).read_text() == code


@pytest.mark.parametrize(
    "code",
    [
        "",
        "def other(event, context): ...",
        "async def handler(event, context): ...",
        "class App:\n    def handler(self): ...",
        "handler.setLevel(level=1)\nhandler == 1\n",
        "def handlers(): ...",
    ],
)
def test_code_without_a_handler_is_left_alone(tmp_path: Path, code: str) -> None:
    put(tmp_path, "app.py", code)
    create(tmp_path)
    assert only_function(tmp_path).source == tmp_path / "src" / "shop"
    assert (tmp_path / "app.py").read_text() == code


def test_code_in_the_functions_own_folder_is_used(tmp_path: Path) -> None:
    put(tmp_path, "src/shop/main.py", CODE)
    assert create(tmp_path) == ["lpack.toml"]
    function = only_function(tmp_path)
    assert (function.source, function.handler) == (tmp_path / "src" / "shop", "main.handler")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", '[project]\nname = "shop"\nversion = "1"\ndependencies = ["requests"]\n'),
        ("requirements.txt", "requests\n"),
        ("poetry.lock", ""),
    ],
)
def test_a_folder_that_declares_packages_gets_its_handler_beside_them(tmp_path: Path, file: str, text: str) -> None:
    put(tmp_path, file, text)
    assert create(tmp_path) == ["app.py", "lpack.toml"]
    assert only_function(tmp_path).source == tmp_path


def test_a_pyproject_for_tools_alone_declares_no_packages(tmp_path: Path) -> None:
    put(tmp_path, "pyproject.toml", "[tool.ruff]\nline-length = 100\n")
    assert "src/shop/app.py" in create(tmp_path)


def test_tests_beside_the_code_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, "app.py", CODE)
    put(tmp_path, "tests/test_app.py")
    create(tmp_path)
    assert only_function(tmp_path).exclude == ("tests/**",)


# What is refused


@pytest.mark.parametrize(("file", "text"), [("lpack.toml", ""), ("pyproject.toml", "[tool.lpack]\n")])
def test_a_configured_folder_is_left_as_it_is(tmp_path: Path, file: str, text: str) -> None:
    put(tmp_path, file, text)
    with pytest.raises(UsageError, match=f"{re.escape(file)}` configures lpack already"):
        create(tmp_path)
    assert files_in(tmp_path) == [file]


@pytest.mark.parametrize(
    ("existing", "named"),
    [
        (["requirements.txt", "app.py"], "app.py"),
        (["src/shop/app.py"], "src/shop/app.py"),
        (["src/shop/requirements.txt"], "src/shop/requirements.txt"),
    ],
)
def test_nothing_is_overwritten(tmp_path: Path, existing: list[str], named: str) -> None:
    for path in existing:
        put(tmp_path, path, "mine = 1\n")
    before = files_in(tmp_path)
    with pytest.raises(UsageError, match=f"{re.escape(str(tmp_path / named))}` exists already"):
        create(tmp_path)
    assert files_in(tmp_path) == before
    assert all((tmp_path / path).read_text() == "mine = 1\n" for path in existing)


def test_a_link_to_nothing_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "app.py").symlink_to("elsewhere.py")
    with pytest.raises(UsageError, match="exists already"):
        create(tmp_path)
    assert files_in(tmp_path) == ["app.py", "requirements.txt"]


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    put(tmp_path, "src")
    with pytest.raises(LpackError, match=r"src/shop/app\.py` can't be written"):
        create(tmp_path)
    assert files_in(tmp_path) == ["src"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="missing` can't be read"):
        create(tmp_path / "missing")


def test_a_broken_pyproject_is_told(tmp_path: Path) -> None:
    put(tmp_path, "pyproject.toml", "[project\n")
    with pytest.raises(ConfigError, match=r"pyproject\.toml` has a mistake"):
        create(tmp_path)


@pytest.mark.parametrize("name", ["", "my shop", "a/b", "größe", "x" * 65, "shop\n"])
def test_a_name_that_lambda_refuses_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="can't be the name of a Lambda function"):
        create(tmp_path, name=name)
    assert files_in(tmp_path) == []


def test_runtimes_of_other_families_are_said_to_be_missing_yet(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"`ruby3\.4` is not supported by this version of lpack yet"):
        starters.create(tmp_path, name="shop", runtime=RUNTIMES["ruby3.4"], architecture=X86_64)
    assert files_in(tmp_path) == []


# Names and runtimes


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("shop", "shop"),
        ("My Shop (2)", "My-Shop-2"),
        ("a.b_c-d", "a-b_c-d"),
        ("größe", "gr-e"),
        ("日本", "function"),
        ("x" * 63 + " y", "x" * 63),
    ],
)
def test_a_folders_name_becomes_a_functions_name(tmp_path: Path, folder: str, name: str) -> None:
    assert starters.name_for(tmp_path / folder) == name
    assert FUNCTION_NAME.fullmatch(name)


def test_the_root_folder_gives_a_name_too() -> None:
    assert starters.name_for(Path("/")) == "function"


def test_the_default_runtime_is_the_newest_released_python() -> None:
    runtime = starters.default_runtime()
    assert runtime.lifecycle.deprecated
    pythons = [each for each in RUNTIMES.values() if each.family == "python"]
    newer = [each for each in pythons if Version(each.version) > Version(runtime.version)]
    assert all(each.lifecycle.deprecated is None for each in newer)


# Other languages


def start(folder: Path, runtime: str) -> Function:
    starters.create(folder, name="shop", runtime=RUNTIMES[runtime], architecture=X86_64)
    return only_function(folder)


@pytest.mark.parametrize(
    ("runtime", "handler", "files"),
    [
        ("nodejs24.x", "index.handler", ["src/shop/index.mjs", "src/shop/package.json"]),
        ("java21", "example.App::handleRequest", ["src/shop/pom.xml", "src/shop/src/main/java/example/App.java"]),
        ("provided.al2023", "bootstrap", ["src/shop/bootstrap"]),
    ],
)
def test_every_language_has_a_first_function(tmp_path: Path, runtime: str, handler: str, files: list[str]) -> None:
    function = start(tmp_path, runtime)
    assert (function.handler, function.source) == (handler, tmp_path / "src" / "shop")
    written = [path for path in files_in(tmp_path) if (tmp_path / path).is_file()]
    assert written == ["lpack.toml", *files]


def test_a_first_bootstrap_can_be_run(tmp_path: Path) -> None:
    start(tmp_path, "provided.al2023")
    bootstrap = tmp_path / "src/shop/bootstrap"
    assert os.access(bootstrap, os.X_OK)
    assert subprocess.run(["sh", "-n", bootstrap], check=False).returncode == 0


@pytest.mark.parametrize(
    ("runtime", "files", "handler"),
    [
        ("nodejs24.x", {"index.js": "exports.handler = async (event) => event;\n"}, "index.handler"),
        ("nodejs24.x", {"app.mts": "export const lambdaHandler = async () => 1;\n"}, "app.lambdaHandler"),
        ("nodejs24.x", {"src/shop/main.mjs": "export async function handler() {}\n"}, "main.handler"),
        (
            "java21",
            {
                "pom.xml": "<project/>",
                "src/main/java/a/Shop.java": "package a.b;\npublic class Shop\n implements RequestHandler<A, B> {}\n",
            },
            "a.b.Shop::handleRequest",
        ),
        ("provided.al2023", {"go.mod": "module shop\n"}, "bootstrap"),
        ("provided.al2023", {"src/shop/Cargo.toml": ""}, "bootstrap"),
    ],
)
def test_code_of_every_language_is_used_as_it_is(
    tmp_path: Path, runtime: str, files: dict[str, str], handler: str
) -> None:
    for path, text in files.items():
        put(tmp_path, path, text)
    function = start(tmp_path, runtime)
    assert function.handler == handler
    assert function.source == tmp_path / ("src/shop" if any(path.startswith("src/shop/") for path in files) else ".")
    assert [path for path in files_in(tmp_path) if (tmp_path / path).is_file()] == sorted(["lpack.toml", *files])


def test_a_java_project_without_a_handler_is_told(tmp_path: Path) -> None:
    put(tmp_path, "pom.xml", "<project/>")
    put(tmp_path, "src/main/java/Other.java", "class Other {}")
    with pytest.raises(UsageError, match="no class under src/main/java that implements RequestHandler"):
        start(tmp_path, "java21")


def test_code_beside_a_package_json_is_put_there(tmp_path: Path) -> None:
    put(tmp_path, "package.json", "{}")
    assert start(tmp_path, "nodejs24.x").source == tmp_path
    assert (tmp_path / "index.mjs").is_file()
