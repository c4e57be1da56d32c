import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from in_process import lpack

from lpack import catalogue, config

Project = Callable[[Mapping[str, str | bytes]], Path]

FUNCTION = '[function.orders]\nruntime = "python3.13"\narchitecture = "arm64"\nhandler = "app.handler"\n'


# lpack layers


def test_the_catalogue_is_listed(tmp_path: Path) -> None:
    run = lpack("layers", folder=tmp_path)
    assert (run.exit_code, run.stderr) == (0, "")
    header, *rows = run.stdout.splitlines()
    assert header.split() == ["layer", "runtimes", "architectures", "holds"]
    (scipy,) = [row for row in rows if row.startswith("scipy ")]
    assert scipy.split(maxsplit=6)[1:] == ["python3.11", "to", "python3.14", "x86_64,", "arm64", "SciPy with NumPy"]


@pytest.mark.parametrize(
    ("name", "runtimes"),
    [
        ("sharp", "nodejs22.x, nodejs24.x"),
        ("aws-sdk-java-dynamodb", "java8.al2023 to java25"),
        ("shell-runtime", "provided.al2023"),
    ],
)
def test_runtimes_of_every_language_are_listed_in_short(name: str, runtimes: str, tmp_path: Path) -> None:
    (row,) = [row for row in lpack("layers", folder=tmp_path).stdout.splitlines() if row.startswith(f"{name} ")]
    holds = catalogue.recipe(name).layer.description
    assert re.split(r" {2,}", row) == [name, runtimes, "x86_64, arm64", holds]


def test_more_is_told_of_what_each_is_for(tmp_path: Path) -> None:
    told = " ".join(lpack("layers", "-v", folder=tmp_path).stdout.split())
    for recipe in catalogue.recipes():
        assert f"{recipe.name} {recipe.purpose}" in told


def test_the_catalogue_is_a_document_too(tmp_path: Path) -> None:
    document = lpack("layers", "--json", folder=tmp_path).json
    layers = {layer["name"]: layer for layer in document["layers"]}
    assert list(layers) == [recipe.name for recipe in catalogue.recipes()]
    assert layers["scipy"] == {
        "name": "scipy",
        "description": "SciPy with NumPy",
        "purpose": catalogue.recipe("scipy").purpose,
        "runtimes": ["python3.11", "python3.12", "python3.13", "python3.14"],
        "architectures": ["x86_64", "arm64"],
        "per_runtime": True,
        "requirements": ["numpy", "scipy"],
    }
    assert layers["own-modules"]["requirements"] == []


# lpack layers add


def test_a_recipe_is_added(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project({"lpack.toml": FUNCTION})
    monkeypatch.chdir(folder)
    run = lpack("layers", "add", "scipy", "own-modules", folder=folder)
    assert run.exit_code == 0
    assert run.stdout.splitlines() == [
        "made layers/own-modules/modules/shared/__init__.py",
        "made layers/own-modules/modules/shared/answers.py",
        "added `scipy` to lpack.toml: python3.13 on arm64",
        "added `own-modules` to lpack.toml: python3.13 on arm64",
    ]
    assert run.stderr == 'a function takes it with layers = ["scipy", "own-modules"]\n'
    assert [layer.name for layer in config.load(folder).layers] == ["scipy", "own-modules"]


def test_what_was_added_is_a_document_too(tmp_path: Path) -> None:
    options = ("--runtime", "python3.14", "--runtime", "python3.12", "--architecture", "arm64", "--json")
    document = lpack("layers", "add", "own-modules", *options, folder=tmp_path).json
    modules = tmp_path / "layers" / "own-modules" / "modules" / "shared"
    assert document == {
        "format": 1,
        "file": str(tmp_path / "lpack.toml"),
        "layers": [{"name": "own-modules", "runtimes": ["python3.12", "python3.14"], "architectures": ["arm64"]}],
        "files": [str(modules / "__init__.py"), str(modules / "answers.py")],
    }


def test_who_wants_to_hear_nothing_hears_nothing(tmp_path: Path) -> None:
    run = lpack("layers", "add", "scipy", "-q", folder=tmp_path)
    assert (run.exit_code, run.stdout, run.stderr) == (0, "", "")


def test_an_unknown_layer_is_told_with_the_nearest(tmp_path: Path) -> None:
    run = lpack("layers", "add", "scypi", folder=tmp_path)
    assert run.exit_code == 2
    assert run.stderr.splitlines() == [
        "error: `scypi` is not in the catalogue of layers",
        "hint: did you mean `scipy`?",
    ]
    assert not list(tmp_path.iterdir())
