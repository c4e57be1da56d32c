"""What every test stands on: a home, a store and an environment of its own, and no way out to the network.

A test that may fetch from the package index says so with ``@pytest.mark.network``; one that needs a program which is
not part of Python, with ``@pytest.mark.needs("unzip")``. On a developer's machine such a test is skipped when the
program is missing; with LPACK_TEST_REQUIRE=all, as in .ci/run, nothing may be skipped. One that needs a Docker Engine
says so with ``@pytest.mark.engine``; from all others the machine's engine is hidden.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import command_line
import docker_engine
import local_registry
import pytest
import sample_wheels
import uv
from index_server import IndexServer, serving

CHECKOUT = Path(__file__).parent.parent
REQUIRE_ALL = os.environ.get("LPACK_TEST_REQUIRE") == "all"
SHARED_STORE = Path(os.environ.get("LPACK_CACHE_DIR") or CHECKOUT / ".cache" / "store").absolute()
"""Where the tests that fetch real packages keep them, so that each is fetched once."""

_NOWHERE = "http://127.0.0.1:9"
_OFFLINE = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), _NOWHERE),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
    "AWS_EC2_METADATA_DISABLED": "true",  # where AWS's libraries look for credentials last
}
"""Programs that a test starts can't be held by Python: a proxy that does not exist keeps them from the network."""

_NO_ENGINE = {"DOCKER_HOST": "tcp://127.0.0.1:9", "DOCKER_CONTEXT": ""}

_SERVERS = {"front", "registry"}
"""Fixtures that start servers of other projects: what asks these is not among the quick tests."""

_USER_SETTINGS = ("LPACK_", "PIP_", "UV_", "AWS_", "XDG_", "NETRC", "PYTHONPATH")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(program, ...): runs programs that are not part of Python")
    # Shells have what they start in the background ignore it, and all that this starts would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_itemcollected(item: pytest.Item) -> None:
    if _SERVERS & set(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.slow)


def pytest_runtest_setup(item: pytest.Item) -> None:
    programs = [program for mark in item.iter_markers("needs") for program in mark.args]
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    if item.get_closest_marker("engine") and (reason := docker_engine.why_not()):
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    return _never_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    return _never_skipped((yield))


def _never_skipped(report: Any) -> Any:
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"LPACK_TEST_REQUIRE=all, so this may not be skipped: {report.longrepr[2]}"
    return report


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Empty homes: that of the test before, if it left nothing there, as making one takes longer than most tests."""

    def homes() -> Iterator[Path]:
        while True:
            home = Path(tempfile.mkdtemp(prefix="home-", dir=tmp_path_factory.getbasetemp()))
            while not any(home.iterdir()):
                yield home
            shutil.rmtree(home, ignore_errors=True)

    return homes()


@pytest.fixture(autouse=True)
def _own_world(
    request: pytest.FixtureRequest, _homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    if request.node.get_closest_marker("network"):
        # How the index is reached (mirror, proxy, certificates) is the developer's setting, and stays.
        monkeypatch.setenv("LPACK_CACHE_DIR", str(SHARED_STORE))
    else:
        home = next(_homes)
        for name in os.environ:
            if name.startswith(_USER_SETTINGS):
                monkeypatch.delenv(name)
        for name, value in _OFFLINE.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("LPACK_CACHE_DIR", str(home / "store"))
        monkeypatch.setattr(socket.socket, "connect", _only_loopback(socket.socket.connect))
        monkeypatch.setattr(socket.socket, "connect_ex", _only_loopback(socket.socket.connect_ex))
        monkeypatch.setattr(socket, "getaddrinfo", _only_own_names(socket.getaddrinfo))
    if not request.node.get_closest_marker("engine"):
        for name, value in _NO_ENGINE.items():
            monkeypatch.setenv(name, value)
    # Hundreds of tests start lpack; compiling its modules anew each time would take longer than all they do.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    before = os.umask(0o022)
    yield
    os.umask(before)


def _only_loopback(connect: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            _refuse_stranger(address[0])
        return connect(self, address)

    return guarded


def _only_own_names(getaddrinfo: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(host: str | bytes | None, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host or "localhost"
        if name.endswith(".invalid"):  # which no resolver knows: RFC 6761
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        _refuse_stranger(name)
        return getaddrinfo(host, *arguments, **options)

    return guarded


def _refuse_stranger(host: str) -> None:
    try:
        own = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        own = False
    if not own:
        pytest.fail(f"a test without the `network` marker asked for {host}")


@pytest.fixture
def store_folder() -> Path:
    """The folder of this test's store."""
    return Path(os.environ["LPACK_CACHE_DIR"])


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run, shared by all its workers, for `once`."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"


@pytest.fixture
def project(tmp_path: Path) -> Callable[[Mapping[str, str | bytes]], Path]:
    """Writes files, given by their paths, to a project's folder, and returns the folder."""
    folder = tmp_path / "project"

    def write(files: Mapping[str, str | bytes]) -> Path:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    return write


@pytest.fixture
def copied_fixture(tmp_path: Path) -> Callable[[str], Path]:
    """Copies one of the repository's fixtures, so that a test leaves no lock or artifact in the checkout."""

    def copy(name: str) -> Path:
        leftovers = shutil.ignore_patterns(
            "dist",
            "pylock.*.toml",
            "image-lock.*.json",
            "package-lock.*.json",
            "node_modules",
            "target",
            "__pycache__",
            "*.egg-info",
        )
        return shutil.copytree(CHECKOUT / "fixtures" / name, tmp_path / name, ignore=leftovers)

    return copy


@pytest.fixture
def lpack() -> Callable[..., command_line.Run]:
    """Runs lpack in a process of its own: ``lpack("build", "--json", folder=…)``."""
    return command_line.lpack


@pytest.fixture(scope="session")
def _pythons_of_uv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What uv keeps about this Python. Asking it takes uv longer than finding the few packages of a test."""
    cache = tmp_path_factory.mktemp("uv")
    command = [uv.find_uv_bin(), "pip", "compile", "--quiet", f"--python={sys.executable}", f"--cache-dir={cache}", "-"]
    subprocess.run(command, input=b"", stdout=subprocess.DEVNULL, env={"HOME": str(cache)}, check=True)
    return next(cache.glob("interpreter-*"))


@pytest.fixture
def _known_python(_pythons_of_uv: Path, request: pytest.FixtureRequest) -> None:
    if not request.node.get_closest_marker("network"):
        cache = Path(os.environ["HOME"], ".cache", "uv")
        cache.mkdir(parents=True)
        (cache / _pythons_of_uv.name).symlink_to(_pythons_of_uv)


@pytest.fixture
def make_wheel(tmp_path: Path, _known_python: None) -> Callable[..., Path]:
    """Makes a wheel in ``tmp_path/wheels``: ``make_wheel("demo", "1.0", {"demo.py": ""}, requires=["other"])``."""

    def make(*arguments: Any, **options: Any) -> Path:
        return sample_wheels.make_wheel(tmp_path / "wheels", *arguments, **options)

    return make


@pytest.fixture
def index(tmp_path: Path) -> Iterator[IndexServer]:
    """A package index on this machine that serves what ``make_wheel`` made."""
    (tmp_path / "wheels").mkdir(exist_ok=True)
    with serving(tmp_path / "wheels") as server:
        yield server


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[local_registry.LocalRegistry]:
    """A registry on this machine that takes images from everybody; its test says ``needs("docker-registry")``."""
    with local_registry.serving(tmp_path / "registry") as server:
        yield server
