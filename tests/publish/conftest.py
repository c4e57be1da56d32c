"""A project that was built, and AWS on this machine to publish it to."""

from __future__ import annotations

import functools
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_front import Front, fronting, moto_server
from aws_projects import BUCKET, HANDLER, ORDERS, REGION, SETTINGS
from in_process import lpack


@pytest.fixture(scope="session", autouse=True)
def _services_are_read_once() -> Iterator[None]:
    """AWS's library reads megabytes about each service, for each client anew; a user's process has one of each."""
    from botocore.loaders import JSONFileLoader

    read = JSONFileLoader.load_file
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _self, path: remembered(path))

        @functools.cache
        def remembered(path: str) -> Any:
            return read(JSONFileLoader(), path)

        yield


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """One server for all tests."""
    with moto_server(tmp_path_factory.mktemp("moto") / "log") as port, fronting(port) as front:
        yield front


@pytest.fixture(scope="session")
def clients(front: Front) -> Callable[..., Any]:
    """Clients of boto3 for what is in there."""

    @functools.cache
    def make(service: str, region: str = REGION) -> Any:
        keys = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "test"}
        import boto3  # a third of a second, also where only the others are collected

        return boto3.client(service, endpoint_url=front.address, region_name=region, **keys)

    return make


@pytest.fixture
def aws(front: Front, clients: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Front:
    """AWS with nothing in it but a bucket, which all programs that this test starts are led to."""
    front.forget()
    monkeypatch.setenv("AWS_ENDPOINT_URL", front.address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    monkeypatch.setenv("AWS_REGION", REGION)
    clients("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    front.requests.clear()
    return front


@pytest.fixture
def client(aws: Front, clients: Callable[..., Any]) -> Callable[..., Any]:
    """Clients of boto3 for what is in this test's AWS: ``client("s3")``."""
    assert aws
    return clients


@pytest.fixture
def built(project: Callable[[Mapping[str, str | bytes]], Path]) -> Callable[..., Path]:
    """Builds a project of these files, with a function `orders` unless another lpack.toml is given; its folder."""

    def build(files: Mapping[str, str | bytes] | None = None, *, toml: str = ORDERS + SETTINGS) -> Path:
        folder = project({"lpack.toml": toml, "orders/app.py": HANDLER, **(files or {})})
        run = lpack("build", "--allow-deprecated", folder=folder)
        assert run.exit_code == 0, run.stderr
        return folder

    return build


@pytest.fixture
def deployed(client: Callable[..., Any], aws: Front) -> Callable[..., None]:
    """Makes a function in AWS, whose code is older than any artifact's."""

    def make(name: str = "orders", **options: Any) -> None:
        role = client("iam").create_role(RoleName=f"role-{name}", AssumeRolePolicyDocument=json.dumps({}))["Role"]
        with io.BytesIO() as stream:
            with zipfile.ZipFile(stream, "w") as archive:
                archive.writestr("app.py", "old = True\n")
            old = stream.getvalue()
        client("lambda").create_function(
            **{
                "FunctionName": name,
                "Runtime": "python3.13",
                "Handler": "app.handler",
                "Role": role["Arn"],
                "Code": {"ZipFile": old},
                "Environment": {"Variables": {"PASSWORD": "hunter2-secret"}},
                **options,
            }
        )
        aws.requests.clear()

    return make
