"""lpack and its peers, each in a virtual environment of its own, as a user installs them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import projects

CHECKOUT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs to measure, the folder that these and their caches are in, and the variables they run with."""

    folder: Path
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
        "npm_config_cache": str(folder / "npm-cache"),
        # sam has Maven install what it builds into the repository.
        "MAVEN_OPTS": f"{environ.get('MAVEN_OPTS', '')} -Dmaven.repo.local={folder / 'maven'}".strip(),
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
    return Tools(folder, lpack / "lpack", lpack / "uv", sam / "sam", environ)


def install_program(requirement: str, program: str, tools: Tools) -> Path:
    """A program from the package index, in an environment of its own."""
    bin_folder = tools.folder / program / "bin"
    if not (bin_folder / program).exists():
        run(tools.environ, sys.executable, "-m", "venv", bin_folder.parent)
        run(tools.environ, bin_folder / "python", "-m", "pip", "install", "--quiet", requirement)
    return bin_folder / program


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


def prepare_npm(project: Path, tools: Tools) -> None:
    """Lock the packages of a Node.js project, and fetch them into npm's cache."""
    # The address of each package, which users' locks have, too, spares npm to look it up.
    lock = ("--package-lock-only", "--no-omit-lockfile-registry-resolved")
    run(tools.environ, "npm", "install", "--silent", *lock, folder=project / "src")
    shutil.copytree(project / "src", project / "npm")
    run(tools.environ, "npm", "ci", "--silent", "--ignore-scripts", folder=project / "npm")


def node_runtime(tools: Tools) -> str:
    """The runtime that has the major version of this machine's Node.js."""
    return f"nodejs{version_of('node', tools).partition('.')[0]}.x"


def install_esbuild(folder: Path, tools: Tools) -> Path:
    """The folder of esbuild's program, in the version that lpack bundles with."""
    lock = (CHECKOUT / "lpack" / "ecosystems" / "node" / "esbuild-lock.json").read_text()
    folder.mkdir(exist_ok=True)
    (folder / "package-lock.json").write_text(lock)
    (folder / "package.json").write_text(json.dumps(json.loads(lock)["packages"][""]))
    run(tools.environ, "npm", "ci", "--silent", "--ignore-scripts", folder=folder)
    return next(folder.glob("node_modules/@esbuild/*/bin"))


def version_of(program: str | Path, tools: Tools) -> str:
    """The version that a program says it has."""
    said = run(tools.environ, program, "--version")
    match = re.search(r"\d+(\.\d+)+", said)
    return match[0] if match else said.strip()


class SamFunction(NamedTuple):
    """What sam's template says of a function whose code is in ``src``."""

    runtime: str
    handler: str
    metadata: Mapping[str, object] = {}


def sam_command(project: Path, function: SamFunction, tools: Tools) -> tuple[str, ...]:
    """``sam build`` and zip."""
    properties = {
        "CodeUri": "src",
        "Handler": function.handler,
        "Runtime": function.runtime,
        "Architectures": [projects.ARCHITECTURE],
    }
    resource = {"Type": "AWS::Serverless::Function", "Metadata": function.metadata, "Properties": properties}
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"Function": resource},
    }
    (project / "template.yaml").write_text(json.dumps(template))  # which is YAML as well
    return _shell(
        [tools.sam, "build", "--build-dir", "sam"], ["cd", "sam/Function"], ["zip", "-r", "-q", "../../sam.zip", "."]
    )


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
