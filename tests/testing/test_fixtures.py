"""The fixtures' own tests, run as their users would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from functions import HERE
from in_process import lpack

from lpack import config

FIXTURES = Path(__file__).parent.parent.parent / "fixtures"


@pytest.mark.parametrize("fixture", sorted(path.name for path in FIXTURES.iterdir() if path.is_dir()))
def test_every_function_of_a_fixture_has_tests(fixture: str) -> None:
    functions = config.load(FIXTURES / fixture).functions
    assert functions
    assert [function.name for function in functions if not function.tests] == []


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.needs("bwrap")
@pytest.mark.parametrize(
    "fixture",
    [
        "python-plain",
        "python-local-package",
        pytest.param("node-plain", marks=pytest.mark.needs("node", "npm", "cmake", "make", "g++")),
        pytest.param("java-maven", marks=pytest.mark.needs("java", "mvn")),
        pytest.param("custom-shell", marks=pytest.mark.needs("curl")),
    ],
)
def test_they_pass_on_this_machine(fixture: str, copied_fixture: Callable[[str], Path]) -> None:
    folder = copied_fixture(fixture)
    file = folder / "lpack.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('architecture = "arm64"', f'architecture = "{HERE}"'), encoding="utf-8")
    assert lpack("build", folder=folder).exit_code == 0
    run = lpack("test", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert run.stdout.rstrip().endswith("passed")
