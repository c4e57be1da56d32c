"""Layers of the catalogue, built by lpack and unpacked as Lambda has them in /opt."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from command_line import lpack
from once import once

from lpack import catalogue
from lpack.aws.runtimes import Family
from lpack.catalogue import Recipe

RECIPES = {recipe.name: recipe for recipe in catalogue.recipes()}


def family(recipe: Recipe) -> Family:
    """The family of a recipe's runtimes, all of which are of one."""
    (found,) = {runtime.family for runtime in recipe.layer.runtimes}
    return found


def names(wanted: Family) -> list[str]:
    """The recipes for runtimes of the family."""
    return [name for name, recipe in RECIPES.items() if family(recipe) == wanted]


def built(name: str, shared_folder: Path) -> list[dict[str, Any]]:
    """The artifacts of a recipe, as the JSON document has them; built in an empty folder, once for all tests."""

    def build(folder: Path) -> None:
        empty = folder / "empty"
        empty.mkdir()
        run = lpack("build", "--layer", name, "-o", folder / "dist", "--json", folder=empty)
        assert run.exit_code == 0, run.stderr
        (folder / "artifacts.json").write_text(run.stdout)

    folder = once(shared_folder / "recipes" / name, build)
    artifacts: list[dict[str, Any]] = json.loads((folder / "artifacts.json").read_text())["artifacts"]
    return [{**each, "path": folder / "dist" / Path(each["path"]).name} for each in artifacts]


def in_opt(name: str, runtime: str, architecture: str, shared_folder: Path) -> Path:
    """A folder that stands for /opt, with what a recipe has for a target; other tests look at it, too."""
    fitting = [
        artifact["path"]
        for artifact in built(name, shared_folder)
        if runtime in artifact["record"]["runtimes"] and architecture in artifact["record"]["architectures"]
    ]
    assert len(fitting) == 1, fitting
    task = shared_folder / "recipes" / f"{fitting[0].stem}.task"
    return once(task, lambda folder: unpacked(fitting[0], folder / "opt")) / "opt"


def unpacked(artifact: Path, folder: Path) -> Path:
    """The folder, with the files of the artifact."""
    with zipfile.ZipFile(artifact) as archive:
        archive.extractall(folder)
    return folder
