"""The build record: what an artifact is, in a JSON file beside it. CI, CloudFormation and Terraform read it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .model import LeftOut, Package
from .store import replacing

FORMAT = 1


@dataclass(frozen=True, slots=True)
class PackageRecord:
    """A package in an artifact: ``sha256`` (hex) of what it came from, ``size`` and ``packed_size`` in bytes there."""

    name: str
    version: str
    purl: str
    sha256: str
    size: int
    packed_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The record of one artifact; sizes are in bytes, ``sha256``, ``content`` and ``inputs`` in hex.

    ``code_sha256`` is the file's SHA-256 in base64, as Lambda prints it. ``content`` is a digest over sorted path, mode
    and data, which no compressor can change; ``inputs`` one over everything that went in, ``layout`` and ``deflate``
    what else decides about the bytes. ``left_out`` counts files and whole folders of the source by reason.
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
    format: int = FORMAT

    def as_dict(self) -> dict[str, Any]:
        """The record as JSON holds it, the format first."""
        fields = asdict(self)
        return {"format": fields.pop("format"), **fields}


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
            document[key] = tuple(document[key])
        return Record(**document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # it is made anew; the artifact is not trusted without it


def write_record(record: Record, artifact: Path) -> None:
    """Write the record beside the artifact, unless the same is there already."""
    file = record_file(artifact)
    text = (json.dumps(record.as_dict(), indent=2, ensure_ascii=False) + "\n").encode()
    if not file.is_file() or file.read_bytes() != text:
        with replacing(file) as stream:
            stream.write(text)


def counted(left_out: Sequence[LeftOut]) -> dict[str, int]:
    """How many paths were left out, by reason."""
    return dict(sorted(Counter(each.reason for each in left_out).items()))


def package_record(package: Package) -> PackageRecord:
    """What the record says of a package."""
    return PackageRecord(package.name, package.version, package.purl, package.sha256, package.size, package.packed_size)
