from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import pytest
from in_process import lpack

from lpack.aws.architectures import ARM64
from lpack.aws.runtimes import runtime
from lpack.check import Subject
from lpack.config import load
from lpack.errors import InputError
from lpack.examine import check_artifact, inspect_artifact, inspect_function
from lpack.model import Host, Severity, Silent, Target

Project = Callable[[Mapping[str, str | bytes]], Path]

CONFIGURATION = '[function.orders]\nruntime = "python3.13"\narchitecture = "arm64"\nhandler = "app.handler"\n'
SUBJECT = Subject(
    name="orders", target=Target(runtime("python3.13"), ARM64), today=date(2026, 11, 21), handler="app.handler"
)


@pytest.fixture
def orders(project: Project, make_wheel: Callable[..., Path]) -> Path:
    """A project that was built."""
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
    assert (made.name, made.target, made.handler) == ("orders", "python3.13 on arm64", "app.handler")
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
