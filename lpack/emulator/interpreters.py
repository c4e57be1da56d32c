"""The language that runs a function in the sandbox: the target's own version, found on this machine."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ToolError
from ..means import Means
from ..model import Host, Target
from ..processes import run
from ..store import Store, damaged, sha256_of

_NOTE = "interpreter-1"
DOCKER = "or run it in AWS's own image (`--backend docker`)"

_ASK_PYTHON = (
    "import json, os, site, sys; print(json.dumps([list(sys.version_info[:2]), sys.base_prefix, "
    "os.path.realpath(getattr(sys, '_base_executable', sys.executable)), site.getsitepackages([sys.base_prefix])]))"
)
_NODE_KIND = "node"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A language on this machine: its program, the folder that it lives in, and folders of it that are the user's own.

    ``names`` are those by which functions may start it.
    """

    program: Path
    home: Path
    names: tuple[str, ...]
    hidden: tuple[Path, ...] = ()


def interpreter_for(target: Target, means: Means) -> Interpreter | None:
    """What runs the target's functions; None for custom runtimes. ToolError says what to install if there is none."""
    match target.runtime.family:
        case "python":
            return _python(target, means.store, means.host)
        case "nodejs":
            return _node(target, means)
        case "java":
            return _java(target, means.host)
        case _:
            return None


def _missing(what: str, target: Target, hint: str) -> ToolError:
    return ToolError(f"this machine has no {what}, which runs functions of {target.runtime}", hint=f"{hint}, {DOCKER}")


# Python


def _python(target: Target, store: Store, host: Host) -> Interpreter:
    version = target.runtime.version
    for program in _pythons(version, host):
        said = _python_says(program, store, host)
        if said and ".".join(map(str, said[0])) == version:
            _, prefix, real, packages = said
            hidden = tuple(Path(folder) for folder in packages if Path(folder).is_dir())
            names = (f"python{version}", "python3", "python")
            return Interpreter(Path(real), Path(prefix), names, hidden)
    raise _missing(f"Python {version}", target, f"install it (`uv python install {version}`)")


def _pythons(version: str, host: Host) -> Iterator[Path]:
    found = shutil.which(f"python{version}", path=host.environ.get("PATH"))
    if found:
        yield Path(found)
    versions = Path(host.environ.get("PYENV_ROOT") or Path(host.environ.get("HOME", "/"), ".pyenv"), "versions")
    yield from sorted(versions.glob(f"{version}.*/bin/python{version}"))
    from ..ecosystems.python.uv import find_uv, uv_environment

    # uv knows its own Pythons, and those of other tools; that of lpack's own environment does not hide any.
    result = run(
        [find_uv(), "python", "find", "--no-project", "--no-python-downloads", "--system", version],
        folder=Path("/"),
        environ=uv_environment(host),
    )
    if result.exit_code == 0:
        yield Path(result.stdout.strip())


def _python_says(program: Path, store: Store, host: Host) -> Any:
    """Its version, prefix, real program and folders of packages; None for one that can't be run."""
    key = hashlib.sha256(json.dumps([str(program), *_identity(program)]).encode()).hexdigest()
    said = store.note(_NOTE, key)
    if said is None:
        result = run([program, "-I", "-S", "-c", _ASK_PYTHON], folder=Path("/"), environ=host.environ)
        if result.exit_code != 0:  # a shim of a version that is not there
            return None
        said = json.loads(result.stdout)
        store.make_note(_NOTE, key, said)
    return said


def _identity(program: Path) -> list[object]:
    real = program.resolve()
    status = real.stat()
    return [str(real), status.st_size, status.st_mtime_ns]


# Node.js


def _node(target: Target, means: Means) -> Interpreter:
    store, host, _ = means
    major = target.runtime.version
    found = shutil.which("node", path=host.environ.get("PATH"))
    if found and _node_version(Path(found), store, host).partition(".")[0] == major:
        real = Path(found).resolve()
        home = real.parent.parent
        hidden = tuple(path for path in (home / "lib" / "node_modules", home / "local") if path.is_dir())
        return Interpreter(real, home, ("node",), hidden)
    program = _node_of_npm(target, means)
    return Interpreter(program, program, ("node",))


def _node_version(program: Path, store: Store, host: Host) -> str:
    key = hashlib.sha256(json.dumps(_identity(program)).encode()).hexdigest()
    said = store.note(_NOTE, key)
    if said is None:
        said = run([program, "--version"], folder=Path("/"), environ=host.environ).stdout.strip().removeprefix("v")
        store.make_note(_NOTE, key, said)
    return str(said)


def _node_of_npm(target: Target, means: Means) -> Path:
    """The Node.js of the target's version that npm's package `node` brings, fetched once."""
    store, host, reporter = means
    from ..ecosystems.node.npm import run_npm

    major = target.runtime.version
    package = f"node-linux-{'x64' if platform.machine() == 'x86_64' else 'arm64'}"
    key = hashlib.sha256(f"{package}@{major}".encode()).digest()
    with store.lock(key.hex()):
        program, sha256 = store.find(_NODE_KIND, key, "node"), store.note(_NODE_KIND, key.hex())
        if program and sha256 and not damaged(program, bytes.fromhex(sha256)):
            return program
        if not all(shutil.which(name, path=host.environ.get("PATH")) for name in ("node", "npm")):
            raise _missing(f"Node.js {major}", target, "install it, or any Node.js with npm, by which lpack gets it")
        reporter.note(f"getting Node.js {major} from npm, once")
        with store.temporary_folder() as folder:
            (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
            arguments = ["install", "--ignore-scripts", "--no-save", "--no-package-lock", f"{package}@{major}"]
            result = run_npm(arguments, folder, host, needed_for=f"get Node.js {major}")
            made = folder / "node_modules" / package / "bin" / "node"
            if result.exit_code != 0 or not made.is_file():
                raise ToolError(
                    f"npm can't get Node.js {major}, which runs functions of {target.runtime}",
                    hint=f"see that npm reaches its registry, {DOCKER}",
                    details=result.last_lines(),
                )
            made.chmod(0o755)
            sha256 = sha256_of(made)
            place = store.keep(_NODE_KIND, key, "node", made)
        store.make_note(_NODE_KIND, key.hex(), sha256.hex())
        return place


# Java


def _java(target: Target, host: Host) -> Interpreter:
    wanted = int(target.runtime.version)
    for home in _java_homes(host):
        if _java_version(home) >= wanted:
            return Interpreter(home / "bin" / "java", home, ("java",))
    hint = f"install it (`apt install openjdk-{wanted}-jre-headless`), or set JAVA_HOME"
    raise _missing(f"Java {wanted} or newer", target, hint)


def _java_homes(host: Host) -> Iterator[Path]:
    if host.environ.get("JAVA_HOME"):
        yield Path(host.environ["JAVA_HOME"]).resolve()
    found = shutil.which("java", path=host.environ.get("PATH"))
    if found:
        yield Path(os.path.realpath(found)).parent.parent


def _java_version(home: Path) -> int:
    """The major version, as the file says that every JDK since 7 has; 0 where there is none."""
    try:
        text = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    match = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', text, re.MULTILINE)
    return int(match[1]) if match and (home / "bin" / "java").is_file() else 0
