"""Layers of the catalogue, built by lpack and unpacked as Lambda has them in /opt."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from command_line import lpack

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


def built(name: str, *options: str, folder: Path) -> list[dict[str, Any]]:
    """The artifacts of a recipe, built in an empty folder, as the JSON document has them."""
    empty = folder / "empty"
    empty.mkdir()
    run = lpack("build", "--layer", name, *options, "-o", folder / "dist", "--json", folder=empty)
    assert run.exit_code == 0, run.stderr
    artifacts: list[dict[str, Any]] = run.json["artifacts"]
    return artifacts


def in_opt(name: str, runtime: str, architecture: str, *, folder: Path) -> Path:
    """A folder that stands for /opt, with what a recipe has for a target."""
    narrowed = RECIPES[name].layer.per_runtime  # the others are loaded as everybody gets them
    options = ("--runtime", runtime, "--architecture", architecture) if narrowed else ()
    for artifact in built(name, *options, folder=folder):
        record = artifact["record"]
        if runtime in record["runtimes"] and architecture in record["architectures"]:
            return unpacked(Path(artifact["path"]), folder / "task" / "opt")
    raise AssertionError(f"nothing was built for {runtime} on {architecture}")


def unpacked(artifact: Path, folder: Path) -> Path:
    """The folder, with the files of the artifact."""
    with zipfile.ZipFile(artifact) as archive:
        archive.extractall(folder)
    return folder
