from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from built_once import built_once
from in_process import lpack

from lpack.aws.architectures import ARM64
from lpack.aws.runtimes import runtime
from lpack.check import LayerPart, Subject
from lpack.config import load
from lpack.errors import InputError
from lpack.examine import (
    check_artifact,
    check_layer_artifact,
    inspect_artifact,
    inspect_function,
    inspect_layer,
    layer_part,
    looks_like_layer,
)
from lpack.model import Host, Severity, Silent, Target

Project = Callable[[Mapping[str, str | bytes]], Path]

CONFIGURATION = '[function.orders]\nruntime = "python3.13"\narchitecture = "arm64"\nhandler = "app.handler"\n'
SUBJECT = Subject(
    name="orders", target=Target(runtime("python3.13"), ARM64), today=date(2026, 11, 21), handler="app.handler"
)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture
def orders(project: Project, make_wheel: Callable[..., Path], tmp_path: Path, shelf: Path) -> Path:
    """A project that was built."""
    return built_once(shelf / "orders", tmp_path, lambda: _orders(project, make_wheel))


def _orders(project: Project, make_wheel: Callable[..., Path]) -> Path:
    make_wheel("Demo_Package", "1.0", requires=["helper>1"])
    make_wheel("helper", "2.0")
    files = {
        "lpack.toml": CONFIGURATION,
        "app.py": "def handler(event, context): ...\n",
        "requirements.txt": "--no-index\n--find-links ../wheels\ndemo-package\n",
        "notes.md": "",
        ".lpackignore": "*.md\n",
    }
    folder = project(files)
    assert lpack("build", folder=folder).exit_code == 0
    return folder


@pytest.fixture
def artifact(orders: Path) -> Path:
    return orders / "dist" / "orders.zip"


@pytest.fixture
def host(store_folder: Path) -> Host:
    return Host({}, store_folder)


def test_what_was_built_is_fine(artifact: Path, host: Host) -> None:
    checked = check_artifact(artifact, SUBJECT, host=host)
    assert checked.fine
    assert checked.findings == ()
    assert [package.version for package in checked.packages] == ["1.0", "2.0"]


def test_a_zip_without_a_record_is_checked_all_the_same(artifact: Path, host: Host) -> None:
    artifact.with_name("orders.zip.json").unlink()
    assert check_artifact(artifact, SUBJECT, host=host).findings == ()


def test_a_handler_that_nobody_knows_is_not_checked(artifact: Path, host: Host) -> None:
    wrong = Subject(name="x", target=SUBJECT.target, today=SUBJECT.today, handler="app.other")
    assert not check_artifact(artifact, wrong, host=host).fine
    assert check_artifact(artifact, Subject(name="x", target=wrong.target, today=wrong.today), host=host).fine


def test_the_record_of_another_artifact_is_an_error(orders: Path, artifact: Path, host: Host) -> None:
    old = artifact.with_name("orders.zip.json").read_bytes()
    (orders / "more.py").write_text("")
    lpack("build", folder=orders)
    artifact.with_name("orders.zip.json").write_bytes(old)
    checked = check_artifact(artifact, SUBJECT, host=host)
    assert not checked.fine
    assert [finding.check for finding in checked.findings] == ["record"]


def test_a_record_that_can_not_be_read_is_a_warning(artifact: Path, host: Host) -> None:
    artifact.with_name("orders.zip.json").write_text("{")
    checked = check_artifact(artifact, SUBJECT, host=host)
    assert checked.fine
    assert [(each.check, each.severity) for each in checked.findings] == [("record", Severity.WARNING)]


def test_what_is_no_zip_can_not_be_checked(tmp_path: Path, host: Host) -> None:
    (tmp_path / "x.zip").write_text("no zip")
    with pytest.raises(InputError, match="is not a zip"):
        check_artifact(tmp_path / "x.zip", SUBJECT, host=host)
    with pytest.raises(InputError, match="can't be read: No such file or directory"):
        inspect_artifact(tmp_path / "y.zip")


def test_a_function_is_inspected_as_it_would_be_built(orders: Path, artifact: Path, host: Host) -> None:
    project = load(orders)
    made = inspect_function(project, project.function("orders"), artifact.parent, host=host, reporter=Silent())
    assert (made.name, made.targets, made.handler) == ("orders", ("python3.13 on arm64",), "app.handler")
    assert made.tree.content == inspect_artifact(artifact).tree.content
    assert made.required_by == {"demo-package": ("",), "helper": ("demo-package",)}
    assert made.left_out is not None
    assert {each.path: each.reason for each in made.left_out}["notes.md"] == ".lpackignore"


def test_an_artifact_is_inspected_with_its_record(artifact: Path) -> None:
    found = inspect_artifact(artifact)
    assert (found.name, found.targets, found.handler) == ("orders.zip", ("python3.13 on arm64",), "app.handler")
    assert found.left_out is None
    assert found.required_by is None
    artifact.with_name("orders.zip.json").unlink()
    bare = inspect_artifact(artifact)
    assert (bare.targets, bare.handler, bare.record) == ((), None, None)
    assert bare.tree.content == found.tree.content


# Layers

LAYERED = """
[layer.base]
runtimes = ["python3.12", "python3.13"]
architectures = ["arm64", "x86_64"]
requirements = "requirements.txt"
source = { bin = "tools" }

[function.orders]
runtime = "python3.13"
architecture = "arm64"
handler = "app.handler"
exclude = ["tools"]
layers = ["base", { arn = "arn:aws:lambda:eu-west-1:123456789012:layer:theirs:3", unzipped-size = 1000 }]
"""


@pytest.fixture
def layered(request: pytest.FixtureRequest, tmp_path: Path, shelf: Path) -> Path:
    """The project with its packages in a layer instead, built."""
    return built_once(shelf / "layered", tmp_path, lambda: _layered(request.getfixturevalue("orders")))


def _layered(orders: Path) -> Path:
    (orders / "lpack.toml").write_text(LAYERED)
    (orders / "tools").mkdir()
    (orders / "tools" / "run.sh").write_text("#!/bin/sh\n")
    (orders / "tools" / "run.sh").chmod(0o755)
    assert lpack("build", folder=orders).exit_code == 0
    return orders


def test_a_layer_s_zip_is_known_beneath_a_function(layered: Path, host: Host) -> None:
    file = layered / "dist" / "base.zip"
    part = layer_part(file, "base", host=host)
    assert (part.name, part.runtimes, part.architectures) == (
        "base",
        ("python3.12", "python3.13"),
        ("arm64", "x86_64"),
    )
    assert [(each.name, each.root) for each in part.packages] == [("demo-package", "python"), ("helper", "python")]
    checked = check_artifact(layered / "dist" / "orders.zip", SUBJECT, host=host, layers=[part])
    assert checked.fine
    assert checked.packages == ()
    assert checked.layers_size == part.size
    unknown = LayerPart(name="theirs")
    with_unknown = check_artifact(layered / "dist" / "orders.zip", SUBJECT, host=host, layers=[part, unknown])
    assert with_unknown.layers_size == part.size
    file.with_name("base.zip.json").unlink()
    assert layer_part(file, "base", host=host) == replace(part, runtimes=(), architectures=())


def test_a_layer_is_checked_for_each_of_its_targets(layered: Path, host: Host) -> None:
    subjects = [
        Subject(name="base", layer_name="base", target=Target(runtime(name), ARM64), today=SUBJECT.today)
        for name in ("python3.12", "python3.13")
    ]
    checked = check_layer_artifact(layered / "dist" / "base.zip", subjects, host=host)
    assert checked.fine
    assert checked.layers_size == 0
    (layered / "tools" / "run.sh").write_text("")
    old = (layered / "dist" / "base.zip.json").read_bytes()
    lpack("build", folder=layered)
    (layered / "dist" / "base.zip.json").write_bytes(old)
    broken = check_layer_artifact(layered / "dist" / "base.zip", subjects, host=host)
    assert [finding.check for finding in broken.findings] == ["record"]


def test_a_function_is_inspected_with_its_layers(layered: Path, host: Host) -> None:
    project = load(layered)
    made = inspect_function(project, project.function("orders"), layered / "dist", host=host, reporter=Silent())
    base, theirs = made.layers
    assert base.tree is not None
    assert base.tree.content == inspect_artifact(layered / "dist" / "base.zip").tree.content
    assert (theirs.tree, theirs.size) == (None, 1000)
    assert made.size == made.tree.size + base.tree.size + 1000
    assert made.packages == ()
    assert made.required_by == {}


def test_a_layer_is_inspected_as_it_would_be_built(layered: Path, host: Host) -> None:
    project = load(layered)
    [made] = inspect_layer(project, project.layer("base"), layered / "dist", host=host, reporter=Silent())
    assert (made.name, made.handler, made.layers) == ("base", None, ())
    assert (made.runtimes, made.architectures) == (("python3.12", "python3.13"), ("arm64", "x86_64"))
    assert made.targets[0] == "python3.12 on arm64"
    assert made.required_by == {"demo-package": ("",), "helper": ("demo-package",)}
    of_file = inspect_artifact(layered / "dist" / "base.zip")
    assert (of_file.tree.content, of_file.targets) == (made.tree.content, made.targets)


@pytest.mark.parametrize(
    ("names", "is_layer"),
    [
        (["python/a.py"], True),
        (["python/a.py", "lib/x.so", "bin/run", "extensions/agent"], True),
        (["nodejs/node_modules/a/index.js"], True),
        (["java/lib/a.jar"], True),
        (["extensions/agent"], True),
        (["python/a.py", "app.py"], False),
        (["bin/run"], False),
        (["lib/x.so"], False),
        (["app.py"], False),
        ([], False),
    ],
    ids=str,
)
def test_a_layer_of_another_tool_is_known_by_its_folders(
    names: Sequence[str], *, is_layer: bool, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "")
    assert looks_like_layer(tmp_path / "x.zip") is is_layer


def test_a_record_says_whether_it_is_a_layer(layered: Path) -> None:
    assert looks_like_layer(layered / "dist" / "base.zip")
    assert not looks_like_layer(layered / "dist" / "orders.zip")
