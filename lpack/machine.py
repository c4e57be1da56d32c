"""What the machine has that lpack can use."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .errors import ToolError
from .model import Host
from .processes import run


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool, what was found of it ("" for nothing), and what it is needed for."""

    name: str
    found: str
    needed_for: str
    required: bool = False


_PACKAGES = (
    ("uv", "resolving Python dependencies for any target"),
    ("pip-tools", 'resolving with `resolver = "pip-tools"`'),
    ("build", "building source distributions and local packages"),
    ("deflate", "compressing, the same bytes everywhere"),
)

_PROGRAMS = (
    ("git", ("--version",), "requirements that name a repository (git+https://…)"),
    ("bwrap", ("--version",), "running functions in a sandbox, without Docker"),
    ("node", ("--version",), "Node.js functions"),
    ("npm", ("--version",), "Node.js functions"),
    ("java", ("-version",), "Java functions"),
    ("mvn", ("--version",), "Java functions"),
    ("go", ("version",), "Go functions"),
    ("cargo", ("--version",), "Rust functions"),
)


def tools(host: Host) -> list[Tool]:
    """Every tool that lpack knows a use for, the indispensable ones first."""
    python = f"{platform.python_version()} ({sys.executable})"
    store = Tool("store", _store(host.cache), "keeping wheels and packed files", required=True)
    return [Tool("python", python, "running lpack", required=True), store, *_packages(), _engine(), *_programs(host)]


def _store(folder: Path) -> str:
    import os

    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return str(folder) if os.access(existing, os.W_OK) else ""


def _packages() -> Iterator[Tool]:
    for name, needed_for in _PACKAGES:
        try:
            found = version(name)
        except PackageNotFoundError:
            found = ""
        yield Tool(name, found, needed_for, required=True)


def _engine() -> Tool:
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=5)
        try:
            found = f"{client.version()['Version']} ({client.api.base_url})"
        finally:
            client.close()
    except DockerException:
        found = ""
    return Tool("Docker Engine", found, "building inside Amazon Linux, container images")


def _programs(host: Host) -> Iterator[Tool]:
    for name, arguments, needed_for in _PROGRAMS:
        place = shutil.which(name, path=host.environ.get("PATH"))
        yield Tool(name, _version([place, *arguments], host) if place else "", needed_for)


def _version(command: list[str], host: Host) -> str:
    try:
        result = run(command, folder=Path.cwd(), environ=host.environ)
    except ToolError:
        return ""  # found, but it can't be run: as good as absent
    lines = (result.stdout.strip() or result.stderr.strip()).splitlines()
    return lines[0] if lines and result.exit_code == 0 else ""
