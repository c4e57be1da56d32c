"""Locks of other tools: uv's by uv itself, poetry's as poetry writes them, and PEP 751's."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import uv
from documents import variants_of
from hypothesis import given
from index_server import IndexServer
from projects import project_files
from python_tool import python_with
from workshop import Workshop, target

from lpack.ecosystems.python.poetry import pins
from lpack.ecosystems.python.selection import Choice, select
from lpack.errors import InputError, LpackError, ResolveError
from lpack.store import sha256_of

pytestmark = pytest.mark.slow  # each asks uv

MakeWheel = Callable[..., Path]


def chosen(workshop: Workshop, **function: Any) -> dict[str, str]:
    """What the target takes of the lock: names and versions."""
    lock = workshop.locked(**function)
    return {each.name: each.version for each in select(lock, workshop.target, Choice(), workshop.store)}


def packages(workshop: Workshop, **function: Any) -> set[str]:
    """The names of the packages in the artifact."""
    return {package.name for package in workshop.assemble(**function).packages}


# uv.lock

MEMBER = """
[project]
name = "orders"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["base", "core", "windows ; sys_platform == 'win32'", "arm ; platform_machine == 'aarch64'"]

[project.optional-dependencies]
fast = ["quick"]

[dependency-groups]
dev = ["tests"]
log = ["logger"]

[tool.uv.sources]
core = { workspace = true }
"""


@pytest.fixture
def uv_locked(indexed: Workshop, make_wheel: MakeWheel) -> Workshop:
    """A workspace with its uv.lock; the function is one of its members."""
    for name in ("base", "part", "windows", "arm", "quick", "tests", "logger", "other"):
        make_wheel(name)
    make_wheel("base", "2.0")
    indexed.write(
        {
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*", "src", "beside"]\n',
            "src/pyproject.toml": MEMBER,
            "beside/pyproject.toml": MEMBER.split("[project.opt", maxsplit=1)[0]
            .replace("orders", "beside")
            .replace('"core", ', '"other", '),
            **{f"libs/core/{name}": text for name, text in project_files("core", requires=["part", "base<2"]).items()},
        }
    )
    environ = {**os.environ, **indexed.environ}
    subprocess.run([uv.find_uv_bin(), "lock", "--quiet"], cwd=indexed.folder, env=environ, check=True)
    return indexed


def test_a_member_of_a_workspace_takes_its_own_part_of_the_lock(uv_locked: Workshop) -> None:
    assert chosen(uv_locked, requirements="uv.lock") == {"base": "1.0", "core": "", "part": "1.0"}
    assert packages(uv_locked, requirements="uv.lock") == {"base", "core", "part"}
    assert not list(uv_locked.folder.glob("pylock*"))
    beside = {"source": uv_locked.folder / "beside", "requirements": "uv.lock", "name": "beside"}
    assert chosen(uv_locked, **beside) == {"base": "1.0", "other": "1.0"}
    uv_locked.target = target("python3.12", "arm64")
    assert chosen(uv_locked, **beside) == {"arm": "1.0", "base": "1.0", "other": "1.0"}


def test_extras_and_groups_of_a_uv_lock_are_chosen(uv_locked: Workshop) -> None:
    plain = {"base", "core", "part"}
    assert chosen(uv_locked, requirements="uv.lock", extras=("fast",)).keys() == plain | {"quick"}
    assert chosen(uv_locked, requirements="uv.lock", groups=("log",)).keys() == plain | {"logger"}
    with pytest.raises(ResolveError, match=r"uv can't read `uv\.lock`") as caught:
        uv_locked.lock(requirements="uv.lock", extras=("nonsense",))
    assert "nonsense" in caught.value.details[0]


def test_what_only_an_excluded_package_of_a_uv_lock_needed_goes_with_it(uv_locked: Workshop) -> None:
    assert packages(uv_locked, requirements="uv.lock", exclude_packages=("core",)) == {"base"}


def test_a_uv_lock_is_translated_once(uv_locked: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = uv_locked.lock(requirements="uv.lock")
    monkeypatch.setattr(uv, "find_uv_bin", lambda: "/nowhere")
    assert uv_locked.lock(requirements="uv.lock") == locked


def test_a_broken_uv_lock_is_an_error(uv_locked: Workshop) -> None:
    uv_locked.write({"uv.lock": "version = 99\n"})
    with pytest.raises(ResolveError, match=r"uv can't read `uv\.lock`") as caught:
        uv_locked.lock(requirements="uv.lock")
    assert caught.value.details


# poetry.lock

PYPROJECT = """
[tool.poetry]
name = "orders"
version = "1.0"
description = ""
authors = []
package-mode = false

[tool.poetry.dependencies]
python = "^3.11"
web = { version = "*", extras = ["Fast"] }
core = { path = "core", develop = true }
never = { version = "*", markers = "sys_platform == 'win32'" }
old = { version = "*", python = "<3.12" }
other-system = { version = "*", platform = "darwin" }
maybe = { version = "*", optional = true }
split = [{ version = "1.0", python = "<3.13" }, { version = "2.0", python = ">=3.13" }]

[tool.poetry.extras]
Per_haps = ["maybe"]

[tool.poetry.group.log.dependencies]
logger = "*"

[tool.poetry.group.dev.dependencies]
tests = "*"
"""

LOCKED = """
[[package]]
name = "{name}"
version = "{version}"
optional = false
python-versions = "{python}"
files = [
    {{file = "{file}", hash = "sha256:{digest}"}},
]
"""


class PoetryLock:
    """A poetry.lock in the making."""

    def __init__(self, make_wheel: MakeWheel) -> None:
        self.make_wheel = make_wheel
        self.text = ""

    def add(self, name: str, version: str = "1.0", *, python: str = ">=3.9", more: str = "", **wheel: Any) -> None:
        file = self.make_wheel(name, version, **wheel)
        digest = sha256_of(file).hex()
        self.text += LOCKED.format(name=name, version=version, python=python, file=file.name, digest=digest) + more


END = '\n[metadata]\nlock-version = "2.1"\npython-versions = "^3.11"\ncontent-hash = "0"\n'


@pytest.fixture
def poetry(indexed: Workshop, make_wheel: MakeWheel) -> Workshop:
    """A project with a poetry.lock, whose packages the index has."""
    lock = PoetryLock(make_wheel)
    lock.add(
        "web",
        requires=["part>=1", "quick ; extra == 'fast'", "slow ; extra == 'slow'"],
        more="""
[package.dependencies]
part = ">=1"
quick = {version = "*", optional = true, markers = "extra == \\"fast\\""}
slow = {version = "*", optional = true, markers = "extra == \\"slow\\""}
arm = {version = "*", markers = "platform_machine == \\"aarch64\\""}

[package.extras]
fast = ["quick (>=1)"]
slow = ["slow"]
""",
    )
    for name in ("part", "quick", "slow", "arm", "maybe", "logger", "tests", "never", "old", "other-system", "base"):
        lock.add(name)
    lock.add("split", "1.0", python=">=3.8, !=3.9.0")
    lock.text = lock.text.replace('name = "split"\n', 'name = "split"\nmarkers = "python_version < \'3.13\'"\n')
    lock.add("split", "2.0", python="^3.11 || ^4.0", more="markers = { main = \"python_version >= '3.13'\" }\n")
    lock.text += """
[[package]]
name = "core"
version = "1.0"
optional = false
python-versions = "*"
files = []
develop = true

[package.dependencies]
base = "*"

[package.source]
type = "directory"
url = "core"
"""
    files = {f"src/core/{name}": text for name, text in project_files("core", requires=["base"]).items()}
    indexed.write({"src/pyproject.toml": PYPROJECT, "src/poetry.lock": lock.text + END, **files})
    return indexed


@pytest.mark.parametrize(
    ("python", "is_there"),
    [
        *(("3.13", True), ("3.13.*", True), ("=3.13", True), ("~3", True), ("~ 3.13", True), ("3.12 || 3.13.*", True)),
        *(("3.12", False), ("3.12.*", False), ("~2", False), ("<3", False), ("3.11 || 3.12.*", False)),
    ],
)
def test_poetry_s_ways_to_name_pythons_are_known(poetry: Workshop, python: str, is_there: bool) -> None:  # noqa: FBT001 -- a case's answer
    poetry.write({"src/pyproject.toml": PYPROJECT.replace('python = "<3.12"', f'python = "{python}"')})
    assert ("old" in chosen(poetry)) is is_there


def test_a_poetry_lock_gives_what_the_target_takes(poetry: Workshop) -> None:
    assert chosen(poetry) == dict.fromkeys(("base", "part", "quick", "web"), "1.0") | {"core": "", "split": "2.0"}
    assert packages(poetry) == {"base", "core", "part", "quick", "split", "web"}
    poetry.target = target("python3.11", "arm64")
    names = ("arm", "base", "old", "part", "quick", "split", "web")
    assert chosen(poetry) == dict.fromkeys(names, "1.0") | {"core": ""}
    assert not list(poetry.folder.glob("**/pylock*"))


def test_extras_and_groups_of_a_poetry_lock_are_chosen(poetry: Workshop) -> None:
    plain = {"base", "core", "part", "quick", "split", "web"}
    assert chosen(poetry, extras=("per-haps",)).keys() == plain | {"maybe"}
    assert chosen(poetry, groups=("log",)).keys() == plain | {"logger"}


def test_excluding_knows_what_poetry_was_asked_for(poetry: Workshop) -> None:
    assert packages(poetry, exclude_packages=("web",)) == {"base", "core", "split"}


def test_a_file_with_another_hash_than_poetry_s_is_refused(poetry: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("part", files={"part.py": "import evil\n"})
    with pytest.raises(ResolveError, match=r"`part` 1\.0 has no file for the target whose hash is in `poetry\.lock`"):
        poetry.lock()


def test_a_project_in_the_standard_s_words_is_understood(poetry: Workshop) -> None:
    poetry.write(
        {
            "src/pyproject.toml": """
                [project]
                name = "orders"
                version = "1.0"
                dependencies = ["web[slow] (>=1)", "old ; python_version < '3.12'"]
                [project.optional-dependencies]
                fast = ["maybe"]
                [dependency-groups]
                log = ["logger"]
            """
        }
    )
    assert chosen(poetry).keys() == {"web", "part", "slow"}
    assert chosen(poetry, extras=("fast",), groups=("log",)).keys() == {"web", "part", "slow", "maybe", "logger"}


def test_hashes_stood_at_the_end_of_old_poetry_locks(poetry: Workshop) -> None:
    text = (poetry.folder / "src/poetry.lock").read_text()
    tables, _, _ = text.partition('[[package]]\nname = "core"')
    listed = {}
    for block in tables.split("[[package]]")[1:]:
        name = block.split('name = "')[1].split('"')[0]
        files = block[block.index("files = [") : block.index("]\n", block.index("files = [")) + 2]
        listed[name] = listed.get(name, "") + files.replace("files = [", "").replace("]\n", "")
        text = text.replace(files, "")
    end = "\n[metadata.files]\n" + "\n".join(f"{name} = [{files}]" for name, files in listed.items())
    poetry.write({"src/poetry.lock": text.replace("files = []\n", "") + end})
    assert chosen(poetry).keys() == {"base", "core", "part", "quick", "split", "web"}


@pytest.mark.parametrize(
    ("old", "new", "fact"),
    [
        ('python-versions = ">=3.9"', 'python-versions = "nonsense"', "Python versions that can't be understood"),
        ('markers = "extra ==', 'markers = "nonsense ==', "holds a marker that can't be understood"),
        ("[[package]]", "[[package", "is not TOML"),
        ('name = "web"\n', "", "holds a package without a name or version"),
        ('version = "1.0"\n', "version = 1.0\n", "holds a package without a name or version"),
    ],
)
def test_a_broken_poetry_lock_is_an_error(poetry: Workshop, old: str, new: str, fact: str) -> None:
    text = (poetry.folder / "src/poetry.lock").read_text()
    assert old in text
    poetry.write({"src/poetry.lock": text.replace(old, new, 1)})
    with pytest.raises(InputError, match=fact):
        poetry.lock()


def test_a_poetry_lock_without_its_project_is_an_error(workshop: Workshop) -> None:
    workshop.write({"src/poetry.lock": END})
    with pytest.raises(InputError, match=r"`poetry\.lock` has no pyproject\.toml beside it"):
        workshop.lock()


def test_a_poetry_lock_of_nothing_is_nothing(workshop: Workshop) -> None:
    workshop.write({"src/poetry.lock": END, "src/pyproject.toml": "[tool.poetry]\nname = 'x'\n"})
    assert workshop.locked().document["packages"] == []


WEB = LOCKED.format(name="web", version="1.0", python="^3.8 || >=3.11, !=3.12.0", file="web.whl", digest="0" * 64)
WEB += """
markers = { main = "python_version >= '3.8'" }
[package.dependencies]
web = {version = "*", optional = true, markers = "extra == 'fast'", extras = ["fast"]}
[package.extras]
fast = ["web (>=1)"]
[package.source]
type = "git"
url = "https://git.invalid/web"
resolved_reference = "0"
subdirectory = "web"
"""


@given(variants_of(tomllib.loads(WEB + END)), variants_of(tomllib.loads(PYPROJECT)))
def test_any_value_in_poetry_s_files_gives_pins_or_a_clear_error(lock: Any, project: Any) -> None:
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(LpackError):
        folder = Path(name)
        (folder / "poetry.lock").write_text(tomli_w.dumps(lock), encoding="utf-8")
        (folder / "pyproject.toml").write_text(tomli_w.dumps(project), encoding="utf-8")
        pins(folder / "poetry.lock", ("per-haps",), ("log",), target())


# pylock.toml


def test_a_pylock_that_is_given_serves_every_target(
    indexed: Workshop, make_wheel: MakeWheel, index: IndexServer
) -> None:
    wheels = {tag: make_wheel("native", tag=f"cp313-cp313-manylinux_2_28_{tag}") for tag in ("x86_64", "aarch64")}
    only = make_wheel("only")
    listed = ", ".join(
        f'{{ url = "{index.file_url(wheel.name)}", hashes = {{ sha256 = "{sha256_of(wheel).hex()}" }} }}'
        for wheel in wheels.values()
    )
    text = f"""
        lock-version = "1.0"
        created-by = "somebody"
        extras = ["more"]
        [[packages]]
        name = "native"
        version = "1.0"
        wheels = [{listed}]
        [[packages]]
        name = "only"
        version = "1.0"
        marker = "platform_machine == 'aarch64' or 'more' in extras"
        wheels = [{{ path = "wheels/{only.name}", hashes = {{ sha256 = "{sha256_of(only).hex()}" }} }}]
    """
    indexed.write({"src/pylock.toml": text, f"src/wheels/{only.name}": only.read_bytes()})
    assert packages(indexed) == {"native"}
    assert packages(indexed, extras=("more",)) == {"native", "only"}
    indexed.target = target("python3.13", "arm64")
    assert packages(indexed) == {"native", "only"}
    assert "only.py" in indexed.assemble().tree.by_path


# From the real index


@pytest.mark.network
def test_a_uv_lock_of_real_packages_serves_every_target_that_has_wheels(workshop: Workshop) -> None:
    asked = 'requires-python = ">=3.11"\ndependencies = ["pandas", "cryptography"]\n'
    workshop.write({"src/pyproject.toml": f'[project]\nname = "orders"\nversion = "1"\n{asked}'})
    environ = {**os.environ, **workshop.environ}
    subprocess.run([uv.find_uv_bin(), "lock", "--quiet"], cwd=workshop.folder / "src", env=environ, check=True)
    for runtime in ("python3.13", "python3.14"):
        for architecture in ("x86_64", "arm64"):
            workshop.target = target(runtime, architecture)
            assert chosen(workshop).keys() >= {"pandas", "numpy", "cryptography", "cffi"}
    workshop.target = target("python3.11")
    with pytest.raises(ResolveError, match=r"has no wheel for python3\.11 on x86_64 .*: its wheels need glibc 2\.\d\d"):
        chosen(workshop)


POETRY = "poetry==2.5.1"


@pytest.mark.network
@pytest.mark.slow
def test_a_lock_by_poetry_itself_is_understood(workshop: Workshop, tmp_path: Path) -> None:
    python = python_with(POETRY)
    where = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    asked = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True)
    index = asked.stdout.strip()
    workshop.write(
        {
            "src/pyproject.toml": """
                [project]
                name = "orders"
                version = "1.0"
                requires-python = ">=3.11,<4"
                dependencies = ["requests[socks] (>=2.32)", "colorama ; sys_platform == 'win32'", "numpy"]
                [tool.poetry]
                package-mode = false
                [tool.poetry.group.log.dependencies]
                structlog = "*"
                [tool.poetry.group.dev.dependencies]
                iniconfig = "*"
                # Not by PyPI's own JSON pages, which mirrors lack.
                [[tool.poetry.source]]
                name = "simple"
                url = "INDEX"
                priority = "primary"
            """.replace("INDEX", index)
        }
    )
    environ = {**os.environ, "POETRY_CACHE_DIR": str(tmp_path / "cache"), "POETRY_VIRTUALENVS_CREATE": "false"}
    subprocess.run([python, "-m", "poetry", "lock", "--quiet"], cwd=workshop.folder / "src", env=environ, check=True)
    plain = {"certifi", "charset-normalizer", "idna", "numpy", "pysocks", "requests", "urllib3"}
    workshop.target = target("python3.13", "arm64")
    names = {package["name"] for package in workshop.locked().document["packages"]}
    assert names == plain
    names = {package["name"] for package in workshop.locked(groups=("log",)).document["packages"]}
    assert names == plain | {"structlog"}
