"""npm's packages compiled in a container, and loaded from the artifact."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import base_images
import docker_engine
import pytest
from command_line import Run

pytestmark = [*base_images.needs(base_images.NODE), pytest.mark.network]

HANDLER = """
const unixDgram = require("unix-dgram");
const cpuFeatures = require("cpu-features");
exports.handler = async (event) => [typeof unixDgram.createSocket, cpuFeatures().arch, event];
"""


@pytest.fixture
def build(project: Callable[..., Path], lpack: Callable[..., Run], tmp_path: Path) -> Callable[..., Run]:
    """Builds a function with the given dependencies, in a store of its own."""

    def run(*options: str, base: str = "", store: str = "store", **dependencies: str) -> Run:
        base = base or base_images.image(base_images.NODE)
        named = {name.replace("_", "-"): version for name, version in dependencies.items()}
        folder = project(
            {
                "lpack.toml": f'[build]\nbase = "{base}"\n[function.orders]\nruntime = "nodejs20.x"\n'
                f'handler = "index.handler"\nsource = "src"\narchitecture = "{base_images.HERE}"\n'
                # In Debian, Node.js itself is a library.
                'provided-libraries = ["libnode.so.115"]\n',
                "src/package.json": json.dumps({"name": "orders", "version": "1.0.0", "dependencies": named}),
                "src/index.js": HANDLER,
            }
        )
        return lpack("build", *options, folder=folder, environ={"LPACK_CACHE_DIR": str(tmp_path / store)})

    return run


def invoked(folder: Path, event: Any) -> Any:
    """What the built function returns in a container of the image, which has Node.js."""
    script = f"require('/var/task/index.js').handler({json.dumps(event)}).then((r) => console.log(JSON.stringify(r)))"
    image = base_images.image(base_images.NODE)
    subprocess.run(["unzip", "-q", folder / "project" / "dist" / "orders.zip", "-d", folder / "task"], check=True)
    with docker_engine.connected() as client:
        volumes = {str(folder / "task"): {"bind": "/var/task", "mode": "ro"}}
        said = client.containers.run(image, ["node", "-e", script], remove=True, volumes=volumes)
    return json.loads(said)


def test_packages_are_compiled_by_node_gyp_and_run(build: Callable[..., Run], tmp_path: Path) -> None:
    # The one has an install script; the other has none, and npm compiles it all the same.
    built = build("--in-container", cpu_features="0.0.10", unix_dgram="2.0.6")
    assert built.exit_code == 0, built.stderr
    machine = {"x86_64": "x86", "arm64": "aarch64"}[base_images.HERE]
    assert invoked(tmp_path, 1) == ["function", machine, 1]


def test_pure_packages_are_the_same_from_the_host_and_the_container(build: Callable[..., Run], tmp_path: Path) -> None:
    made = []
    for number, options in enumerate(([], ["--in-container"])):
        built = build("--json", *options, store=f"store-{number}", ms="2.1.3", lodash="4.17.21", semver="7.7.2")
        assert built.exit_code == 0, built.stderr
        made.append(built.json["artifacts"][0]["record"]["sha256"])
        (tmp_path / "project" / "dist" / "orders.zip").unlink()
    assert made[0] == made[1]


def test_an_image_with_another_node_js_compiles_nothing(build: Callable[..., Run]) -> None:
    other = base_images.image(base_images.PLAIN)
    built = build("--in-container", base=other, cpu_features="0.0.10")
    assert built.exit_code == 4
    assert "npm" in built.stderr
