"""Functions and layers as a template declares them: each with its code, and with the layers beneath it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...config import Function, Layer, Project
from ...config.keys import LayerArn
from ...errors import PublishError
from ...record import Record
from .. import Published
from ..images import StoredImage
from ..s3 import Stored


@dataclass(frozen=True, slots=True)
class DeclaredLayer:
    """A layer called ``name`` in AWS, and where its code is."""

    name: str
    layer: Layer
    record: Record
    code: Stored


@dataclass(frozen=True, slots=True)
class DeclaredFunction:
    """A function called ``name`` in AWS, and where its code or image is, or its source itself; its layers in order.

    Layers of others are named by their ARNs.
    """

    name: str
    function: Function
    record: Record
    code: Stored | StoredImage | str
    layers: tuple[DeclaredLayer | str, ...]


@dataclass(frozen=True, slots=True)
class Declared:
    """All that a template declares."""

    functions: tuple[DeclaredFunction, ...]
    layers: tuple[DeclaredLayer, ...]


def declared(artifacts: Sequence[Published], project: Project) -> Declared:
    """What the artifacts are declared as; PublishError when some of them are nowhere.

    A template that lacks a part would have that part removed.
    """
    layers, functions = [], []
    for each in artifacts:
        match each:
            case Published(part=Layer() as layer, record=Record() as record, stored=Stored() as stored):
                layers.append(DeclaredLayer(each.name, layer, record, stored))
            case Published(part=Function() as function, record=Record() as record) if (
                code := each.stored or each.image or each.source
            ):
                beneath = tuple(_layer(name, function, layers) for name in function.layers)
                name = project.publish.name_in_aws(function.name).rpartition(":")[2]
                functions.append(DeclaredFunction(name, function, record, code, beneath))
            case _:
                raise PublishError(f"`{each.name}` was not published, so that nothing can be said of it")
    return Declared(tuple(functions), tuple(layers))


def _layer(name: str | LayerArn, function: Function, layers: Sequence[DeclaredLayer]) -> DeclaredLayer | str:
    if isinstance(name, LayerArn):
        return name.arn
    runtime, architecture = function.target.runtime.name, function.target.architecture.name
    return next(
        each
        for each in layers
        if each.layer.name == name and runtime in each.record.runtimes and architecture in each.record.architectures
    )
