from __future__ import annotations

import base64
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from lpack.artifacts import (
    Plan,
    artifacts_of_layer,
    discard_damaged,
    finish,
    finished_before,
    layer_for,
    remove_others,
)
from lpack.assembling import Assembly
from lpack.aws.architectures import ARM64, X86_64
from lpack.aws.runtimes import runtime
from lpack.model import Host, LeftOut, Package, Target
from lpack.record import FUNCTION, LAYER, PackageRecord, read_record, record_file, write_record
from lpack.store import Store
from lpack.tree import REGULAR, Content, Entry, Tree

PYTHON_312, PYTHON_313 = (Target(runtime(name), X86_64) for name in ("python3.12", "python3.13"))


@pytest.fixture
def store(store_folder: Path) -> Store:
    return Store(store_folder)


@pytest.fixture
def host(store_folder: Path) -> Host:
    return Host({}, store_folder, workers=2)


def entry(path: str, data: bytes = b"data", package: str = "") -> Entry:
    return Entry(path, REGULAR, Content.of(data), package)


def assembly(*entries: Entry, packages: tuple[Package, ...] = (), left_out: tuple[LeftOut, ...] = ()) -> Assembly:
    return Assembly(Tree.of(entries), packages, left_out, (), ())


def plan_of(file: Path, made: Assembly, *, kind: str = FUNCTION, targets: tuple[Target, ...] = (PYTHON_313,)) -> Plan:
    return Plan(name=file.stem.partition("-")[0], kind=kind, file=file, targets=targets, assembly=made)


# Finished and left alone


def test_what_is_finished_is_there_with_its_record(tmp_path: Path, store: Store, host: Host) -> None:
    plan = replace(
        plan_of(tmp_path / "dist" / "orders.zip", assembly(entry("app.py"), left_out=(LeftOut("a", "exclude"),))),
        handler="app.handler",
        layers=("base", "arn:theirs"),
    )
    assert finished_before(plan) is None
    finished = finish(plan, store=store, host=host)
    data, record = plan.file.read_bytes(), finished.record
    assert not finished.unchanged
    assert record == read_record(plan.file)
    assert (record.name, record.kind, record.artifact) == ("orders", FUNCTION, "orders.zip")
    assert (record.handler, record.layers) == ("app.handler", ("base", "arn:theirs"))
    assert (record.size, record.unzipped_size) == (len(data), 4)
    assert (record.sha256, record.content) == (sha256(data).hexdigest(), plan.assembly.tree.content)
    assert base64.b64decode(record.code_sha256).hex() == record.sha256
    assert record.left_out == {"exclude": 1}
    with zipfile.ZipFile(plan.file) as archive:
        assert archive.namelist() == ["app.py"]


def test_it_is_known_as_finished_and_finishing_again_writes_nothing(tmp_path: Path, store: Store, host: Host) -> None:
    plan = plan_of(tmp_path / "orders.zip", assembly(entry("app.py")))
    first = finish(plan, store=store, host=host)
    before = [path.stat() for path in (plan.file, record_file(plan.file))]
    assert finished_before(plan) == replace(first, unchanged=True) == finish(plan, store=store, host=host)
    assert [path.stat() for path in (plan.file, record_file(plan.file))] == before


def test_a_record_that_tells_something_else_is_not_finished(tmp_path: Path, store: Store, host: Host) -> None:
    plan = plan_of(tmp_path / "orders.zip", assembly(entry("app.py")))
    record = finish(plan, store=store, host=host).record
    write_record(replace(record, left_out={"exclude": 7}), plan.file)
    assert finished_before(plan) is None
    again = finish(plan, store=store, host=host)
    assert (again.unchanged, again.record) == (True, record)


@pytest.mark.parametrize("kind", [FUNCTION, LAYER])
@pytest.mark.parametrize("harm", ["cut", "gone", "a folder"])
def test_an_artifact_that_is_not_what_its_record_says_is_written_again(
    kind: str, harm: str, tmp_path: Path, store: Store, host: Host
) -> None:
    plan = plan_of(tmp_path / "orders.zip", assembly(entry("app.py")), kind=kind)
    record = finish(plan, store=store, host=host).record
    if harm == "cut":
        os.truncate(plan.file, 20)
    else:
        plan.file.unlink()
    if harm == "a folder":
        plan.file.mkdir()
    assert finished_before(plan) is None
    if harm == "a folder":
        plan.file.rmdir()
    again = finish(plan, store=store, host=host)
    assert (again.unchanged, again.record) == (False, record)


def test_packers_and_targets_decide_about_functions_and_content_alone_about_layers(
    tmp_path: Path, store: Store, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = assembly(entry("python/a.py"))
    plans = [plan_of(tmp_path / f"{kind}.zip", made, kind=kind) for kind in (FUNCTION, LAYER)]
    records = [finish(plan, store=store, host=host).record for plan in plans]
    monkeypatch.setattr("deflate.__version__", "9.9")
    of_function, of_layer = (finish(plan, store=store, host=host) for plan in plans)
    assert not of_function.unchanged
    assert "deflate 9.9" in of_function.record.deflate
    assert (of_layer.unchanged, of_layer.record) == (True, records[1])

    retargeted = [replace(plan, targets=(PYTHON_312, PYTHON_313)) for plan in plans]
    of_function, of_layer = (finish(plan, store=store, host=host) for plan in retargeted)
    assert not of_function.unchanged
    assert of_layer.unchanged
    assert of_layer.record.runtimes == ("python3.12", "python3.13")
    assert (of_layer.record.sha256, of_layer.record.deflate) == (records[1].sha256, records[1].deflate)
    assert of_layer.record == read_record(tmp_path / f"{LAYER}.zip")


def test_a_function_s_zip_is_not_taken_for_that_of_a_layer(tmp_path: Path, store: Store, host: Host) -> None:
    file, made = tmp_path / "shared.zip", assembly(entry("python/a.py"))
    finish(plan_of(file, made), store=store, host=host)
    assert finished_before(plan_of(file, made, kind=LAYER)) is None
    assert finish(plan_of(file, made, kind=LAYER), store=store, host=host).record.kind == LAYER


def test_a_package_that_is_there_for_several_versions_is_recorded_once(
    tmp_path: Path, store: Store, host: Host
) -> None:
    folders = [f"python/lib/python3.{minor}/site-packages" for minor in (12, 13, 14)]
    hashes = ["aa", "bb", "bb"]
    packages = tuple(
        Package("demo", "1.0", "pkg:pypi/demo@1.0", sha256, folder)
        for folder, sha256 in zip(folders, hashes, strict=True)
    )
    entries = [
        entry(f"{folder}/demo.py", b"x" * size, "demo") for folder, size in zip(folders, (1, 20, 300), strict=True)
    ]
    made = assembly(*entries, entry("python/own.py", b"x" * 4000), packages=packages)
    record = finish(plan_of(tmp_path / "fast.zip", made, kind=LAYER), store=store, host=host).record
    assert record.packages == (
        PackageRecord("demo", "1.0", "pkg:pypi/demo@1.0", "aa", 1),
        PackageRecord("demo", "1.0", "pkg:pypi/demo@1.0", "bb", 320),
    )
    assert record.unzipped_size == 4321
    assert read_record(tmp_path / "fast.zip") == record


# The store's files


def test_only_what_is_damaged_is_discarded(tmp_path: Path, store: Store) -> None:
    whole, broken, gone = tmp_path / "whole", tmp_path / "broken", tmp_path / "gone"
    for path in (whole, broken):
        path.write_bytes(path.name.encode())
    archives = tuple((path, sha256(path.name.encode()).digest()) for path in (whole, broken, gone))
    made = assembly(entry("a"))._replace(archives=archives[:2])
    assert not discard_damaged(made, store)
    broken.write_text("something else")
    assert discard_damaged(made, store)
    assert (whole.exists(), broken.exists()) == (True, False)
    assert discard_damaged(made._replace(archives=archives[2:]), store)


# The artifacts of a layer


@pytest.fixture
def fast(tmp_path: Path, store: Store, host: Host) -> Callable[..., Path]:
    """Makes an artifact of the layer ``fast``, for these targets, under a name that begins with the layer's."""

    def make(name: str, *targets: Target) -> Path:
        plan = plan_of(tmp_path / name, assembly(entry("python/a.py", name.encode())), kind=LAYER, targets=targets)
        finish(plan, store=store, host=host)
        return plan.file

    return make


def test_the_artifacts_of_a_layer_are_those_whose_records_say_so(
    tmp_path: Path, fast: Callable[..., Path], store: Store, host: Host
) -> None:
    one, other = fast("fast-x86_64.zip", PYTHON_312), fast("fast.zip", PYTHON_313)
    finish(plan_of(tmp_path / "faster.zip", assembly(entry("python/a.py")), kind=LAYER), store=store, host=host)
    finish(plan_of(tmp_path / "fast-function.zip", assembly(entry("app.py"))), store=store, host=host)
    (tmp_path / "fast-foreign.zip").write_bytes(one.read_bytes())
    (tmp_path / "fast-copy.zip").write_bytes(one.read_bytes())
    record_file(tmp_path / "fast-copy.zip").write_bytes(record_file(one).read_bytes())
    found = artifacts_of_layer("fast", tmp_path)
    assert found == {path: read_record(path) for path in (one, other)}
    assert artifacts_of_layer("fas[t]", tmp_path) == artifacts_of_layer("fast", tmp_path / "nowhere") == {}

    before = set(tmp_path.iterdir())
    assert remove_others("fast", [other], tmp_path) == [one]
    assert before - set(tmp_path.iterdir()) == {one, record_file(one)}
    assert remove_others("fast", [other], tmp_path) == []


def test_each_target_has_its_artifact(tmp_path: Path, fast: Callable[..., Path]) -> None:
    on_arm64 = PYTHON_312._replace(architecture=ARM64)
    one, other = fast("fast-x86_64.zip", PYTHON_312), fast("fast-arm64.zip", on_arm64)
    assert layer_for("fast", PYTHON_312, tmp_path) == one
    assert layer_for("fast", on_arm64, tmp_path) == other
    assert layer_for("fast", PYTHON_313, tmp_path) is None
