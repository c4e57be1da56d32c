"""An image of a base and layers of lpack's own: its config, with a history entry for each layer, and its manifest."""

from __future__ import annotations

from collections.abc import Sequence

from .config import Execution, History, ImageConfig
from .making import MadeLayer
from .media_types import Format
from .model import Image, assembled

CREATED = "1980-01-01T00:00:00Z"
"""The time of all that lpack makes, as it is in its zips."""

_KEPT = ("os.version", "os.features")
"""Keys of a base's config that say what the image is for; others are notes about how the base was made."""


def composed(
    base: Image,
    made: Sequence[MadeLayer],
    execution: Execution,
    *,
    format: Format = "docker",  # noqa: A002 -- what users call it
) -> Image:
    """The base with lpack's layers on top."""
    config = ImageConfig(
        platform=base.config.platform,
        execution=execution,
        diff_ids=(),  # those of the layers
        history=(*_history_of(base), *(_history(layer) for layer in made)),
        created=CREATED,
        others={key: value for key, value in base.config.others.items() if key in _KEPT},
    )
    return assembled(config, (*base.layers, *(each.layer for each in made)), format=format)


def _history(made: MadeLayer) -> History:
    return History(created=CREATED, created_by=f"lpack: {made.name}")


def _history_of(base: Image) -> tuple[History, ...]:
    """The base's history; where it tells of another number of layers than there are, one entry for each of them.

    Lambda wants one for each: https://github.com/bazel-contrib/rules_oci/issues/645
    """
    history = base.config.history
    if sum(not each.empty_layer for each in history) == len(base.layers):
        return history
    return tuple(History(created=CREATED, created_by=f"base layer {layer.diff_id}") for layer in base.layers)
