"""The fixtures and the catalogue's runtimes, built, unpacked, and run by AWS's own emulator."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import clean_roots
import emulator
import pytest

from lpack import catalogue

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs(*emulator.PROGRAMS)]

BOTH = [pytest.param(name, marks=clean_roots.needs(name)) for name in ("x86_64", "arm64")]
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}


@pytest.mark.needs("curl")
def test_a_shell_script_answers(
    make: Callable[..., Any], invoke: Callable[..., Any], copied_fixture: Callable[[str], Path], tmp_path: Path
) -> None:
    made = make(copied_fixture("custom-shell") / "src")
    assert not made.findings
    response = invoke({"name": "Ada"}, task=made.zip(tmp_path))
    assert response == {"machine": platform.machine(), "event": {"name": "Ada"}}


@pytest.mark.needs("go")
@pytest.mark.parametrize("architecture", BOTH)
def test_a_go_program_answers(
    make: Callable[..., Any],
    invoke: Callable[..., Any],
    copied_fixture: Callable[[str], Path],
    tmp_path: Path,
    architecture: str,
) -> None:
    made = make(copied_fixture("custom-go"), architecture=architecture)
    assert made.paths == ["bootstrap", "greeting.txt"]
    assert not made.findings
    response = invoke({"name": "Ada"}, task=made.zip(tmp_path), architecture=architecture)
    name = {"x86_64": "amd64"}.get(architecture, architecture)
    assert response == {"greeting": f"Hello, Ada! This is Go on {name}."}


@pytest.mark.needs("cargo")
@pytest.mark.parametrize("architecture", BOTH)
def test_a_rust_program_answers(
    make: Callable[..., Any],
    invoke: Callable[..., Any],
    copied_fixture: Callable[[str], Path],
    tmp_path: Path,
    architecture: str,
) -> None:
    """For one machine as it is, for the other one quickly: crates take a minute to be optimised."""
    source = copied_fixture("custom-rust") / "src"
    if not (source / "Cargo.lock").exists():
        subprocess.run(["cargo", "generate-lockfile"], cwd=source, check=True)
    quickly = {} if architecture == emulator.HERE else {"CARGO_PROFILE_RELEASE_OPT_LEVEL": "0"}
    made = make(source, architecture=architecture, environ=quickly)
    assert not made.findings
    response = invoke({"name": "Ada"}, task=made.zip(tmp_path), architecture=architecture)
    assert response == {"greeting": f"Hello, Ada! This is Rust on {MACHINES[architecture]}."}
    failure = invoke({}, task=made.zip(tmp_path), architecture=architecture)
    assert failure["errorMessage"] == "the event has no `name`"


@pytest.mark.needs("cmake")
@pytest.mark.parametrize("architecture", BOTH)
def test_a_cpp_program_answers(
    make: Callable[..., Any],
    invoke: Callable[..., Any],
    copied_fixture: Callable[[str], Path],
    tmp_path: Path,
    architecture: str,
) -> None:
    runtime = {"x86_64": "provided.al2023", "arm64": "provided.al2"}[architecture]
    made = make(copied_fixture("custom-cpp") / "src", architecture=architecture, runtime=runtime)
    assert not [finding for finding in made.findings if finding.check != "runtime-deprecated"]
    event = {"text": "ä" * 100_000}
    response = invoke(event, task=made.zip(tmp_path), architecture=architecture)
    assert response == {"machine": MACHINES[architecture], "event": event}


@pytest.mark.needs("curl")
def test_the_shell_runtime_of_the_catalogue_calls_a_function_of_the_shell(
    make: Callable[..., Any], invoke: Callable[..., Any], project: Callable[..., Path], tmp_path: Path
) -> None:
    (_, source), *_ = catalogue.recipe("shell-runtime").layer.source
    layer = make(source).zip(tmp_path)
    function = project({"orders.sh": 'list() { read -r event; echo "[$event]"; }\nfail() { exit 3; }\n'})
    task = make(function, store=tmp_path / "store").zip(function)
    response = invoke({"order": 1}, task=task, layer=layer, handler="orders.list")
    assert response == [{"order": 1}]
    failed = invoke({}, task=task, layer=layer, handler="orders.fail")
    assert failed["errorType"] == "Handler.Failed"
    assert failed["errorMessage"] == "orders.fail ended with exit code 3"
    absent = invoke({}, task=task, layer=layer, handler="x.y")
    assert absent["errorMessage"] == "the handler is x.y, and the function has no x.sh"


@pytest.mark.needs("cargo")
def test_the_program_runtime_of_the_catalogue_runs_a_program(
    make: Callable[..., Any], invoke: Callable[..., Any], project: Callable[..., Path], tmp_path: Path
) -> None:
    (_, source), *_ = catalogue.recipe("program-runtime").layer.source
    layer = make(source)
    assert layer.paths == ["bootstrap"]
    assert not layer.findings
    function = project({"bin/orders": '#!/bin/sh\nread -r event\necho "[$event]"\n'})
    (function / "bin" / "orders").chmod(0o755)
    task = make(function, store=tmp_path / "store").zip(function)
    zipped = layer.zip(tmp_path)
    response = invoke({"order": 1}, task=task, layer=zipped, handler="bin/orders")
    assert response == [{"order": 1}]
    failed = invoke({}, task=task, layer=zipped, handler="bin/none")
    assert failed["errorMessage"] == "the handler is bin/none, and the function has no such file"
