"""What the machine has that lpack can use."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .aws.runtimes import RUNTIMES
from .engine import engine
from .errors import ToolError
from .model import Host
from .processes import run
from .pythons import Python, find_python


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what was found of it ("" for nothing), what it is needed for, and how to say that it is not there."""

    name: str
    found: str
    needed_for: str
    required: bool = False
    absent: str = "not found"


_PACKAGES = (
    ("uv", "resolving Python dependencies for any target"),
    ("pip-tools", 'resolving with `resolver = "pip-tools"`'),
    ("build", "building source distributions and local packages"),
    ("deflate", "compressing, the same bytes everywhere"),
)

_PROGRAMS = (
    ("git", ("--version",), "requirements that name a repository (git+https://…)"),
    ("bwrap", ("--version",), "running functions in a sandbox (`lpack invoke`)"),
    ("npm", ("--version",), "packages of Node.js functions, and fetching esbuild"),
    ("node", ("--version",), "running npm"),
    ("java", ("-version",), "running Maven and Gradle"),
    ("mvn", ("--version",), "Java functions with a pom.xml"),
    ("gradle", ("--version",), "Java functions with a build.gradle and no wrapper"),
    ("go", ("version",), "custom runtimes written in Go"),
    ("cargo", ("--version",), "custom runtimes written in Rust"),
    ("cmake", ("--version",), "custom runtimes written in C++"),
)
_PATIENCE = 20.0
"""Seconds that a program has to tell its version: Maven takes some on a busy machine."""

_VERSION = re.compile(r"\d+(\.\d+)+")


def tools(host: Host) -> list[Tool]:
    """Every tool that lpack knows a use for, the indispensable ones first."""
    python = f"{platform.python_version()} ({sys.executable})"
    store = Tool("store", _store(host.cache), "keeping wheels and packed files", required=True, absent="not writable")
    own = Tool("Python", python, "running lpack", required=True)
    found = (*_packages(), *_programs(host), _zig(host), _headers(host), _engine(host), _emulation(), _credentials())
    return [own, store, *found]


def _store(folder: Path) -> str:
    """The folder, if it can be written to or made."""
    existing = next(place for place in (folder, *folder.parents) if os.access(place, os.F_OK))
    return str(folder) if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK) else ""


def _packages() -> Iterator[Tool]:
    for name, needed_for in _PACKAGES:
        try:
            found = version(name)
        except PackageNotFoundError:
            found = ""
        yield Tool(name, found, needed_for, required=True)


def _programs(host: Host) -> Iterator[Tool]:
    for name, arguments, needed_for in _PROGRAMS:
        place = shutil.which(name, path=host.environ.get("PATH"))
        found = _version([place, *arguments], host) if place else ""
        yield Tool(name, found, needed_for, absent="can't be run" if place else "not found")


def _zig(host: Host) -> Tool:
    try:
        found = version("ziglang")
    except PackageNotFoundError:
        place = shutil.which("zig", path=host.environ.get("PATH"))
        found = _version([place, "version"], host) if place else ""
    needed_for = "compiling Python packages that have no wheel for the target, and custom runtimes in Rust and C++"
    return Tool("zig", found, needed_for, absent="not installed (`pip install 'lpack[zig]'`)")


def _headers(host: Host) -> Tool:
    """The Pythons that zig can compile for, oldest first."""
    versions = [each.version for each in reversed(RUNTIMES.values()) if each.family == "python"]
    found = ", ".join(each for each in versions if isinstance(find_python(each, host), Python))
    return Tool("Python headers", found, "compiling Python packages with zig for runtimes of these versions")


def _version(command: list[str], host: Host) -> str:
    """The version that the program tells, or where it is if it tells none; "" when it can't be run."""
    try:
        result = run(command, folder=Path.cwd(), environ=host.environ, timeout=_PATIENCE)
    except ToolError:
        return ""
    if result.exit_code != 0:
        return ""
    # Java first tells which options it took from the environment.
    lines = (line for line in (result.stdout + result.stderr).splitlines() if not line.startswith("Picked up"))
    match = _VERSION.search("\n".join(lines))
    return match[0] if match else command[0]


def _engine(host: Host) -> Tool:
    needed_for = "building inside Amazon Linux (`--in-container`), images of a Dockerfile, `lpack invoke` of images"
    try:
        found, absent = engine(host.environ).version, ""
    except ToolError as error:
        found, absent = "", error.message
    return Tool("Docker Engine", found, needed_for, absent=absent)


def _emulation() -> Tool:
    """What lets this machine's kernel, and so an engine on it, run programs of Lambda's other architecture."""
    other = "x86_64" if platform.machine() in {"aarch64", "arm64"} else "aarch64"
    handlers = sorted(Path("/proc/sys/fs/binfmt_misc").glob(f"*{other}*"))
    found = handlers[0].name if handlers else ""
    return Tool("emulation", found, f"containers for {other} on a Docker Engine of this machine")


def _credentials() -> Tool:
    """Where AWS's library finds credentials, which are not looked at any further."""
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    absent = "none found"
    found = ""
    try:
        credentials = Session().get_credentials()
    except BotoCoreError as error:  # a profile that is not there, or half a key
        absent = str(error)
    else:
        found = f"from {_SOURCES.get(credentials.method, credentials.method)}" if credentials else ""
    return Tool("AWS credentials", found, "publishing, and images in ECR", absent=absent)


_SOURCES = {
    "env": "the environment",
    "shared-credentials-file": "~/.aws/credentials",
    "config-file": "~/.aws/config",
    "assume-role": "a role that is assumed",
    "assume-role-with-web-identity": "a role, by web identity",
    "sso": "AWS SSO",
    "login": "`aws login`",
    "custom-process": "a program of the profile",
    "container-role": "the container's role",
    "iam-role": "the machine's role",
}
"""What AWS's library calls the places where it finds credentials."""
