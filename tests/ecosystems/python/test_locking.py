"""Locks are made by real uv from a real index on this machine."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from index_server import serving
from workshop import Workshop, target

from lpack.errors import InputError, ResolveError, UsageError
from lpack.store import Store, sha256_of

pytestmark = pytest.mark.slow  # each asks uv, several times

MakeWheel = Callable[..., Path]

ARM = {"tag": "cp313-cp313-manylinux_2_17_aarch64"}
X86 = {"tag": "cp313-cp313-manylinux_2_28_x86_64"}


# Made, kept, changed


def test_a_missing_lock_is_made_with_hashes_for_the_target(indexed: Workshop, make_wheel: MakeWheel) -> None:
    wheel = make_wheel("demo", requires=["part>=2; python_version >= '3.13'", "gone; sys_platform == 'win32'"])
    make_wheel("part", "1.9")
    make_wheel("part", "2.0")
    locked = indexed.lock(requirements=["demo"])
    assert locked.file == indexed.folder / "pylock.orders.toml"
    assert locked.changes == ("+ demo 1.0", "+ part 2.0")
    document = tomllib.loads(indexed.lock_text())
    assert document == locked.locks[indexed.target].document
    assert document["requires-python"] == "==3.13.*"
    assert document["packages"][0]["wheels"][0]["hashes"] == {"sha256": sha256_of(wheel).hex()}
    assert document["tool"]["lpack"]["architecture"] == "x86_64"


@pytest.mark.parametrize("requirements", [[], "requirements.txt"])
def test_nothing_can_be_asked_for(indexed: Workshop, requirements: list[str] | str) -> None:
    indexed.write({"requirements.txt": "# nothing yet\n"})
    assert indexed.locked(requirements=requirements).document["packages"] == []
    assert indexed.assemble(requirements=requirements).packages == ()


def test_a_lock_that_fits_is_kept_without_asking_anybody(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", "1.0")
    first = indexed.lock(requirements=["demo"])
    make_wheel("demo", "2.0")
    indexed.environ["UV_DEFAULT_INDEX"] = "http://127.0.0.1:9/simple"
    indexed.environ["PATH"] = ""
    again = indexed.lock(requirements=["demo"])
    assert again.locks == first.locks
    assert again.changes == ()


def test_pins_stay_when_the_requirements_change_and_still_allow_them(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", "1.0")
    make_wheel("other", "1.0")
    indexed.lock(requirements=["demo"])
    make_wheel("demo", "2.0")
    make_wheel("other", "2.0")
    locked = indexed.lock(requirements=["demo>=1", "other"])
    assert locked.changes == ("+ other 2.0",)
    assert indexed.lock(requirements=["other", "demo>1"]).changes == ("~ demo 1.0 → 2.0",)
    assert indexed.lock(requirements=["other"]).changes == ("- demo 2.0",)


def test_upgrading_takes_the_newest_of_everything(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", "1.0")
    indexed.lock(requirements=["demo"])
    make_wheel("demo", "2.0")
    assert indexed.lock("upgrade", requirements=["demo"]).changes == ("~ demo 1.0 → 2.0",)
    assert indexed.lock("upgrade", requirements=["demo"]).changes == ()


def test_frozen_fails_rather_than_change_anything(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", "1.0")
    with pytest.raises(ResolveError, match=r"`pylock\.orders\.toml` does not exist") as caught:
        indexed.lock("frozen", requirements=["demo"])
    assert caught.value.hint == "run `lpack lock orders` and commit the file"
    indexed.lock(requirements=["demo"])
    before = indexed.lock_text()
    assert indexed.lock("frozen", requirements=["demo"]).changes == ()
    with pytest.raises(ResolveError, match="does not fit the requirements any more"):
        indexed.lock("frozen", requirements=["demo>=1"])
    indexed.target = target("python3.12")
    with pytest.raises(ResolveError, match="does not fit the requirements any more"):
        indexed.lock("frozen", requirements=["demo"])
    assert indexed.lock_text() == before


def test_functions_of_a_project_share_a_lock_of_the_same_requirements(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", "1.0")
    indexed.others = ("first",)
    indexed.lock(requirements=["demo"], name="first")
    make_wheel("demo", "2.0")
    assert indexed.lock(requirements=["demo"], name="second").changes == ("+ demo 1.0",)
    assert indexed.lock_text("second") == indexed.lock_text("first")
    assert indexed.lock(requirements=["demo>1"], name="third").changes == ("+ demo 2.0",)


def test_each_architecture_gets_its_own_wheels(indexed: Workshop, make_wheel: MakeWheel) -> None:
    for tag in (ARM, X86, {"tag": "cp313-cp313-win_amd64"}, {"tag": "cp312-cp312-manylinux_2_28_x86_64"}):
        make_wheel("demo", "1.0", **tag)
    files = {}
    for architecture in ("x86_64", "arm64"):
        indexed.target = target("python3.13", architecture)
        (package,) = indexed.locked(requirements=["demo"], name=architecture).document["packages"]
        files[architecture] = [wheel["url"].rpartition("/")[2] for wheel in package["wheels"]]
    assert files == {
        "x86_64": ["demo-1.0-cp313-cp313-manylinux_2_28_x86_64.whl"],
        "arm64": ["demo-1.0-cp313-cp313-manylinux_2_17_aarch64.whl"],
    }


@pytest.mark.parametrize(
    ("damage", "fact"),
    [
        (lambda text: text + "<<<<<<< HEAD\n", "is not TOML"),
        (lambda text: text.replace('name = "demo"', 'name = "De Mo"').replace("requirements", "was"), "is not a valid"),
        (lambda _: "tool = 1\npackages = [1]\n", "is not a valid lock"),
    ],
)
def test_a_damaged_lock_is_an_error_that_says_how_to_go_on(
    indexed: Workshop, make_wheel: MakeWheel, damage: Callable[[str], str], fact: str
) -> None:
    make_wheel("demo", "1.0")
    indexed.lock(requirements=["demo"])
    indexed.write({"pylock.orders.toml": damage(indexed.lock_text())})
    with pytest.raises(InputError, match=fact) as caught:
        indexed.lock(requirements=["demo"])
    assert "remove it and run `lpack lock`" in str(caught.value.hint)


def test_a_name_with_a_dot_can_have_no_lock(indexed: Workshop) -> None:
    with pytest.raises(UsageError, match=r"`my\.orders` can't have a lock"):
        indexed.lock(requirements=["demo"], name="my.orders")
    assert indexed.lock(name="my.orders").file is None


# The same everywhere, and no secrets


def test_two_checkouts_give_the_same_lock(indexed: Workshop, make_wheel: MakeWheel, tmp_path: Path) -> None:
    make_wheel("found", "1.0")
    (indexed.folder / "wheels").mkdir()
    shutil.copy(make_wheel("demo", "1.0"), indexed.folder / "wheels")
    shutil.copy(make_wheel("given", "1.0"), indexed.folder / "wheels")
    indexed.write(
        {
            "src/requirements.txt": """
                --find-links ../wheels
                demo
                ../wheels/given-1.0-py3-none-any.whl
                -e ../libs/core
            """,
            "libs/core/pyproject.toml": '[project]\nname = "core"\nversion = "1.0"\ndependencies = ["found"]\n',
        }
    )
    indexed.lock()
    elsewhere = tmp_path / "elsewhere" / "deeper"
    shutil.copytree(indexed.folder, elsewhere, ignore=shutil.ignore_patterns("pylock.*"))
    second = Workshop(elsewhere, Store(tmp_path / "another store"), indexed.environ)
    second.lock()
    assert second.lock_text() == indexed.lock_text()
    packages = {package["name"]: package for package in tomllib.loads(second.lock_text())["packages"]}
    assert packages["core"]["directory"] == {"path": "libs/core"}
    assert packages["given"]["archive"]["path"] == "wheels/given-1.0-py3-none-any.whl"
    assert packages["demo"]["wheels"][0]["path"] == "wheels/demo-1.0-py3-none-any.whl"
    assert str(tmp_path) not in second.lock_text()
    assert second.lock().changes == ()


@pytest.mark.parametrize("way", ["file", "uv", "pip", "named", "netrc"])
def test_credentials_are_used_and_not_kept(workshop: Workshop, make_wheel: MakeWheel, tmp_path: Path, way: str) -> None:
    make_wheel("demo", requires=["part"])
    make_wheel("part")
    with serving(tmp_path / "wheels", login=("ann", "s3cret")) as index:
        url = index.index_url.replace("//", "//ann:s3cret@")
        files = {"src/requirements.txt": "demo\n"}
        match way:
            case "file":
                files = {"src/requirements.txt": "--index-url ${INDEX}\ndemo\n"}
                workshop.environ["INDEX"] = url
            case "uv":
                workshop.environ["UV_DEFAULT_INDEX"] = url
            case "pip":
                workshop.environ["PIP_INDEX_URL"] = url
            case "named":
                tables = f'[[tool.uv.index]]\nname = "my-own"\nurl = "{index.index_url}"\ndefault = true\n'
                files = {
                    "src/pyproject.toml": f'[project]\nname = "x"\nversion = "1"\ndependencies = ["demo"]\n{tables}'
                }
                workshop.environ |= {"UV_INDEX_MY_OWN_USERNAME": "ann", "UV_INDEX_MY_OWN_PASSWORD": "s3cret"}
            case "netrc":
                workshop.environ["UV_DEFAULT_INDEX"] = index.index_url
                workshop.environ["NETRC"] = str(tmp_path / "netrc")
                (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password s3cret\n")
        workshop.write(files)
        tree = workshop.assemble().tree
        assert {"demo.py", "part.py"} <= tree.by_path.keys()
        assert index.url in workshop.lock_text()
        assert "s3cret" not in workshop.lock_text()
        for kept in (path for path in workshop.store.folder.rglob("*") if path.is_file()):
            assert b"s3cret" not in kept.read_bytes()
        # A token that changes every hour is no reason to lock again.
        workshop.environ = {name: value.replace("s3cret", "other") for name, value in workshop.environ.items()}
        assert workshop.lock("frozen").changes == ()


def test_wrong_credentials_are_named_as_the_cause_and_not_shown(
    workshop: Workshop, make_wheel: MakeWheel, tmp_path: Path
) -> None:
    make_wheel("demo")
    with serving(tmp_path / "wheels", login=("ann", "s3cret")) as index:
        workshop.environ["UV_DEFAULT_INDEX"] = index.index_url.replace("//", "//ann:wr0ng@")
        with pytest.raises(ResolveError) as caught:
            workshop.lock(requirements=["demo"])
    assert "user name and password" in str(caught.value.hint)
    assert "wr0ng" not in "\n".join([caught.value.message, str(caught.value.hint), *caught.value.details])


# What can't be met


def test_conflicting_requirements_are_explained(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", "1.0", requires=["part>=2"])
    make_wheel("part", "1.0")
    make_wheel("part", "2.0")
    with pytest.raises(
        ResolveError, match=r"the requirements of `orders` can't be met for python3\.13 on x86_64"
    ) as caught:
        indexed.lock(requirements=["demo", "part<2"])
    assert "change the requirements named above" in str(caught.value.hint)
    said = " ".join(caught.value.details)
    assert said.startswith("Because ")
    assert "demo" in said
    assert "part<2" in said


def test_an_unknown_package_is_named(indexed: Workshop) -> None:
    with pytest.raises(ResolveError) as caught:
        indexed.lock(requirements=["no-such-thing"])
    assert "no-such-thing was not found" in " ".join(caught.value.details)
    assert "check the spelling" in str(caught.value.hint)


def test_an_index_that_can_t_be_reached_is_named(workshop: Workshop) -> None:
    workshop.environ["UV_DEFAULT_INDEX"] = "http://ann:s3cret@127.0.0.1:9/simple"
    with pytest.raises(ResolveError) as caught:
        workshop.lock(requirements=["demo"])
    assert "check the network" in str(caught.value.hint)
    assert any("http://127.0.0.1:9/simple/demo/" in line for line in caught.value.details)
    assert "s3cret" not in " ".join(caught.value.details)


def test_a_network_that_is_turned_off_is_named(indexed: Workshop) -> None:
    indexed.environ["UV_OFFLINE"] = "1"
    with pytest.raises(ResolveError) as caught:
        indexed.lock(requirements=["demo"])
    assert caught.value.hint == "unset UV_OFFLINE"


def test_a_runtime_that_is_too_old_is_explained(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", requires_python=">=3.14")
    with pytest.raises(ResolveError) as caught:
        indexed.lock(requirements=["demo"])
    assert "does not satisfy Python>=3.14" in caught.value.details[0]
    assert caught.value.hint == "ask for versions that support the runtime's Python, or use another runtime"


def test_a_version_without_a_wheel_for_the_target_is_passed_over(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("native", "1.0", **X86)
    make_wheel("native", "2.0", tag="cp313-cp313-win_amd64")
    assert indexed.versions(requirements=["native"]) == {"native": "1.0"}


def test_a_pinned_version_without_a_wheel_for_the_target_is_explained(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("native", "1.0", **X86)
    make_wheel("native", "2.0", tag="cp313-cp313-win_amd64")
    with pytest.raises(ResolveError) as caught:
        indexed.lock(requirements=["native==2.0"])
    assert caught.value.message == (
        "`native` 2.0 has no wheel for python3.13 on x86_64 (Amazon Linux 2023, glibc 2.34): its wheels are for Windows"
    )
    assert str(caught.value.hint).startswith("ask for `native==1.0`, the newest version that has one, or give a wheel")


# Amazon Linux 2 has glibc 2.26, for which uv has no name.


def test_the_newest_version_for_amazon_linux_2_is_found(indexed: Workshop, make_wheel: MakeWheel) -> None:
    indexed.target = target("python3.11")
    for minor, version in ((17, "1.0"), (24, "2.0"), (26, "3.0"), (27, "4.0"), (28, "5.0")):
        make_wheel("native", version, tag=f"cp311-cp311-manylinux_2_{minor}_x86_64")
        make_wheel("user", version, requires=[f"native>={version}"])
    assert indexed.versions(requirements=["native"]) == {"native": "3.0"}
    assert indexed.versions("upgrade", requirements=["user"]) == {"native": "3.0", "user": "3.0"}


def test_a_pin_that_needs_a_newer_glibc_is_explained(indexed: Workshop, make_wheel: MakeWheel) -> None:
    indexed.target = target("python3.11")
    make_wheel("native", "1.0", tag="cp311-cp311-manylinux_2_24_x86_64")
    make_wheel("native", "2.0", tag="cp311-cp311-manylinux_2_28_x86_64")
    make_wheel("native", "2.0", tag="cp312-cp312-manylinux_2_28_x86_64")
    with pytest.raises(ResolveError) as caught:
        indexed.lock(requirements=["native==2.0"])
    assert caught.value.message == (
        "`native` 2.0 has no wheel for python3.11 on x86_64 (Amazon Linux 2, glibc 2.26): its wheels need glibc 2.28"
    )
    assert str(caught.value.hint).startswith(
        "ask for `native==1.0`, the newest version that has one, or use runtime python3.12 or newer, or give a wheel"
    )


def test_a_project_with_no_version_for_the_target_is_explained(indexed: Workshop, make_wheel: MakeWheel) -> None:
    indexed.target = target("python3.11")
    make_wheel("native", "2.0", tag="cp311-cp311-manylinux_2_28_x86_64")
    make_wheel("user", requires=["native"])
    with pytest.raises(ResolveError, match=r"`native` 2\.0 has no wheel.*its wheels need glibc 2\.28"):
        indexed.lock(requirements=["user"])


def test_an_older_version_of_what_needs_it_is_taken_instead(indexed: Workshop, make_wheel: MakeWheel) -> None:
    indexed.target = target("python3.11")
    make_wheel("native", "2.0", tag="cp311-cp311-manylinux_2_28_x86_64")
    make_wheel("user", "1.0")
    make_wheel("user", "2.0", requires=["native"])
    assert indexed.versions(requirements=["user"]) == {"user": "1.0"}


def test_prereleases_come_when_the_requirements_file_asks_for_them(
    indexed: Workshop, make_wheel: Callable[..., Path]
) -> None:
    for version in ("1.0", "2.0rc1"):
        make_wheel("demo", version, {"demo.py": ""})
    indexed.write({"src/requirements.txt": "demo\n"})
    assert indexed.versions() == {"demo": "1.0"}
    indexed.write({"src/requirements.txt": "--pre\ndemo\n"})
    assert indexed.versions(policy="upgrade") == {"demo": "2.0rc1"}
