"""Artifacts are unpacked, imported and called in clean root file systems of their target's Python and architecture."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import clean_roots
import pytest
from command_line import Run

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs("unzip")]

ARCHITECTURES = [pytest.param(name, marks=clean_roots.needs(name)) for name in ("x86_64", "arm64")]

CONFIGURATION = """
[function.seal]
runtime = "python{python}"
architecture = "{architecture}"
source = "src"
handler = "app.handler"
requirements = ["numpy", "pydantic", "cryptography"]
"""

CODE = """
import os
import platform

import numpy
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel


class Event(BaseModel):
    numbers: list[float]


def handler(event, context):
    numbers = numpy.array(Event.model_validate(event).numbers)
    key, nonce = bytes(32), bytes(12)
    sealed = AESGCM(key).encrypt(nonce, numbers.tobytes(), None)
    opened = numpy.frombuffer(AESGCM(key).decrypt(nonce, sealed, None))
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "machine": platform.machine(),
        "norm": float(numpy.linalg.norm(opened)),
        "tool_is_executable": os.access("bin/tool", os.X_OK),
        "data_is_executable": os.access("app.py", os.X_OK),
    }
"""


@pytest.fixture
def unpacked(tmp_path: Path, lpack: Callable[..., Run]) -> Callable[[Path, str], Path]:
    """Builds a function of a project, and unpacks its zip with Info-ZIP, which keeps the modes."""

    def build(folder: Path, name: str) -> Path:
        run = lpack("build", name, "--output", tmp_path / "dist", folder=folder)
        assert run.exit_code == 0, run.stderr
        task = tmp_path / "task"
        subprocess.run(["unzip", "-q", tmp_path / "dist" / f"{name}.zip", "-d", task], check=True)
        return task

    return build


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("python", clean_roots.RELEASES)
def test_native_packages_load_and_work(
    python: str,
    architecture: str,
    project: Callable[[Mapping[str, str]], Path],
    unpacked: Callable[[Path, str], Path],
) -> None:
    folder = project(
        {
            "lpack.toml": CONFIGURATION.format(python=python, architecture=architecture),
            "src/app.py": CODE,
            "src/bin/tool": "#!/bin/sh\n",
        }
    )
    (folder / "src/bin/tool").chmod(0o755)
    task = unpacked(folder, "seal")
    response = clean_roots.invoke(task, "app.handler", {"numbers": [3, 4]}, python=python, architecture=architecture)
    assert response == {
        "python": python,
        "machine": {"x86_64": "x86_64", "arm64": "aarch64"}[architecture],
        "norm": 5.0,
        "tool_is_executable": True,
        "data_is_executable": False,
    }


@clean_roots.needs("x86_64")
def test_the_pandas_fixture_reports(
    copied_fixture: Callable[[str], Path], unpacked: Callable[[Path, str], Path]
) -> None:
    task = unpacked(copied_fixture("python-pandas"), "report-x86_64")
    orders = [
        {"product": "tea", "quantity": 2, "price": 4.5},
        {"product": "cake", "quantity": 1, "price": 20},
        {"product": "tea", "quantity": 1, "price": 4},
    ]
    report = clean_roots.invoke(task, "app.handler", {"orders": orders}, python="3.13", architecture="x86_64")
    assert report == {
        "products": [{"product": "cake", "revenue": 20.0}, {"product": "tea", "revenue": 13.0}],
        "median": 9.0,
    }


@clean_roots.needs("arm64")
@pytest.mark.parametrize(
    ("artifact", "event", "response"),
    [
        ("python-plain/hello", {"name": "Ada"}, {"message": "Hello, Ada!"}),
        ("python-local-package/prices", {"prices": ["0.10", "0.20"]}, {"total": "0.30"}),
        ("python-pyproject/holidays", {"year": 2027}, {"easter": "2027-03-28"}),
    ],
)
def test_the_other_fixtures_answer(
    artifact: str,
    event: dict[str, object],
    response: dict[str, object],
    copied_fixture: Callable[[str], Path],
    unpacked: Callable[[Path, str], Path],
) -> None:
    fixture, function = artifact.split("/")
    task = unpacked(copied_fixture(fixture), function)
    assert clean_roots.invoke(task, "app.handler", event, python="3.13", architecture="arm64") == response
