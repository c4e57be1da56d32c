"""Finished artifacts of every family answer under AWS's emulator, called by AWS's own runtime interface client.

Custom runtimes, which need no client, have theirs in ecosystems/custom/test_emulator.py; here they are only started.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import emulator
import pytest
import runtime_clients
import tomli_w
from command_line import Run
from emulator import HERE
from runtime_clients import Client

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs(*emulator.PROGRAMS)]

Project = Callable[[Mapping[str, str]], Path]
Build = Callable[..., Mapping[str, Any]]
Answers = Callable[..., list[Any]]


def of(family: str, *values: Any) -> Any:
    """The values of a test's parameters, for a family: needs its programs."""
    return pytest.param(family, *values, marks=pytest.mark.needs(*runtime_clients.NEEDS[family]))


@pytest.fixture
def build(lpack: Callable[..., Run]) -> Build:
    """Builds a project for this machine: the artifacts by their names."""

    def artifacts(folder: Path, *names: str) -> Mapping[str, Any]:
        # A machine may have a Node.js that Lambda takes no new functions for any more.
        run = lpack("build", *names, "--allow-deprecated", "--json", folder=folder)
        assert run.exit_code == 0, run.stdout + run.stderr
        return {artifact["record"]["name"]: artifact for artifact in run.json["artifacts"]}

    return artifacts


@pytest.fixture
def answers(build: Build) -> Answers:
    """Builds a function with its layers, and invokes it: its responses to the events, one after the other."""

    def responses(folder: Path, name: str, client: Client, *events: Any) -> list[Any]:
        artifacts = build(folder, name)
        record = artifacts[name]["record"]
        layers = [Path(artifacts[layer]["path"]) for layer in record["layers"]]
        with emulator.emulated(
            [*client.command, record["handler"]],
            task=Path(artifacts[name]["path"]),
            layers=layers,
            runtime=client.folder,
            environ=client.environ,
        ) as invoke:
            return [invoke(event) for event in events]

    return responses


def retargeted(folder: Path, client: Client) -> Path:
    """The project, with all of its functions for this machine."""
    file = folder / "lpack.toml"
    document = tomllib.loads(file.read_text())
    for function in document["function"].values():
        function |= {"runtime": client.runtime, "architecture": HERE}
    file.write_text(tomli_w.dumps(document))
    return folder


GREETED = {"statusCode": 200, "body": "Hello, Ada!"}
DRAWN = {"architecture": {"x86_64": "x64"}.get(HERE, HERE), "format": "png", "client": "S3Client"}


@pytest.mark.parametrize(
    ("family", "fixture", "name", "event", "response"),
    [
        of("python", "python-plain", "hello", {"name": "Ada"}, {"message": "Hello, Ada!"}),
        of("python", "python-local-package", "prices", {"prices": ["0.10", "0.20"]}, {"total": "0.30"}),
        of("node", "node-plain", "hello", {"name": "Ada"}, GREETED),
        of("node", "node-native", f"thumbnail-{HERE}", {"width": 8}, DRAWN),
        of("node", "node-typescript", "price", {"items": [{"price": 2.5, "count": 2}]}, {"total": 5}),
        of(
            "node",
            "node-workspace",
            "api",
            {"name": "Ada", "milliseconds": 60000},
            {"greeting": "Hello, Ada!", "later": "1m"},
        ),
        of("java", "java-maven", "greet", {"name": "Ada"}, {"greeting": "Hello, Ada!"}),
    ],
)
def test_a_fixture_answers(
    copied_fixture: Callable[[str], Path],
    answers: Answers,
    *,
    family: str,
    fixture: str,
    name: str,
    event: Any,
    response: Any,
) -> None:
    client = runtime_clients.client(family)
    folder = retargeted(copied_fixture(fixture), client)
    assert answers(folder, name, client, event, event) == [response, response]


@pytest.mark.parametrize(
    ("family", "body"),
    [
        of("python", '{"message": "Hello, Ada!"}'),
        of("node", '{"message":"Hello, Ada!"}'),
        of("java", '{"message":"Hello, Ada!"}'),
        of("custom", "Hello, world!"),
    ],
)
def test_the_first_function_of_init_answers(
    lpack: Callable[..., Run], answers: Answers, tmp_path: Path, family: str, body: str
) -> None:
    client = runtime_clients.client(family)
    folder = tmp_path / "shop"
    folder.mkdir()
    run = lpack("init", "--runtime", client.runtime, "--architecture", HERE, folder=folder)
    assert run.exit_code == 0, run.stderr
    assert answers(folder, "shop", client, {"name": "Ada"}) == [{"statusCode": 200, "body": body}]
    run = lpack("test", folder=folder)  # lpack's own emulator agrees
    assert run.exit_code == 0, run.stdout + run.stderr


LAYERED = """
[defaults]
runtime = "{runtime}"
architecture = "{architecture}"
layers = ["shared"]

[layer.shared]
runtimes = ["{runtime}"]
architectures = ["{architecture}"]
{shared}
"""


def test_a_python_function_finds_what_its_layer_brings(project: Project, answers: Answers) -> None:
    client = runtime_clients.client("python")
    shared = 'requirements = ["idna==3.10"]\nsource = { python = "libs", data = "words" }'
    functions = '[function.names]\nsource = "src"\nhandler = "app.handler"\nrequirements = ["idna"]\n'
    folder = project(
        {
            "lpack.toml": LAYERED.format(runtime=client.runtime, architecture=HERE, shared=shared) + functions,
            "libs/shop_words.py": 'GREETING = open("/opt/data/greeting.txt").read()\n',
            "words/greeting.txt": "Grüße",
            "src/app.py": "import idna, shop_words\n\n"
            "def handler(event, context):\n"
            "    return [shop_words.GREETING, idna.encode(event).decode(), idna.__file__, idna.__version__]\n",
        }
    )
    (answer,) = answers(folder, "names", client, "größe")
    assert answer == ["Grüße", "xn--gre-6ka8i", "/opt/python/idna/__init__.py", "3.10"]


CODE = {
    "src/required.cjs": """
        const { greeting } = require("shop-words"), ms = require("ms");
        exports.handler = async (event) => [greeting, ms(event), require.resolve("ms")];
    """,
    "src/imported.mjs": """
        import { createRequire } from "node:module";
        import { greeting } from "shop-words";
        import ms from "ms";
        export const handler = async (event) => [greeting, ms(event), createRequire(import.meta.url).resolve("ms")];
    """,
}


@pytest.mark.needs(*runtime_clients.NEEDS["node"])
@pytest.mark.parametrize("way", ["required", "imported"])
def test_a_node_function_finds_what_its_layer_brings(project: Project, answers: Answers, way: str) -> None:
    client = runtime_clients.client("node")
    shared = 'requirements = ["ms@2.1.3"]\nsource = { "nodejs/node_modules/shop-words" = "words" }'
    functions = f'[function.times]\nsource = "src"\nhandler = "{way}.handler"\n'
    manifest = {"name": "shop-words", "version": "1.0.0", "exports": "./index.js"}
    folder = project(
        {
            "lpack.toml": LAYERED.format(runtime=client.runtime, architecture=HERE, shared=shared) + functions,
            "words/package.json": json.dumps(manifest),
            "words/index.js": 'exports.greeting = "Grüße";\n',
            **CODE,
        }
    )
    (answer,) = answers(folder, "times", client, 60000)
    assert answer == ["Grüße", "1m", "/opt/nodejs/node_modules/ms/index.js"]
