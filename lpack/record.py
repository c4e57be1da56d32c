"""The build record: what an artifact is, in a JSON file beside it. CI, CloudFormation and Terraform read it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import NoneType
from typing import Any

from .errors import LpackError
from .model import LeftOut
from .store import replacing

FORMAT = 1
"""The version of the document; it grows when a field goes or changes its meaning."""

FUNCTION, LAYER, IMAGE = "function-zip", "layer", "image"
"""The kinds of artifacts."""

OWN_OUTPUT = "lpack's output"
"""Why earlier artifacts are left out of new ones."""

_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "int | None": (int, NoneType),
    "dict[str, int]": (dict,),
}


@dataclass(frozen=True, slots=True)
class PackageRecord:
    """A package in an artifact: the SHA-256 (hex) of what it came from, and the bytes it takes there unzipped."""

    name: str
    version: str
    purl: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """A layer of an image, in a word and by its digests; sizes are in bytes, None where nobody has unpacked it."""

    name: str
    digest: str
    diff_id: str
    size: int
    unzipped_size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """What is to be said of an image alone.

    ``digest`` is that of its manifest, by which a registry knows it. ``size`` is that of all its blobs, compressed, and
    ``unzipped_size`` that of all its layers' files. ``base`` is what it stands on, with its digest, or "";
    ``base_layers`` is how many of the layers are the base's. ``whole`` tells whether all layers are in the artifact, or
    its own alone.
    """

    digest: str
    media_type: str
    base: str
    size: int
    unzipped_size: int
    layers: tuple[LayerRecord, ...]
    base_layers: int
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The record of one artifact; sizes are in bytes, ``sha256``, ``content`` and ``inputs`` in hex.

    ``code_sha256`` is what Lambda prints: the file's SHA-256 in base64, or the image's digest in hex. ``content`` is a
    digest over sorted path, mode and data, which no compressor can change; ``inputs`` one over everything that went in,
    ``layout`` and ``deflate`` what else decides about the bytes. ``left_out`` counts files and whole folders of the
    source by reason. ``image`` is there for images alone.
    """

    name: str
    kind: str
    runtimes: tuple[str, ...]
    architectures: tuple[str, ...]
    handler: str
    artifact: str
    sha256: str
    code_sha256: str
    content: str
    size: int
    unzipped_size: int
    layers: tuple[str, ...]
    packages: tuple[PackageRecord, ...]
    left_out: dict[str, int]
    inputs: str
    lpack: str
    deflate: str
    layout: int
    image: ImageRecord | None = None

    def as_dict(self) -> dict[str, Any]:
        """The record as JSON holds it; ``image`` is in those of images alone."""
        document = {"format": FORMAT, **asdict(self)}
        if self.image is None:
            del document["image"]
        return document


_Part = Record | PackageRecord | ImageRecord | LayerRecord


def record_file(artifact: Path) -> Path:
    """Where an artifact's record is."""
    return artifact.with_name(f"{artifact.name}.json")


def read_record(artifact: Path) -> Record | None:
    """The record beside an artifact; None when there is none, or none that this version of lpack could have written."""
    try:
        document = json.loads(record_file(artifact).read_bytes())
        if document.pop("format") != FORMAT:
            return None
        document["packages"] = tuple(PackageRecord(**each) for each in document["packages"])
        for key in ("runtimes", "architectures", "layers"):
            document[key] = tuple(str(each) for each in document[key])
        if "image" in document:
            document["image"] = _read_image(document["image"])
        record = Record(**document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # it is made anew; the artifact is not trusted without it
    parts: list[_Part] = [record, *record.packages]
    if record.image:
        parts += [record.image, *record.image.layers]
    complete = record.runtimes and record.architectures and (record.kind == IMAGE) == (record.image is not None)
    return record if complete and all(map(_well_typed, parts)) else None


def _read_image(document: dict[str, Any]) -> ImageRecord:
    layers = tuple(LayerRecord(**each) for each in document.pop("layers"))
    return ImageRecord(layers=layers, **document)


def _well_typed(part: _Part) -> bool:
    kinds = ((each.name, _KINDS.get(str(each.type))) for each in fields(part))
    return all(type(getattr(part, name)) in kind for name, kind in kinds if kind)


def write_record(record: Record, artifact: Path) -> None:
    """Write the record beside the artifact, unless the same is there already; LpackError when it can't be written."""
    file = record_file(artifact)
    text = (json.dumps(record.as_dict(), indent=2, ensure_ascii=False) + "\n").encode()
    try:
        if file.is_file() and file.read_bytes() == text:
            return
        with replacing(file) as stream:
            stream.write(text)
    except OSError as error:
        hint = "choose another folder with `--output`, or make room on the disk"
        raise LpackError(f"`{file}` can't be written: {error.strerror}", hint=hint) from error


def counted(left_out: Sequence[LeftOut]) -> dict[str, int]:
    """How many paths were left out, by reason.

    Not lpack's own output: the same project has the same record, whether or not it was built before.
    """
    return dict(sorted(Counter(each.reason for each in left_out if each.reason != OWN_OUTPUT).items()))
