"""Images from a Dockerfile of the user's own, built by the Docker Engine.

The engine is asked by its API, which makes no attestations, an index of which Lambda would refuse; the result is read
back and compressed as lpack's own layers are.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..engine import connect, said, understood
from ..errors import ToolError, UsageError
from ..means import Means
from .config import parse_config
from .manifest import DIGEST, Descriptor, Platform, descriptor_of, digest_of, manifest_of
from .media_types import DOCKER
from .model import Image, Layer, read_image, with_layers
from .opening import ENGINE, opened
from .packing import packed

PATIENCE = 3600.0
"""Seconds that one step of a Dockerfile may take without a word."""

_MOST_LINES = 20
_KIND, _NAME = "images", "config.json"


def image_from_dockerfile(dockerfile: Path, context: Path, platform: Platform, means: Means) -> Image:
    """The image that the engine builds of the Dockerfile, with the files of the ``context`` folder.

    ToolError when there is no engine, or a step fails; its last lines are with it. UsageError for a context that is
    none.
    """
    identity = _built(dockerfile, context, platform, means)
    kept = _kept(identity, means)
    if kept:
        return kept
    store, host, reporter = means
    with opened(f"{ENGINE}{identity}", platform, folder=context, host=host, reporter=reporter) as saved:
        image = _packed(saved, means)
    with store.writing(_KIND, image.manifest.config.sha256, _NAME) as file:
        file.write(image.config_bytes)
    return image


def _kept(identity: str, means: Means) -> Image | None:
    """The image of that id from the store, if all of it was kept there: an engine takes its time to save one."""
    if not DIGEST.fullmatch(identity):
        return None
    with means.store.reading(_KIND, bytes.fromhex(identity.removeprefix("sha256:")), _NAME) as file:
        config_bytes = file.read() if file else b""
    if digest_of(config_bytes) != identity:
        return None
    config = parse_config(config_bytes, f"the config of `{identity}`")
    layers = [Descriptor(DOCKER.layer, diff_id, 0) for diff_id in config.diff_ids]
    manifest = manifest_of(descriptor_of(config_bytes, DOCKER.config), layers)
    image = read_image(manifest.to_bytes(), config_bytes, _missing, subject=f"`{identity}`")
    try:
        return _packed(image, means)
    except _MissingError:
        return None


def _packed(image: Image, means: Means) -> Image:
    return with_layers(image, [packed(layer, means) for layer in image.layers])


class _MissingError(Exception):
    pass


def _missing(descriptor: Descriptor, diff_id: str) -> Layer:
    def chunks() -> Iterator[bytes]:
        raise _MissingError

    return Layer(descriptor, diff_id, chunks)


def _built(dockerfile: Path, context: Path, platform: Platform, means: Means) -> str:
    """The id of the image in the engine."""
    from docker.errors import APIError

    subject = f"building `{dockerfile}`"
    lines: list[str] = []
    with connect(means.host.environ, timeout=PATIENCE) as client, understood(subject):
        try:
            steps = client.api.build(
                path=str(context),
                dockerfile=str(dockerfile),
                platform=str(platform),
                rm=True,
                forcerm=True,
                decode=True,
            )
            for step in steps:
                for line in _lines(step):
                    means.reporter.printed(line)
                    lines.append(line)
                if error := step.get("error"):
                    raise _failed(dockerfile, str(error), lines)
                if identity := (step.get("aux") or {}).get("ID"):
                    found = str(identity)
        except APIError as error:
            raise _failed(dockerfile, said(error), lines) from error
        except TypeError as error:
            raise UsageError(f"`{context}` can't be the context of a Dockerfile: {error}") from error
    return found


def _lines(step: Mapping[str, Any]) -> Iterator[str]:
    for line in str(step.get("stream") or step.get("status") or "").splitlines():
        if line.strip():
            yield line.rstrip()


def _failed(dockerfile: Path, reason: str, lines: list[str]) -> ToolError:
    hint = "run it by hand to see more: `docker build --file " + posixpath.basename(str(dockerfile)) + " .`"
    if "buildkit" in reason.lower():
        hint = (
            "build it by `docker build --provenance=false --sbom=false`, and check what comes out: "
            "`lpack check docker-daemon:NAME --runtime …`"
        )
    return ToolError(f"`{dockerfile}` can't be built: {reason.strip()}", hint=hint, details=lines[-_MOST_LINES:])
