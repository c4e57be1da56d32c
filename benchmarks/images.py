"""Container images: built and pushed by lpack, and by `docker build` and `docker push` of the equivalent Dockerfile.

Both stand on the same base, in the same registry of this machine. The Dockerfile copies packages that are there
already, so Docker has to install nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import projects
import tools
from measure import Contender, Series, in_turns, once

IMAGE = "image"
BUILD, EDIT, LARGE = (
    f"{IMAGE}, whole build",
    f"{IMAGE}, one file changed and pushed",
    f"{IMAGE} of 2 GB, built and pushed",
)
DOCKER_BUILD, DOCKER_EDIT = f"{BUILD}, docker build", f"{EDIT}, docker build and push"
UPLOADED = f"{EDIT}, bytes uploaded"

_BASE_SIZE = 100 << 20
_LARGE_FILES, _LARGE_FILE = 16, 128 << 20
_PATIENCE = 20.0
_LABEL = "lpack.bench"
"""By which the images that are made here are found again, to be removed."""

_BASE = """\
FROM scratch
COPY noise lambda-entrypoint.sh /
ENV PATH=/usr/bin:/bin LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime
WORKDIR /var/task
ENTRYPOINT ["/lambda-entrypoint.sh"]
"""
_DOCKERFILE = """\
FROM {base}
COPY packages/ /var/task/
COPY src/ /var/task/
CMD ["app.handler"]
"""


def measure_images(folder: Path, installed: tools.Tools, rounds: int) -> dict[str, Series]:
    """The pandas fixture as an image: built whole, and once more after a change and then pushed."""
    with _registry(folder / "registry") as host:
        base = _push_base(folder / "base", host, installed)
        project = _project(folder / "project", base, installed)
        code = project / "src" / "app.py"
        lpack = (str(installed.lpack), "build", "--frozen")
        push = (*lpack, "--push", "--repository", f"{host}/lpack")
        by_docker = f"{host}/docker:1"
        build = f"docker build --quiet --label {_LABEL} --tag {by_docker}"
        environ = installed.environ | {"DOCKER_BUILDKIT": "0"}

        def change() -> None:
            code.write_text(f"{code.read_text()}# changed\n")

        def remove() -> None:
            shutil.rmtree(project / "dist", ignore_errors=True)

        def docker(name: str, script: str, prepare: object) -> Contender:
            return Contender(name, ("sh", "-ec", script), prepare, project, environ)  # type: ignore[arg-type]

        tools.run(environ, *push, folder=project)
        tools.run(environ, "sh", "-ec", f"{build} . && docker push --quiet {by_docker}", folder=project)
        try:
            results = in_turns(
                [
                    Contender(BUILD, lpack, remove, project, environ),
                    docker(DOCKER_BUILD, f"{build} --no-cache .", lambda: None),
                    Contender(EDIT, push, change, project, environ),
                    docker(DOCKER_EDIT, f"{build} . && docker push --quiet {by_docker}", change),
                ],
                rounds,
            )
            change()
            document = json.loads(tools.run(environ, *push, "--json", folder=project))
            uploaded = [float(each["pushed"]["uploaded"]) for each in document["artifacts"]]
            return results | {UPLOADED: Series(uploaded, [0])} | _measure_large(folder / "large", base, host, installed)
        finally:
            found = tools.run(environ, "docker", "image", "ls", "--quiet", "--filter", f"label={_LABEL}").split()
            tools.run(environ, "docker", "image", "rm", "--force", *dict.fromkeys(found))


def _measure_large(folder: Path, base: str, host: str, installed: tools.Tools) -> dict[str, Series]:
    """An image of 2 GB, once: it is about memory, and the store must not fill the disk."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.py").write_text("def handler(event, context):\n    return {}\n")
    for number in range(_LARGE_FILES):
        _write_noise(folder / "src" / f"noise{number}", _LARGE_FILE)
    (folder / "lpack.toml").write_text(_function("large", base))
    environ = installed.environ | {"LPACK_CACHE_DIR": str(folder / "store")}
    command = (str(installed.lpack), "build", "--push", "--repository", f"{host}/large")
    results = once(Contender(LARGE, command, lambda: None, folder, environ))
    shutil.rmtree(folder)
    return results


def _project(folder: Path, base: str, installed: tools.Tools) -> Path:
    projects.pandas_project(folder)
    (folder / "lpack.toml").write_text(_function("report", base))
    (folder / "Dockerfile").write_text(_DOCKERFILE.format(base=base))
    (folder / ".dockerignore").write_text("dist\n")
    tools.run(installed.environ, installed.lpack, "lock", folder=folder)
    requirements = ("-r", folder / "src" / "requirements.txt", "--target", folder / "packages")
    tools.run(installed.environ, installed.uv, "pip", "install", "--quiet", *requirements)
    return folder


def _function(name: str, base: str) -> str:
    lines = [f"[function.{name}]", f'runtime = "{projects.RUNTIME}"', f'architecture = "{projects.ARCHITECTURE}"']
    lines += ['source = "src"', 'handler = "app.handler"', 'package = "image"', f'base = "{base}"']
    return "\n".join(lines) + "\n"


def _push_base(folder: Path, host: str, installed: tools.Tools) -> str:
    """A base of about the size of AWS's, in the registry and in the engine."""
    folder.mkdir(parents=True)
    _write_noise(folder / "noise", _BASE_SIZE)
    (folder / "lambda-entrypoint.sh").write_text("#!/bin/sh\n")
    (folder / "lambda-entrypoint.sh").chmod(0o755)
    (folder / "Dockerfile").write_text(_BASE)
    name = f"{host}/base:1"
    environ = installed.environ | {"DOCKER_BUILDKIT": "0"}
    tools.run(environ, "docker", "build", "--quiet", "--label", _LABEL, "--tag", name, folder)
    tools.run(environ, "docker", "push", "--quiet", name)
    return name


@contextlib.contextmanager
def _registry(folder: Path) -> Iterator[str]:
    """A registry on a free port, by ``host:port``, until the block ends."""
    folder.mkdir(parents=True)
    settings = {
        "version": "0.1",
        "log": {"accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": "127.0.0.1:0"},
    }
    (folder / "config.yml").write_text(json.dumps(settings))
    log = folder / "log"
    with log.open("wb") as output:
        command = ["docker-registry", "serve", folder / "config.yml"]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + _PATIENCE
        while not (found := re.search(r"listening on (127\.0\.0\.1:\d+)", log.read_text())):
            if time.monotonic() > deadline or process.poll() is not None:
                raise SystemExit(f"docker-registry does not listen: {log.read_text()}")
            time.sleep(0.01)
        yield found[1]
    finally:
        process.terminate()
        process.wait()


def _write_noise(file: Path, size: int) -> None:
    with file.open("wb") as stream:
        for _ in range(0, size, 1 << 20):
            stream.write(os.urandom(1 << 20))
