"""The recipes of custom runtimes, under functions whose zips hold code alone.

How they answer events is seen under AWS's emulator, in tests/ecosystems/custom/test_emulator.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from built_recipes import names, unpacked
from command_line import Run

pytestmark = [pytest.mark.network, pytest.mark.slow]  # what is written in Rust has dependencies

HANDLERS = {"program-runtime": "bin/orders", "shell-runtime": "orders.list"}

FUNCTION = """
[function.orders]
runtime = "provided.al2023"
architecture = "arm64"
handler = "{handler}"
source = "src"
"""

CODE = {"src/orders.sh": "list() { cat; }\n", "src/bin/orders": "#!/bin/sh\ncat\n"}


@pytest.mark.needs("cargo")
@pytest.mark.parametrize("name", names("provided"))
def test_a_function_has_its_runtime_from_the_layer(
    name: str, project: Callable[[Mapping[str, str]], Path], lpack: Callable[..., Run], tmp_path: Path
) -> None:
    folder = project({"lpack.toml": FUNCTION.format(handler=HANDLERS[name]), **CODE})
    (folder / "src" / "bin" / "orders").chmod(0o755)
    without = lpack("build", folder=folder)
    assert without.exit_code == 5
    assert "`bootstrap`, which Lambda starts, was not found" in without.stderr
    with (folder / "lpack.toml").open("a") as file:
        file.write(f'layers = ["{name}"]\n')
    assert lpack("layers", "add", name, folder=folder).exit_code == 0
    for command in ("build", "check"):
        run = lpack(command, "--json", folder=folder)
        assert run.exit_code == 0, run.stderr
        assert [artifact["findings"] for artifact in run.json["artifacts"]] == [[], []]
    layer = unpacked(folder / "dist" / f"{name}.zip", tmp_path / "opt")
    assert [path.name for path in layer.iterdir()] == ["bootstrap"]
    task = unpacked(folder / "dist" / "orders.zip", tmp_path / "task")
    assert sorted(path.relative_to(task).as_posix() for path in task.rglob("*")) == ["bin", "bin/orders", "orders.sh"]
