"""Functions invoked by lpack: beside the same container by hand, beside their own imports, and 1,000 times by boto3."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import projects
import tools
from measure import Contender, Series, in_turns

SMALL = "small function, artifact to first response"
BY_HAND = f"{SMALL}, the same container by hand"
PANDAS = "pandas, artifact to first response"
ANEW = f"{PANDAS}, unpacked anew"
IMPORTS = "pandas, its imports alone"
WARM = "warm call through --keep with boto3"
CALLS = 1000

_SYSTEM = ("/usr", "/lib", "/lib64", "/bin")
_IMAGE = "lpack-bench-empty"
_EVENT = '{"orders": [{"product": "tea", "quantity": 2, "price": 4.5}]}'

_CONTAINER = """\
docker run --detach --rm --name {name} --publish 127.0.0.1:{port}:8080 {mounts} --workdir /var/task \
  --env PYTHONPATH=/var/runtime --entrypoint /rie {image} {python} -m awslambdaric app.handler
trap 'docker rm --force {name}' EXIT
until curl --silent --fail --data '{{}}' http://127.0.0.1:{port}/2015-03-31/functions/function/invocations; do
  sleep 0.02
done
"""
_CALLER = """\
import sys, time
import boto3
from botocore.config import Config

client = boto3.client(
    "lambda", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any",
    config=Config(retries={"total_max_attempts": 1}),
)
for number in range(int(sys.argv[2]) + 1):
    started = time.perf_counter()
    client.invoke(FunctionName="small", Payload=b"{}")["Payload"].read()
    if number:
        print(time.perf_counter() - started)
"""


def measure_invoking(folder: Path, installed: tools.Tools, rounds: int) -> dict[str, Series]:
    """A function without packages and the pandas fixture, from the command to the response; then warm calls."""
    small, pandas = _small_project(folder / "small"), projects.pandas_project(folder / "pandas")
    for project in (small, pandas):
        tools.run(installed.environ, installed.lpack, "lock", folder=project)
        tools.run(installed.environ, installed.lpack, "build", folder=project)
    imported = folder / "imported"
    with zipfile.ZipFile(pandas / "dist" / "report.zip") as archive:
        archive.extractall(imported)
    invoke = (str(installed.lpack), "invoke")
    call = (*invoke, "report", "--event", _EVENT, "--timeout", "60")
    unpacked = Path(installed.environ["LPACK_CACHE_DIR"]) / "unpacked"
    python = os.path.realpath(sys.executable)
    alone = installed.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    contenders = [
        Contender(SMALL, (*invoke, "small"), lambda: None, small, installed.environ),
        Contender(PANDAS, call, lambda: None, pandas, installed.environ),
        Contender(IMPORTS, (python, "-c", "import app"), lambda: None, imported, alone),
        Contender(ANEW, call, lambda: shutil.rmtree(unpacked, ignore_errors=True), pandas, installed.environ),
    ]
    with contextlib.ExitStack() as stack:
        if shutil.which("docker") and shutil.which("curl"):
            contenders.insert(1, _by_hand(folder / "container", small, installed, python))
            stack.callback(tools.run, installed.environ, "docker", "image", "rm", "--force", _IMAGE)
        return in_turns(contenders, rounds) | {WARM: _warm_calls(small, installed)}


def _small_project(folder: Path) -> Path:
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.py").write_text("def handler(event, context):\n    return event\n")
    lines = ["[function.small]", f'runtime = "{projects.RUNTIME}"', f'architecture = "{projects.ARCHITECTURE}"']
    (folder / "lpack.toml").write_text("\n".join([*lines, 'source = "src"', 'handler = "app.handler"', ""]))
    return folder


def _by_hand(folder: Path, project: Path, installed: tools.Tools, python: str) -> Contender:
    """The container that one would start by hand: this machine's system and Python, AWS's emulator and client."""
    task, client, rie = folder / "task", folder / "client", folder / "rie"
    with zipfile.ZipFile(project / "dist" / "small.zip") as archive:
        archive.extractall(task)
    tools.run(installed.environ, installed.uv, "pip", "install", "--quiet", "--target", client, "awslambdaric==4.2.2")
    document = json.loads(tools.run(installed.environ, installed.lpack, "invoke", "small", "--json", folder=project))
    shutil.copy(document["started"]["emulator"], rie)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    tools.run(
        installed.environ | {"DOCKER_BUILDKIT": "0"}, "docker", "build", "--quiet", "--tag", _IMAGE, ".", folder=folder
    )
    home = str(Path(python).parent.parent)
    places = {**{place: place for place in (*_SYSTEM, home)}, str(task): "/var/task", str(client): "/var/runtime"}
    mounts = " ".join(f"--volume {place}:{target}:ro" for place, target in {**places, str(rie): "/rie"}.items())
    script = _CONTAINER.format(name=_IMAGE, port=3939, mounts=mounts, image=_IMAGE, python=python)
    return Contender(BY_HAND, ("sh", "-ec", script), lambda: None, folder, installed.environ)


def _warm_calls(project: Path, installed: tools.Tools) -> Series:
    """The seconds of each of the warm calls, as their client sees them: the function itself takes none."""
    serve = [str(installed.lpack), "invoke", "small", "--keep", "--port", "0", "--json", "--quiet"]
    with subprocess.Popen(serve, cwd=project, env=installed.environ, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            lines = []
            while (line := server.stdout.readline()) != "}\n":
                lines.append(line)
            url = json.loads("".join([*lines, line]))["url"]
            python = installed.lpack.with_name("python")
            said = tools.run(installed.environ, python, "-c", _CALLER, url, str(CALLS))
        finally:
            server.terminate()
    return Series([float(line) for line in said.split()], [0])
