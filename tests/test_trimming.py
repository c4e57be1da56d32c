"""Files that are left out of packages."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lpack.config import Trim
from lpack.errors import InputError
from lpack.model import LeftOut
from lpack.tree import REGULAR, Content, Entry
from lpack.trimming import trimmed

NUMPY = (
    "numpy/__init__.py",
    "numpy/core/tests/data/a.txt",
    "numpy/core/tests/test_a.py",
    "numpy/include/a.h",
    "numpy/tests/b.py",
    "numpy-1.0.dist-info/METADATA",
    "tests/c.py",
)


def entries(paths: Sequence[str] = NUMPY, package: str = "numpy") -> tuple[Entry, ...]:
    return tuple(Entry(path, REGULAR, Content.of(b"x"), package) for path in paths)


def what_goes(trim: Trim, paths: Sequence[str] = NUMPY) -> list[str]:
    """The paths that are left out, of which none is among the entries that stay."""
    given = entries(paths)
    kept, left_out = trimmed(given, trim)
    gone = [each.path for each in left_out]
    assert {each.reason for each in left_out} <= {"trim"}
    assert kept == tuple(entry for entry in given if not entry.path.startswith(tuple(gone)))
    return gone


def test_without_patterns_all_stays() -> None:
    assert trimmed(entries(), ()) == (entries(), ())
    assert trimmed(entries(), (("numpy", ()), ("scipy", ("*",)))) == (entries(), ())


def test_a_folder_that_goes_whole_counts_once() -> None:
    assert what_goes((("numpy", ("**/tests/",)),)) == ["numpy/core/tests/", "numpy/tests/", "tests/"]


def test_patterns_start_where_packages_are_installed() -> None:
    assert what_goes((("numpy", ("/tests/",)),)) == ["tests/"]
    assert what_goes((("numpy", ("numpy/tests/",)),)) == ["numpy/tests/"]
    assert what_goes((("numpy", ("tests",)),)) == ["numpy/core/tests/", "numpy/tests/", "tests/"]


def test_single_files_go() -> None:
    assert what_goes((("numpy", ("*.h", "numpy/tests/b.py")),)) == ["numpy/include/a.h", "numpy/tests/b.py"]


def test_a_pattern_for_folders_takes_no_file_of_that_name() -> None:
    assert what_goes((("numpy", ("tests/",)),), ["numpy/tests", "numpy/x/tests/a"]) == ["numpy/x/tests/"]


def test_a_star_stands_for_every_package() -> None:
    assert what_goes((("*", ("numpy/include/",)),)) == ["numpy/include/"]


def test_nothing_is_told_where_nothing_matches() -> None:
    assert what_goes((("numpy", ("numpy/examples/", "*.so")),)) == []


@pytest.mark.parametrize("order", [1, -1])
def test_what_is_said_of_a_package_outweighs_what_is_said_of_all(order: int) -> None:
    trim = (("*", ("**/tests/",)), ("numpy", ("!numpy/core/tests/", "*.h")))[::order]
    assert what_goes(trim) == ["numpy/include/a.h", "numpy/tests/", "tests/"]


def test_the_last_pattern_decides_and_a_folder_takes_all_that_is_in_it() -> None:
    assert what_goes((("numpy", ("numpy/*", "!numpy/core/", "numpy/core/tests/data/")),)) == [
        "numpy/__init__.py",
        "numpy/core/tests/data/",
        "numpy/include/",
        "numpy/tests/",
    ]
    assert what_goes((("numpy", ("numpy/core/", "!numpy/core/tests/test_a.py")),)) == ["numpy/core/"]


def test_of_a_package_all_may_go() -> None:
    kept, left_out = trimmed(entries(["numpy/a.py"]), (("numpy", ("numpy",)),))
    assert (kept, left_out) == ((), (LeftOut("numpy/", "trim"),))


def test_what_is_no_pattern_is_told() -> None:
    with pytest.raises(InputError, match=r"`trim` holds a pattern that is not one of gitignore's: `\[z-a\]`"):
        trimmed(entries(), (("numpy", ("[z-a]",)),))
