import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest

from lpack.machine import Tool, tools
from lpack.model import Host

Programs = Callable[[Mapping[str, str]], Path]
NOWHERE = "tcp://127.0.0.1:9"


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """Writes shell scripts to a folder, for PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def write(scripts: Mapping[str, str]) -> Path:
        for name, script in scripts.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        return folder

    return write


def found(cache: Path, path: Path, engine: str = NOWHERE) -> dict[str, Tool]:
    return {tool.name: tool for tool in tools(Host({"PATH": str(path), "DOCKER_HOST": engine}, cache))}


def test_what_lpack_stands_on_is_there(tmp_path: Path, programs: Programs) -> None:
    needed = [tool for tool in found(tmp_path, programs({})).values() if tool.required]
    assert [tool.name for tool in needed] == ["Python", "store", "uv", "pip-tools", "build", "deflate"]
    assert all(tool.found for tool in needed)


def test_zig_and_the_pythons_that_it_can_compile_for_are_told(tmp_path: Path, programs: Programs) -> None:
    tools_here = found(tmp_path, programs({}))
    assert tools_here["zig"].found == version("ziglang")
    assert "{}.{}".format(*sys.version_info) in tools_here["Python headers"].found.split(", ")


def test_programs_are_found_with_their_versions(tmp_path: Path, programs: Programs) -> None:
    path = programs(
        {
            "git": "echo 'git version 2.39.5'",
            "node": "echo v20.20.2",
            "mvn": "printf '\\033[1mApache Maven 3.8.7\\033[m\\nJava version: 17.0.15\\n'",
            "java": "echo 'Picked up JAVA_TOOL_OPTIONS: -Da=1.2' >&2; echo 'openjdk version \"17.0.15\"' >&2",
            "go": "echo 'go version go1.26.8 linux/amd64'",
            "cargo": "echo unknown",
        }
    )
    versions = {name: tool.found for name, tool in found(tmp_path, path).items()}
    assert versions["git"] == "2.39.5"
    assert versions["node"] == "20.20.2"
    assert versions["mvn"] == "3.8.7"
    assert versions["java"] == "17.0.15"
    assert versions["go"] == "1.26.8"
    assert versions["cargo"] == str(path / "cargo")
    assert versions["npm"] == ""


def test_a_program_that_fails_is_not_found(tmp_path: Path, programs: Programs) -> None:
    path = programs({"git": "echo 'git version 2.39.5'; exit 1"})
    (path / "node").write_bytes(b"\x7fELF and nothing more")
    (path / "node").chmod(0o755)
    machine = found(tmp_path, path)
    assert (machine["git"].found, machine["git"].absent) == ("", "can't be run")
    assert (machine["node"].found, machine["node"].absent) == ("", "can't be run")
    assert (machine["npm"].found, machine["npm"].absent) == ("", "not found")


def test_the_store_must_be_a_folder_or_able_to_become_one(tmp_path: Path, programs: Programs) -> None:
    file = tmp_path / "file"
    file.write_text("")
    path = programs({})
    assert found(tmp_path / "not" / "yet", path)["store"].found == str(tmp_path / "not" / "yet")
    assert found(file, path)["store"].found == ""
    assert found(file / "store", path)["store"].found == ""


class _Engine(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"Version": "28.5.1", "ApiVersion": "1.51"}).encode()
        self.send_response(200 if self.path == "/version" else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the library's
        pass


@pytest.fixture
def engine() -> Iterator[str]:
    """What answers like a Docker Engine that is too new for every other question."""
    with HTTPServer(("127.0.0.1", 0), _Engine) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"tcp://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_docker_engine_tells_its_version(tmp_path: Path, programs: Programs, engine: str) -> None:
    assert found(tmp_path, programs({}), engine)["Docker Engine"].found == "28.5.1"


def test_why_there_is_no_docker_engine_is_told(tmp_path: Path, programs: Programs) -> None:
    engine = found(tmp_path, programs({}), NOWHERE)["Docker Engine"]
    assert (engine.found, engine.required) == ("", False)
    assert engine.absent == f"no Docker Engine answers at `{NOWHERE}`"


def test_credentials_of_aws_are_found_and_not_shown(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(tmp_path, programs({}))["AWS credentials"].found == ""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    tool = found(tmp_path, programs({}))["AWS credentials"]
    assert tool.found == "from the environment"
    assert not any(secret in str(tool) for secret in ("AKIA", "wJalr"))


def test_settings_of_aws_that_lead_nowhere_are_told(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    tool = found(tmp_path, programs({}))["AWS credentials"]
    assert (tool.found, tool.absent) == ("", "The config profile (nobody) could not be found")
