"""The fixtures' own tests, run as their users would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from functions import HERE
from in_process import lpack

from lpack import config

GO_HERE = {"x86_64": "amd64"}.get(HERE, HERE)

FIXTURES = Path(__file__).parent.parent.parent / "fixtures"


@pytest.mark.parametrize("fixture", sorted(path.name for path in FIXTURES.iterdir() if path.is_dir()))
def test_every_function_of_a_fixture_has_tests(fixture: str) -> None:
    functions = config.load(FIXTURES / fixture).functions
    assert functions
    assert [function.name for function in functions if not function.tests] == []


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.needs("bwrap")
@pytest.mark.parametrize(
    "fixture",
    [
        pytest.param("python-plain", marks=pytest.mark.needs("python3.13")),
        pytest.param("python-local-package", marks=pytest.mark.needs("python3.13")),
        pytest.param("node-plain", marks=pytest.mark.needs("node", "npm", "cmake", "make", "g++")),
        pytest.param("java-maven", marks=pytest.mark.needs("java", "mvn")),
        pytest.param("custom-shell", marks=pytest.mark.needs("curl")),
        pytest.param("custom-go", marks=pytest.mark.needs("go")),
    ],
)
def test_they_pass_on_this_machine(fixture: str, copied_fixture: Callable[[str], Path]) -> None:
    folder = copied_fixture(fixture)
    file = folder / "lpack.toml"
    text = file.read_text(encoding="utf-8").replace('architecture = "arm64"', f'architecture = "{HERE}"')
    file.write_text(text.replace("This is Go on arm64.", f"This is Go on {GO_HERE}."), encoding="utf-8")
    assert lpack("build", folder=folder).exit_code == 0
    run = lpack("test", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert run.stdout.rstrip().endswith("passed")


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.needs("bwrap", "curl")
def test_a_function_of_a_custom_runtime_in_a_layer_passes(project: Callable[..., Path]) -> None:
    configuration = f"""
[function.orders]
runtime = "provided.al2023"
architecture = "{HERE}"
source = "src"
handler = "orders.list"

[function.orders.tests.lists]
event = {{ order = 1 }}
expect = [{{ order = 1 }}]

[function.broken]
runtime = "provided.al2023"
architecture = "{HERE}"
source = "src"
handler = "orders.fail"

[function.broken.tests.fails]
expect-error = "Handler.Failed"
"""
    script = 'list() { read -r event; echo "[$event]"; }\nfail() { exit 3; }\n'
    folder = project({"lpack.toml": configuration, "src/orders.sh": script})
    assert lpack("layers", "add", "shell-runtime", folder=folder).exit_code == 0
    text = (folder / "lpack.toml").read_text(encoding="utf-8")
    layered = text.replace('source = "src"\n', 'source = "src"\nlayers = ["shell-runtime"]\n')
    (folder / "lpack.toml").write_text(layered, encoding="utf-8")
    assert lpack("build", folder=folder).exit_code == 0
    run = lpack("test", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert run.stderr.splitlines()[-1].startswith("2 passed in ")
