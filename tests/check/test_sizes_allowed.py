from __future__ import annotations

from pathlib import Path

import pytest
from check_samples import package, subject

from lpack.check.limits import check_limits, check_upload
from lpack.model import Severity
from lpack.tree import REGULAR, DiskFile, Entry, Tree

LIMIT = 262_144_000


def of_sizes(**sizes: int) -> Tree:
    """One file for each package; the sizes are all that is looked at. ``own`` is the user's."""
    return Tree.of(
        Entry(f"{name}/file", REGULAR, DiskFile(Path(name), size, b""), "" if name == "own" else name)
        for name, size in sizes.items()
    )


@pytest.mark.parametrize(("size", "number"), [(0, 0), (LIMIT - 1, 0), (LIMIT, 1), (LIMIT + 1, 1)])
def test_unzipped_it_must_be_smaller_than_250_mb(size: int, number: int) -> None:
    assert len(check_limits(of_sizes(own=size), subject(), [])) == number


def test_a_broken_limit_lists_the_ten_biggest_packages() -> None:
    sizes = {f"p{number:02}": (40 - number) << 20 for number in range(12)}
    tree = of_sizes(own=5 << 30, **sizes)
    (finding,) = check_limits(tree, subject(), [package("p00", "1.2"), package("p01", "3")])
    assert (finding.severity, finding.check) == (Severity.ERROR, "unzipped-size")
    assert finding.message.startswith("`orders` is 5,802,819,584 bytes unzipped (5.4 GB), and Lambda takes less than ")
    assert "262,144,000 bytes (250 MB)" in finding.message
    assert [line.split("  ")[0].strip() for line in finding.details[:4]] == [
        "your own files",
        "p00 1.2",
        "p01 3",
        "p02",
    ]
    assert finding.details[1].endswith("    40 MB")
    assert len(finding.details) == 10


def test_a_large_zip_goes_by_s3() -> None:
    assert check_upload("orders", 52_428_800) == []
    (finding,) = check_upload("orders", 52_428_801)
    assert (finding.severity, finding.check) == (Severity.NOTE, "direct-upload")
