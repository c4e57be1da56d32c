import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import tomli_w
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lpack import config
from lpack.aws.architectures import ARM64, X86_64
from lpack.aws.runtimes import RUNTIMES
from lpack.config import Project
from lpack.config.keys import FUNCTION_KEYS
from lpack.errors import ConfigError, UsageError
from lpack.model import Target

MINIMAL = """
[function.orders]
runtime = "python3.13"
handler = "app.handler"
"""

Load = Callable[[str | bytes], Project]
Problems = Callable[[str], tuple[str, ...]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str | bytes) -> Project:
        (tmp_path / "lpack.toml").write_bytes(text.encode() if isinstance(text, str) else text)
        return config.load(tmp_path)

    return load


def with_key(line: str) -> str:
    return f"{MINIMAL}{line}\n"


# What is read


def test_a_minimal_file_gets_lambdas_defaults(load: Load, tmp_path: Path) -> None:
    project = load(MINIMAL)
    assert project == Project(
        folder=tmp_path,
        file=tmp_path / "lpack.toml",
        functions=(
            config.Function(
                name="orders",
                target=Target(RUNTIMES["python3.13"], X86_64),
                source=tmp_path,
                handler="app.handler",
            ),
        ),
        building=config.Building(resolver="uv", native="auto"),
    )
    (function,) = project.functions
    assert (function.memory, function.timeout, function.ephemeral_storage) == (128, 3, 512)
    assert function.requirements is None


def test_every_key_is_read(load: Load, tmp_path: Path) -> None:
    (tmp_path / "src" / "orders").mkdir(parents=True)
    (tmp_path / "requirements.txt").touch()
    project = load("""
        [build]
        resolver = "pip-tools"

        [function.orders]
        runtime = "python3.12"
        architecture = "arm64"
        source = "src/../src/orders"
        handler = "app.handler"
        requirements = "requirements.txt"
        extras = ["Fast_JSON"]
        groups = ["prod"]
        package = "zip"
        include = ["data/**"]
        exclude = ["tests/**", "*.md"]
        exclude-packages = ["Boto3", "Ruamel.Yaml"]
        environment = { TABLE = "orders", EMPTY = "" }
        memory = 512
        timeout = 30
        ephemeral-storage = 1024
        provided-libraries = ["libpq.so.5"]
    """)
    assert project.building.resolver == "pip-tools"
    assert project.functions == (
        config.Function(
            name="orders",
            target=Target(RUNTIMES["python3.12"], ARM64),
            source=tmp_path / "src" / "orders",
            handler="app.handler",
            requirements=tmp_path / "requirements.txt",
            extras=("fast-json",),
            groups=("prod",),
            include=("data/**",),
            exclude=("tests/**", "*.md"),
            exclude_packages=("boto3", "ruamel-yaml"),
            environment={"TABLE": "orders", "EMPTY": ""},
            memory=512,
            timeout=30,
            ephemeral_storage=1024,
            provided_libraries=frozenset({"libpq.so.5"}),
        ),
    )


def test_requirements_may_be_a_list_with_local_packages(load: Load) -> None:
    listed = (
        "requests[socks]>=2.32; python_version > '3'",
        "shop @ https://example.org/shop-1.0-py3-none-any.whl",
        "./libs/shared",
        "../shared",
        "/opt/wheels/x-1-py3-none-any.whl",
        "-e ./libs/shared",
        "--editable ./libs/other",
    )
    (function,) = load(MINIMAL + tomli_w.dumps({"requirements": listed})).functions
    assert function.requirements == listed


def test_an_empty_list_of_requirements_is_not_the_same_as_none(load: Load) -> None:
    assert load(with_key("requirements = []")).functions[0].requirements == ()


def test_a_function_overrides_defaults_and_adds_to_their_environment(load: Load) -> None:
    project = load("""
        [function.first]
        memory = 256
        environment = { STAGE = "dev", TABLE = "first" }

        [defaults]
        runtime = "python3.13"
        architecture = "arm64"
        handler = "app.handler"
        memory = 512
        exclude = ["*.md"]
        environment = { STAGE = "live", REGION = "eu" }

        [function.second]
        runtime = "python3.14"
        exclude = ["tests/**"]
    """)
    first, second = project.functions
    assert (first.name, first.memory, first.exclude) == ("first", 256, ("*.md",))
    assert first.environment == {"STAGE": "dev", "TABLE": "first", "REGION": "eu"}
    assert (second.name, second.memory, second.exclude) == ("second", 512, ("tests/**",))
    assert second.environment == {"STAGE": "live", "REGION": "eu"}
    assert str(first.target) == "python3.13 on arm64"
    assert str(second.target) == "python3.14 on arm64"


def test_numbers_that_lambda_refuses_are_left_to_the_checks(load: Load) -> None:
    (function,) = load(with_key("memory = -1\ntimeout = 100000")).functions
    assert (function.memory, function.timeout) == (-1, 100000)


def test_a_relative_folder_gives_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "lpack.toml").write_text(MINIMAL)
    monkeypatch.chdir(tmp_path)
    project = config.load(Path("project"))
    assert project.folder == project.functions[0].source == tmp_path / "project"
    assert project.file == tmp_path / "project" / "lpack.toml"


def test_a_hundred_functions_keep_their_order(load: Load) -> None:
    names = [f"function-{index}" for index in range(100, 0, -1)]
    document = {
        "defaults": {"runtime": "python3.13", "handler": "app.handler"},
        "function": {name: {"requirements": ["requests>=2", "numpy"]} for name in names},
    }
    assert [function.name for function in load(tomli_w.dumps(document)).functions] == names


# Where it is found


def test_pyproject_serves_as_well(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(MINIMAL.replace("[function", "[tool.lpack.function"))
    project = config.load(tmp_path)
    assert project.file == config.find(tmp_path) == tmp_path / "pyproject.toml"
    assert project.function("orders").handler == "app.handler"


def test_mistakes_in_pyproject_carry_the_whole_key_path(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.lpack.function.orders]\nhandler = 1\nruntime = 'python3.13'\n")
    with pytest.raises(ConfigError) as raised:
        config.load(tmp_path)
    assert raised.value.problems == ("`tool.lpack.function.orders.handler` must be a string, not a whole number",)


def test_a_pyproject_about_other_things_does_not_count(load: Load, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    assert load(MINIMAL).file == tmp_path / "lpack.toml"


@pytest.mark.parametrize("pyproject", [None, "", "[tool.ruff]\n", "tool = 1\n"])
def test_a_folder_without_configuration_is_told_of_init(tmp_path: Path, pyproject: str | None) -> None:
    if pyproject is not None:
        (tmp_path / "pyproject.toml").write_text(pyproject)
    with pytest.raises(UsageError, match=r"no lpack\.toml") as raised:
        config.load(tmp_path)
    assert "`lpack init`" in str(raised.value.hint)


def test_two_configurations_in_one_folder_are_refused(load: Load, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.lpack]\n")
    with pytest.raises(UsageError, match="configures lpack twice"):
        load(MINIMAL)


def test_a_tool_table_that_is_no_table_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool]\nlpack = true\n")
    with pytest.raises(ConfigError) as raised:
        config.load(tmp_path)
    assert raised.value.problems == ("`tool.lpack` must be a table, not a boolean",)


# What can't be read


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"[function.orders\n", "line 1, column 17: Expected ']' at the end of a table declaration"),
        (b"[a]\nb = 1\nb = 2\n", "line 3, column 6: Cannot overwrite a value"),
        (b"a = 1\nb = '\xff'\n", "line 2: the byte 0xff is not UTF-8"),
        ("[a]\n".encode("utf-16"), "line 1: the byte 0xff is not UTF-8"),
        (b"a = " + b"[" * 5000, "TOML inline arrays/tables are nested more than the allowed"),
        (b"a = " + b"9" * 5000, "Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits"),
    ],
)
def test_a_file_that_is_no_toml_says_where(load: Load, text: bytes, problem: str) -> None:
    with pytest.raises(ConfigError, match=r"lpack\.toml` has a mistake") as raised:
        load(text)
    (actual,) = raised.value.problems
    assert actual.startswith(problem)
    assert raised.value.exit_code == 2


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(load: Load) -> None:
    assert load(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode()).functions[0].name == "orders"


def test_a_folder_in_the_files_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "lpack.toml").mkdir()
    with pytest.raises(UsageError, match=r"lpack\.toml` is not a file"):
        config.load(tmp_path)


def test_a_named_pipe_in_the_files_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lpack.toml")
    with pytest.raises(UsageError, match=r"lpack\.toml` is not a file"):
        config.load(tmp_path)


def test_a_broken_link_in_the_files_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "lpack.toml").symlink_to("missing.toml")
    with pytest.raises(UsageError, match=r"lpack\.toml` is not a file"):
        config.load(tmp_path)


def test_a_link_that_leads_to_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UsageError, match="loop` can't be read"):
        config.load(tmp_path / "loop")


def test_a_file_that_the_system_refuses_to_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="xxx` can't be read: File name too long"):
        config.read_toml(tmp_path / ("x" * 300))


@pytest.mark.parametrize(("name", "reason"), [("missing", "No such file"), ("file", "Not a directory")])
def test_a_project_folder_that_is_none_is_named(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=f"{name}` can't be read: {reason}"):
        config.load(tmp_path / name)


# What is wrong in it


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('memory = "512"', "`function.orders.memory` must be a whole number, not a string"),
        ("memory = true", "`function.orders.memory` must be a whole number, not a boolean"),
        ("timeout = 1.0", "`function.orders.timeout` must be a whole number, not a floating-point number"),
        (f"memory = 0x{'f' * 5000}", "`function.orders.memory` is larger than numbers in TOML can be"),
        ("source = []", "`function.orders.source` must be a string, not a list"),
        ("source = 2026-11-20", "`function.orders.source` must be a string, not a date"),
        ("source = 2026-11-20T10:00:00Z", "`function.orders.source` must be a string, not a date with a time"),
        ("source = 10:00:00", "`function.orders.source` must be a string, not a time"),
        ('source = ""', "`function.orders.source` must not be empty"),
        ('include = "data/**"', "`function.orders.include` must be a list, not a string"),
        ('include = ["a", 1, ""]', "`function.orders.include[1]` must be a string, not a whole number"),
        (
            "requirements = 1",
            "`function.orders.requirements` must be a file's path, a list of requirements or a table, not a whole",
        ),
        ("requirements = [{}]", "`function.orders.requirements[0]` must be a string, not a table"),
        (
            "requirements = ['foo bar']",
            "`function.orders.requirements[0]` holds `foo bar`, which is not a requirement: Expected semicolon",
        ),
        (
            f"requirements = ['a; {'(' * 20_000}']",
            "`function.orders.requirements[0]` holds `a; ((((((((((",
        ),
        (
            "exclude-packages = ['boto3>=1']",
            "`function.orders.exclude-packages[0]` holds `boto3>=1`, which is not a name of letters, digits,",
        ),
        ("environment = []", "`function.orders.environment` must be a table, not a list"),
        (
            "environment = { DEBUG = true }",
            "`function.orders.environment.DEBUG` must be a string, not a boolean: write it as a string, in quotes",
        ),
        (
            "environment.PORT = 80",
            "`function.orders.environment.PORT` must be a string, not a whole number: write it as a string, in quotes",
        ),
        ("environment = { A = [] }", "`function.orders.environment.A` must be a string, not a list"),
        ('package = "tar"', "`function.orders.package` must be `zip` or `image`, not `tar`"),
        ("[build]\nresolver = 'pip'", "`build.resolver` must be `uv` or `pip-tools`, not `pip`"),
        ("[build]\nbackend = 'docker'", "`build.backend` must be `host` or `container`, not `docker`"),
        ("[build]\nbase = 'https://a/b'", "`build.base` names `https://a/b`, which is not an image"),
        ("[build]\nimage = 'a b'", "`build.image` names `a b`, which is not an image"),
        ("[build]\nimage = 'a'\nbase = 'b'", "`build.base` goes into an image that lpack makes, and `image` names one"),
        ("[build]\npackages = ['a; b']", "`build.packages[0]` names `a; b`, which is not a package of an operating"),
        ("[build]\nnative = 'gcc'", "`build.native` must be `auto`, `container`, `zig` or `never`, not `gcc`"),
        ("[build]\nresolvr = 'uv'", "`build.resolvr` is not known; did you mean `resolver`?"),
        ("exclude_packages = []", "`function.orders.exclude_packages` is not known; did you mean `exclude-packages`?"),
        ("memroy = 1", "`function.orders.memroy` is not known; did you mean `memory`?"),
        ('"a b" = 1', '`function.orders."a b"` is not known; what can stand here is `runtime`, `architecture`,'),
        ('"\\u001b[31m" = 1', '`function.orders."\\u001b[31m"` is not known'),
        ("[functions.b]", "`functions` is not known; did you mean `function`?"),
        ("[defaults]\ntimout = 1", "`defaults.timout` is not known; did you mean `timeout`?"),
    ],
)
def test_a_mistake_is_told_with_its_key_path(problems: Problems, line: str, problem: str) -> None:
    assert problems(with_key(line))[0].startswith(problem)


def test_a_key_above_all_tables_is_told_where_it_belongs(problems: Problems) -> None:
    assert problems("memory = 512\n" + MINIMAL) == ("`memory` belongs in `[defaults]` or in a `[function.NAME]`",)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("python3.99", "names `python3.99`, which is not a Lambda runtime; did you mean `python3."),
        ("Python3.13", "names `Python3.13`, which is not a Lambda runtime; did you mean `python3.13`"),
        ("", "must not be empty"),
        ("cobol", "names `cobol`, which is not a Lambda runtime; known runtimes are"),
        ("ruby3.4", "names `ruby3.4`, which is not supported by this version of lpack yet"),
        ("dotnet10", "names `dotnet10`, which is not supported by this version of lpack yet"),
    ],
)
def test_an_unusable_runtime_is_told_with_the_nearest(problems: Problems, name: str, problem: str) -> None:
    (actual,) = problems(MINIMAL.replace("python3.13", name))
    assert actual.startswith(f"`function.orders.runtime` {problem}")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("amd64", "did you mean `x86_64`?"),
        ("x86-64", "did you mean `x86_64`?"),
        ("aarch64", "did you mean `arm64`?"),
        ("ARM64", "did you mean `arm64`?"),
        ("riscv", "Lambda has `x86_64` and `arm64`"),
        ("\u001b", "Lambda has `x86_64` and `arm64`"),
    ],
)
def test_an_unknown_architecture_is_told_with_lambdas_name(problems: Problems, name: str, hint: str) -> None:
    (actual,) = problems(MINIMAL + tomli_w.dumps({"architecture": name}))
    assert actual.startswith("`function.orders.architecture` names `")
    assert actual.endswith(f"which is not a Lambda architecture; {hint}")
    assert actual.isprintable()


@pytest.mark.parametrize(("line", "families"), [("bundle = true", "nodejs"), ("build = ['make']", "java and provided")])
def test_a_key_of_another_language_is_a_mistake(problems: Problems, line: str, families: str) -> None:
    (mistake,) = problems(with_key(line))
    assert mistake.startswith(f"`function.orders.{line.partition(' ')[0]}` is for {families} runtimes")
    assert mistake.endswith("not for python3.13")


def test_all_mistakes_are_told_in_the_order_of_the_file_and_then_what_is_missing(problems: Problems) -> None:
    assert problems("""
        [function.b]
        memory = "1"
        timeout = "2"
        [build]
        resolver = "pip"
        [defaults]
        timeout = "3"
        [function.a]
        handler = 4
    """) == (
        "`function.b.memory` must be a whole number, not a string",
        "`function.b.timeout` must be a whole number, not a string",
        "`function.a.handler` must be a string, not a whole number",
        "`build.resolver` must be `uv` or `pip-tools`, not `pip`",
        "`defaults.timeout` must be a whole number, not a string",
        '`function.b.runtime` is missing; write, for example, runtime = "python3.13"',
        '`function.b.handler` is missing; write, for example, handler = "app.handler"',
        '`function.a.runtime` is missing; write, for example, runtime = "python3.13"',
    )


@pytest.mark.parametrize("text", ["", "[function]\n", "[defaults]\nmemory = 512\n"])
def test_a_file_without_functions_is_told_how_to_add_one(load: Load, text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(text)
    assert raised.value.problems == ("there is no `[function.NAME]`",)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("function = 1", "`function` must be a table, not a whole number"),
        ("[[function]]", "`function` must be a table, not a list"),
        ("[function]\nruntime = 'python3.13'", "`function.runtime` must be a table, not a string"),
    ],
)
def test_functions_must_be_tables(problems: Problems, text: str, problem: str) -> None:
    assert problems(text) == (problem,)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\n", "a\0", "x" * 201])
def test_a_function_whose_name_can_be_no_files_name_is_refused(problems: Problems, name: str) -> None:
    (actual,) = problems(tomli_w.dumps({"function": {name: {"runtime": "python3.13", "handler": "a.b"}}}))
    assert "can't be the name of a file" in actual
    assert actual.isprintable()


def test_paths_that_lead_nowhere_are_told_where_was_looked(problems: Problems, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    assert problems("""
        [defaults]
        runtime = "python3.13"
        handler = "app.handler"
        [function.a]
        source = "missing"
        requirements = "missing.txt"
        [function.b]
        source = "file"
        requirements = "folder"
        [function.c]
        source = "file/deeper"
        requirements = "a\\u0000b"
    """) == (
        f"`function.a.source` names `{tmp_path}/missing`: no such file or directory",
        f"`function.a.requirements` names `{tmp_path}/missing.txt`: no such file or directory",
        f"`function.b.source` names `{tmp_path}/file`, which is not a folder",
        f"`function.b.requirements` names `{tmp_path}/folder`, which is not a file",
        f"`function.c.source` names `{tmp_path}/file/deeper`: not a directory",
        f'`function.c.requirements` names `"{tmp_path}/a\\u0000b"`: embedded null byte',
    )


# Choosing functions

THREE = """
[defaults]
runtime = "python3.13"
handler = "app.handler"
[function.orders]
[function.invoices]
[function.mail]
"""


def test_functions_are_chosen_by_name_each_once(load: Load) -> None:
    project = load(THREE)
    assert project.function("mail").name == "mail"
    assert [each.name for each in project.selected(["mail", "orders", "mail"])] == ["mail", "orders"]
    assert project.selected([]) == project.functions


@pytest.mark.parametrize(
    ("names", "message", "hint"),
    [
        (["ordres"], "`ordres` is not a function of", "did you mean `orders`?"),
        (
            ["ordres", "mail", "invoice", "ordres"],
            "`ordres` and `invoice` are not functions of",
            "did you mean `orders` or `invoices`?",
        ),
        (["zzz"], "`zzz` is not a function of", "it has `orders`, `invoices` and `mail`"),
    ],
)
def test_unknown_functions_are_told_with_the_nearest(load: Load, names: list[str], message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as raised:
        load(THREE).selected(names)
    assert raised.value.hint == hint


# Any input

any_text = st.text(max_size=12) | st.sampled_from(["python3.13", "arm64", "zip", ".", "app.handler", "-e x", "uv"])
any_scalar = any_text | st.integers(-(2**70), 2**70) | st.floats() | st.booleans() | st.dates() | st.datetimes()
any_key = any_text | st.sampled_from(["function", "defaults", "build", "layer", *FUNCTION_KEYS, "resolver"])
any_table = st.recursive(
    st.dictionaries(any_key, any_scalar | st.lists(any_scalar, max_size=3), max_size=6),
    lambda tables: st.dictionaries(any_key, any_scalar | tables | st.lists(tables, max_size=2), max_size=4),
    max_leaves=8,
)
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def loads_or_tells(folder: Path) -> None:
    problems: tuple[str, ...] = ()
    try:
        functions = config.load(folder).functions
    except ConfigError as error:
        problems = error.problems
        functions = ()
    assert bool(functions) != bool(problems)
    assert all(function.source.is_dir() for function in functions)
    assert all(problem.isprintable() for problem in problems)


@in_one_folder
@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf")
@example(b"a" + b".a" * 2000 + b" = 1")
def test_any_bytes_are_a_project_or_a_clear_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "lpack.toml").write_bytes(data)
    loads_or_tells(tmp_path)


@in_one_folder
@given(any_table)
def test_any_document_is_a_project_or_a_clear_error(tmp_path: Path, document: dict[str, object]) -> None:
    (tmp_path / "lpack.toml").write_bytes(tomli_w.dumps(document).encode())
    loads_or_tells(tmp_path)


@in_one_folder
@given(st.dictionaries(any_key, any_scalar | any_table | st.lists(any_scalar, max_size=3), max_size=8))
def test_any_function_is_a_project_or_a_clear_error(tmp_path: Path, table: dict[str, object]) -> None:
    document = {"function": {"orders": {"runtime": "python3.13", "handler": "app.handler", **table}}}
    (tmp_path / "lpack.toml").write_bytes(tomli_w.dumps(document).encode())
    loads_or_tells(tmp_path)
