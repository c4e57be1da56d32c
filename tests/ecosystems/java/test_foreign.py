"""What other tools' zips hold of Maven's jars."""

from __future__ import annotations

import io
import zipfile

import pytest

from lpack.ecosystems import java
from lpack.model import Package
from lpack.tree import REGULAR, Content, Entry, Tree


def jar(*told: tuple[str, str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("a/B.class", b"")
        for group, artifact, version in told:
            text = f"#Generated\ngroupId={group}\nversion={version}\n"
            written.writestr(f"META-INF/maven/{group}/{artifact}/pom.properties", text)
    return file.getvalue()


def tree(files: dict[str, bytes]) -> Tree:
    return Tree.of(Entry(path, REGULAR, Content.of(data)) for path, data in files.items())


def test_jars_are_known_by_their_coordinates() -> None:
    marked, packages = java.packages_in(
        tree(
            {
                "lib/core.jar": jar(("com.a", "core", "1.2.3")),
                "lib/all-2.0.jar": jar(("com.b", "part", "1.0"), ("com.b", "all", "2.0")),
                "lib/shaded.jar": jar(("com.b", "part", "1.0"), ("com.b", "all", "2.0")),
                "lib/plain.jar": jar(),
                "java/lib/more.jar": jar(("d", "more", "1")),
                "other/x.jar": jar(("e", "x", "1")),
            }
        )
    )
    assert packages == (
        Package("d:more", "1", "pkg:maven/d/more@1", "", "java/lib"),
        Package("com.b:all", "2.0", "pkg:maven/com.b/all@2.0", "", "lib"),
        Package("com.a:core", "1.2.3", "pkg:maven/com.a/core@1.2.3", "", "lib"),
    )
    assert {entry.path: entry.package for entry in marked if entry.package} == {
        "java/lib/more.jar": "d:more",
        "lib/all-2.0.jar": "com.b:all",
        "lib/core.jar": "com.a:core",
    }


@pytest.mark.parametrize(
    "data", [b"", b"PK", jar(("a", "b", "1"))[:-9], jar(("a", "b", "1")).replace(b"version=1", b"version=2")]
)
def test_a_broken_jar_is_no_package(data: bytes) -> None:
    given = tree({"lib/a.jar": data})
    assert java.packages_in(given) == (given, ())
