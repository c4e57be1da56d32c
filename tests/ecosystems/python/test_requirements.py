from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from documents import variants_of
from hypothesis import given
from workshop import Workshop, target

from lpack.ecosystems.python.asked import direct_names, sources_of
from lpack.ecosystems.python.fingerprint import fingerprint
from lpack.ecosystems.python.index_credentials import credentials
from lpack.ecosystems.python.requirement_lines import all_lines
from lpack.ecosystems.python.requirements import Requirements, requirements_of
from lpack.errors import InputError, UsageError
from lpack.network import network_of

PROJECT = '[project]\nname = "orders"\nversion = "1.0"\ndependencies = ["base"]\n'


def found(workshop: Workshop, **function: Any) -> Requirements:
    return requirements_of(workshop.ask(**function).wanted, workshop.folder)


# Where they stand


def test_the_first_known_file_in_the_source_counts(workshop: Workshop) -> None:
    assert found(workshop).kind == "nothing"
    for name, kind in (
        ("pyproject.toml", "pyproject"),
        ("requirements.txt", "requirements"),
        ("poetry.lock", "poetry"),
        ("uv.lock", "uv"),
        ("pylock.toml", "pylock"),
    ):
        workshop.write({f"src/{name}": PROJECT if name == "pyproject.toml" else ""})
        requirements = found(workshop)
        assert (requirements.kind, requirements.file) == (kind, workshop.folder / "src" / name)


def test_a_pyproject_that_only_configures_tools_does_not_count(workshop: Workshop) -> None:
    workshop.write({"src/pyproject.toml": "[tool.ruff]\nline-length = 100\n"})
    assert found(workshop).kind == "nothing"
    workshop.write({"src/pyproject.toml": '[tool.poetry.dependencies]\nbase = "1"\n'})
    assert found(workshop).kind == "pyproject"
    workshop.write({"src/pyproject.toml": "[project\n"})
    with pytest.raises(InputError, match=r"pyproject.toml` is not TOML: "):
        found(workshop)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("more/requirements-prod.txt", "requirements"),
        ("requirements.in", "requirements"),
        ("pylock.prod.toml", "pylock"),
        ("pyproject.toml", "pyproject"),
        ("poetry.lock", "poetry"),
    ],
)
def test_a_file_that_is_named_counts_by_its_name(workshop: Workshop, name: str, kind: str) -> None:
    workshop.write({name: ""})
    requirements = found(workshop, requirements=name)
    assert (requirements.kind, requirements.folder) == (kind, (workshop.folder / name).parent)


@pytest.mark.parametrize("name", ["setup.py", "Pipfile.lock", "pylock.a.b.toml", "environment.yml"])
def test_a_file_of_an_unknown_kind_is_refused(workshop: Workshop, name: str) -> None:
    workshop.write({name: ""})
    with pytest.raises(UsageError, match=rf"`{name}` is no requirements file that lpack knows"):
        found(workshop, requirements=name)


@pytest.mark.parametrize("requirements", [None, ["demo"], "requirements.txt"])
def test_extras_and_groups_need_something_to_be_chosen_from(workshop: Workshop, requirements: Any) -> None:
    workshop.write({"requirements.txt": ""})
    for choice in ({"extras": ("fast",)}, {"groups": ("dev",)}):
        with pytest.raises(UsageError, match="`orders` has `extras` or `groups`, but"):
            found(workshop, requirements=requirements, **choice)


def test_the_lock_of_a_workspace_is_that_of_the_member_around_the_source(workshop: Workshop) -> None:
    workshop.write({"uv.lock": "", "member/pyproject.toml": PROJECT, "member/src/app.py": ""})
    assert found(workshop, requirements="uv.lock").folder == workshop.folder
    assert found(workshop, requirements="uv.lock", source=workshop.folder / "member/src").folder == (
        workshop.folder / "member"
    )
    assert found(workshop, requirements="uv.lock", source=workshop.folder.parent).folder == workshop.folder


# What is asked for directly


def test_direct_names_are_those_that_ask_and_not_those_that_limit(workshop: Workshop) -> None:
    workshop.write(
        {
            "src/requirements.txt": "-rmore.txt\n-ctop.txt\nDe_Mo[Fast]\nde.mo[slow]\n-e ../core\nx-1-py3-none-any.whl",
            "src/more.txt": "other @ https://x.invalid/other.zip\n",
            "src/top.txt": "limited<2\n",
            "core/setup.cfg": "[metadata]\nname = The.Core\n",
        }
    )
    assert direct_names(found(workshop)) == {
        "de-mo": {"fast", "slow"},
        "other": set(),
        "the-core": set(),
        "x": set(),
    }
    assert direct_names(found(workshop, requirements=["a[b]", "c"])) == {"a": {"b"}, "c": set()}


def test_direct_names_of_a_project_are_those_of_its_extras_and_groups(workshop: Workshop) -> None:
    workshop.write(
        {
            "src/pyproject.toml": PROJECT
            + '[project.optional-dependencies]\nFast = ["quick"]\nall = ["orders[fast]", "extra"]\n'
            + '[dependency-groups]\nDev = ["tests", { include-group = "log_ging" }]\nlog-ging = ["logger"]\n'
        }
    )
    assert direct_names(found(workshop)).keys() == {"base"}
    assert direct_names(found(workshop, extras=("all",))).keys() == {"base", "quick", "extra"}
    assert direct_names(found(workshop, groups=("dev",))).keys() == {"base", "tests", "logger"}


def test_direct_names_of_a_pylock_are_not_known(workshop: Workshop) -> None:
    workshop.write({"src/pylock.toml": ""})
    assert direct_names(found(workshop)) == {}


@pytest.mark.parametrize(
    "text",
    [
        "project = 1\n",
        "[project]\ndependencies = 1\n",
        "[project]\ndependencies = [1, {}]\noptional-dependencies = { x = 1 }\n",
        "dependency-groups = { dev = [{}, 1, { include-group = 1 }, { include-group = 'dev' }] }\n[project]\n",
        "tool = { uv = { sources = { a = 1, b = [1, {}], c = { workspace = true } }, workspace = 1 } }\n[project]\n",
    ],
)
def test_a_malformed_project_is_left_to_the_resolver(workshop: Workshop, text: str) -> None:
    workshop.write({"src/pyproject.toml": text})
    requirements = Requirements("pyproject", workshop.folder / "src", groups=("dev",), extras=("x",))
    assert direct_names(requirements) == {}
    assert sources_of(requirements).built == frozenset()


WHOLE = """
[project]
name = "orders"
version = "1.0"
dynamic = ["version"]
dependencies = ["base[x] ; python_version > '3'", "core @ ../core"]
optional-dependencies = { fast = ["quick"], all = ["orders[fast]"] }
[dependency-groups]
dev = ["tests", { include-group = "log" }]
log = ["logger"]
[tool.uv]
workspace = { members = ["libs/*"] }
sources = { core = { workspace = true }, other = [{ path = "../other" }], git = { git = "https://x.invalid" } }
index = [{ name = "own", url = "https://x.invalid/simple" }]
[tool.setuptools.dynamic]
dependencies = { file = ["base.txt"] }
[tool.poetry]
dependencies = { web = { version = "1", extras = ["x"] }, split = ["1", { python = "3" }] }
group = { dev = { dependencies = { tests = "1" } } }
"""


@given(variants_of(tomllib.loads(WHOLE)))
def test_any_project_has_an_answer(document: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "pyproject.toml").write_text(tomli_w.dumps(document), encoding="utf-8")
        for kind in ("pyproject", "poetry", "uv"):
            requirements = Requirements(kind, Path(folder), Path(folder, "uv.lock"), (), ("all",), ("dev",))
            direct_names(requirements)
            sources = sources_of(requirements)
            fingerprint(requirements, (), sources, [target()], provided={}, resolver="uv", folder=Path(folder))
            credentials(requirements, {})


# Where else than to an index they lead


def test_local_projects_are_followed_wherever_they_lead(workshop: Workshop) -> None:
    workshop.write(
        {
            "pyproject.toml": """
                [tool.uv]
                workspace = { members = ["libs/*"] }
                sources = { shared = { path = "shared" } }
            """,
            "src/requirements.txt": "-e ../libs/a\ndemo\nsource @ https://x.invalid/source-1.0.tar.gz\n",
            "libs/a/pyproject.toml": """
                [project]
                name = "a"
                dependencies = ["b", "c", "d", "e", "shared"]
                [tool.uv.sources]
                b = { workspace = true }
                c = [{ path = "../../c", marker = "sys_platform == 'linux'" }]
                d = { git = "https://x.invalid/d.git" }
                e = { path = "../../wheels/e-1.0-py3-none-any.whl" }
                f = { index = "pytorch" }
            """,
            "libs/b/pyproject.toml": '[project]\nname = "b"\n',
            "c/pyproject.toml": '[project]\nname = "c"\ndependencies = ["a @ ../libs/a"]\n',
            "shared/setup.cfg": "[metadata]\nname = shared\n",
            "wheels/e-1.0-py3-none-any.whl": "",
        }
    )
    sources = sources_of(found(workshop))
    folders = {str(folder.relative_to(workshop.folder)) for folder in sources.folders}
    assert folders == {"libs/a", "libs/b", "c", "shared"}
    assert [file.name for file in sources.files] == ["e-1.0-py3-none-any.whl"]
    assert sources.built == {"a", "b", "c", "d", "shared", "source"}
    assert not sources.nameless


@pytest.mark.parametrize(("line", "nameless"), [("../old", True), ("-e ../old", False), ("old @ ../old", False)])
def test_a_folder_whose_name_only_its_backend_knows_is_nameless(
    workshop: Workshop, line: str, *, nameless: bool
) -> None:
    workshop.write({"src/requirements.txt": line, "old/setup.py": "setup(name='old')"})
    assert sources_of(found(workshop)).nameless is nameless


# The fingerprint


def taken(workshop: Workshop, runtime: str = "python3.13", resolver: str = "uv", **function: Any) -> str:
    requirements = found(workshop, **function)
    lines, sources = all_lines(requirements), sources_of(requirements)
    here = workshop.folder
    return fingerprint(requirements, lines, sources, [target(runtime)], provided={}, resolver=resolver, folder=here)


FILES = {
    "src/requirements.txt": "-r more.txt\n-c limits.txt\n--index-url https://x.invalid/simple\n-e ../core\n",
    "src/more.txt": "demo==1.0\n",
    "src/limits.txt": "demo<2\n",
    "core/pyproject.toml": '[project]\nname = "core"\ndependencies = ["base"]\n',
    "core/core.py": "",
}


@pytest.mark.parametrize(
    "change",
    [
        {"src/more.txt": "# a comment\n\ndemo==1.0  # another\n\n"},
        {"src/more.txt": "demo==1.0\r\n"},
        {"src/requirements.txt": FILES["src/requirements.txt"].replace("https://", "https://ann:s3cret@")},
        {"src/requirements.txt": FILES["src/requirements.txt"].replace("https://", "https://${USER}:${TOKEN}@")},
        {"src/requirements.txt": FILES["src/requirements.txt"].replace("-c limits", "--constraint=limits")},
        {"core/core.py": "changed = True"},
        {"core/pyproject.toml": f"{FILES['core/pyproject.toml']}description = 'new'\n[tool.ruff]\nline-length = 1\n"},
        {"src/other.txt": "unrelated", "core/requirements-dev.txt": "more", "core/setup.cfg": "unrelated"},
    ],
    ids=str,
)
def test_what_can_t_change_the_lock_does_not_change_the_fingerprint(workshop: Workshop, change: dict[str, str]) -> None:
    workshop.write(FILES)
    before = taken(workshop)
    workshop.write(change)
    assert taken(workshop) == before


@pytest.mark.parametrize(
    "change",
    [
        {"src/more.txt": "demo==1.1\n"},
        {"src/limits.txt": "demo<3\n"},
        {"src/requirements.txt": FILES["src/requirements.txt"].replace("x.invalid", "y.invalid")},
        {"src/requirements.txt": FILES["src/requirements.txt"].replace("-c limits", "-r limits")},
        {"core/pyproject.toml": FILES["core/pyproject.toml"].replace("base", "other")},
        {"core/pyproject.toml": FILES["core/pyproject.toml"] + "[tool.uv.sources]\nbase = { git = 'https://x' }\n"},
        {"core/pyproject.toml": "", "core/setup.py": "setup(install_requires=['more'])"},
    ],
    ids=str,
)
def test_what_can_change_the_lock_changes_the_fingerprint(workshop: Workshop, change: dict[str, str]) -> None:
    workshop.write(FILES)
    before = taken(workshop)
    workshop.write(change)
    assert taken(workshop) != before


def test_the_target_the_resolver_and_the_choice_are_part_of_the_fingerprint(workshop: Workshop) -> None:
    workshop.write({"src/pyproject.toml": PROJECT + "[project.optional-dependencies]\nfast = []\n"})
    others = [
        taken(workshop),
        taken(workshop, "python3.12"),
        taken(workshop, resolver="pip-tools"),
        taken(workshop, extras=("fast",)),
        taken(workshop, groups=("dev",)),
    ]
    assert len(set(others)) == len(others)


@pytest.mark.parametrize(("line", "differs"), [("demo", False), ("./core", True), ("--find-links wheels", True)])
def test_it_says_where_local_things_are(workshop: Workshop, line: str, *, differs: bool) -> None:
    for name in ("a", "b"):
        workshop.write({f"{name}/requirements.txt": line, f"{name}/core/setup.py": "", f"{name}/wheels/x": ""})
    same = taken(workshop, requirements="a/requirements.txt") == taken(workshop, requirements="b/requirements.txt")
    assert same is not differs


@pytest.mark.parametrize("name", ["setup.py", "setup.cfg", "requirements.txt", "requirements-base.txt"])
def test_files_that_backends_read_are_part_of_it(workshop: Workshop, name: str) -> None:
    workshop.write({"src/requirements.txt": "../core", "core/setup.py": ""})
    before = taken(workshop)
    workshop.write({f"core/{name}": "changed"})
    assert taken(workshop) != before


def test_files_that_dynamic_dependencies_are_read_from_are_part_of_it(workshop: Workshop) -> None:
    tables = '[tool.setuptools.dynamic]\ndependencies = { file = ["deps/base.txt"] }\n'
    workshop.write({"src/pyproject.toml": f'[project]\nname = "x"\ndynamic = ["dependencies"]\n{tables}'})
    workshop.write({"src/deps/base.txt": "demo"})
    before = taken(workshop)
    workshop.write({"src/deps/base.txt": "other"})
    assert taken(workshop) != before


# Credentials

INDEX = "https://x.invalid/a/simple/"
FILE = "https://x.invalid/a/files/demo-1.0-py3-none-any.whl"
LOGIN = ("ann", "s3c/ret")


def login(workshop: Workshop, environ: dict[str, str], url: str = FILE, **function: Any) -> tuple[str, str] | None:
    given = credentials(found(workshop, **function), environ)
    matching = network_of({}, credentials=given).login(url)
    return (matching.username, matching.password) if matching else None


WITH_LOGIN = "https://ann:s3c%2Fret@x.invalid/a/simple/"


@pytest.mark.parametrize(
    "environ",
    [
        {"UV_DEFAULT_INDEX": WITH_LOGIN},
        {"UV_INDEX_URL": WITH_LOGIN},
        {"UV_INDEX": f"https://y.invalid/simple {WITH_LOGIN}"},
        {"UV_INDEX": f"own={WITH_LOGIN}"},
        {"UV_EXTRA_INDEX_URL": WITH_LOGIN},
        {"PIP_INDEX_URL": WITH_LOGIN},
        {"PIP_EXTRA_INDEX_URL": WITH_LOGIN},
        {"UV_FIND_LINKS": WITH_LOGIN},
        {"UV_INDEX": f"my-own={INDEX}", "UV_INDEX_MY_OWN_USERNAME": LOGIN[0], "UV_INDEX_MY_OWN_PASSWORD": LOGIN[1]},
    ],
    ids=str,
)
def test_credentials_stand_in_variables(workshop: Workshop, environ: dict[str, str]) -> None:
    assert login(workshop, environ, requirements=["demo"]) == LOGIN
    assert login(workshop, environ, "https://other.invalid/a/files/x.whl", requirements=["demo"]) is None
    assert login(workshop, environ, "http://x.invalid/a/files/x.whl", requirements=["demo"]) is None


TABLES = f'[[{{}}index]]\nname = "my.own"\nurl = "{INDEX}"\n'


@pytest.mark.parametrize(
    "files",
    [
        {"src/requirements.txt": f"--extra-index-url {WITH_LOGIN}\n"},
        {"src/requirements.txt": "-r more.txt", "src/more.txt": "-i https://${USER}:${TOKEN}@x.invalid/a/simple/\n"},
        {"src/requirements.txt": "--extra-index-url ${WHOLE}\n"},
        {"src/requirements.txt": f"demo @ {WITH_LOGIN}demo-1.0-py3-none-any.whl\n"},
        {"src/pyproject.toml": PROJECT.replace("base", f"demo @ {WITH_LOGIN}demo-1.0.zip")},
        {"src/pyproject.toml": PROJECT + TABLES.format("tool.uv.")},
        {"src/pyproject.toml": PROJECT, "pyproject.toml": TABLES.format("tool.uv.")},
        {"src/pyproject.toml": PROJECT, "uv.toml": TABLES.format("")},
        {"src/pyproject.toml": PROJECT, "home/.config/uv/uv.toml": TABLES.format("")},
        {"src/pyproject.toml": PROJECT, "xdg/uv/uv.toml": TABLES.format("")},
        {"src/pyproject.toml": PROJECT, "own.toml": f'index-url = "{WITH_LOGIN}"\n'},
    ],
    ids=str,
)
def test_credentials_stand_in_files_or_by_the_name_of_the_index(workshop: Workshop, files: dict[str, str]) -> None:
    workshop.write(files)
    environ = {"USER": "ann", "TOKEN": "s3c%2Fret", "WHOLE": WITH_LOGIN, "HOME": str(workshop.folder / "home")}
    environ |= {"UV_INDEX_MY_OWN_USERNAME": LOGIN[0], "UV_INDEX_MY_OWN_PASSWORD": LOGIN[1]}
    environ |= {"XDG_CONFIG_HOME": str(workshop.folder / "xdg")} if "xdg/uv/uv.toml" in files else {}
    environ |= {"UV_CONFIG_FILE": str(workshop.folder / "own.toml")} if "own.toml" in files else {}
    assert login(workshop, environ) == LOGIN


def test_two_indexes_of_one_host_have_their_own_credentials(workshop: Workshop) -> None:
    environ = {"UV_INDEX": "https://a:1@x.invalid/a/simple https://b:2@x.invalid/b/simple"}
    assert login(workshop, environ, "https://x.invalid/a/files/x.whl", requirements=["x"]) == ("a", "1")
    assert login(workshop, environ, "https://x.invalid/b/files/x.whl", requirements=["x"]) == ("b", "2")


def test_an_address_that_can_t_be_is_no_credential(workshop: Workshop) -> None:
    environ = {"UV_INDEX_URL": "https://a:b@[x/simple", "PIP_INDEX_URL": "https://a:b@x.invalid:port/simple"}
    assert credentials(found(workshop, requirements=["x"]), environ) == ()


def test_a_folder_that_is_no_file_is_not_read(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "uv.toml").mkdir()
    assert login(workshop, {}) is None
