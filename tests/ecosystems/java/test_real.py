"""Real Maven and Gradle, with real artifacts."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lpack.archive.zip_writer import write_zip
from lpack.aws.architectures import X86_64
from lpack.aws.runtimes import RUNTIMES
from lpack.config import Dependencies
from lpack.config import Project as Configured
from lpack.ecosystems import Ask, java
from lpack.model import Host, Silent, Target
from lpack.store import Store

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs("mvn", "javac", "java")]

DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
DYNAMODB = "software.amazon.awssdk:dynamodb:2.55.0"

QUICK = "-XX:TieredStopAtLevel=1"
"""For a JVM that is soon over: compiling code well takes it longer than running it."""

Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAVEN_OPTS", f"{QUICK} -XX:+UseSerialGC")


COMPILER = "<plugin><artifactId>maven-compiler-plugin</artifactId><version>3.13.0</version></plugin>"
MODULE = """
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <parent><groupId>example</groupId><artifactId>all</artifactId><version>1.0</version></parent>
  <artifactId>{name}</artifactId>
  <dependencies>{dependencies}</dependencies>
</project>
"""
SEVERAL = {
    "pom.xml": f"""
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>example</groupId><artifactId>all</artifactId><version>1.0</version><packaging>pom</packaging>
  <modules><module>shared</module><module>app</module></modules>
  <properties><maven.compiler.release>17</maven.compiler.release></properties>
  <build><plugins>{COMPILER}</plugins></build>
</project>
""",
    "shared/pom.xml": MODULE.format(name="shared", dependencies=""),
    "shared/src/main/java/shared/Words.java": """
        package shared; public class Words { public static String hello() { return "Grüße"; } }
    """,
    "shared/src/main/resources/words.txt": "hello\n",
    "app/pom.xml": MODULE.format(
        name="app",
        dependencies="<dependency><groupId>example</groupId><artifactId>shared</artifactId><version>1.0</version></dependency>",
    ),
    "app/src/main/java/example/App.java": """
        package example; public class App { public String handle(String event) { return shared.Words.hello(); } }
    """,
}


def maven(folder: Path, *arguments: str) -> None:
    subprocess.run(["mvn", "--batch-mode", "--quiet", *arguments], cwd=folder, check=True, capture_output=True)


def pom_with(coordinates: str) -> str:
    group, artifact, version = coordinates.split(":")
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>x</groupId><artifactId>x</artifactId><version>1</version><dependencies><dependency>"
        f"<groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
        "</dependency></dependencies></project>"
    )


def class_path(folder: Path) -> set[str]:
    """The names of the jars that Maven itself has on the run-time class path."""
    maven(folder, f"{DEPENDENCY_PLUGIN}:build-classpath", "-DincludeScope=runtime", "-Dmdep.outputFile=class-path")
    return {Path(place).name for place in (folder / "class-path").read_text().split(os.pathsep)}


def test_the_class_path_is_mavens_own(copied_fixture: Callable[[str], Path], make: Make) -> None:
    source = copied_fixture("java-maven")
    made = make(source, handler="example.Greeting::handleRequest")
    assert made.findings == []
    assert made.jars == class_path(source)
    assert "opentest4j-1.3.0.jar" not in made.jars
    assert [path for path in made.paths if "/lib/" not in f"/{path}"] == ["example/Greeting.class", "words.properties"]


def test_the_bytes_depend_on_the_sources_alone(
    project: Callable[[Mapping[str, str]], Path], make: Make, tmp_path: Path
) -> None:
    digests = set()
    places = {
        "one": {"TZ": "Asia/Tokyo", "LC_ALL": "C", "MAVEN_OPTS": QUICK},
        "two/deeper": {"TZ": "America/Lima", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    }
    written = project(SEVERAL)
    for name, environ in places.items():
        folder = shutil.copytree(written, tmp_path / name)
        store = tmp_path / f"store-{len(name)}"
        # A key of its own for each, so that the second is not the first one's answer.
        environ["JAVA_TOOL_OPTIONS"] = f"-Dplace={len(name)}"
        made = make(folder / "app", store=store, environ=environ)
        assert made.paths == ["example/App.class", "lib/shared-1.0.jar"]
        digests.add(write_zip(made.tree, tmp_path / "out.zip", store=Store(store)).sha256)
        with zipfile.ZipFile(tmp_path / "out.zip") as zipped, zipped.open("lib/shared-1.0.jar") as inner:
            assert {"shared/Words.class", "words.txt"} <= set(zipfile.ZipFile(inner).namelist())
    assert len(digests) == 1


def test_a_list_of_coordinates_brings_what_maven_brings(tmp_path: Path, store_folder: Path) -> None:
    targets = tuple(Target(RUNTIMES[name], X86_64) for name in ("java17", "java8.al2"))
    wanted = Dependencies(name="sdk", targets=targets, requirements=(DYNAMODB,))
    host = Host(os.environ, store_folder)
    ask = Ask(wanted, Configured(tmp_path, tmp_path / "lpack.toml", ()), Store(store_folder), host, Silent(), {})
    locked = java.lock(ask, "keep")
    installed = java.install(ask, locked, targets[0])
    assert java.install(ask, locked, targets[1]) == installed
    (tmp_path / "pom.xml").write_text(pom_with(DYNAMODB))
    assert {entry.path for part in installed.parts for entry in part.entries} == class_path(tmp_path)
    brought = java.brings(ask, locked, targets[0])
    name, _, version = DYNAMODB.rpartition(":")
    assert brought[name] == version
    assert java.required_by(ask, locked, targets[0])[name] == ("",)
    assert set(brought) == {part.package.name for part in installed.parts}


@pytest.mark.needs("gradle")
def test_gradle_builds_the_same(copied_fixture: Callable[[str], Path], make: Make) -> None:
    source = copied_fixture("java-gradle")
    made = make(source, handler="example.Total::of")
    assert made.findings == []
    assert made.paths == ["example/Total.class", "lib/commons-math3-3.6.1.jar"]
    assert made.required_by == {"org.apache.commons:commons-math3": ("",)}
    assert not (source / "build").exists()
    assert make(source, handler="example.Total::of").told.notes == []
