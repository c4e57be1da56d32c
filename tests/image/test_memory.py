"""Memory does not grow with the image: layers of 250 MB are made under 150 MB, and an archive of them is written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LIMIT = 150_000_000

PROGRAM = """
import random, resource, sys
from pathlib import Path
from lpack.image.archive_writer import write_archive
from lpack.image.composing import composed
from lpack.image.config import Execution, ImageConfig
from lpack.image.making import make_layer
from lpack.image.manifest import Platform
from lpack.image.model import assembled
from lpack.means import Means
from lpack.model import Host, Silent
from lpack.sources import Selection, read_source
from lpack.store import Store
from lpack.tree import Tree
folder = Path(sys.argv[1])
source = folder / "source"
source.mkdir()
numbers = random.Random(1)
for number in range(2):
    with (source / str(number)).open("wb") as file:
        for _ in range(125):
            file.write(numbers.randbytes(500_000) + bytes(500_000))
means = Means(Store(folder / "store"), Host({}, folder / "store", workers=2), Silent())
base = assembled(ImageConfig(Platform("linux", "amd64"), Execution(), ()), [])
for _ in range(2):
    made = make_layer("source", Tree.of(read_source(source, Selection()).entries), means)
    write_archive(composed(base, [made], Execution()), "orders", folder / "orders.tar")
assert made.unzipped_size > 250_000_000
factor = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * factor)
"""


@pytest.mark.slow
def test_of_a_layer_and_an_archive(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, tmp_path]
    # A child starts with the peak of the process that forked it: let that be a shell.
    run = subprocess.run(["sh", "-c", '"$@"; exit', "sh", *command], stdout=subprocess.PIPE, check=True)
    assert int(run.stdout) < LIMIT
