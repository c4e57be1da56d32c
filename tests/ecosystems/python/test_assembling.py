"""From a lock to the Tree: fetched, built, laid out, and without a network once the store has it all."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from index_server import IndexServer, serving
from projects import make_sdist, project_files
from workshop import Workshop

from lpack.archive.zip_reader import read_zip
from lpack.ecosystems import python
from lpack.errors import InputError, LpackError, UsageError
from lpack.model import Package
from lpack.store import Store
from lpack.tree import REGULAR, Content, Entry, Tree

pytestmark = pytest.mark.slow  # each asks uv

MakeWheel = Callable[..., Path]


def test_packages_lie_beside_the_function_s_own_files(indexed: Workshop, make_wheel: MakeWheel) -> None:
    wheel = make_wheel("De.Mo", "1.0+local", {"demo/__init__.py": "", "{data}/scripts/run": "#!python\n"})
    assembly = indexed.assemble(requirements=["de-mo"])
    tree = assembly.tree
    assert [(entry.path, entry.package) for entry in tree] == [
        ("De_Mo-1.0+local.dist-info/METADATA", "de-mo"),
        ("De_Mo-1.0+local.dist-info/RECORD", "de-mo"),
        ("De_Mo-1.0+local.dist-info/WHEEL", "de-mo"),
        ("app.py", ""),
        ("bin/run", "de-mo"),
        ("demo/__init__.py", "de-mo"),
    ]
    (package,) = assembly.packages
    assert (package.name, package.version, package.purl) == ("de-mo", "1.0+local", "pkg:pypi/de-mo@1.0%2Blocal")
    sha256 = bytes.fromhex(package.sha256)
    assert assembly.archives == ((indexed.store.path("wheels", sha256, wheel.name), sha256),)


def test_a_function_without_requirements_needs_no_lock(workshop: Workshop) -> None:
    assembly = workshop.assemble()
    assert (assembly.tree.by_path.keys(), assembly.packages) == ({"app.py"}, ())
    assert not list(workshop.folder.glob("pylock*"))


def test_no_network_is_needed_once_lock_and_store_have_it_all(
    workshop: Workshop, make_wheel: MakeWheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sdist(tmp_path / "wheels", "pure", project_files("pure"))
    make_wheel("demo", requires=["pure"])
    with serving(tmp_path / "wheels") as index:
        workshop.environ["UV_DEFAULT_INDEX"] = index.index_url
        first = workshop.assemble(requirements=["demo"])
    monkeypatch.setattr(socket, "socket", None)
    monkeypatch.setenv("PATH", "")
    assert workshop.assemble(requirements=["demo"]).tree == first.tree


def test_a_damaged_wheel_is_fetched_again_when_nothing_is_known_of_it(
    indexed: Workshop, make_wheel: MakeWheel, tmp_path: Path
) -> None:
    make_wheel("demo")
    make_sdist(tmp_path / "wheels", "pure", project_files("pure"))
    tree = indexed.assemble(requirements=["demo", "pure"]).tree
    for damaged in (*indexed.store.folder.glob("wheels/*/*/*"), *indexed.store.folder.glob("sdists/*/*/*")):
        damaged.write_bytes(damaged.read_bytes()[:-30])
    for note in indexed.store.folder.glob("notes/wheel-*/*/*"):
        note.unlink()
    # Another path to the same store: what this process remembers of its files does not count.
    again = Workshop(indexed.folder, Store(indexed.store.folder / "tmp" / ".."), indexed.environ)
    assert again.assemble(requirements=["demo", "pure"]).tree.content == tree.content


def test_a_wheel_of_another_project_is_refused(indexed: Workshop, make_wheel: MakeWheel, index: IndexServer) -> None:
    wheel = make_wheel("other")
    indexed.write({"src/requirements.txt": f"other @ {index.file_url(wheel.name)}"})
    indexed.lock()
    indexed.write({"src/pylock.toml": indexed.lock_text().replace('name = "other"', 'name = "demo"')})
    with pytest.raises(InputError, match=rf"`{wheel.name}` is locked as `demo`, but is another project"):
        indexed.assemble()


def test_two_packages_with_different_files_at_one_path_are_told(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("aaa", files={"shared/same.py": "1", "shared/other.py": "1", "app.py": "hidden"})
    make_wheel("bbb", files={"shared/same.py": "1", "shared/other.py": "2"})
    assembly = indexed.assemble(requirements=["aaa", "bbb"])
    (finding,) = assembly.findings
    assert finding.message == ("`aaa` and `bbb` hold different files at 1 path; those of `aaa` are in the artifact")
    assert finding.details == ("shared/other.py",)
    assert assembly.tree.by_path["app.py"].package == ""


# Leaving packages out


def test_an_excluded_package_goes_with_what_only_it_needed(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("sdk", requires=["core", "shared"])
    make_wheel("core")
    make_wheel("shared")
    make_wheel("web", requires=["shared"])
    assembly = indexed.assemble(requirements=["sdk", "web"], exclude_packages=("sdk",))
    assert [package.name for package in assembly.packages] == ["shared", "web"]
    assert [(each.path, each.reason) for each in assembly.left_out] == [
        ("core", "exclude-packages"),
        ("sdk", "exclude-packages"),
    ]
    assert not {"sdk.py", "core.py"} & assembly.tree.by_path.keys()


def test_an_excluded_package_that_is_not_there_is_an_error(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("demo")
    with pytest.raises(UsageError, match="`exclude-packages` names `dem`, which is not among the packages"):
        indexed.assemble(requirements=["demo"], exclude_packages=("dem",))


def test_what_is_excluded_is_not_built(indexed: Workshop, make_wheel: MakeWheel, tmp_path: Path) -> None:
    make_wheel("demo", requires=["native"])
    files = project_files("native")
    files["pyproject.toml"] = files["pyproject.toml"].replace("requires = []", 'requires = ["cython"]')
    make_sdist(tmp_path / "wheels", "native", {**files, "native.pyx": "", "PKG-INFO": ""})
    with pytest.raises(LpackError, match=r"`native` 1\.0 holds native code"):
        indexed.assemble(requirements=["demo"])
    assembly = indexed.assemble(requirements=["demo"], exclude_packages=("native",))
    assert [package.name for package in assembly.packages] == ["demo"]
    assert [each.path for each in assembly.left_out] == ["native"]
    ask = indexed.ask(requirements=["demo"], exclude_packages=("native",))
    assert python.required_by(ask, python.lock(ask, "keep"), indexed.target) == {"demo": ("",)}


def test_who_needs_what_is_known(indexed: Workshop, make_wheel: MakeWheel) -> None:
    make_wheel("web", requires=["shared"])
    make_wheel("sdk", requires=["shared", "web"])
    make_wheel("shared")
    ask = indexed.ask(requirements=["sdk", "shared"])
    assert python.required_by(ask, python.lock(ask, "keep"), indexed.target) == {
        "sdk": ("",),
        "shared": ("", "sdk", "web"),
        "web": ("sdk",),
    }


# Packages in what others have built


def test_packages_are_found_in_a_foreign_tree(make_wheel: MakeWheel) -> None:
    tree = read_zip(make_wheel("De_mo", files={"demo/a.py": "", "{dist_info}/licenses/MIT": ""}))
    record = "De_mo-1.0.dist-info/RECORD"
    more = b'"demo/odd, ""name"".py",,\n../../bin/demo,,\n'
    moved = [entry._replace(path=f"python/{entry.path}") for entry in tree if entry.path != record]
    moved += [
        Entry(f"python/{record}", REGULAR, Content.of(tree.by_path[record].read() + more)),
        Entry('python/demo/odd, "name".py', REGULAR, Content.of(b"")),
        Entry("python/bin/demo", REGULAR, Content.of(b"#!")),
        Entry("python/app.py", REGULAR, Content.of(b"")),
        Entry("python/broken-1.0.dist-info/METADATA", REGULAR, Content.of(b"\xff")),
        Entry("python/broken-1.0.dist-info/RECORD", REGULAR, Content.of(b'"' + b"x" * 200_000)),
    ]
    marked, packages = python.packages_in(Tree.of(moved))
    assert packages == (
        Package("de-mo", "1.0", "pkg:pypi/de-mo@1.0", sha256="", root="python"),
        Package("", "", "pkg:pypi/@", sha256="", root="python"),
    )
    owners = {entry.path.removeprefix("python/"): entry.package for entry in marked}
    assert owners == {
        "De_mo-1.0.dist-info/METADATA": "de-mo",
        "De_mo-1.0.dist-info/RECORD": "de-mo",
        "De_mo-1.0.dist-info/WHEEL": "de-mo",
        "De_mo-1.0.dist-info/licenses/MIT": "de-mo",
        "app.py": "",
        "bin/demo": "de-mo",
        "broken-1.0.dist-info/METADATA": "",
        "broken-1.0.dist-info/RECORD": "",
        "demo/a.py": "de-mo",
        'demo/odd, "name".py': "de-mo",
    }
