"""The layers of a project, as their own artifacts and as functions have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from index_server import IndexServer
from own_store import own_store
from workshop import Workshop, target

from lpack.assembling import Assembly, Variant
from lpack.aws.architectures import ARM64, X86_64
from lpack.aws.runtimes import runtime
from lpack.config import Function, Layer
from lpack.config.keys import LayerArn
from lpack.ecosystems import Ask
from lpack.errors import UsageError
from lpack.layering import Laid, LockedLayer, check_handler, lay, lock_layer, part_of, parts_of, provided_to
from lpack.model import Severity, Target
from lpack.store import Store
from lpack.tree import REGULAR, Content, Entry, Tree

MakeWheel = Callable[..., Path]

P312, P313 = runtime("python3.12"), runtime("python3.13")
X313 = target("python3.13")


@pytest.fixture
def workshop(tmp_path: Path, store_folder: Path, index: IndexServer) -> Workshop:
    made = Workshop(tmp_path / "project", Store(store_folder), {"UV_DEFAULT_INDEX": index.index_url})
    made.write({"src/app.py": "def handler(event, context): ...\n"})
    return made


def layer(name: str = "science", **keys: Any) -> Layer:
    return Layer(**{"name": name, "runtimes": (P313,), **keys})


def ask(workshop: Workshop, of: Layer) -> Ask:
    return workshop.ask(requirements=[])._replace(wanted=of.dependencies, provided={})


def locked(workshop: Workshop, of: Layer) -> LockedLayer:
    return lock_layer(of, ask(workshop, of), "keep")


def laid(workshop: Workshop, of: Layer) -> Laid:
    return lay(locked(workshop, of), ask(workshop, of), workshop.folder / "dist")


def holding(files: Mapping[str, str], of: Layer) -> Laid:
    """A layer with one artifact of these files."""
    variant = Variant("", of.runtimes, of.architectures, Assembly(tree_of(files), (), (), (), ()))
    return Laid(LockedLayer(of, None, {each: {} for each in of.targets}), (variant,))


def function(*layers: str | LayerArn, where: Target = X313) -> Function:
    return Function("orders", where, Path(), "app.handler", layers=layers)


# Locked


def test_a_layer_of_files_needs_no_lock(workshop: Workshop) -> None:
    of = layer(runtimes=(runtime("provided.al2023"), runtime("nodejs22.x")), source=(("bin", workshop.folder / "src"),))
    found = locked(workshop, of)
    assert (found.lock, found.brings) == (None, {each: {} for each in of.targets})
    (variant,) = laid(workshop, of).variants
    assert [entry.path for entry in variant.assembly.tree] == ["bin/app.py"]
    assert not list(workshop.folder.glob("pylock.*"))


def test_what_a_layer_brings_is_known_for_each_target(workshop: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", requires=["backport; python_version < '3.13'"])
    make_wheel("backport", "2.0")
    found = locked(workshop, layer(runtimes=(P313, P312), requirements=("demo",)))
    assert {str(each): dict(brought) for each, brought in found.brings.items()} == {
        "python3.13 on x86_64": {"demo": "1.0"},
        "python3.12 on x86_64": {"backport": "2.0", "demo": "1.0"},
    }


def test_a_layer_brings_what_is_not_excluded_from_it(workshop: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", requires=["part"])
    make_wheel("part", requires=["deep"])
    make_wheel("deep")
    of = layer(requirements=("demo",), exclude_packages=("part",))
    assert locked(workshop, of).brings == {X313: {"demo": "1.0"}}
    (variant,) = laid(workshop, of).variants
    assert [package.name for package in variant.assembly.packages] == ["demo"]
    assert [(each.path, each.reason) for each in variant.assembly.left_out] == [
        ("deep", "exclude-packages"),
        ("part", "exclude-packages"),
    ]


def test_a_function_has_its_own_target_s_packages_and_of_two_layers_the_later_s() -> None:
    first, second, unused = layer("first", runtimes=(P312, P313)), layer("second"), layer("unused")
    brings: dict[str, dict[Target, dict[str, str]]] = {
        "first": {X313: {"demo": "1.0", "part": "1.0"}, target("python3.12"): {"demo": "0.9", "old": "1.0"}},
        "second": {X313: {"demo": "2.0", "local": ""}},
        "unused": {X313: {"more": "1.0"}},
    }
    found = {each.name: LockedLayer(each, None, brings[each.name]) for each in (first, second, unused)}
    provided = provided_to(function("first", LayerArn("arn:…"), "second"), found)
    assert {name: (each.version, each.layer.name) for name, each in provided.items()} == {
        "demo": ("2.0", "second"),
        "part": ("1.0", "first"),
        "local": ("", "second"),
    }
    assert provided["part"].layer == first.dependencies


# Laid out


def test_a_layer_is_laid_out_from_its_packages_and_files(workshop: Workshop, make_wheel: MakeWheel) -> None:
    for version in ("312", "313"):
        make_wheel("native", files={"native.so": version}, tag=f"cp{version}-cp{version}-manylinux_2_17_x86_64")
    make_wheel("stable", files={"stable.so": "x"}, tag="cp310-abi3-manylinux_2_17_x86_64")
    make_wheel("demo", files={"demo/a.py": "", "demo/tests/b.py": "", "{data}/scripts/run": "#!python\n"})
    of = layer(
        runtimes=(P312, P313),
        requirements=("native", "demo", "stable"),
        source=(("python", workshop.folder / "src"),),
        trim=(("*", ("**/tests/",)),),
    )
    (variant,) = laid(workshop, of).variants
    assert [entry.path for entry in variant.assembly.tree if ".dist-info/" not in entry.path] == [
        "python/app.py",
        "python/bin/run",
        "python/demo/a.py",
        "python/lib/python3.12/site-packages/native.so",
        "python/lib/python3.13/site-packages/native.so",
        "python/stable.so",
    ]
    assert [(each.path, each.reason) for each in variant.assembly.left_out] == [("demo/tests/", "trim")]
    assert [finding.check for finding in variant.assembly.findings] == ["layer-folders"]


def test_a_name_to_trim_that_no_target_knows_is_told(workshop: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo", requires=["backport; python_version < '3.13'"])
    make_wheel("backport")
    of = layer(runtimes=(P312, P313), requirements=("demo",), trim=(("backport", ("*.py",)),))
    assert laid(workshop, of).variants
    with pytest.raises(UsageError, match="`trim` names `bakport`, which is not among the packages") as raised:
        laid(workshop, of._replace(trim=(("bakport", ("*.py",)),)))
    assert raised.value.hint == "did you mean `backport`?"


# Beneath functions


def test_a_function_takes_the_artifact_for_its_target(workshop: Workshop, make_wheel: MakeWheel) -> None:
    for machine in ("x86_64", "aarch64"):
        make_wheel("native", files={"native.so": machine}, tag=f"cp313-cp313-manylinux_2_17_{machine}")
    of = layer(architectures=(X86_64, ARM64), requirements=("native",))
    made = laid(workshop, of)
    arm = function("science", LayerArn("arn:x", 5), where=target("python3.13", "arm64"))
    own, foreign = parts_of(arm, {"science": made}, workshop.store)
    assert own.tree is made.variants[1].assembly.tree
    assert (own.name, own.runtimes, own.architectures) == ("science", ("python3.13",), ("arm64",))
    assert [package.root for package in own.packages] == ["python"]
    assert (foreign.name, foreign.tree, foreign.unzipped_size, foreign.size) == ("arn:x", None, 5, 5)


# Handlers

GOOD = "def handler(event, context): ...\n"
NOWHERE = Tree(())


@pytest.mark.parametrize("folder", ["python", "python/lib/python3.13/site-packages"])
def test_a_handler_may_be_in_a_layer(workshop: Workshop, folder: str) -> None:
    layers = [part_of(holding({f"{folder}/app.py": GOOD}, layer()), X313, workshop.store)]
    assert check_handler(NOWHERE, "app.handler", X313, layers, own_store()) == []
    (finding,) = check_handler(NOWHERE, "app.handlr", X313, layers, own_store())
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize("path", ["app.py", "python/lib/python3.12/site-packages/app.py", "nodejs/app.py"])
def test_a_handler_is_not_looked_for_where_the_runtime_does_not_look(workshop: Workshop, path: str) -> None:
    layers = [part_of(holding({path: GOOD}, layer()), X313, workshop.store)]
    (finding,) = check_handler(NOWHERE, "app.handler", X313, layers, own_store())
    assert finding.severity is Severity.ERROR


def test_a_handler_that_is_nowhere_may_be_in_a_layer_of_others(workshop: Workshop) -> None:
    layers = parts_of(function(LayerArn("arn:a"), LayerArn("arn:b")), {}, workshop.store)
    (finding,) = check_handler(NOWHERE, "app.handler", X313, layers, own_store())
    assert (finding.severity, finding.hint) == (Severity.WARNING, "this is fine if it is in `arn:a` or `arn:b`")


def tree_of(files: Mapping[str, str]) -> Tree:
    return Tree.of(Entry(path, REGULAR, Content.of(text.encode())) for path, text in files.items())


def test_a_function_s_own_handler_needs_no_layer() -> None:
    assert check_handler(tree_of({"app.py": GOOD}), "app.handler", X313, (), own_store()) == []


@pytest.mark.parametrize(
    ("own", "layers", "handler", "is_there"),
    [
        ({"app.py": ""}, [{"python/app.py": GOOD}], "app.handler", False),  # the function's own module is taken
        ({"app/__init__.py": ""}, [{"python/app/main.py": GOOD}], "app.main.handler", False),
        ({"app/own.py": ""}, [{"python/app/main.py": GOOD}], "app.main.handler", True),  # a namespace, found in both
        ({}, [{"python/app.py": ""}, {"python/app.py": GOOD}], "app.handler", True),  # the later layer overwrites
        ({}, [{"python/app.py": GOOD}, {"python/app.py": ""}], "app.handler", False),
        (
            {},
            [{"python/app.py": GOOD}, {"python/lib/python3.13/site-packages/app.py": ""}],
            "app.handler",
            False,  # the folder of the version comes first
        ),
        ({}, [{"python/app": ""}, {"python/app/main.py": GOOD}], "app.main.handler", True),
    ],
)
def test_what_comes_first_hides_what_comes_later(
    workshop: Workshop, own: dict[str, str], layers: list[dict[str, str]], handler: str, *, is_there: bool
) -> None:
    parts = [part_of(holding(files, layer()), X313, workshop.store) for files in layers]
    assert (check_handler(tree_of(own), handler, X313, parts, own_store()) == []) is is_there
