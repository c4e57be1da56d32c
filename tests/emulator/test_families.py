"""The fixtures of each family, built and invoked as users do it: in containers, and the compiled ones in sandboxes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import base_images
import clean_roots
import command_line
import docker_engine
import pytest
import root_images
from functions import HERE
from in_process import lpack

pytestmark = [pytest.mark.network, pytest.mark.slow]

Copied = Callable[[str], Path]

BOTH = [pytest.param(name, marks=clean_roots.needs(name)) for name in ("x86_64", "arm64")]
GREETED = {"greeting": "Hello, Ada!"}
COMPILERS = ("cmake", "make", "g++", "autoconf", "automake", "libtoolize")


def retargeted(folder: Path, runtime: str, architecture: str) -> Path:
    file = folder / "lpack.toml"
    lines = file.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(("runtime = ", "architecture = "))]
    header = next(number for number, line in enumerate(kept) if line.startswith("[function."))
    kept[header + 1 : header + 1] = [f'runtime = "{runtime}"', f'architecture = "{architecture}"']
    file.write_text("\n".join(kept), encoding="utf-8")
    return folder


def invoked(folder: Path, name: str, event: Any, *options: str) -> Any:
    built = lpack("build", name, "--allow-deprecated", folder=folder)
    assert built.exit_code == 0, built.stderr
    run = command_line.lpack("invoke", name, "--event", json.dumps(event), "--timeout", "60", *options, folder=folder)
    assert run.exit_code == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.engine
@pytest.mark.needs("mmdebstrap", "node", "npm", *COMPILERS)
def test_a_node_function_answers_in_a_container(copied_fixture: Copied) -> None:
    folder = retargeted(copied_fixture("node-plain"), "nodejs20.x", HERE)
    image = base_images.image(base_images.NODE)
    answer = invoked(folder, "hello", {"name": "Ada"}, "--backend", "docker", "--base", image)
    assert answer == {"statusCode": 200, "body": "Hello, Ada!"}


@pytest.mark.engine
@pytest.mark.needs("mmdebstrap", "java", "mvn")
def test_a_java_function_answers_in_a_container(copied_fixture: Copied) -> None:
    folder = retargeted(copied_fixture("java-maven"), "java17", HERE)
    image = base_images.image(base_images.JAVA)
    assert invoked(folder, "greet", {"name": "Ada"}, "--backend", "docker", "--base", image) == GREETED


@pytest.mark.engine
@pytest.mark.needs("go")
@pytest.mark.parametrize("architecture", BOTH)
def test_a_go_program_answers_in_a_container(copied_fixture: Copied, architecture: str) -> None:
    folder = retargeted(copied_fixture("custom-go"), "provided.al2023", architecture)
    image = root_images.image("3.14", architecture)
    machine = {"x86_64": "amd64"}.get(architecture, architecture)
    # What is for another machine runs in a container by itself.
    options = ("--base", image) if architecture == HERE else ("--backend", "docker", "--base", image)
    answer = invoked(folder, "hello", {"name": "Ada"}, *options)
    assert answer == {"greeting": f"Hello, Ada! This is Go on {machine}."}


@pytest.mark.needs("bwrap")
@pytest.mark.parametrize(
    ("fixture", "answer"),
    [
        pytest.param("custom-rust", {"greeting": "Hello, Ada! This is Rust on {}."}, marks=pytest.mark.needs("cargo")),
        pytest.param("custom-cpp", {"machine": "{}", "event": {"name": "Ada"}}, marks=pytest.mark.needs("cmake")),
    ],
)
def test_a_compiled_program_answers_in_a_sandbox(copied_fixture: Copied, fixture: str, answer: dict[str, Any]) -> None:
    folder = retargeted(copied_fixture(fixture), "provided.al2023", HERE)
    if fixture == "custom-rust" and not (folder / "src" / "Cargo.lock").exists():
        subprocess.run(["cargo", "generate-lockfile"], cwd=folder / "src", check=True)
    machine = {"arm64": "aarch64"}.get(HERE, HERE)
    expected = json.loads(json.dumps(answer).replace('"{}"', f'"{machine}"').replace("{}", machine))
    assert invoked(folder, "hello", {"name": "Ada"}) == expected


IMAGE = """
[function.hello]
runtime = "provided.al2023"
architecture = "{architecture}"
handler = "hello"
package = "image"
base = "base.tar"
whole = true
exclude = ["base.tar"]

[function.hello.tests.ada]
event = {{ name = "Ada" }}
expect = {{ greeting = "Hello, Ada! This is Go on {machine}." }}

[function.hello.tests.bob]
event = {{ name = "Bob" }}
expect = {{ greeting = "Hello, Bob! This is Go on {machine}." }}
"""


@pytest.mark.engine
@pytest.mark.needs("go", "mmdebstrap")
def test_an_image_that_lpack_built_answers(copied_fixture: Copied) -> None:
    folder = copied_fixture("custom-go")
    name = {"x86_64": "amd64"}.get(HERE, HERE)
    (folder / "lpack.toml").write_text(IMAGE.format(architecture=HERE, machine=name))
    with docker_engine.connected() as client, (folder / "base.tar").open("wb") as file:
        file.writelines(client.images.get(base_images.image(base_images.PLAIN)).save())
    try:
        assert lpack("build", folder=folder).exit_code == 0
        tests = command_line.lpack("test", "-j", "2", folder=folder)  # both want the image first
        assert tests.exit_code == 0, tests.stderr
        assert invoked(folder, "hello", {"name": "Ada"}) == {"greeting": f"Hello, Ada! This is Go on {name}."}
    finally:
        with docker_engine.connected() as client:
            client.images.remove("hello:latest", force=True)
    refused = lpack("invoke", "hello", "--backend", "sandbox", folder=folder)
    assert refused.exit_code == 4
    assert "`hello` is a container image, which brings a system of its own" in refused.stderr
