"""The promises of conftest.py: no test touches the user's home, store or network by accident."""

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

# Addresses that are kept for documentation: RFC 5737 and RFC 3849.
STRANGERS = ["192.0.2.1", "2001:db8::1", "example.com"]


@pytest.mark.parametrize("host", STRANGERS)
def test_strangers_are_refused(host: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="without the `network` marker"):
        socket.create_connection((host, 443), timeout=1)


def test_a_direct_connection_is_refused() -> None:
    with socket.socket() as client, pytest.raises(pytest.fail.Exception, match=r"192\.0\.2\.1"):
        client.connect_ex(("192.0.2.1", 443))


def test_this_machine_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()


def test_programs_that_a_test_starts_have_no_way_out() -> None:
    code = "import urllib.request; urllib.request.urlopen('https://192.0.2.1', timeout=30)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Connection refused" in process.stderr
    assert urllib.request.getproxies()["https"] == "http://127.0.0.1:9"


def test_home_store_and_settings_are_the_tests_own(store_folder: Path) -> None:
    assert list(Path.home().iterdir()) == []
    assert store_folder.parent == Path.home()
    # One is the tests' own: it keeps AWS's libraries from asking the network for credentials.
    assert {name for name in os.environ if name.startswith(("PIP_", "UV_", "AWS_"))} == {"AWS_EC2_METADATA_DISABLED"}


def test_files_get_the_usual_modes(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644
