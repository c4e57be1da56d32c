"""Publishes that are interrupted, killed, or run beside each other: nothing half-made is trusted, or sent twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_front import Front
from aws_projects import BUCKET, noise, record
from in_process import lpack

from lpack.publish.digests import PART_BYTES

pytestmark = pytest.mark.slow  # each starts several publishes of large files, and ends some

Client = Callable[..., Any]
PARTS = 3


@pytest.fixture
def large(built: Any) -> Path:
    """A project whose artifact goes in parts."""
    folder: Path = built(noise("orders", PARTS * PART_BYTES - 12345))
    return folder


def start(folder: Path, store: Path | None = None) -> subprocess.Popen[str]:
    environ = {**os.environ, **({"LPACK_CACHE_DIR": str(store)} if store else {})}
    return subprocess.Popen(
        [sys.executable, "-m", "lpack", "publish"],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_part(request: Any) -> bool:
    return request.method == "PUT" and "partNumber" in request.query


@pytest.fixture
def holding(aws: Front) -> Iterator[threading.Event]:
    """Set once a part has arrived; the answers to others are held back until the test is over."""
    arrived, over = threading.Event(), threading.Event()
    count: list[Any] = []

    def seen(request: Any) -> None:
        if is_part(request):
            count.append(request)
            if len(count) > 1:
                arrived.set()
                over.wait(60)

    aws.seen = seen
    yield arrived
    over.set()


def assert_published(folder: Path, s3: Any) -> None:
    """The next publish does it all, whatever the one before left."""
    assert "uploaded" in lpack("publish", folder=folder).stdout
    there = s3.get_object(Bucket=BUCKET, Key=f"shop/orders/{record(folder)['sha256']}.zip")
    assert there["Body"].read() == (folder / "dist/orders.zip").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_upload_that_is_interrupted_is_taken_back(
    large: Path, aws: Front, client: Client, holding: threading.Event, number: signal.Signals
) -> None:
    process = start(large)
    assert holding.wait(60)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + number, told
    s3 = client("s3")
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
    aws.seen = lambda _request: None
    assert_published(large, s3)


def test_what_a_killed_publish_left_is_not_trusted(
    large: Path, aws: Front, client: Client, holding: threading.Event
) -> None:
    process = start(large)
    assert holding.wait(60)
    process.kill()
    process.communicate(timeout=60)
    s3 = client("s3")
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
    assert len(s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]) == 1
    aws.seen = lambda _request: None
    assert_published(large, s3)


def test_connections_that_break_at_any_byte(large: Path, aws: Front, client: Client) -> None:
    """Every part is cut off somewhere, the first time it is sent."""
    dice, cut = random.Random(8), set[str]()
    waiting = threading.Lock()

    def cut_after(call: str) -> int | None:
        with waiting:
            if not call.startswith("s3 PUT") or len(cut) == PARTS:
                return None
            cut.add(f"{len(cut)}")
            return dice.randrange(PART_BYTES // 2)

    aws.cut_after = cut_after
    assert_published(large, client("s3"))
    assert len(cut) == PARTS


def test_two_at_once_on_one_machine_send_it_once(large: Path, aws: Front) -> None:
    processes = [start(large) for _ in range(2)]
    told = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    assert sorted("uploaded" in out for out, _ in told) == [False, True]
    assert len([each for each in aws.requests if is_part(each)]) == PARTS


def test_two_at_once_on_two_machines_make_one_object(large: Path, aws: Front, client: Client, tmp_path: Path) -> None:
    """Each machine has a store of its own, so that only S3 knows of both: it takes what is finished first."""
    client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    barrier = threading.Barrier(2, timeout=60)

    def seen(request: Any) -> None:
        if request.method == "POST" and "uploadId" in request.query:
            barrier.wait()

    aws.seen = seen
    processes = [start(large, tmp_path / f"store{number}") for number in range(2)]
    told = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    s3 = client("s3")
    assert sorted("uploaded" in out for out, _ in told) == [False, True]
    assert len(s3.list_object_versions(Bucket=BUCKET)["Versions"]) == 1
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
