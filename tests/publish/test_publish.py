"""Publishing from Python, as a library."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from aws_front import Answer, Front, aws_error
from aws_projects import BUCKET, HANDLER, ORDERS, SETTINGS, record

import lpack
from lpack.errors import PublishError

LAYERS = """
[layer.native]
runtimes = ["python3.13"]
architectures = ["x86_64", "arm64"]
per-runtime = true
source = { python = "shared" }
"""


@pytest.fixture
def publish(store_folder: Path) -> Callable[[Path], lpack.Publication]:
    """Publishes all parts of a project."""

    def run(folder: Path) -> lpack.Publication:
        project = lpack.load(folder)
        options = lpack.PublishOptions(output=folder / "dist", today=date(2026, 11, 25))
        host = lpack.Host(os.environ, store_folder)
        return lpack.publish_artifacts(project, project.parts, options, host=host, reporter=lpack.Silent())

    return run


@pytest.mark.usefixtures("aws")
def test_what_became_of_it_is_told(built: Any, publish: Any) -> None:
    folder = built()
    [published] = publish(folder).artifacts
    assert published.error is None
    assert published.stored.bucket == BUCKET
    assert published.stored.key == f"shop/orders/{record(folder)['sha256']}.zip"
    assert (published.changed, publish(folder).artifacts[0].changed) == (True, False)


def test_one_failure_leaves_the_others_undisturbed(built: Any, publish: Any, aws: Front) -> None:
    other = ORDERS.replace("orders", "other")
    folder = built({"other/app.py": HANDLER}, toml=ORDERS + other + SETTINGS)
    aws.fail(r"^s3 PUT .*/orders/", _refused(), times=9)
    orders, published = publish(folder).artifacts
    assert isinstance(orders.error, PublishError)
    assert published.error is None
    assert published.stored.uploaded


def test_functions_of_a_layer_that_failed_are_not_published(built: Any, publish: Any, aws: Front) -> None:
    toml = f'{LAYERS}{ORDERS}layers = ["native"]\n{SETTINGS}'
    folder = built({"shared/a.py": "a = 1\n"}, toml=toml)
    aws.fail("^lambda POST", _refused("lambda"), times=9)
    layer, function = publish(folder).artifacts
    assert "is not allowed" in layer.error.message
    assert function.error.message == "the layer `native`, which it uses, failed"
    assert aws.calls("s3", changing=True) == []


def _refused(service: str = "s3") -> Answer:
    return aws_error(403, "AccessDeniedException", service=service)
