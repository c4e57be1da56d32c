"""AWS's runtime interface clients, as they are had from their package indexes and kept."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from lpack.aws.architectures import ARCHITECTURES
from lpack.aws.runtimes import RUNTIMES
from lpack.clients import client_for, java
from lpack.errors import ResolveError, ToolError, UsageError
from lpack.means import Means
from lpack.model import Host, Silent, Target
from lpack.store import Store


@pytest.fixture
def means(store_folder: Path) -> Means:
    return Means(Store(store_folder), Host(dict(os.environ), store_folder), Silent())


def target(runtime: str, architecture: str = "x86_64") -> Target:
    return Target(RUNTIMES[runtime], ARCHITECTURES[architecture])


@pytest.mark.network
@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
@pytest.mark.parametrize("version", ["3.10", "3.11", "3.13", "3.14", "3.15"])
def test_the_client_of_python_is_there_for_every_target(means: Means, version: str, architecture: str) -> None:
    client = client_for(target(f"python{version}", architecture), means)
    assert client is not None
    assert str(client) == "awslambdaric 4.2.2"
    machine = ARCHITECTURES[architecture].machine
    (native,) = [entry.path for entry in client.tree if entry.path.startswith("runtime_client.")]
    assert native == f"runtime_client.cpython-{version.replace('.', '')}-{machine}-linux-gnu.so"
    assert {"awslambdaric/__main__.py", "simplejson/__init__.py"} <= client.tree.by_path.keys()


@pytest.mark.network
def test_what_the_store_has_is_not_fetched_again(means: Means) -> None:
    first = client_for(target("python3.13"), means)
    offline = Host({"PATH": "", "UV_OFFLINE": "1", "HTTPS_PROXY": "http://127.0.0.1:9"}, means.host.cache)
    assert client_for(target("python3.13"), means._replace(host=offline)) == first


@pytest.mark.network
@pytest.mark.needs("mvn", "java")
def test_the_client_of_java_is_one_for_all(means: Means) -> None:
    client = client_for(target("java21"), means)
    assert client is not None
    assert client == client_for(target("java11", "arm64"), means)
    assert "aws-lambda-java-core-1.4.0.jar" in client.tree.by_path
    without_maven = means._replace(host=Host({"PATH": ""}, means.host.cache))
    assert client == client_for(target("java21"), without_maven), "the store has it"


@pytest.mark.needs("mvn", "java")
@pytest.mark.network
def test_another_jar_than_the_pinned_one_is_refused(means: Means, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "PINS", {**java.PINS, "aws-lambda-java-core-1.4.0.jar": "0" * 64})
    with pytest.raises(ResolveError, match=r"other jars for .* than lpack knows: `aws-lambda-java-core-1.4.0.jar`"):
        client_for(target("java21"), means)


def test_a_custom_runtime_has_none(means: Means) -> None:
    assert client_for(target("provided.al2023"), means) is None


def test_a_python_that_is_too_old_has_none(means: Means) -> None:
    with pytest.raises(UsageError, match=r"has no version for python3\.9"):
        client_for(target("python3.9"), means)


def test_what_the_compiler_lacks_is_named(means: Means) -> None:
    bare = means._replace(host=Host({"PATH": "/nowhere"}, means.host.cache))
    architecture = "x86_64" if platform.machine() == "x86_64" else "arm64"
    with pytest.raises(ToolError, match="lacks `cmake`, `make`, `g\\+\\+`") as caught:
        client_for(target("nodejs22.x", architecture), bare)
    assert "apt install cmake" in str(caught.value.hint)


def test_the_client_of_node_is_compiled_for_this_machine_alone(means: Means) -> None:
    other = "arm64" if platform.machine() == "x86_64" else "x86_64"
    with pytest.raises(ToolError, match=f"can't be compiled for {other} on this"):
        client_for(target("nodejs22.x", other), means)
