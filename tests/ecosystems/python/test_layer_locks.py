"""Locks of layers, for several targets at once, and of functions on top of layers."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from packaging.pylock import Pylock
from projects import make_sdist, project_files
from workshop import Workshop, target

from lpack.config import Dependencies
from lpack.config.packages import Groups
from lpack.ecosystems import Ask, Policy, Provided, python
from lpack.ecosystems.python.locking import Locked
from lpack.errors import ResolveError, UsageError
from lpack.model import Target
from lpack.store import Store

pytestmark = pytest.mark.slow  # most ask uv, several times

MakeWheel = Callable[..., Path]

X312, X313, X314 = target("python3.12"), target("python3.13"), target("python3.14")
ARM313 = target("python3.13", "arm64")


def layer(workshop: Workshop, *targets: Target, name: str = "science", **wanted: Any) -> Ask:
    """What a layer of the workshop's project asks for."""
    given = wanted.pop("requirements")
    requirements = tuple(given) if isinstance(given, list) else given
    ask = workshop.ask(requirements=[])
    asked = Dependencies(name=name, targets=targets or (workshop.target,), requirements=requirements, **wanted)
    return ask._replace(wanted=asked, provided={})


def locked(ask: Ask, policy: Policy = "keep") -> Locked:
    return python.lock(ask, policy)


def chosen(ask: Ask) -> dict[str, list[str]]:
    """What each target takes: the packages with their versions."""
    lock = locked(ask)
    return {
        str(each): [f"{name} {version}".strip() for name, version in python.brings(ask, lock, each).items()]
        for each in ask.wanted.targets
    }


def provide(workshop: Workshop, *requirements: str, **wanted: Any) -> dict[str, Provided]:
    """Lock a layer of these requirements, and put the workshop's function on top of it."""
    ask = layer(workshop, requirements=list(requirements), **wanted)
    brought = python.brings(ask, locked(ask), workshop.target)
    workshop.provided = {name: Provided(version, ask.wanted) for name, version in brought.items()}
    return dict(workshop.provided)


def fingerprint(workshop: Workshop, name: str) -> str:
    return str(tomllib.loads(workshop.lock_text(name))["tool"]["lpack"]["requirements"])


# One lock for several targets


def test_a_layer_has_one_lock_for_all_its_targets(indexed: Workshop, make_wheel: MakeWheel) -> None:
    for tag in ("cp312-cp312-manylinux_2_17_x86_64", "cp313-cp313-manylinux_2_17_x86_64", "cp313-cp313-win_amd64"):
        make_wheel("native", tag=tag)
    make_wheel("native", tag="cp313-cp313-manylinux_2_17_aarch64")
    make_wheel("demo", requires=["native", "backport; python_version < '3.13'", "arm; platform_machine == 'aarch64'"])
    make_wheel("backport")
    make_wheel("arm")
    ask = layer(indexed, X312, X313, ARM313, requirements=["demo"])
    assert locked(ask).file == indexed.folder / "pylock.science.toml"
    document = tomllib.loads(indexed.lock_text("science"))
    lock = Pylock.from_dict(document)
    assert [str(package.name) for package in lock.packages] == ["arm", "backport", "demo", "native"]
    arm, backport, demo, native = lock.packages
    assert (str(arm.marker), demo.marker, native.marker) == (str(lock.environments[1]), None, None)  # type: ignore[index]
    assert str(backport.marker) == str(lock.environments[0])  # type: ignore[index]
    assert [wheel.filename for wheel in native.wheels or ()] == [
        "native-1.0-cp312-cp312-manylinux_2_17_x86_64.whl",
        "native-1.0-cp313-cp313-manylinux_2_17_aarch64.whl",
        "native-1.0-cp313-cp313-manylinux_2_17_x86_64.whl",
    ]
    assert str(lock.requires_python) in {">=3.12,<3.14", "<3.14,>=3.12"}
    assert document["tool"]["lpack"]["runtimes"] == ["python3.12", "python3.13"]
    assert chosen(ask) == {
        "python3.12 on x86_64": ["backport 1.0", "demo 1.0", "native 1.0"],
        "python3.13 on x86_64": ["demo 1.0", "native 1.0"],
        "python3.13 on arm64": ["arm 1.0", "demo 1.0", "native 1.0"],
    }
    wheels = {
        each: next(
            part.package.sha256
            for part in python.install(ask, locked(ask), each).parts
            if part.package.name == "native"
        )
        for each in ask.wanted.targets
    }
    assert len(set(wheels.values())) == 3


def test_versions_may_differ_from_target_to_target(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", "1.0", requires=["part<2"])
    make_wheel("demo", "2.0", requires=["part; platform_machine == 'x86_64'"], requires_python=">=3.13")
    make_wheel("part", "1.0")
    make_wheel("part", "2.0")
    ask = layer(indexed, X312, X313, requirements=["demo"])
    assert locked(ask).changes == ("+ demo 1.0 and 2.0", "+ part 1.0 and 2.0")
    assert chosen(ask) == {
        "python3.12 on x86_64": ["demo 1.0", "part 1.0"],
        "python3.13 on x86_64": ["demo 2.0", "part 2.0"],
    }


def test_the_stable_abi_s_wheel_serves_all_versions(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", tag="cp310-abi3-manylinux_2_17_x86_64")
    ask = layer(indexed, X312, X313, requirements=["demo"])
    lock = locked(ask)
    (package,) = Pylock.from_dict(tomllib.loads(indexed.lock_text("science"))).packages
    assert (len(package.wheels or ()), package.marker) == (1, None)
    first, second = (python.install(ask, lock, each).parts for each in (X312, X313))
    assert first == second


def test_one_target_may_take_a_wheel_and_another_the_source(
    indexed: Workshop, make_wheel: MakeWheel, tmp_path: Path
) -> None:
    make_wheel("demo", tag="cp312-none-any")
    make_sdist(tmp_path / "wheels", "demo", project_files("demo"))
    ask = layer(indexed, X312, X313, requirements=["demo"])
    lock = locked(ask)
    (package,) = Pylock.from_dict(tomllib.loads(indexed.lock_text("science"))).packages
    assert package.sdist is not None
    installed = {each: python.install(ask, lock, each) for each in (X312, X313)}
    assert [str(installed[each].archives[0][0].name) for each in (X312, X313)] == [
        "demo-1.0-cp312-none-any.whl",
        "demo-1.0-py3-none-any.whl",
    ]


def test_a_target_without_a_wheel_is_named(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("native", tag="cp313-cp313-manylinux_2_17_x86_64")
    with pytest.raises(ResolveError, match=r"`native` 1\.0 has no wheel for python3\.13 on arm64"):
        locked(layer(indexed, X313, ARM313, requirements=["native"]))
    assert not (indexed.folder / "pylock.science.toml").exists()


def test_pins_stay_for_each_target_when_the_layer_changes(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", "1.0")
    make_wheel("demo", "2.0", requires_python=">=3.13")
    locked(layer(indexed, X312, X313, requirements=["demo"]))
    make_wheel("demo", "1.5")
    make_wheel("demo", "3.0", requires_python=">=3.13")
    make_wheel("other")
    more = layer(indexed, X312, X313, requirements=["demo", "other"])
    assert locked(more).changes == ("+ other 1.0",)
    another = layer(indexed, X312, X313, X314, requirements=["demo", "other"])
    assert chosen(another) == {
        "python3.12 on x86_64": ["demo 1.0", "other 1.0"],
        "python3.13 on x86_64": ["demo 2.0", "other 1.0"],
        "python3.14 on x86_64": ["demo 3.0", "other 1.0"],
    }
    fewer = layer(indexed, X313, requirements=["demo", "other"])
    assert locked(fewer).changes == ("~ demo 1.0 and 2.0 and 3.0 → 2.0",)
    assert locked(fewer, "upgrade").changes == ("~ demo 2.0 → 3.0",)


def test_frozen_fails_for_other_targets(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo")
    locked(layer(indexed, X312, X313, requirements=["demo"]))
    assert locked(layer(indexed, X312, X313, requirements=["demo"]), "frozen").changes == ()
    with pytest.raises(ResolveError, match="does not fit the requirements any more") as raised:
        locked(layer(indexed, X312, requirements=["demo"]), "frozen")
    assert raised.value.hint == "run `lpack lock science` and commit the file"


def test_the_lock_is_the_same_in_another_checkout_and_in_any_order_of_runtimes(
    indexed: Workshop, make_wheel: MakeWheel, tmp_path: Path
) -> None:
    for version in ("312", "313"):
        make_wheel("native", tag=f"cp{version}-cp{version}-manylinux_2_17_x86_64")
    make_wheel("demo", requires=["native", "part; python_version < '3.13'"])
    make_wheel("part")
    indexed.write(project_in("libs/core", "core"))
    requirements = ["demo", "./libs/core"]
    locked(layer(indexed, X312, X313, requirements=requirements))
    first = indexed.lock_text("science")
    assert locked(layer(indexed, X313, X312, requirements=requirements), "frozen").changes == ()
    (indexed.folder / "pylock.science.toml").unlink()
    locked(layer(indexed, X313, X312, requirements=requirements))
    assert indexed.lock_text("science") == first
    folder = tmp_path / "elsewhere" / "deeper"
    shutil.copytree(indexed.folder, folder, ignore=shutil.ignore_patterns("pylock.*"))
    other = Workshop(folder, Store(tmp_path / "another store"), indexed.environ)
    locked(layer(other, X312, X313, requirements=requirements))
    assert other.lock_text("science") == first


def project_in(folder: str, name: str, **options: Any) -> dict[str, str]:
    return {f"{folder}/{path}": text for path, text in project_files(name, **options).items()}


def test_layers_of_the_same_requirements_share_a_lock(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", "1.0")
    indexed.others = ("first",)
    locked(layer(indexed, X312, X313, requirements=["demo"], name="first"))
    make_wheel("demo", "2.0")
    assert chosen(layer(indexed, X312, X313, requirements=["demo"], name="second")).popitem()[1] == ["demo 1.0"]


# Dependency groups alone

GROUPS = """
[project]
name = "shop"
version = "1"
dependencies = ["no-such-thing"]

[dependency-groups]
Layer_One = ["demo", { include-group = "more.of-it" }]
more-of_it = ["core"]
other = ["part"]
circle = [{ include-group = "back" }]
back = [{ include-group = "circle" }]
broken = [{ include-group = "nothing" }]

[tool.uv.sources]
core = { path = "libs/core" }
"""


@pytest.fixture
def grouped(indexed: Workshop, make_wheel: MakeWheel) -> Workshop:
    make_wheel("demo")
    make_wheel("part")
    good = GROUPS.partition("circle")[0] + GROUPS[GROUPS.index("\n[tool") :]
    indexed.write({"pyproject.toml": good, **project_in("libs/core", "core", requires=["part"])})
    return indexed


def groups(workshop: Workshop, *names: str) -> Ask:
    return layer(workshop, requirements=Groups(workshop.folder / "pyproject.toml", names))


def test_groups_are_taken_without_the_project_s_own_dependencies(grouped: Workshop) -> None:
    assert chosen(groups(grouped, "layer-one")) == {"python3.13 on x86_64": ["core", "demo 1.0", "part 1.0"]}
    packages = {package["name"]: package for package in tomllib.loads(grouped.lock_text("science"))["packages"]}
    assert packages["core"]["directory"] == {"path": "libs/core"}
    assert chosen(groups(grouped, "other")) == {"python3.13 on x86_64": ["part 1.0"]}
    assert chosen(groups(grouped, "other", "layer-one")) == chosen(groups(grouped, "layer-one"))


def test_who_asks_for_what_is_known_of_groups(grouped: Workshop) -> None:
    ask = groups(grouped, "layer-one")
    assert python.required_by(ask, locked(ask), X313) == {"core": ("",), "demo": ("",), "part": ("core",)}


def test_what_the_requirements_of_groups_say_is_in_the_fingerprint(grouped: Workshop, make_wheel: MakeWheel) -> None:
    locked(groups(grouped, "layer-one"))
    grouped.write({"README.md": "", "libs/core/core.py": "VERSION = 2\n"})
    assert locked(groups(grouped, "layer-one"), "frozen").changes == ()
    make_wheel("extra")
    grouped.write(project_in("libs/core", "core", requires=["part", "extra"]))
    assert locked(groups(grouped, "layer-one")).changes == ("+ extra 1.0",)
    text = (grouped.folder / "pyproject.toml").read_text()
    grouped.write({"pyproject.toml": text.replace('["demo", ', "[")})
    assert locked(groups(grouped, "layer-one")).changes == ("- demo 1.0",)


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("othr", "`pyproject.toml` has no dependency group `othr`", "did you mean `other`?"),
        ("zzz", "`pyproject.toml` has no dependency group `zzz`", "it has `layer-one`, `more-of-it`, `other`"),
        (
            "circle",
            "dependency groups of `pyproject.toml` include each other: `circle` → `back` → `circle`",
            "break the circle",
        ),
        ("broken", "`pyproject.toml` has no dependency group `nothing`", "it has `layer-one`, `more-of-it`, `other`"),
    ],
)
def test_groups_that_can_t_be_had_are_told(grouped: Workshop, name: str, message: str, hint: str) -> None:
    if name in {"circle", "broken"}:
        grouped.write({"pyproject.toml": GROUPS})
    with pytest.raises(UsageError, match=re.escape(message)) as raised:
        locked(groups(grouped, name))
    assert str(raised.value.hint).startswith(hint)


@pytest.mark.parametrize("group", ["'x'", "[1]", "['a b']", "[{ x = 1 }]", "[{ include-group = 1 }]"])
def test_groups_that_are_none_are_explained_by_the_resolver(grouped: Workshop, group: str) -> None:
    grouped.write({"pyproject.toml": f"[dependency-groups]\nodd = {group}\n"})
    with pytest.raises(ResolveError) as raised:
        locked(groups(grouped, "odd"))
    assert "dependency groups" in raised.value.details[0]


def test_a_pyproject_without_groups_is_told(grouped: Workshop) -> None:
    grouped.write({"pyproject.toml": ""})
    with pytest.raises(UsageError) as raised:
        locked(groups(grouped, "odd"))
    assert raised.value.hint == "it has none"


# Functions on top of layers


def test_a_function_s_lock_holds_what_its_layers_lack(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("numbers", "1.0")
    provide(indexed, "numbers")
    make_wheel("numbers", "2.0")
    make_wheel("science", requires=["numbers"])
    make_wheel("own")
    assert indexed.versions(requirements=["science", "own"]) == {"own": "1.0", "science": "1.0"}
    assembly = indexed.assemble(requirements=["science", "own"])
    assert {"science.py", "own.py"} <= assembly.tree.by_path.keys()
    assert "numbers.py" not in assembly.tree.by_path
    ask = indexed.ask(requirements=["science", "own"])
    assert python.required_by(ask, locked(ask), indexed.target) == {"own": ("",), "science": ("",)}


def test_all_that_a_function_needs_may_be_in_its_layers(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo")
    provide(indexed, "demo")
    assert indexed.versions(requirements=["demo"]) == {}
    assert indexed.assemble(requirements=["demo"]).packages == ()


def test_what_the_layer_s_version_needs_decides(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("helper", "1.0")
    make_wheel("helper", "2.0")
    make_wheel("science", "1.0", requires=["helper<2"])
    make_wheel("science", "2.0", requires=["helper"])
    provide(indexed, "science<2", exclude_packages=("helper",))
    assert indexed.provided.keys() == {"science"}
    assert indexed.versions(requirements=["science", "helper"]) == {"helper": "1.0"}


def test_extras_of_a_layer_s_package_go_into_the_function(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("web", "1.0", requires=["base", "quick; extra == 'fast'"])
    make_wheel("base")
    make_wheel("quick")
    provide(indexed, "web")
    assert indexed.versions(requirements=["web[fast]"]) == {"quick": "1.0"}
    assert [package.name for package in indexed.assemble(requirements=["web[fast]"]).packages] == ["quick"]


@pytest.fixture
def conflicting(indexed: Workshop, make_wheel: MakeWheel) -> Workshop:
    """A function's workshop whose layer holds numbers 2.0."""
    make_wheel("numbers", "1.0")
    make_wheel("numbers", "2.0")
    make_wheel("old", requires=["numbers<2"])
    make_wheel("deep", requires=["old"])
    make_wheel("science", requires=["numbers>=2"])
    make_wheel("fine")
    return indexed


@pytest.mark.parametrize(
    ("of_layer", "of_function", "asks", "layer_asks"),
    [
        (["numbers"], ["fine", "numbers<2"], "numbers<2", "numbers"),
        (["fine", "numbers>1"], ["fine", "deep"], "deep", "numbers>1"),
        (["fine", "science"], ["numbers==1.0", "fine"], "numbers==1.0", "science"),
        (["fine", "science"], ["fine", "old"], "old", "science"),
    ],
)
def test_requirements_that_conflict_with_a_layer_are_both_named(
    conflicting: Workshop, of_layer: Sequence[str], of_function: list[str], asks: str, layer_asks: str
) -> None:
    provide(conflicting, *of_layer)
    with pytest.raises(ResolveError) as raised:
        conflicting.lock(requirements=of_function)
    assert raised.value.message == (
        f"`orders` and its layer `science` can't share `numbers`: `orders` asks for `{asks}`, and the layer, which "
        f"asks for `{layer_asks}`, holds numbers 2.0"
    )
    assert raised.value.hint == "change one of the two, or leave `numbers` out of the layer (`exclude-packages`)"
    assert raised.value.details
    assert not (conflicting.folder / "pylock.orders.toml").exists()


def test_a_conflict_between_files_of_requirements_is_named(conflicting: Workshop) -> None:
    conflicting.write(
        {"layer.txt": "fine\nscience\n", "src/requirements.txt": "fine\n-r more.txt\n", "src/more.txt": "old"}
    )
    ask = layer(conflicting, requirements=conflicting.folder / "layer.txt")
    conflicting.provided = {"numbers": Provided("2.0", ask.wanted), "local": Provided("", ask.wanted)}
    with pytest.raises(ResolveError, match="`orders` asks for `old`, and the layer, which asks for `science`, holds"):
        conflicting.lock()


def test_a_local_project_of_a_layer_is_not_to_blame(conflicting: Workshop) -> None:
    conflicting.write(project_in("libs/core", "core", requires=["old"]))
    ask = layer(conflicting, requirements=["numbers"])
    conflicting.provided = {"core": Provided("", ask.wanted), "numbers": Provided("2.0", ask.wanted)}
    with pytest.raises(ResolveError, match=r"can't share `numbers`: `orders` asks for `\./libs/core`, and the layer"):
        conflicting.lock(requirements=["./libs/core"])


def test_what_can_t_be_met_without_layers_is_told_as_it_is(conflicting: Workshop) -> None:
    provide(conflicting, "numbers")
    with pytest.raises(ResolveError, match="the requirements of `orders` can't be met for"):
        conflicting.lock(requirements=["numbers>2"])


def test_a_project_at_an_address_conflicts_with_the_layer_s(conflicting: Workshop) -> None:
    provide(conflicting, "numbers")
    conflicting.write(project_in("libs/numbers", "numbers", version="3.0"))
    with pytest.raises(ResolveError, match=r"`orders` asks for `\./libs/numbers`, and the layer, which asks for"):
        conflicting.lock(requirements=["./libs/numbers"])


def test_credentials_in_a_requirement_are_not_told(conflicting: Workshop) -> None:
    provide(conflicting, "numbers")
    address = conflicting.environ["UV_DEFAULT_INDEX"].replace("simple/", "files/numbers-1.0-py3-none-any.whl")
    asked = f"numbers @ {address.replace('//', '//ann:s3cret@')}"
    with pytest.raises(ResolveError, match="`orders` asks for `numbers @ http") as raised:
        conflicting.lock(requirements=[asked])
    assert "s3cret" not in " ".join([raised.value.message, *raised.value.details])


def test_the_fingerprint_knows_the_layer_s_versions_and_nothing_else_of_it(
    indexed: Workshop, make_wheel: MakeWheel
) -> None:
    make_wheel("demo", "1.0")
    make_wheel("own")
    provide(indexed, "demo")
    indexed.lock(requirements=["own"])
    first = indexed.lock_text()
    provide(indexed, "demo>=1", name="renamed")
    assert indexed.lock("frozen", requirements=["own"]).changes == ()
    make_wheel("demo", "2.0")
    provide(indexed, "demo>1")
    with pytest.raises(ResolveError, match="does not fit"):
        indexed.lock("frozen", requirements=["own"])
    assert indexed.lock(requirements=["own"]).changes == ()
    assert indexed.lock_text() != first
    indexed.provided = {}
    with pytest.raises(ResolveError, match="does not fit"):
        indexed.lock("frozen", requirements=["own"])


def test_what_a_layer_no_longer_brings_comes_into_the_function(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", requires=["part"])
    make_wheel("part")
    provide(indexed, "demo")
    assert indexed.versions(requirements=["demo"]) == {}
    provide(indexed, "demo", exclude_packages=("part",))
    assert indexed.lock(requirements=["demo"]).changes == ("+ part 1.0",)


def test_a_local_project_in_a_layer_has_no_version_to_keep_to(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("part")
    indexed.write(project_in("libs/core", "core", requires=["part"]))
    assert {name: each.version for name, each in provide(indexed, "./libs/core").items()} == {"core": "", "part": "1.0"}
    assert indexed.versions(requirements=["./libs/core"]) == {}
    indexed.write(project_in("libs/core", "core", version="2.0", requires=["part"]))
    assert indexed.lock("frozen", requirements=["./libs/core"]).changes == ()


def test_a_layer_s_packages_are_left_out_and_trimmed_in_the_layer(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo")
    make_wheel("own", files={"own/a.py": "", "own/tests/b.py": ""})
    provide(indexed, "demo")
    for keys in ({"exclude_packages": ("demo",)}, {"trim": (("demo", ("x",)),)}):
        key = next(iter(keys)).replace("_", "-")
        with pytest.raises(
            UsageError, match=f"`{key}` of `orders` names `demo`, which comes from the layer `sci"
        ) as told:
            indexed.assemble(requirements=["demo", "own"], **keys)
        assert told.value.hint == "say it in [layer.science]"
    with pytest.raises(UsageError, match="`trim` names `onw`, which is not among the packages") as told:
        indexed.assemble(requirements=["own"], trim=(("onw", ()),))
    assert told.value.hint == "did you mean `own`?"
    trim = (("*", ("**/tests/",)), ("own", ("/bin/",)))
    assembly = indexed.assemble(requirements=["demo", "own"], trim=trim)
    assert [(each.path, each.reason) for each in assembly.left_out] == [("own/tests/", "trim")]
    assert "own/a.py" in assembly.tree.by_path


# Locks of other tools


def test_a_lock_of_another_tool_is_read_without_what_layers_bring(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", requires=["part"])
    make_wheel("part", "1.0")
    indexed.lock(requirements=["demo"])
    indexed.write({"src/pylock.toml": indexed.lock_text()})
    provide(indexed, "part")
    assert [package.name for package in indexed.assemble().packages] == ["demo"]
    make_wheel("part", "2.0")
    provide(indexed, "part>1")
    with pytest.raises(ResolveError) as raised:
        indexed.assemble()
    assert raised.value.message == "`orders` is locked with `part` 1.0, and its layer `science` holds 2.0"
    assert raised.value.hint == (
        "lock both with the same version, or leave `part` out of the layer (`exclude-packages`)"
    )


def test_a_lock_of_another_tool_and_a_layer_s_local_project_are_two_things(
    indexed: Workshop, make_wheel: MakeWheel
) -> None:
    make_wheel("core", "1.0")
    indexed.write(project_in("libs/core", "core", version="2.0"))
    indexed.lock(requirements=["core"])
    indexed.write({"src/pylock.toml": indexed.lock_text()})
    provide(indexed, "./libs/core")
    with pytest.raises(
        ResolveError, match=r"with `core` 1\.0, and its layer `science` holds a local project of that name"
    ):
        indexed.assemble()
    indexed.write({"src/pylock.toml": indexed.lock_text("science").replace("libs/core", "../libs/core")})
    assert indexed.assemble().packages == ()


def test_a_lock_of_uv_is_read_without_what_layers_bring(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", requires=["part"])
    make_wheel("part")
    project = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["demo"]\n'
    indexed.write({"src/pyproject.toml": project})
    run_uv_lock(indexed)
    provide(indexed, "part")
    assert [package.name for package in indexed.assemble().packages] == ["demo"]
    layer_of_lock = layer(indexed, X313, requirements=indexed.folder / "src" / "uv.lock")
    assert chosen(layer_of_lock) == {"python3.13 on x86_64": ["demo 1.0", "part 1.0"]}


def run_uv_lock(workshop: Workshop) -> None:
    environ: Mapping[str, str] = workshop.ask(requirements=[]).host.environ
    command = [sys.executable, "-m", "uv", "lock", "--quiet"]
    subprocess.run(command, cwd=workshop.folder / "src", env=environ, check=True)


# pip-tools


def test_pip_tools_keep_to_the_layer_s_versions_too(conflicting: Workshop) -> None:
    here = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    conflicting.target = target(here)
    provide(conflicting, "numbers<2")
    conflicting.resolver = "pip-tools"
    conflicting.environ["PIP_INDEX_URL"] = conflicting.environ["UV_DEFAULT_INDEX"]
    assert conflicting.versions(requirements=["numbers", "fine"]) == {"fine": "1.0"}
    with pytest.raises(
        ResolveError, match="`orders` asks for `science`, and the layer, which asks for `numbers<2`, hol"
    ):
        conflicting.lock(requirements=["science"])
