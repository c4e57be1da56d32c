from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
import tomli
from documents import variants_of
from hypothesis import given
from workshop import target

from lpack.ecosystems.python.selection import Choice, Distribution, Lock, select
from lpack.errors import InputError, LpackError, ResolveError, UsageError
from lpack.model import Target
from lpack.store import Store

DIGEST = "ab" * 32
HEAD = 'lock-version = "1.0"\ncreated-by = "tests"\n'


def file(name: str, digest: str = DIGEST) -> str:
    return f'{{ url = "https://files.invalid/{name}", hashes = {{ sha256 = "{digest}" }} }}'


def package(name: str, *wheels: str, more: str = "") -> str:
    listed = ", ".join(file(f"{name}-1.0-{tag}.whl") for tag in wheels)
    return f'[[packages]]\nname = "{name}"\nversion = "1.0"\n{more}\n' + (f"wheels = [{listed}]\n" if wheels else "")


def selected(
    text: str, store: Store, *, on: Target | None = None, choice: Choice | None = None
) -> dict[str, Distribution]:
    lock = Lock(tomli.loads(HEAD + text), Path("/locks"), "`pylock.toml`")
    for _ in range(2):  # the second answer comes from the store
        found = select(lock, on or target(), choice or Choice(), store)
    return {each.name: each for each in found}


@pytest.fixture
def store(store_folder: Path) -> Store:
    return Store(store_folder)


def test_the_best_wheel_for_the_target_is_taken(store: Store) -> None:
    text = package(
        "demo",
        "cp313-cp313-manylinux_2_17_x86_64",
        "cp313-cp313-manylinux_2_28_x86_64",
        "cp313-cp313-manylinux_2_28_aarch64",
        "cp313-cp313t-manylinux_2_34_x86_64",
        "cp313-cp313-musllinux_1_2_x86_64",
        "py3-none-any",
    )
    assert selected(text, store)["demo"].file_name == "demo-1.0-cp313-cp313-manylinux_2_28_x86_64.whl"
    arm = selected(text, store, on=target("python3.13", "arm64"))
    assert arm["demo"].file_name == "demo-1.0-cp313-cp313-manylinux_2_28_aarch64.whl"
    other = selected(text, store, on=target("python3.11"))["demo"]
    assert other == Distribution(
        "wheel",
        "demo",
        "1.0",
        url="https://files.invalid/demo-1.0-py3-none-any.whl",
        sha256=bytes.fromhex(DIGEST),
        file_name="demo-1.0-py3-none-any.whl",
    )


def test_markers_choose_for_the_target(store: Store) -> None:
    text = (
        package("linux", "py3-none-any", more="marker = \"sys_platform == 'linux'\"")
        + package("windows", "py3-none-any", more="marker = \"sys_platform == 'win32'\"")
        + package("arm", "py3-none-any", more="marker = \"platform_machine == 'aarch64'\"")
        + package("old", "py3-none-any", more="marker = \"python_full_version < '3.13'\"")
    )
    assert selected(text, store).keys() == {"linux"}
    assert selected(text, store, on=target("python3.12", "arm64")).keys() == {"linux", "arm", "old"}


EXTRAS = (
    'extras = ["fast"]\ndependency-groups = ["log", "dev"]\ndefault-groups = ["log"]\n'
    + package("quick", "py3-none-any", more="marker = \"'fast' in extras\"")
    + package("logger", "py3-none-any", more="marker = \"'log' in dependency_groups\"")
    + package("tests", "py3-none-any", more="marker = \"'dev' in dependency_groups\"")
)


def test_extras_and_groups_are_chosen(store: Store) -> None:
    assert selected(EXTRAS, store).keys() == {"logger"}
    assert selected(EXTRAS, store, choice=Choice(("fast",))).keys() == {"logger", "quick"}
    assert selected(EXTRAS, store, choice=Choice((), ("dev",))).keys() == {"tests"}


@pytest.mark.parametrize(
    ("choice", "message", "hint"),
    [
        (Choice(("quick",)), "`pylock.toml` knows no extra `quick`", "it has `fast`"),
        (Choice((), ("none",)), "`pylock.toml` knows no group `none`", "it has `dev`, `log`"),
    ],
)
def test_extras_and_groups_that_the_lock_does_not_know_are_errors(
    store: Store, choice: Choice, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        selected(EXTRAS, store, choice=choice)
    assert (caught.value.message, caught.value.hint) == (message, hint)


COMMIT = "0123456789abcdef0123456789abcdef01234567"
EVERY_KIND = f"""
[[packages]]
name = "packed"
archive = {file("packed-1.0.tar.gz")}
[[packages]]
name = "inside"
archive = {{ url = "https://files.invalid/all.zip", subdirectory = "python", hashes = {{ sha256 = "{DIGEST}" }} }}
[[packages]]
name = "near"
archive = {{ path = "a b/near-1.0-py3-none-any.whl", hashes = {{ sha256 = "{DIGEST}" }} }}
[[packages]]
name = "core"
directory = {{ path = "../libs/core", editable = true }}
[[packages]]
name = "kept"
[packages.vcs]
type = "git"
url = "https://git.invalid/k"
commit-id = "{COMMIT}"
subdirectory = "py"
[[packages]]
name = "here"
vcs = {{ type = "git", path = "../here", commit-id = "{COMMIT}" }}
[[packages]]
name = "source"
version = "1.0"
sdist = {file("source-1.0.tar.gz")}
"""


def test_every_kind_of_source_is_understood(store: Store) -> None:
    found = selected(EVERY_KIND, store)
    assert {name: each.kind for name, each in found.items()} == {
        "packed": "sdist",
        "inside": "sdist",
        "near": "wheel",
        "core": "folder",
        "kept": "repository",
        "here": "repository",
        "source": "sdist",
    }
    assert found["near"].url == "file:///locks/a%20b/near-1.0-py3-none-any.whl"
    assert found["near"].file_name == "near-1.0-py3-none-any.whl"
    assert found["core"].folder == Path("/libs/core")
    assert (found["kept"].commit, found["kept"].folder) == (COMMIT, Path("py"))
    assert found["here"].url == "file:///here"
    assert found["inside"].folder == Path("python")


# What does not fit

AL2 = target("python3.11")


def test_wheels_for_others_alone_are_explained(store: Store) -> None:
    native = ("cp311-cp311-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_x86_64")
    sdist = f"sdist = {file('demo-1.0.tar.gz')}"
    for text in (package("demo", *native), package("demo", *native, more=sdist)):
        with pytest.raises(ResolveError) as caught:
            selected(text, store, on=AL2)
        assert caught.value.message == (
            "`demo` 1.0 has no wheel for python3.11 on x86_64 (Amazon Linux 2, glibc 2.26): its wheels need glibc 2.28"
        )
        assert "use runtime python3.12 or newer" in str(caught.value.hint)


def test_sources_are_taken_where_the_wheels_are_not_native(store: Store) -> None:
    text = package("demo", "py2-none-any", more=f"sdist = {file('demo-1.0.tar.gz')}")
    assert selected(text, store)["demo"].kind == "sdist"


def test_a_wheel_for_another_platform_given_by_its_place_is_refused(store: Store) -> None:
    text = f'[[packages]]\nname = "demo"\narchive = {file("demo-1.0-cp313-cp313-win_amd64.whl")}\n'
    with pytest.raises(ResolveError) as caught:
        selected(text, store)
    assert caught.value.message == (
        "`demo-1.0-cp313-cp313-win_amd64.whl` is a wheel for another platform, it can't run on python3.13 on x86_64 "
        "(Amazon Linux 2023, glibc 2.34): its wheels are for Windows"
    )


@pytest.mark.parametrize(
    ("text", "error", "fact"),
    [
        ("packages = []\n", None, ""),
        ("", InputError, "is not a valid lock"),
        ("packages = 1\n", InputError, "is not a valid lock"),
        ('[[packages]]\nname = "demo"\n', InputError, "is not a valid lock"),
        ('[[packages]]\nname = "De_mo"\n', InputError, "is not a valid lock"),
        (
            '[[packages]]\nname = "demo"\narchive = { url = "https://x/demo-1-py3-none-any.whl" }\n',
            InputError,
            "hashes",
        ),
        (package("demo", "py3-none-any").replace("sha256", "md5"), ResolveError, "has no SHA-256 for `demo`"),
        (package("demo", "py3-none-any").replace(DIGEST, "no"), InputError, "has a malformed SHA-256 for `demo`"),
        (package("demo", "py3-none-any") * 2, ResolveError, "Multiple packages with the name 'demo'"),
        (package("demo", "py3-none-any", more="marker = \"nonsense == '1'\""), InputError, "is not a valid lock"),
        (package("demo", "py3-none-any", more="marker = \"extras == 'x'\""), InputError, "a marker that can't be"),
        (package("demo", "py3-none-any", more='requires-python = ">=3.14"'), ResolveError, "does not fit python3.13"),
        ('requires-python = "<3.9"\npackages = []\n', ResolveError, "does not fit python3.13 on x86_64: python_full"),
        ("environments = [\"sys_platform == 'win32'\"]\npackages = []\n", ResolveError, "does not fit python3.13"),
        (
            '[[packages]]\nname = "demo"\nvcs = { type = "hg", url = "https://x", commit-id = "1" }\n',
            ResolveError,
            "`demo` comes from a hg repository",
        ),
    ],
)
def test_a_lock_that_can_t_be_used_says_why(store: Store, text: str, error: type[LpackError] | None, fact: str) -> None:
    if error is None:
        assert selected(text, store) == {}
        return
    with pytest.raises(error, match=fact):
        selected(text, store)


def test_a_newer_lock_format_is_refused(store: Store) -> None:
    lock = Lock({"lock-version": "2.0", "created-by": "x", "packages": []}, Path(), "`pylock.toml`")
    with pytest.raises(InputError, match=r"version 2\.0 is not supported"):
        select(lock, target(), Choice(), store)


# Anything at any place of a lock

WHOLE = tomli.loads(HEAD + EXTRAS + EVERY_KIND)


@given(variants_of(WHOLE))
def test_any_value_at_any_place_gives_a_selection_or_a_clear_error(document: dict[str, Any]) -> None:
    lock = Lock(document, Path("/locks"), "`pylock.toml`")
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(LpackError):
        select(lock, target(), Choice(), Store(Path(folder)))
