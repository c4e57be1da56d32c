"""What is run: a finished artifact with its layers, and the settings that Lambda would run it with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..config import Function
from ..config.keys import LayerArn
from ..errors import InputError, LpackError, UsageError
from ..model import Target
from ..record import Record, read_record
from ..store import sha256_of


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that was built, with the SHA-256 that its record says, and that it has."""

    file: Path
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Runnable:
    """A function as Lambda would have it. ``memory`` and ``ephemeral_storage`` are in MB, ``timeout`` in seconds.

    ``is_image`` says that the artifact is a container image (an archive that Docker loads) and no zip; ``base`` is the
    image whose layers are not in the archive, "" when all are.
    """

    name: str
    target: Target
    handler: str
    artifact: Artifact
    layers: tuple[Artifact, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    memory: int = 128
    timeout: int = 3
    ephemeral_storage: int = 512
    is_image: bool = False
    base: str = ""


def runnable_of(function: Function, output: Path) -> Runnable:
    """The function as it was built to the folder ``output``.

    UsageError when it, or a layer of it, was not built; InputError when an artifact is no longer what its record says.
    """
    file = output / f"{function.name}.{'tar' if function.image else 'zip'}"
    artifact, record = _artifact(file, function.name)
    if record.runtimes != (function.target.runtime.name,) or record.architectures != (
        function.target.architecture.name,
    ):
        there = f"{', '.join(record.runtimes)} on {', '.join(record.architectures)}"
        raise InputError(
            f"`{file.name}` was built for {there}, and `{function.name}` is for {function.target} now",
            hint=f"run `lpack build {function.name}`",
        )
    return Runnable(
        name=function.name,
        target=function.target,
        handler=function.handler,
        artifact=artifact,
        layers=tuple(_layer(each, function, output) for each in function.layers),
        environment=function.environment,
        memory=function.memory,
        timeout=function.timeout,
        ephemeral_storage=function.ephemeral_storage,
        is_image=function.image is not None,
        base=record.image.base if record.image and not record.image.whole else "",
    )


def _artifact(file: Path, name: str) -> tuple[Artifact, Record]:
    hint = f"run `lpack build {name}`"
    if not file.is_file():
        raise UsageError(f"`{name}` was not built: there is no `{file}`", hint=hint)
    record = read_record(file)
    if record is None:
        raise InputError(f"`{file}` has no build record that lpack can read beside it", hint=hint)
    try:
        sha256 = sha256_of(file)
    except OSError as error:
        raise LpackError(f"`{file}` can't be read: {error.strerror}") from error
    if sha256.hex() != record.sha256:
        raise InputError(f"`{file}` changed since it was built: its record is of other bytes", hint=hint)
    return Artifact(file, sha256), record


def _layer(layer: str | LayerArn, function: Function, output: Path) -> Artifact:
    if isinstance(layer, LayerArn):
        raise UsageError(
            f"`{function.name}` uses the layer `{layer.arn}`, whose files are not on this machine",
            hint="download its zip, and make it a layer of this project while you run the function here",
        )
    from ..artifacts import layer_for

    file = layer_for(layer, function.target, output)
    if file is None:
        fact = f"the layer `{layer}` of `{function.name}` was not built for {function.target}"
        raise UsageError(fact, hint=f"run `lpack build {function.name}`")
    return _artifact(file, layer)[0]
