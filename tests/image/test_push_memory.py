"""Images of any size in memory of one size: what is sent and what is passed on is never held whole."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import local_registry
import pytest
from local_registry import LocalRegistry

MEGABYTE = 1 << 20
MOST = 110 * MEGABYTE
"""Less than Python with what a push needs and the layers that are sent side by side."""

_PUSH = """
import functools, json, os, resource, sys
from pathlib import Path
from lpack.image.config import Execution, ImageConfig
from lpack.image.manifest import Descriptor, Platform
from lpack.image.media_types import DOCKER
from lpack.image.model import Layer, assembled, file_chunks
from lpack.image.bases import read_layer
from lpack.image.push import push
from lpack.image.reference import parse_repository
from lpack.image.registry import open_registries
from lpack.model import Host, Silent
from dataclasses import replace

host = Host(dict(os.environ), Path(sys.argv[1]))
near, far = map(parse_repository, sys.argv[2:4])
layers = []
for name in sys.argv[4:]:
    digest, size = f"sha256:{Path(name).name}", Path(name).stat().st_size
    chunks = functools.partial(file_chunks, Path(name))
    layers.append(Layer(Descriptor(DOCKER.gzip_layer, digest, size), digest, chunks))
image = assembled(ImageConfig(Platform("linux", "amd64"), Execution(), ()), layers)
with open_registries(host, Silent()) as registries:
    pushed = push(image, near, ["v1"], registries=registries)
    assert pushed.uploaded == image.size
    passed_on = [
        replace(layer, chunks=functools.partial(read_layer, near, layer.descriptor, host), origin=near)
        for layer in image.layers
    ]
    assert push(replace(image, layers=tuple(passed_on)), far, ["v1"], registries=registries).uploaded == image.size
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
@pytest.mark.needs(*local_registry.PROGRAMS)
def test_memory_does_not_grow_with_the_image(registry: LocalRegistry, tmp_path: Path) -> None:
    layers = [_layer(tmp_path, size) for size in (60 * MEGABYTE, 61 * MEGABYTE, 1)]
    with local_registry.serving(tmp_path / "far") as far:
        command = [sys.executable, "-c", _PUSH, tmp_path / "store", f"{registry.host}/near", f"{far.host}/far", *layers]
        # A child starts with the peak of the process that forked it: let that be a shell.
        command = ["sh", "-c", '"$@"; exit', "sh", *command]
        process = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "HOME": "/"})
        assert far.tags("far") == registry.tags("near") != {}
    print(f"{int(process.stdout) / MEGABYTE:.0f} MB")
    assert int(process.stdout) < MOST


def _layer(folder: Path, size: int) -> Path:
    """A file of noise, named after its digest."""
    digest = hashlib.sha256()
    path = folder / f"layer {size}"
    with path.open("wb") as file:
        for start in range(0, size, MEGABYTE):
            data = os.urandom(min(MEGABYTE, size - start))
            digest.update(data)
            file.write(data)
    return path.rename(folder / digest.hexdigest())
