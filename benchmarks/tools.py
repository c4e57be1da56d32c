"""lpack and its peers, each in a virtual environment of its own, as a user installs them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
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
            run(environ, sys.executable, "-m", "venv", bin_folder.parent)
    if not (sam / "sam").exists():
        run(environ, sam / "python", "-m", "pip", "install", "--quiet", "aws-sam-cli")
    install_lpack = (lpack / "python", "-m", "pip", "install", "--quiet", CHECKOUT)
    run(environ, *install_lpack)
    # The version stays the same from commit to commit: pip would keep the old code.
    run(environ, *install_lpack, "--force-reinstall", "--no-deps")
    return Tools(lpack / "lpack", lpack / "uv", sam / "sam", environ)


def run(environ: Mapping[str, str], *command: str | Path, folder: Path | None = None) -> str:
    """Run a command that is not measured; its standard output."""
    return subprocess.run(command, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout


def prepare_peers(project: Path, lock: Path, tools: Tools, wheels: Path) -> None:
    """Pin the versions of lpack's lock, so that all build the same packages, and fetch these for pip and uv."""
    requirements = project / "src" / "requirements.txt"
    packages = tomllib.loads(lock.read_text())["packages"]
    requirements.write_text("".join(f"{package['name']}=={package['version']}\n" for package in packages))
    python = tools.lpack.with_name("python")
    every = ("--quiet", "--no-deps", "-r", requirements)
    run(tools.environ, python, "-m", "pip", "download", "--dest", wheels, *every)
    run(tools.environ, tools.uv, "pip", "install", "--target", project / "uv", *every)


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
