"""AWS's runtime interface clients: what calls a handler in Lambda, taken from each family's own package index.

Each is made once, and kept in .cache. It becomes /var/runtime under the emulator.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emulator import kept

from lpack.aws.layer_paths import package_folders
from lpack.aws.runtimes import RUNTIMES

PYTHON_CLIENT = "awslambdaric==4.2.2"
NODE_CLIENT = "aws-lambda-ric@3.3.0"
JAVA_CLIENT = "com.amazonaws:aws-lambda-java-runtime-interface-client:2.9.0"

NEEDS = {
    "python": (),
    # The client is compiled, with the curl and the aws-lambda-cpp that it brings.
    "node": ("node", "npm", "cmake", "make", "g++", "autoconf", "automake", "libtoolize"),
    "java": ("java", "javac", "mvn"),
    "custom": ("curl",),
}
"""Programs for building a function of the family, and for running it."""


@dataclass(frozen=True)
class Client:
    """How this machine does what a runtime of Lambda does: its command, before the handler, and its environment."""

    runtime: str
    command: tuple[str, ...]
    folder: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict)


def client(family: str) -> Client:
    """That of the family, for the version of the language that is installed here."""
    return {"python": _python, "node": _node, "java": _java, "custom": _custom}[family]()


def _python() -> Client:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"

    def fill(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:", f"--target={folder}"]
        subprocess.run([*pip, PYTHON_CLIENT], check=True)

    runtime = f"python{version}"
    places = ["/var/task", *_layer_folders(runtime), "/var/runtime"]
    # Without `site`, so that what is installed for the tests can't stand in for a package that the artifact lacks.
    command = (sys.executable, "-S", "-m", "awslambdaric")
    return Client(runtime, command, kept(f"{PYTHON_CLIENT}-{runtime}", fill), {"PYTHONPATH": ":".join(places)})


IMPORTS_FROM_NODE_PATH = """\
import { register } from "node:module";
import { pathToFileURL } from "node:url";
import { isMainThread } from "node:worker_threads";

if (isMainThread) register(import.meta.url);

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    for (const folder of process.env.NODE_PATH.split(":")) {
      try {
        return await next(specifier, { ...context, parentURL: pathToFileURL(`${folder}/../importer.mjs`).href });
      } catch {}
    }
    throw error;
  }
}
"""
"""Lambda's own Node.js looks for imports, too, in NODE_PATH: this does what its change does.

Source: https://aws.amazon.com/blogs/compute/node-js-18-x-runtime-now-available-in-aws-lambda/
"""

NODE_GYP = '{"overrides": {"node-gyp": "^11.5.0"}}'
"""The client's own, 9.4.0, wants a Python with distutils, which is gone since Python 3.12."""


def _node() -> Client:
    version = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout
    major = version.removeprefix("v").partition(".")[0]

    def fill(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "package.json").write_text(NODE_GYP)
            subprocess.run(["npm", "install", "--no-audit", "--no-fund", NODE_CLIENT], cwd=place, check=True)
            # What else is there was for the compiler.
            for name in ("bin", "dist"):
                shutil.copytree(Path(place) / "node_modules" / "aws-lambda-ric" / name, folder / name)
        (folder / "imports.mjs").write_text(IMPORTS_FROM_NODE_PATH)

    runtime = f"nodejs{major}.x"
    command = ("node", "--import=/var/runtime/imports.mjs", "/var/runtime/bin/index.mjs")
    environ = {"NODE_PATH": ":".join(_layer_folders(runtime))}
    return Client(runtime, command, kept(f"{NODE_CLIENT}-{runtime}", fill), environ)


POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>client</groupId><artifactId>client</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>
  </dependencies>
</project>
"""


def _java() -> Client:
    def fill(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "pom.xml").write_text(POM.format(*JAVA_CLIENT.split(":")))
            copy = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
            maven = ["mvn", "--batch-mode", "--quiet", copy, "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
            subprocess.run(maven, cwd=place, check=True)

    runtime = "java17"  # whose classes newer ones run, too
    layers = [f"{folder}/*" for folder in _layer_folders(runtime)]
    class_path = ":".join(["/var/runtime/*", "/var/task", "/var/task/lib/*", *layers])
    command = ("java", "-cp", class_path, "com.amazonaws.services.lambda.runtime.api.client.AWSLambda")
    return Client(runtime, command, kept(JAVA_CLIENT.replace(":", "-"), fill))


def _custom() -> Client:
    return Client("provided.al2023", ("/var/task/bootstrap",))


def _layer_folders(runtime: str) -> list[str]:
    return [f"/opt/{folder}" for folder in package_folders(RUNTIMES[runtime])]
