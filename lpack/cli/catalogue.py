"""``lpack layers`` and ``lpack layers add``."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from ..aws.runtimes import span
from ..catalogue import Recipe, add, recipes
from ..config import Layer
from .session import Session, short

_COLUMNS = 100


def list_catalogue(session: Session) -> int:
    """Print the recipes, with what each is for when asked to tell more."""
    catalogue, output = recipes(), session.output
    output.document(layers=[_document(recipe) for recipe in catalogue])
    rows = [
        (
            recipe.name,
            span(map(str, recipe.layer.runtimes)),
            _names(recipe.layer.architectures),
            recipe.layer.description,
        )
        for recipe in catalogue
    ]
    output.table(("layer", "runtimes", "architectures", "holds"), rows)
    for recipe in catalogue if output.verbose else ():
        output.result(f"\n{recipe.name}")
        output.result(textwrap.fill(recipe.purpose, _COLUMNS, initial_indent="  ", subsequent_indent="  "))
    return 0


def add_recipes(
    session: Session, names: Sequence[str], *, runtimes: Sequence[str] = (), architectures: Sequence[str] = ()
) -> int:
    """Put the named recipes into the project's configuration."""
    added = add(session.folder, names, runtimes=runtimes, architectures=architectures)
    output = session.output
    output.document(
        file=str(added.file),
        layers=[{"name": layer.name, **_targets(layer)} for layer in added.layers],
        files=[str(path) for path in added.copied],
    )
    if not output.quiet:
        for path in added.copied:
            output.result(f"made {short(path)}")
        for layer in added.layers:
            targets = f"{_names(layer.runtimes)} on {_names(layer.architectures)}"
            output.result(f"added `{layer.name}` to {short(added.file)}: {targets}")
    wanted = ", ".join(f'"{layer.name}"' for layer in added.layers)
    output.remark(f"a function takes it with layers = [{wanted}]")
    return 0


def _names(things: Sequence[object]) -> str:
    return ", ".join(map(str, things))


def _targets(layer: Layer) -> dict[str, list[str]]:
    return {
        "runtimes": [each.name for each in layer.runtimes],
        "architectures": [each.name for each in layer.architectures],
    }


def _document(recipe: Recipe) -> dict[str, Any]:
    layer = recipe.layer
    return {
        "name": recipe.name,
        "description": layer.description,
        "purpose": recipe.purpose,
        **_targets(layer),
        "per_runtime": layer.per_runtime,
        "requirements": list(layer.requirements) if isinstance(layer.requirements, tuple) else [],
    }
