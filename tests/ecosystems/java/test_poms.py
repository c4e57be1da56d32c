from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from lpack.ecosystems.java.poms import Coordinates, coordinates, own_pom, reactor_of, read_pom
from lpack.errors import InputError, UsageError

Project = Callable[[Mapping[str, str]], Path]


def pom(*, parent: str | None = None, modules: tuple[str, ...] = (), inside: str = "") -> str:
    listed = "".join(f"<module>{module}</module>" for module in modules)
    above = "" if parent is None else f"<parent><relativePath>{parent}</relativePath></parent>"
    packaging = "<packaging>pom</packaging>" if modules else ""
    return f'<project xmlns="http://maven.apache.org/POM/4.0.0">{above}{packaging}<modules>{listed}</modules>{inside}</project>'


def test_a_project_alone_is_its_folder(project: Project) -> None:
    folder = project({"pom.xml": pom()})
    reactor = reactor_of(folder / "pom.xml")
    assert not reactor.is_module
    assert (reactor.root, reactor.folders) == (folder, (folder,))


def test_a_module_belongs_to_all_that_is_built_with_it(project: Project) -> None:
    folder = project(
        {
            "pom.xml": pom(modules=("services", "shared")),
            "services/pom.xml": pom(modules=("orders",)),
            "services/orders/pom.xml": pom(parent="../../parent"),
            "shared/pom.xml": pom(),
            "parent/pom.xml": pom(parent="../company/pom.xml"),
            "company/pom.xml": pom(parent=""),
            "unrelated/pom.xml": pom(),
        }
    )
    reactor = reactor_of(folder / "services/orders/pom.xml")
    assert reactor.is_module
    assert (reactor.root, reactor.top, reactor.folders) == (folder, folder / "pom.xml", (folder,))
    assert {each.file.parent.name for each in reactor.poms} == {
        "project",
        "services",
        "orders",
        "shared",
        "parent",
        "company",
    }


def test_a_parent_that_does_not_list_the_project_is_only_read(project: Project) -> None:
    folder = project({"pom.xml": pom(), "orders/pom.xml": pom(parent="../pom.xml"), ".mvn/maven.config": ""})
    reactor = reactor_of(folder / "orders/pom.xml")
    assert not reactor.is_module
    assert reactor.root == folder
    assert reactor.folders == (folder / "orders",)
    assert reactor.settings == folder / ".mvn"
    assert [each.file for each in reactor.poms] == [folder / "orders/pom.xml", folder / "pom.xml"]


def test_modules_can_lie_beside_the_pom_that_lists_them(project: Project) -> None:
    folder = project(
        {
            "parent/pom.xml": pom(modules=("../orders", "../shared")),
            "orders/pom.xml": pom(parent="../parent/pom.xml"),
            "shared/pom.xml": pom(parent="../parent/pom.xml"),
        }
    )
    reactor = reactor_of(folder / "orders/pom.xml")
    assert (reactor.is_module, reactor.top, reactor.root) == (True, folder / "parent/pom.xml", folder)
    assert set(reactor.folders) == {folder / "parent", folder / "orders", folder / "shared"}


def test_poms_that_are_each_others_parents_are_read_once(project: Project) -> None:
    folder = project({"a/pom.xml": pom(parent="../b", modules=("../b",)), "b/pom.xml": pom(parent="../a")})
    assert len(reactor_of(folder / "a/pom.xml").poms) == 2


def test_versions_that_are_not_fixed_are_named(project: Project) -> None:
    dependencies = "".join(
        f"<dependency><groupId>g</groupId><artifactId>a{number}</artifactId><version>{version}</version></dependency>"
        for number, version in enumerate(("1.0", "[1,2)", "1.0-SNAPSHOT", "LATEST", "${x}"))
    )
    folder = project({"pom.xml": pom(inside=f"<dependencies>{dependencies}</dependencies>")})
    assert read_pom(folder / "pom.xml").floating == ("g:a1 [1,2)", "g:a2 1.0-SNAPSHOT", "g:a3 LATEST")


@pytest.mark.parametrize(
    ("said", "folder"), [("", "target"), ("out", "out"), ("${project.basedir}/o", "o"), ("${x}", "target")]
)
def test_the_folder_for_what_is_built_is_known(said: str, folder: str, project: Project) -> None:
    place = project({"pom.xml": pom(inside=f"<build><directory>{said}</directory></build>")})
    assert read_pom(place / "pom.xml").output == place / folder


@pytest.mark.parametrize("text", ["", "<project>", "\0", '<?xml version="1.0" encoding="nonsense"?><project/>'])
def test_what_is_no_xml_is_an_error(text: str, project: Project) -> None:
    with pytest.raises(InputError, match="is not valid XML"):
        read_pom(project({"pom.xml": text}) / "pom.xml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("g:a:1", Coordinates("g", "a", "jar", "", "1")),
        ("g:a:pom:1", Coordinates("g", "a", "pom", "", "1")),
        ("g:a:jar:linux-x86_64:[1,2)", Coordinates("g", "a", "jar", "linux-x86_64", "[1,2)")),
    ],
)
def test_coordinates_are_written_as_maven_writes_them(text: str, expected: Coordinates) -> None:
    assert coordinates(text) == expected


@pytest.mark.parametrize("text", ["", "g:a", "g:a:", "g:a:b:c:d:e", "g:a b:1", "requests==2"])
def test_what_are_no_coordinates_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        coordinates(text)
    assert "jackson-databind" in (caught.value.hint or "")


def test_a_pom_of_lpacks_own_asks_for_them() -> None:
    root = ET.fromstring(own_pom([Coordinates("g", "a", "jar", "c", "1"), Coordinates("g", "b", "pom", "", "[1,2)")]))
    said = [
        [part.text for part in dependency] for dependency in root.iter("{http://maven.apache.org/POM/4.0.0}dependency")
    ]
    assert said == [["g", "a", "1", "jar", "c"], ["g", "b", "[1,2)", "pom"]]


def named(name: str, *needs: str, parent: str | None = None) -> str:
    dependencies = "".join(f"<dependency><artifactId>{need}</artifactId></dependency>" for need in needs)
    return pom(parent=parent, inside=f"<artifactId>{name}</artifactId><dependencies>{dependencies}</dependencies>")


def test_modules_that_a_project_does_not_depend_on_are_known(project: Project) -> None:
    folder = project(
        {
            "pom.xml": pom(modules=("orders", "shared", "deep", "other")),
            "orders/pom.xml": named("orders", "shared", parent=".."),
            "shared/pom.xml": named("shared", "deep", parent=".."),
            "deep/pom.xml": named("deep", "outside", parent=".."),
            "other/pom.xml": named("other", "orders", parent=".."),
        }
    )
    assert reactor_of(folder / "orders/pom.xml").unneeded == {folder / "other"}
    assert reactor_of(folder / "other/pom.xml").unneeded == set()
    (folder / "deep/pom.xml").write_text(named("deep", "${which}"))
    assert reactor_of(folder / "orders/pom.xml").unneeded == set()
