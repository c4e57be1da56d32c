"""A Java function built by the Maven of an image, and run from the artifact."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import base_images
import docker_engine
import pytest
from command_line import Run

pytestmark = [*base_images.needs(base_images.JAVA), pytest.mark.network]

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>example</groupId><artifactId>orders</artifactId><version>1</version>
  <properties>
    <maven.compiler.source>17</maven.compiler.source>
    <maven.compiler.target>17</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
    <dependency>
      <groupId>com.google.code.gson</groupId><artifactId>gson</artifactId><version>2.11.0</version>
    </dependency>
  </dependencies>
</project>
"""
CODE = """package example;

public class App {
    public String handle(java.util.Map<String, Object> event) {
        return new com.google.gson.Gson().toJson(event);
    }

    public static void main(String[] arguments) {
        System.out.println(new App().handle(java.util.Map.of("a", 1)));
    }
}
"""


@pytest.fixture
def build(project: Callable[..., Path], lpack: Callable[..., Run], tmp_path: Path) -> Callable[..., Run]:
    """Builds the function in a store of its own, with no Maven on the machine."""
    empty = tmp_path / "bin"
    empty.mkdir()

    def run(*options: str, code: str = CODE, environ: dict[str, str] | None = None) -> Run:
        folder = project(
            {
                "lpack.toml": f'[build]\nbase = "{base_images.image(base_images.JAVA)}"\n[function.orders]\n'
                f'runtime = "java17"\nhandler = "example.App::handle"\narchitecture = "{base_images.HERE}"\n'
                'source = "app"\n',
                "app/pom.xml": POM,
                "app/src/main/java/example/App.java": code,
            }
        )
        variables = {"LPACK_CACHE_DIR": str(tmp_path / "store"), "PATH": str(empty), **(environ or {})}
        return lpack("build", *options, folder=folder, environ=variables)

    return run


def test_a_function_is_built_and_runs(build: Callable[..., Run], tmp_path: Path) -> None:
    built = build("--in-container")
    assert built.exit_code == 0, built.stderr
    task = tmp_path / "task"
    subprocess.run(["unzip", "-q", tmp_path / "project" / "dist" / "orders.zip", "-d", task], check=True)
    assert {path.name for path in (task / "lib").iterdir()} == {"gson-2.11.0.jar", "error_prone_annotations-2.27.0.jar"}
    with docker_engine.connected() as client:
        said = client.containers.run(
            base_images.image(base_images.JAVA),
            ["java", "-cp", "/var/task:/var/task/lib/*", "example.App"],
            remove=True,
            volumes={str(task): {"bind": "/var/task", "mode": "ro"}},
        )
    assert said.decode().strip() == '{"a":1}'
    assert not (tmp_path / "project" / "app" / "target").exists()
    again = build("--in-container", "--json", environ={"DOCKER_HOST": "tcp://127.0.0.1:9"})
    assert again.exit_code == 0, again.stderr
    assert again.json["artifacts"][0]["status"] == "unchanged"


def test_code_that_does_not_compile(build: Callable[..., Run], tmp_path: Path) -> None:
    built = build("--in-container", code=CODE.replace("return new", "return old"))
    assert built.exit_code == 4
    assert "App.java:[5," in built.stderr
    assert str(tmp_path / "project" / "app") in built.stderr
    assert "all that Maven printed is in `" in built.stderr
