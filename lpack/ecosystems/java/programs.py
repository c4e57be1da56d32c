"""Maven and Gradle on the machine: which is to be run, with which Java, and in which surroundings."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ...download import redacted
from ...errors import ToolError
from ...model import Host
from ...processes import run, shown
from ...store import Store

_NOTE = "java-program-1"

FIXED = {"TZ": "UTC", "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "315532800"}
FIXED_OPTIONS = "-Duser.language=en -Duser.country=US -Duser.timezone=UTC -Dfile.encoding=UTF-8"
"""What a compiler or a plugin would else take from the machine: it must not show in what they make."""

_SAID = re.compile(r"^(?:\S*?Apache )?(?:Maven|Gradle) (\S+)", re.MULTILINE)
_JAVA = re.compile(r"^(?:Java version|(?:Launcher )?JVM): *(\d+(?:\.\d+)?)", re.MULTILINE)

_DECIDING = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "MAVEN_OPTS", "MAVEN_ARGS", "GRADLE_OPTS", "JAVA_OPTS")
"""Variables by which users change what the tools make."""


class Program(NamedTuple):
    """A build tool: how messages call it, the program, its version, and the major version of the Java it runs on."""

    name: str
    command: Path
    version: str
    java: str


class Tool(NamedTuple):
    """A build tool as it is known before it is looked for; ``wrapper`` is the script that projects bring along."""

    name: str
    command: str
    wrapper: str
    advice: str


MAVEN = Tool("Maven", "mvn", "mvnw", "install Maven (`apt install maven`, `brew install maven`), or add its wrapper")
GRADLE = Tool("Gradle", "gradle", "gradlew", "add Gradle's wrapper to the project (`gradle wrapper`), or install it")


def program(tool: Tool, *, wrapper: Path | None, title: str, store: Store, host: Host) -> Program:
    """The project's wrapper if it is given, else the tool on the machine; ToolError when there is none that works.

    What it says of itself is noted, as asking takes as long as the rest of a build that has nothing to do.
    """
    found = shutil.which(tool.command, path=host.environ.get("PATH"))
    command = wrapper or (Path(found) if found else None)
    if command is None:
        raise ToolError(f"{title} is built with {tool.name}, and `{tool.command}` was not found", hint=tool.advice)
    key = hashlib.sha256(json.dumps(_identity(command, host.environ)).encode()).hexdigest()
    said = store.note(_NOTE, key)
    if said is None:
        said = _asked(tool, command, title, host)
        store.make_note(_NOTE, key, said)
    return Program(tool.name, command, said["version"], said["java"])


def environment(host: Host) -> dict[str, str]:
    """The user's environment, with what must not differ from machine to machine fixed."""
    options = ("MAVEN_OPTS", "GRADLE_OPTS")
    own = {name: f"{host.environ.get(name, '')} {FIXED_OPTIONS}".strip() for name in options}
    return {**host.environ, **FIXED, **own}


def deciding(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """The variables that can change what the tools make, with their values."""
    return [(name, environ[name]) for name in _DECIDING if name in environ]


def _identity(command: Path, environ: Mapping[str, str]) -> list[object]:
    """What tells that the tool, or the Java it runs on, is still the same."""
    java = shutil.which("java", path=environ.get("PATH"))
    home = environ.get("JAVA_HOME")
    places = [command, *([Path(java)] if java else []), *([Path(home, "bin", "java")] if home else [])]
    # A wrapper is told by what it fetches.
    places += sorted((command.parent / ".mvn" / "wrapper").glob("*.properties"))
    places += sorted((command.parent / "gradle" / "wrapper").glob("*.properties"))
    return [home, [_file_identity(place) for place in places], deciding(environ)]


def _file_identity(place: Path) -> list[object]:
    real = place.resolve()
    try:
        status = real.stat()
    except OSError:
        return [str(real)]
    return [str(real), status.st_size, status.st_mtime_ns]


def _asked(tool: Tool, command: Path, title: str, host: Host) -> dict[str, str]:
    asking: list[str | Path] = [command, "--version"]
    result = run(asking, folder=command.parent, environ=environment(host))
    text = without_colours(result.stdout)
    version, java = _SAID.search(text), _JAVA.search(text)
    if result.exit_code != 0 or not version or not java:
        raise ToolError(
            f"{title} is built with {tool.name}, and `{shown(asking)}` failed",
            hint="it needs a JDK: install one (`apt install default-jdk-headless`, `brew install openjdk`), or set "
            "JAVA_HOME to yours",
            details=[redacted(line) for line in result.last_lines()],
        )
    return {"version": version[1], "java": java[1].removeprefix("1.").partition(".")[0]}


def without_colours(text: str) -> str:
    """The text without a terminal's colours, which some versions print to anything."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def settings_files(maven: Program, host: Host) -> list[Path]:
    """Maven's settings, the user's own and those of the installation, as far as they are there."""
    home = Path(host.environ.get("HOME", "/"))
    own = [home / ".mavenrc", *(home / ".m2" / name for name in ("settings.xml", "toolchains.xml"))]
    installed = maven.command.resolve().parent.parent / "conf"
    return [file for file in (*own, *(installed / each.name for each in own[1:])) if file.is_file()]


def is_executable(file: Path) -> bool:
    """Whether the file is there, and may be run."""
    return file.is_file() and os.access(file, os.X_OK)
