"""Uploads: `lpack publish` beside `aws cloudformation package` and `sam package`, to one server of this machine.

Twenty functions with the packages of the pandas fixture, all of which were uploaded before; then one of them changes.
The peers are given the folders that a build leaves them, unpacked; lpack builds the changed function first.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import projects
import tools
from measure import Contender, Series, in_turns, once

PUBLISH = "20 functions in S3, one changed"
PUBLISH_SAME, PUBLISH_LARGE = "20 functions in S3, nothing changed", "a 250 MB zip to S3"
AWS, SAM_PACKAGE = f"{PUBLISH}, aws cloudformation package", f"{PUBLISH}, sam package"

_COUNT = 20
_LARGE_MB = 250
_BUCKET = "artifacts"
_REGION = "us-east-1"
_PATIENCE = 60.0


def measure_publish(folder: Path, installed: tools.Tools, rounds: int) -> dict[str, Series]:
    """All of it once to fill the bucket, which is not counted, then after a change, then after none."""
    folder.mkdir(parents=True)
    with _server(folder, installed) as address:
        environ = {
            **installed.environ,
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        aws = tools.install_program("awscli", "aws", installed)
        tools.run(environ, aws, "s3", "mb", f"s3://{_BUCKET}")
        project = _project(folder / "project", installed)
        code = project / "functions" / "f007" / "app.py"
        lpack = ("sh", "-ec", f"{installed.lpack} build --frozen --quiet && {_publish(installed)}")
        tools.run(environ, *lpack, folder=project)

        def change() -> None:
            code.write_text(f"{code.read_text()}# changed\n")

        results = in_turns(
            [
                Contender(PUBLISH, lpack, change, project, environ),
                Contender(PUBLISH_SAME, ("sh", "-ec", _publish(installed)), lambda: None, project, environ),
            ],
            rounds,
        )
        results |= _measure_peers(project, folder / "unpacked", aws, installed, environ)
        return results | _measure_large(folder / "large", installed, environ)


def _publish(installed: tools.Tools) -> str:
    return f"{installed.lpack} publish --output cloudformation --to template.json --bucket {_BUCKET}"


def _project(folder: Path, installed: tools.Tools) -> Path:
    project = projects.many_functions(folder, _COUNT)
    tools.run(installed.environ, installed.lpack, "lock", "-C", project)
    return project


def _measure_peers(
    project: Path, unpacked: Path, aws: Path, installed: tools.Tools, environ: dict[str, str]
) -> dict[str, Series]:
    """The peers zip every folder each time: they know what is there only by a digest of it. One run takes minutes."""
    names = projects.function_names(_COUNT)
    for name in names:
        _unpack(project / "dist" / f"{name}.zip", unpacked / name, unpacked / names[0])
    template = unpacked / "template.json"
    template.write_text(json.dumps(_template(names)))
    code = unpacked / "f007" / "app.py"
    output = ("--s3-bucket", _BUCKET, "--output-template-file", "packaged.yaml", "--s3-prefix")
    commands = {
        AWS: (str(aws), "cloudformation", "package", "--template-file", str(template), *output, "aws"),
        SAM_PACKAGE: (str(installed.sam), "package", "--template-file", str(template), *output, "sam"),
    }

    def change() -> None:
        text = code.read_text()
        code.unlink()  # the file may be one with others
        code.write_text(f"{text}# changed\n")

    results: dict[str, Series] = {}
    for name, command in commands.items():
        tools.run(environ, "sh", "-ec", f"{shlex.join(command)} 2> package.log", folder=unpacked)
        results |= once(Contender(name, command, change, unpacked, environ))
    shutil.rmtree(unpacked)
    return results


def _unpack(artifact: Path, folder: Path, first: Path) -> None:
    """Unpack a zip; of the files of the first one, hard links are made, which spares gigabytes."""
    if folder == first:
        with zipfile.ZipFile(artifact) as archive:
            archive.extractall(folder)
        return
    shutil.copytree(first, folder, copy_function=os.link)
    with zipfile.ZipFile(artifact) as archive:
        (folder / "app.py").unlink()
        archive.extract("app.py", folder)


def _template(names: list[str]) -> dict[str, object]:
    properties = {"Handler": "app.handler", "Runtime": projects.RUNTIME}
    resources = {
        name: {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": name, **properties}} for name in names
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": resources,
    }


def _measure_large(folder: Path, installed: tools.Tools, environ: dict[str, str]) -> dict[str, Series]:
    """A zip as large as Lambda takes, once: it is about memory."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.py").write_text("def handler(event, context):\n    return {}\n")
    with (folder / "src" / "noise.gz").open("wb") as file:  # whose name says that it need not be compressed
        for _ in range(_LARGE_MB):  # piece by piece: what this process holds counts as the next one's peak
            file.write(os.urandom(1_000_000))
    table = ["[function.large]", f'runtime = "{projects.RUNTIME}"', 'handler = "app.handler"', 'source = "src"']
    (folder / "lpack.toml").write_text("\n".join(table) + "\n")
    tools.run(environ, installed.lpack, "build", folder=folder)
    command = (str(installed.lpack), "publish", "--bucket", _BUCKET)
    results = once(Contender(PUBLISH_LARGE, command, lambda: None, folder, environ))
    shutil.rmtree(folder)
    return results


@contextlib.contextmanager
def _server(folder: Path, installed: tools.Tools) -> Iterator[str]:
    """The address of moto's server, as long as the block lasts."""
    program = tools.install_program("moto[server]", "moto_server", installed)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    with (folder / "moto.log").open("wb") as log:
        command = [program, "-H", "127.0.0.1", "-p", port]
        process = subprocess.Popen(command, env=installed.environ, stdout=log, stderr=log)
    try:
        end = time.monotonic() + _PATIENCE
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(port)), timeout=1):
                break
            if process.poll() is not None or time.monotonic() > end:
                sys.exit(f"moto's server does not answer: {(folder / 'moto.log').read_text()}")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
