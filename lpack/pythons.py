"""The Pythons of this machine: one of the target's minor version runs the build, and lends its headers.

Its patch release does not matter, nor does its processor: what `configure` finds for x86-64 and for arm64, both LP64,
differs in how the interpreter itself is compiled, and in nothing that an extension sees.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .errors import ToolError
from .model import Host
from .processes import run

_PROBE = """
import importlib, json, sys, sysconfig
variables = importlib.import_module(sysconfig._get_sysconfigdata_name()).build_time_vars
print(json.dumps({
    "version": "%d.%d" % sys.version_info[:2],
    "usual": sys.implementation.name == "cpython" and not variables.get("Py_GIL_DISABLED") and not sys.abiflags,
    "include": sysconfig.get_path("include"),
    "variables": variables,
}))
"""
_PATIENCE = 20.0
"""Seconds that a Python has to tell about itself."""


class Python(NamedTuple):
    """A Python of this machine.

    ``include`` is the folder of its headers, ``configuration`` the file of them that holds what `configure` found;
    ``variables`` are those that it was made with.
    """

    program: str
    version: str
    include: Path
    configuration: Path
    variables: Mapping[str, Any]


def find_python(version: str, host: Host) -> Python | str:
    """The first Python of that minor version ("3.13") that has its headers; else why there is none, for messages."""
    bare = ""
    for program in _candidates(version, host.environ):
        said = _asked(program, host)
        if said is None or said["version"] != version or not said["usual"]:
            continue
        include = Path(said["include"])
        configuration = _configuration(include)
        if (include / "Python.h").is_file() and configuration.is_file():
            return Python(program, version, include, configuration, said["variables"])
        bare = bare or program
    if bare:
        return f"`{bare}` has no headers: install `python{version}-dev`, or run `uv python install {version}`"
    return f"it needs a Python {version} for its headers, and found none: run `uv python install {version}`"


def _candidates(version: str, environ: Mapping[str, str]) -> Iterator[str]:
    """The programs that may be such a Python, each once: lpack's own, on the PATH, installed by uv, by pyenv."""
    name, seen = f"python{version}", set()
    for program in _places(name, version, environ):
        # What a link leads to may be a wrapper or belong to a virtual environment: two names may well be two Pythons.
        if str(program) not in seen and program.is_file():
            seen.add(str(program))
            yield str(program)


def _places(name: str, version: str, environ: Mapping[str, str]) -> Iterator[Path]:
    if version == "{}.{}".format(*sys.version_info):
        yield Path(sys.executable)
    for folder in filter(None, environ.get("PATH", "").split(":")):
        yield Path(folder, name)
    home = Path(environ.get("HOME", "/"))
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    of_uv = Path(environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    yield from _newest_first(of_uv.glob(f"cpython-{version}.*/bin/{name}"))
    of_pyenv = Path(environ.get("PYENV_ROOT") or home / ".pyenv")
    yield from _newest_first(of_pyenv.glob(f"versions/{version}.*/bin/{name}"))


def _newest_first(programs: Iterator[Path]) -> list[Path]:
    return sorted(programs, key=lambda path: [int(number) for number in re.findall(r"\d+", str(path))], reverse=True)


def _asked(program: str, host: Host) -> dict[str, Any] | None:
    """What the Python says about itself; None when it is none, or can't be run."""
    environ = {name: value for name, value in host.environ.items() if not name.startswith(("PYTHON", "_PYTHON"))}
    try:
        result = run([program, "-I", "-c", _PROBE], folder=Path("/"), environ=environ, timeout=_PATIENCE)
        return dict(json.loads(result.stdout))
    except (ToolError, ValueError):
        return None


def _configuration(include: Path) -> Path:
    """The file behind pyconfig.h: Debian's leads to one for each processor, beside its folder."""
    file = include / "pyconfig.h"
    if file.is_file():
        text = file.read_text(encoding="utf-8", errors="replace")
        for found in re.finditer(r"#\s*include <(\S+/pyconfig\.h)>", text):
            if (other := include.parent / found[1]).is_file():
                return other
    return file
