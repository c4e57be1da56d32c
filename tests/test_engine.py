import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import docker_engine
import pytest

from lpack.engine import connect, engine, understood
from lpack.errors import ToolError

NOWHERE = "tcp://127.0.0.1:9"


class _Engine(BaseHTTPRequestHandler):
    """What answers like an engine, for the faults that a real one does not have when it should."""

    api = "1.41"

    def do_GET(self) -> None:
        if self.path == "/version":
            self.answer(200, {"Version": "20.10.24", "ApiVersion": self.api})
        elif "/images/json" in self.path:
            self.answer(500, {"message": "write /var/lib/docker/tmp/x: no space left on device"})
        else:  # it dies
            self.connection.shutdown(socket.SHUT_RDWR)

    def answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the library's
        pass


@pytest.fixture
def failing() -> Iterator[Callable[[str], str]]:
    """The address of an engine with the given API version that dies when it is asked for containers."""
    with contextlib.ExitStack() as stack:

        def start(api: str) -> str:
            handler = type("_Handler", (_Engine,), {"api": api})
            server = stack.enter_context(HTTPServer(("127.0.0.1", 0), handler))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"tcp://127.0.0.1:{server.server_port}"

        yield start


@pytest.mark.engine
def test_the_engine_of_this_machine_answers() -> None:
    found = engine(docker_engine.ENVIRON)
    assert found.version
    with connect(docker_engine.ENVIRON) as client:
        assert client.api.api_version == found.api
        assert client.ping()


@pytest.mark.engine
def test_what_the_engine_refuses_is_told_in_its_words() -> None:
    with connect(docker_engine.ENVIRON) as client, pytest.raises(ToolError) as caught, understood("starting `nothing`"):
        client.containers.get("lpack-test-no-such-container")
    message = "the Docker Engine refused while it was starting `nothing`: No such container: "
    assert caught.value.message == message + "lpack-test-no-such-container"
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (NOWHERE, f"no Docker Engine answers at `{NOWHERE}`"),
        ("unix:///nonexistent.sock", "no Docker Engine answers at `unix:///nonexistent.sock`"),
        ("nonsense://", "no Docker Engine can be at `nonsense://`: Invalid bind address protocol: nonsense://"),
        ("tcp://[::1", "no Docker Engine can be at `tcp://[::1`: Invalid IPv6 URL"),
        ("ssh://nobody@127.0.0.1", "the Docker Engine at `ssh://nobody@127.0.0.1` can't be reached: "),
    ],
)
def test_no_engine(host: str, message: str) -> None:
    with pytest.raises(ToolError) as caught:
        engine({"DOCKER_HOST": host})
    assert caught.value.message.startswith(message)
    assert caught.value.hint


@pytest.mark.parametrize("host", ["tcp://", "tcp://a:b", "tcp://a:99999"])
def test_an_address_that_is_none(host: str) -> None:
    with pytest.raises(ToolError, match="Docker Engine"):
        engine({"DOCKER_HOST": host})


def test_an_engine_that_is_too_old(failing: Callable[[str], str]) -> None:
    host = failing("1.12")
    with pytest.raises(ToolError) as caught:
        engine({"DOCKER_HOST": host})
    assert caught.value.message.startswith(f"the Docker Engine at `{host}` is too old: API versions below 1.")


def test_an_engine_that_dies_in_the_middle(failing: Callable[[str], str]) -> None:
    with (
        connect({"DOCKER_HOST": failing("1.41")}) as client,
        pytest.raises(ToolError) as caught,
        understood("listing containers"),
    ):
        client.containers.list()
    assert caught.value.message == "the Docker Engine stopped answering while it was listing containers"


def test_an_engine_whose_disk_is_full(failing: Callable[[str], str]) -> None:
    with (
        connect({"DOCKER_HOST": failing("1.41")}) as client,
        pytest.raises(ToolError) as caught,
        understood("pulling `debian:12`"),
    ):
        client.images.list()
    assert caught.value.message == "the Docker Engine's disk is full: it was pulling `debian:12`"
    assert "no space left on device" in caught.value.details[0]


def test_a_user_without_the_right_to_the_socket() -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        Path(folder).chmod(0o755)  # it is open to all, other than the folders of tests
        place = Path(folder, "docker.sock")
        listener.bind(str(place))
        listener.listen()
        place.chmod(0)
        script = (
            "import os, sys, docker, lpack.engine, lpack.errors\n"
            "from docker import tls, context\n"
            "if os.geteuid() == 0: os.setegid(65534), os.seteuid(65534)\n"  # to whom all is open
            "try: lpack.engine.engine({'DOCKER_HOST': sys.argv[1]})\n"
            "except lpack.errors.ToolError as error: print(error.message)\n"
        )
        command = [sys.executable, "-c", script, f"unix://{place}"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "this user has no right to the Docker Engine's socket" in run.stdout, run.stderr


def test_a_context_that_is_not_there() -> None:
    with pytest.raises(ToolError, match="DOCKER_CONTEXT names `nope`, and there is no such context"):
        engine({"DOCKER_CONTEXT": "nope", "HOME": os.environ["HOME"]})


def test_the_current_context_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(os.environ["HOME"], ".docker")
    document = {"Name": "elsewhere", "Metadata": {}, "Endpoints": {"docker": {"Host": NOWHERE, "SkipTLSVerify": False}}}
    place = folder / "contexts" / "meta" / hashlib.sha256(b"elsewhere").hexdigest()
    place.mkdir(parents=True)
    (folder / "config.json").write_text('{"currentContext": "elsewhere"}')
    (place / "meta.json").write_text(json.dumps(document))
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    with pytest.raises(ToolError, match=f"no Docker Engine answers at `{NOWHERE}`"):
        engine({"HOME": os.environ["HOME"]})
