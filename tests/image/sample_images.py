"""Images for the tests: small real ones, whose layers are tars that gzip has packed."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from collections.abc import Iterator, Mapping, Sequence

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
    cmd: Sequence[str] = ("app.handler",),
) -> Image:
    """An image of these layers."""
    made = [each if isinstance(each, Layer) else sample_layer(each) for each in layers]
    history = tuple(History(created_by=f"layer {number}") for number, _ in enumerate(made))
    execution = Execution(env=("PATH=/usr/bin:/bin",), cmd=tuple(cmd), working_dir="/var/task")
    config = ImageConfig(Platform("linux", architecture), execution, (), history)
    return assembled(config, made, format=kind)


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that gzip can't pack."""
    return random.Random(seed).randbytes(size)


def chunked(data: bytes, size: int = 1 << 16) -> Iterator[bytes]:
    """The bytes in pieces."""
    return (data[start : start + size] for start in range(0, len(data), size))
