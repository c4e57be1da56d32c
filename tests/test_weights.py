from __future__ import annotations

from lpack.model import Package
from lpack.tree import REGULAR, Content, Entry, Tree
from lpack.weights import Weight, sizes_by_package, with_owners


def package(name: str, version: str, root: str = "") -> Package:
    return Package(name, version, purl=f"pkg:pypi/{name}@{version}", sha256="", root=root)


def tree(files: dict[str, tuple[int, str]]) -> Tree:
    """Files by path: their size and their package."""
    return Tree.of(Entry(path, REGULAR, Content.of(bytes(size)), owner) for path, (size, owner) in files.items())


OLD = package("numpy", "2.2.6", "python/lib/python3.11/site-packages")
NEW = package("numpy", "2.3.1", "python/lib/python3.13/site-packages")


def test_bytes_and_files_are_counted_by_package() -> None:
    idna, six = package("idna", "3.10"), package("six", "1.17")
    files = {"app.py": (5, ""), "idna/a.py": (10, "idna"), "idna/b.py": (20, "idna"), "conf.ini": (1, "")}
    found = sizes_by_package(tree(files), [six, idna])
    assert list(found.items()) == [(six, Weight(0, 0)), (idna, Weight(30, 2)), (None, Weight(6, 2))]


def test_versions_in_two_folders_are_told_apart() -> None:
    files = {f"{OLD.root}/numpy/a.so": (10, "numpy"), f"{NEW.root}/numpy/a.so": (30, "numpy")}
    assert sizes_by_package(tree(files), [NEW, OLD]) == {OLD: Weight(10, 1), NEW: Weight(30, 1), None: Weight()}


def test_the_nearest_root_is_the_owners() -> None:
    everywhere = package("numpy", "2.0", "python")
    files = {"python/numpy/a.so": (1, "numpy"), f"{NEW.root}/numpy/a.so": (2, "numpy"), "bin/f2py": (4, "numpy")}
    for listed in ([everywhere, NEW], [NEW, everywhere]):
        found = sizes_by_package(tree(files), listed)
        assert found == {NEW: Weight(2, 1), everywhere: Weight(5, 2), None: Weight()}


def test_a_folder_whose_name_begins_the_same_is_another() -> None:
    near = package("numpy", "1", "python/lib")
    far = package("numpy", "2", "python")
    assert [owner for owner, _ in with_owners(tree({"python/library.py": (1, "numpy")}), [near, far])] == [far]


def test_a_package_that_nobody_listed_has_no_version() -> None:
    (unlisted, _) = sizes_by_package(tree({"x/a.py": (3, "x"), "x/b.py": (4, "x")}), []).items()
    assert unlisted == (Package("x", "", "", ""), Weight(7, 2))
