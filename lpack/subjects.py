"""What the configuration says of functions and layers, as the checks take it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from .check import Subject
from .config import Function, Layer
from .model import Target


def subject_of(function: Function, *, today: date, allow_deprecated: bool = False) -> Subject:
    """The function's settings, for the checks."""
    return Subject(
        name=function.name,
        function_name=function.name,
        target=function.target,
        handler=function.handler or None,
        environment=function.environment,
        memory=function.memory,
        timeout=function.timeout,
        ephemeral_storage=function.ephemeral_storage,
        provided_libraries=function.provided_libraries,
        allow_deprecated=allow_deprecated,
        today=today,
    )


def layer_subjects(
    layer: Layer, targets: Iterable[Target], *, today: date, allow_deprecated: bool = False
) -> list[Subject]:
    """The layer's settings, for the checks, with each of the targets."""
    return [
        Subject(
            name=layer.name,
            layer_name=layer.name,
            target=target,
            description=layer.description,
            license=layer.license,
            provided_libraries=layer.provided_libraries,
            allow_deprecated=allow_deprecated,
            today=today,
        )
        for target in targets
    ]
