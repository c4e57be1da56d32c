"""Images for the tests: small real ones, whose layers are tars that gzip has packed."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from local_registry import LocalRegistry

from lpack.image.config import Execution, History, ImageConfig
from lpack.image.manifest import Platform, descriptor_of, digest_of
from lpack.image.media_types import DOCKER, Format
from lpack.image.model import Image, Layer, assembled
from lpack.image.reference import Repository


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """A tar with these files."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            archive.addfile(member, io.BytesIO(data))
    return output.getvalue()


def sample_layer(files: Mapping[str, bytes], *, origin: Repository | None = None) -> Layer:
    """A layer with these files."""
    tar = tar_of(files)
    packed = gzip.compress(tar, 1, mtime=0)
    return Layer(descriptor_of(packed, DOCKER.gzip_layer), digest_of(tar), lambda: chunked(packed), origin)


def sample_image(
    *layers: Mapping[str, bytes] | Layer,
    architecture: str = "amd64",
    kind: Format = "docker",
    entrypoint: Sequence[str] = (),
    cmd: Sequence[str] = ("app.handler",),
) -> Image:
    """An image of these layers."""
    made = [each if isinstance(each, Layer) else sample_layer(each) for each in layers]
    history = tuple(History(created_by=f"layer {number}") for number, _ in enumerate(made))
    execution = Execution(("PATH=/usr/bin:/bin",), tuple(entrypoint), tuple(cmd), working_dir="/var/task")
    config = ImageConfig(Platform("linux", architecture), execution, (), history)
    return assembled(config, made, format=kind)


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that gzip can't pack."""
    return random.Random(seed).randbytes(size)


def chunked(data: bytes, size: int = 1 << 16) -> Iterator[bytes]:
    """The bytes in pieces."""
    return (data[start : start + size] for start in range(0, len(data), size))


def put_manifest(registry: LocalRegistry, repository: str, name: str, data: bytes, media_type: str) -> None:
    """Put a document where a registry keeps manifests."""
    url = f"{registry.url}/v2/{repository}/manifests/{name}"
    request = urllib.request.Request(url, data, {"Content-Type": media_type}, method="PUT")
    urllib.request.urlopen(request).close()


def index_of(*images: Image, unknown: bool = False) -> bytes:
    """An index of images, with an attestation in front if wanted."""
    manifests = [
        {
            **descriptor_of(image.manifest_bytes, image.manifest.media_type).as_dict(),
            "platform": {"os": "linux", "architecture": image.config.platform.architecture},
        }
        for image in images
    ]
    if unknown:
        manifests.insert(0, {**manifests[0], "platform": {"os": "unknown", "architecture": "unknown"}})
    return json.dumps({"schemaVersion": 2, "mediaType": DOCKER.index, "manifests": manifests}).encode()


def write_layout(folder: Path, *images: Image) -> Path:
    """An OCI layout of images, in a folder."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for image in images:
        documents = [image.manifest_bytes, image.config_bytes]
        for data in [*documents, *(b"".join(layer.chunks()) for layer in image.layers)]:
            (blobs / digest_of(data).removeprefix("sha256:")).write_bytes(data)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_bytes(index_of(*images))
    return folder
