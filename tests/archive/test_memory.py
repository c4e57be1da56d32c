"""Memory does not grow with the package: 250 MB of it stay under 150 MB."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LIMIT = 150_000_000

PREPARE = """
import random, sys
from pathlib import Path
numbers = random.Random(1)
folder, sizes = Path(sys.argv[1]), [int(size) for size in sys.argv[2].split(",")]
for number, size in enumerate(sizes):
    with (folder / f"{number}.bin").open("wb") as file:
        while size > 0:
            twice = 2 * numbers.randbytes(1 << 13)  # shrinks to one half, not to nothing
            file.write(twice[:size])
            size -= len(twice)
"""

PROGRAM = """
import resource, sys
from pathlib import Path
from lpack.archive.zip_reader import read_zip
from lpack.archive.zip_writer import write_zip
from lpack.sources import Selection, read_source
from lpack.store import Store
from lpack.tree import Tree
source, destination, store = (Path(argument) for argument in sys.argv[1:])
tree = read_zip(source) if source.is_file() else Tree.of(read_source(source, Selection()).entries)
assert tree.size >= 250_000_000, tree.size
for _ in range(2):
    write_zip(tree, destination, store=Store(store), workers=2)
assert read_zip(destination).content == tree.content
assert 0.4 < destination.stat().st_size / tree.size < 0.7
factor = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * factor)
"""

MB = 1_000_000
SHAPES = {
    "one large file": [200 * MB, *[5 * MB] * 10],
    "many files": [20_000] * 12_500,
    "files just small enough to be deflated in memory": [8 << 20] * 31,
}


def peak(source: Path, tmp_path: Path) -> int:
    command = [sys.executable, "-c", PROGRAM, source, tmp_path / "some.zip", tmp_path / "store"]
    command = ["sh", "-c", '"$@"; exit', "sh", *command]  # which has no peak of its own to pass on
    return int(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def prepared(tmp_path: Path, sizes: list[int]) -> Path:
    # In a process of its own too: a child starts with the peak of the process that forked it.
    folder = tmp_path / "source"
    folder.mkdir()
    subprocess.run([sys.executable, "-c", PREPARE, folder, ",".join(map(str, sizes))], check=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("sizes", SHAPES.values(), ids=SHAPES)
def test_of_source_files(tmp_path: Path, sizes: list[int]) -> None:
    assert peak(prepared(tmp_path, sizes), tmp_path) < LIMIT


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ZIP_STORED", "ZIP_DEFLATED"])
def test_of_members_of_wheels(tmp_path: Path, method: str) -> None:
    folder = prepared(tmp_path, [200 * MB, *[5 * MB] * 10])
    program = (
        "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1], 'w', getattr(zipfile, sys.argv[2]), compresslevel=1)"
    )
    command = [sys.executable, "-c", f"{program}\nfor file in sys.argv[3:]: z.write(file)\nz.close()"]
    files = sorted(path.name for path in folder.iterdir())
    subprocess.run([*command, tmp_path / "a.whl", method, *files], cwd=folder, check=True)
    assert peak(tmp_path / "a.whl", tmp_path) < LIMIT
