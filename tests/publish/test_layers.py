"""Layers: a new version when something is new, and for whom it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_front import Front
from aws_projects import SETTINGS, noise, record
from in_process import lpack

Client = Callable[..., Any]
SHARED = {"shared/shared.py": "answer = 42\n"}


def layer(license_name: str = "MIT", runtimes: str = '"python3.13"') -> str:
    return f"""
[layer.shared]
runtimes = [{runtimes}]
architectures = ["x86_64", "arm64"]
source = {{ python = "shared" }}
license = "{license_name}"
description = "shared code"
"""


def versions(client: Client) -> list[Any]:
    found: list[Any] = client("lambda").list_layer_versions(LayerName="shared")["LayerVersions"]
    return found


def test_a_layer_is_published_with_what_its_recipe_says(built: Any, client: Client) -> None:
    folder = built(SHARED, toml=layer())
    run = lpack("publish", "--json", folder=folder)
    assert run.exit_code == 0, run.stderr
    [published] = run.json["artifacts"]
    assert published["status"] == "published"
    there = client("lambda").get_layer_version(LayerName="shared", VersionNumber=1)
    assert there["LayerVersionArn"] == published["layer_version_arn"]
    assert there["Content"]["CodeSha256"] == record(folder, "shared")["code_sha256"]
    assert (there["LicenseInfo"], there["Description"]) == ("MIT", "shared code")
    assert there["CompatibleRuntimes"] == ["python3.13"]
    assert there["CompatibleArchitectures"] == ["x86_64", "arm64"]


def test_what_is_the_same_is_not_published_again(built: Any, aws: Front, client: Client) -> None:
    folder = built(SHARED, toml=layer())
    first = lpack("publish", "--json", folder=folder).json["artifacts"][0]
    aws.requests.clear()
    again = lpack("publish", "--json", folder=folder).json["artifacts"][0]
    assert (again["status"], again["layer_version_arn"]) == ("unchanged", first["layer_version_arn"])
    assert aws.calls(changing=True) == []
    assert len(versions(client)) == 1


@pytest.mark.parametrize(
    "change", [{"license_name": "Apache-2.0"}, {"runtimes": '"python3.13", "python3.12"'}], ids=["licence", "runtimes"]
)
def test_another_licence_or_runtime_is_a_new_version(built: Any, client: Client, change: dict[str, str]) -> None:
    for text in (layer(), layer(**change)):
        assert lpack("publish", folder=built(SHARED, toml=text)).exit_code == 0
    assert [each["Version"] for each in versions(client)] == [2, 1]


def test_other_content_is_a_new_version(built: Any, client: Client) -> None:
    for number in (1, 2):
        folder = built({"shared/shared.py": f"answer = {number}\n"}, toml=layer())
        assert lpack("publish", folder=folder).exit_code == 0
    assert [each["Version"] for each in versions(client)] == [2, 1]


@pytest.mark.slow
def test_large_layers_go_by_s3(built: Any, client: Client) -> None:
    folder = built({**SHARED, **noise("shared", 53 << 20)}, toml=layer() + SETTINGS)
    run = lpack("publish", "--json", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert run.json["artifacts"][0]["s3_key"] == f"shop/shared/{record(folder, 'shared')['sha256']}.zip"
    there = client("lambda").get_layer_version(LayerName="shared", VersionNumber=1)
    assert there["Content"]["CodeSha256"] == record(folder, "shared")["code_sha256"]


@pytest.mark.slow
def test_large_layers_need_a_bucket_that_lambda_can_read(built: Any, client: Client) -> None:
    elsewhere = {"LocationConstraint": "us-west-2"}
    client("s3", "us-west-2").create_bucket(Bucket="elsewhere", CreateBucketConfiguration=elsewhere)
    folder = built({**SHARED, **noise("shared", 53 << 20)}, toml=layer())
    run = lpack("publish", folder=folder)
    assert run.exit_code == 2
    assert "`shared.zip` has 53 MB, and Lambda takes 50 MB directly" in run.stderr
    run = lpack("publish", "--bucket", "elsewhere", folder=folder)
    assert run.exit_code == 7
    assert "bucket `elsewhere` is in us-west-2" in run.stderr


def test_layers_are_shared_once_with_each(built: Any, aws: Front, client: Client) -> None:
    folder = built(SHARED, toml=layer())
    others = ("--share", "210987654321", "--share", "org:o-a1b2c3d4e5", "--share", "public")
    for _ in range(2):
        run = lpack("publish", *others, folder=folder)
        assert run.exit_code == 0, run.stderr
    policy = json.loads(client("lambda").get_layer_version_policy(LayerName="shared", VersionNumber=1)["Policy"])
    said = {each["Sid"]: each for each in policy["Statement"]}
    assert said.keys() == {"lpack-210987654321", "lpack-org-o-a1b2c3d4e5", "lpack-public"}
    assert len([call for call in aws.calls("lambda") if call.endswith("/policy") and " POST " in call]) == 3


@pytest.mark.parametrize("other", ["21098765432", "o-a1b2c3d4e5", "everybody", "org:x"])
def test_shares_that_can_not_be(built: Any, aws: Front, other: str) -> None:
    run = lpack("publish", "--share", other, folder=built(SHARED, toml=layer()))
    assert run.exit_code == 2
    assert f"layers can't be shared with `{other}`" in run.stderr
    assert aws.calls() == []
