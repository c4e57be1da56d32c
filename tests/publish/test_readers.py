"""What was published, as the AWS command line reads it; and how much memory publishing takes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_front import Front
from aws_projects import BUCKET, ORDERS, noise, record
from in_process import lpack
from python_tool import python_with

from lpack.publish.digests import PART_BYTES

pytestmark = pytest.mark.slow

AWS_COMMAND_LINE = "awscli==1.46.3"
"""From PyPI, in an environment of its own: it wants another botocore than ours."""

Ask = Callable[..., Any]


@pytest.fixture
def ask(aws: Front) -> Ask:
    """What the AWS command line says of what is there."""

    python = python_with(AWS_COMMAND_LINE)

    def run(*arguments: str) -> Any:
        command = [python, python.with_name("aws"), "--endpoint-url", aws.address, "--output", "json", *arguments]
        environ = {**os.environ, "AWS_DEFAULT_REGION": "eu-west-1"}
        process = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr
        return json.loads(process.stdout or "null")

    return run


@pytest.mark.network
def test_the_aws_command_line_reads_the_same(built: Any, deployed: Any, ask: Ask, tmp_path: Path) -> None:
    deployed()
    folder = built(noise("orders", PART_BYTES))
    sha256 = record(folder)["sha256"]
    assert lpack("publish", folder=folder).exit_code == 0
    key = f"shop/orders/{sha256}.zip"
    ask("s3api", "get-object", "--bucket", BUCKET, "--key", key, str(tmp_path / "copy.zip"))
    assert hashlib.sha256((tmp_path / "copy.zip").read_bytes()).hexdigest() == sha256
    head = ask("s3api", "head-object", "--bucket", BUCKET, "--key", key, "--checksum-mode", "ENABLED")
    assert head["ChecksumType"] == "COMPOSITE"
    assert lpack("publish", "--update", "--alias", "live", folder=folder).exit_code == 0
    there = ask("lambda", "get-function", "--function-name", "orders:live")["Configuration"]
    assert (there["CodeSha256"], there["Version"]) == (record(folder)["code_sha256"], "1")


PEAK = """
import resource, subprocess, sys
process = subprocess.run([sys.executable, "-m", "lpack", *sys.argv[1:]], stdout=subprocess.DEVNULL)
unit = 1 if sys.platform == "darwin" else 1024
print(process.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit)
"""


def peak_of(folder: Path, *arguments: str) -> int:
    """The peak memory in bytes of lpack, run with these arguments."""
    command = [sys.executable, "-c", PEAK, *arguments]
    process = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    code, peak = map(int, process.stdout.split())
    assert code == 0
    return peak


def test_memory_for_250_megabytes_by_s3(built: Any, aws: Front) -> None:
    folder = built(noise("orders", 249_000_000))
    assert record(folder)["size"] > 240_000_000
    assert peak_of(folder, "publish") < 150_000_000
    assert len([call for call in aws.calls("s3") if call.startswith("s3 PUT /artifacts/shop/")]) == 30


def test_memory_for_50_megabytes_directly(built: Any, deployed: Any, aws: Front) -> None:
    deployed()
    folder = built(noise("orders", 52_000_000), toml=ORDERS)
    assert peak_of(folder, "publish", "--update") < 100_000_000
    assert aws.calls("s3") == []
