"""lpack and its peers, each in a virtual environment of its own, as a user installs them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import projects

CHECKOUT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs to measure, and the variables they run with."""

    lpack: Path
    uv: Path
    sam: Path
    environ: dict[str, str]


def install(folder: Path) -> Tools:
    """Install this checkout's lpack, which brings uv, and aws-sam-cli from the package index."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ |= {
        "LPACK_CACHE_DIR": str(folder / "store"),
        "UV_CACHE_DIR": str(folder / "uv-cache"),
        "SAM_CLI_TELEMETRY": "0",
        # sam looks for the runtime's Python on the path, and asks it for pip.
        "PATH": f"{folder / 'sam' / 'bin'}:{environ['PATH']}",
    }
    lpack, sam = folder / "lpack" / "bin", folder / "sam" / "bin"
    for bin_folder in (lpack, sam):
        if not bin_folder.is_dir():
            run([sys.executable, "-m", "venv", bin_folder.parent], environ)
    if not (sam / "sam").exists():
        run([sam / "python", "-m", "pip", "install", "--quiet", "aws-sam-cli"], environ)
    run([lpack / "python", "-m", "pip", "install", "--quiet", CHECKOUT], environ)
    # The version stays the same from commit to commit: pip would keep the old code.
    run([lpack / "python", "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", CHECKOUT], environ)
    return Tools(lpack / "lpack", lpack / "uv", sam / "sam", environ)


def run(command: Sequence[str | Path], environ: dict[str, str], *, folder: Path | None = None) -> str:
    """Run a command that is not measured; its standard output."""
    process = subprocess.run(command, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    return process.stdout


def pin(project: Path, lock: Path) -> None:
    """Write the lock's versions to requirements.txt, so that all build the very same packages."""
    packages = tomllib.loads(lock.read_text())["packages"]
    pins = "".join(f"{package['name']}=={package['version']}\n" for package in packages)
    (project / "src" / "requirements.txt").write_text(pins)


def sam_command(project: Path, tools: Tools, wheels: Path) -> tuple[str, ...]:
    """``sam build`` and zip, with the wheels at hand in a folder instead of on an index."""
    template = f"""\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Report:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: {projects.RUNTIME}
      Architectures: [{projects.ARCHITECTURE}]
"""
    (project / "template.yaml").write_text(template)
    build = ["env", "PIP_NO_INDEX=1", f"PIP_FIND_LINKS={wheels}", tools.sam, "build", "--build-dir", "sam"]
    return _shell(build, ["cd", "sam/Report"], ["zip", "-r", "-q", "../../sam.zip", "."])


def uv_command(tools: Tools) -> tuple[str, ...]:
    """``uv pip install --target`` and zip, without asking the index again."""
    install = [tools.uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--target", "uv"]
    return _shell(
        [*install, "-r", "src/requirements.txt"],
        ["cp", "-R", "src/.", "uv"],
        ["cd", "uv"],
        ["zip", "-r", "-q", "../uv.zip", "."],
    )


def _shell(*commands: Sequence[str | Path]) -> tuple[str, ...]:
    return ("sh", "-c", " && ".join(shlex.join(map(str, command)) for command in commands))
