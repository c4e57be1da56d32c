"""What others may import; the rest can change from one version to the next."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import pytest
from functions import HERE, PYTHON

import lpack

EXPORTED = {
    "Finding",
    "Function",
    "Host",
    "Layer",
    "LayerPart",
    "LpackError",
    "Options",
    "Outcome",
    "Project",
    "Publication",
    "PublishOptions",
    "Published",
    "Record",
    "Reporter",
    "RunOptions",
    "Severity",
    "Silent",
    "Subject",
    "Verdict",
    "__version__",
    "build_artifacts",
    "check_artifact",
    "check_layer_artifact",
    "layer_subjects",
    "load",
    "lock_parts",
    "publish_artifacts",
    "read_record",
    "run_tests",
    "subject_of",
}


def test_the_list_is_a_contract() -> None:
    assert set(lpack.__all__) == set(dir(lpack)) == EXPORTED


@pytest.mark.parametrize("name", sorted(EXPORTED))
def test_everything_on_it_is_there(name: str) -> None:
    assert getattr(lpack, name) is not None


def test_nothing_else_is() -> None:
    with pytest.raises(AttributeError, match="no attribute `build_everything`"):
        lpack.build_everything  # noqa: B018


def test_importing_it_loads_nothing_more() -> None:
    code = "import sys, lpack; print(*(name for name in sys.modules if name.startswith('lpack.')))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.split() == []


def test_a_project_is_built_and_checked_from_python(
    project: Callable[[Mapping[str, str]], Path], store_folder: Path
) -> None:
    text = '[function.hello]\nruntime = "python3.13"\nhandler = "app.handler"\n'
    folder = project({"lpack.toml": text, "app.py": "def handler(event, context): ...\n"})
    loaded = lpack.load(folder)
    host = lpack.Host({}, store_folder)
    options = lpack.Options(output=folder / "dist", today=date(2026, 11, 21))
    [outcome] = lpack.build_artifacts(loaded, loaded.functions, options, host=host, reporter=lpack.Silent())
    assert outcome.error is None
    assert outcome.record == lpack.read_record(outcome.artifact)
    subject = lpack.subject_of(loaded.function("hello"), today=options.today)
    assert lpack.check_artifact(outcome.artifact, subject, host=host).fine


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.needs("bwrap")
def test_its_tests_are_run_from_python(project: Callable[[Mapping[str, str]], Path]) -> None:
    text = (
        f'[function.hello]\nruntime = "{PYTHON}"\narchitecture = "{HERE}"\nhandler = "app.handler"\n'
        "[function.hello.tests.one]\nexpect = 1\n[function.hello.tests.two]\nexpect = 2\n"
    )
    folder = project({"lpack.toml": text, "app.py": "def handler(event, context):\n    return 1\n"})
    loaded = lpack.load(folder)
    host = lpack.Host(os.environ, Path(os.environ["LPACK_CACHE_DIR"]))
    options = lpack.Options(output=folder / "dist", today=date(2026, 11, 21))
    lpack.build_artifacts(loaded, loaded.functions, options, host=host, reporter=lpack.Silent())
    run_options = lpack.RunOptions(output=options.output)
    one, two = lpack.run_tests(loaded, [], run_options, host=host, reporter=lpack.Silent())
    assert (one.name, one.failure, two.name, two.problems) == (
        "hello:one",
        None,
        "hello:two",
        ("the response: expected 2, got 1",),
    )
