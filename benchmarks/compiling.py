"""A small C package without a wheel: compiled by zig for the other architecture, and by pip for this machine.

zig has made the C library of that target before, and all that is fetched is there.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import projects
import tools
from measure import Contender, Series, in_turns

COMPILED = "zig, a small C package for the other architecture"
BY_PIP = "zig, pip wheel for this machine"
KEPT = "zig, all kept, no artifact there yet"

_PACKAGE, _VERSION = "markupsafe", "3.0.3"
_CONFIGURATION = """\
[build]
native = "zig"

[function.orders]
runtime = "{runtime}"
architecture = "{architecture}"
handler = "app.handler"
source = "src"
"""


def measure_zig(folder: Path, installed: tools.Tools, rounds: int) -> dict[str, Series]:
    """From the source to the finished zip, with the build's own environment made anew each time, as pip does."""
    python = installed.lpack.with_name("python")
    tools.run(installed.environ, python, "-m", "pip", "install", "--quiet", f"{tools.CHECKOUT}[zig]")
    project, store, wheels, fetched = (folder / name for name in ("project", "store", "wheels", "pip"))
    (project / "src").mkdir(parents=True)
    other = "x86_64" if projects.ARCHITECTURE == "arm64" else "arm64"
    (project / "lpack.toml").write_text(_CONFIGURATION.format(runtime=projects.RUNTIME, architecture=other))
    asked = f"--no-binary {_PACKAGE}\n{_PACKAGE}=={_VERSION}\n"
    (project / "src" / "requirements.txt").write_text(asked)
    (project / "src" / "app.py").write_text("def handler(event, context):\n    return None\n")
    pip = (
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "-r",
        "src/requirements.txt",
        "-w",
        str(wheels),
    )
    environ = installed.environ | {"LPACK_CACHE_DIR": str(store)}
    tools.run(environ, installed.lpack, "build", folder=project)
    tools.run(installed.environ | {"PIP_CACHE_DIR": str(fetched)}, *pip, folder=project)
    lpack = (str(installed.lpack), "build", "--frozen")

    def forget_artifact() -> None:
        shutil.rmtree(project / "dist", ignore_errors=True)

    def forget_wheel() -> None:
        forget_artifact()
        shutil.rmtree(store / "built", ignore_errors=True)

    def forget_wheel_of_pip() -> None:
        shutil.rmtree(wheels, ignore_errors=True)
        shutil.rmtree(fetched / "wheels", ignore_errors=True)

    return in_turns(
        [
            Contender(COMPILED, lpack, forget_wheel, project, environ),
            Contender(BY_PIP, pip, forget_wheel_of_pip, project, installed.environ | {"PIP_CACHE_DIR": str(fetched)}),
            Contender(KEPT, lpack, forget_artifact, project, environ),
        ],
        rounds,
    )
