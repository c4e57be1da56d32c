"""Images: pushed to a real registry, which goes by the name of one in ECR, and told to Lambda by their digests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import local_registry
import pytest
from aws_front import Front
from aws_projects import HANDLER, record
from cloudformation_linter import cfn_lint
from in_process import lpack
from local_registry import AWS_LOGIN, LocalRegistry, certificate_for, tunnels_to
from sample_images import noise, sample_image
from terraform_schema import TERRAFORM

from lpack.image.model import assembled
from lpack.image.push import push
from lpack.image.reference import Repository
from lpack.image.registry import open_registries
from lpack.model import Host, Silent

pytestmark = [pytest.mark.slow, pytest.mark.needs(*local_registry.PROGRAMS)]

Client = Callable[..., Any]
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
_SAMPLE = sample_image({"lambda-entrypoint.sh": b"#!/bin/sh\n", "noise": noise(300_000)})
_EXECUTION = replace(_SAMPLE.config.execution, entrypoint=("/lambda-entrypoint.sh",))
BASE = assembled(replace(_SAMPLE.config, execution=_EXECUTION), _SAMPLE.layers)
TOML = f"""
[function.orders]
runtime = "python3.13"
source = "orders"
handler = "app.handler"
package = "image"
base = "{ECR}/base:1"
client = true

[publish]
repository = "{ECR}/shop"
"""


@pytest.fixture
def ecr(tmp_path: Path, aws: Front, client: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalRegistry]:
    """A registry that this test finds at ECR's address; AWS knows of a repository `base` there, with an image."""
    assert aws
    certificate = certificate_for(ECR, tmp_path)
    with (
        local_registry.serving(tmp_path / "ecr", login=AWS_LOGIN, tls=certificate) as registry,
        tunnels_to(registry) as proxy,
    ):
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy)
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        environ = {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(certificate)}
        with open_registries(Host(environ, tmp_path / "base-store"), Silent()) as registries:
            push(BASE, Repository(ECR, "base"), ["1"], registries=registries)
        client("ecr").create_repository(repositoryName="base")
        yield registry


@pytest.fixture
def shop(client: Client, ecr: LocalRegistry) -> LocalRegistry:
    """The registry, with a repository `shop` that AWS knows of."""
    client("ecr").create_repository(repositoryName="shop")
    return ecr


@pytest.fixture
def folder(built: Any, shop: LocalRegistry) -> Path:
    """A project whose function was built into an image."""
    assert shop
    made: Path = built(toml=TOML)
    return made


def digest_of(folder: Path) -> str:
    return str(json.loads((folder / "dist/orders.tar.json").read_bytes())["image"]["digest"])


def test_an_image_is_pushed_once_and_named_by_its_digest(folder: Path, shop: LocalRegistry) -> None:
    run = lpack("publish", "--json", folder=folder)
    assert run.exit_code == 0, run.stderr
    [published] = run.json["artifacts"]
    digest = digest_of(folder)
    assert (published["status"], published["image_uri"]) == ("uploaded", f"{ECR}/shop@{digest}")
    assert shop.tags("shop") == {f"orders-{digest[7:19]}": digest}
    assert lpack("publish", "--json", folder=folder).json["artifacts"][0]["status"] == "unchanged"


def test_a_function_gets_the_image(folder: Path, deployed: Any, client: Client, aws: Front) -> None:
    uri = f"{ECR}/shop@sha256:{'0' * 64}"
    deployed(PackageType="Image", Code={"ImageUri": uri}, Runtime="", Handler="")
    for status in ("code updated", "unchanged"):
        run = lpack("publish", "--update", folder=folder)
        assert run.exit_code == 0, run.stderr
        assert status in run.stdout
    there = client("lambda").get_function(FunctionName="orders")
    assert there["Code"]["ImageUri"] == f"{ECR}/shop@{digest_of(folder)}"
    assert len([call for call in aws.calls("lambda", changing=True) if call.endswith("/code")]) == 1


def test_a_function_of_a_zip_is_refused(folder: Path, deployed: Any) -> None:
    deployed()
    run = lpack("publish", "--update", folder=folder)
    assert run.exit_code == 7
    assert "function `orders` is made from a zip, and `orders.tar` is not" in run.stderr


def test_templates_name_the_digest(folder: Path, tmp_path: Path) -> None:
    uri = f"{ECR}/shop@{digest_of(folder)}"
    for output, key in (("cloudformation", "Code"), ("sam", "ImageUri")):
        run = lpack("publish", "--output", output, folder=folder)
        assert run.exit_code == 0, run.stderr
        template = json.loads(run.stdout)
        assert cfn_lint(template, tmp_path) == ""
        properties = template["Resources"]["OrdersFunction"]["Properties"]
        assert properties[key] == ({"ImageUri": uri} if key == "Code" else uri)
        assert properties["PackageType"] == "Image"
        assert not properties.keys() & {"Handler", "Runtime", "Layers"}
    document = json.loads(lpack("publish", "--output", "terraform", folder=folder).stdout)
    jsonschema.validate(document, TERRAFORM)
    assert document["resource"]["aws_lambda_function"]["orders"]["image_uri"] == uri


def test_a_repository_is_made_on_request(built: Any, ecr: LocalRegistry, client: Client) -> None:
    folder = built(toml=TOML)
    run = lpack("publish", folder=folder)
    assert run.exit_code == 7
    assert "there is no repository `shop` in this account and region" in run.stderr
    assert "hint: `--create-repository` makes it" in run.stderr
    assert lpack("publish", "--create-repository", folder=folder).exit_code == 0
    [made] = client("ecr").describe_repositories(repositoryNames=["shop"])["repositories"]
    assert made["imageScanningConfiguration"] == {"scanOnPush": True}
    assert made["imageTagMutability"] == "IMMUTABLE"
    assert len(ecr.tags("shop")) == 1


def test_a_dry_run_pushes_nothing(built: Any, ecr: LocalRegistry, client: Client) -> None:
    folder = built(toml=TOML + "scan-on-push = false\nimmutable-tags = false\n")
    run = lpack("publish", "--create-repository", "--dry-run", folder=folder)
    assert run.exit_code == 0, run.stderr
    made, pushed = run.stdout.splitlines()
    assert made == (
        "ecr:CreateRepository registryId=123456789012 repositoryName=shop "
        'imageScanningConfiguration={"scanOnPush":false} imageTagMutability=MUTABLE'
    )
    digest = digest_of(folder)
    assert pushed == f"registry:PushImage repository={ECR}/shop digest={digest} tag=orders-{digest[7:19]}"
    assert len(client("ecr").describe_repositories()["repositories"]) == 1
    assert ecr.tags("base") == {"1": BASE.digest}


@pytest.mark.parametrize(
    ("selection", "warned"),
    [
        ({"tagStatus": "any"}, True),
        ({"tagStatus": "untagged"}, False),
        ({"tagStatus": "tagged", "tagPrefixList": ["ord"]}, True),
        ({"tagStatus": "tagged", "tagPrefixList": ["other"]}, False),
        ({"tagStatus": "tagged", "tagPatternList": ["*-0*", "orders-*"]}, True),
    ],
)
def test_policies_that_may_delete_it_are_told(
    folder: Path, client: Client, selection: dict[str, Any], *, warned: bool
) -> None:
    rule = {
        "rulePriority": 3,
        "selection": {**selection, "countType": "imageCountMoreThan", "countNumber": 5},
        "action": {"type": "expire"},
    }
    client("ecr").put_lifecycle_policy(repositoryName="shop", lifecyclePolicyText=json.dumps({"rules": [rule]}))
    run = lpack("publish", folder=folder)
    assert run.exit_code == 0, run.stderr
    told = f"rule 3 of the lifecycle policy of `{ECR}/shop` may delete images that functions use"
    assert (told in run.stderr) == warned


def test_a_repository_in_another_region(folder: Path) -> None:
    elsewhere = ECR.replace("eu-west-1", "us-east-1")
    run = lpack("publish", "--repository", f"{elsewhere}/shop", folder=folder)
    assert run.exit_code == 7
    assert "is in us-east-1, and Lambda in eu-west-1 can't take images from it" in run.stderr


def test_a_repository_is_needed(folder: Path) -> None:
    (folder / "lpack.toml").write_text(TOML.partition("[publish]")[0])
    run = lpack("publish", folder=folder)
    assert run.exit_code == 2
    assert "there is no repository to push images to" in run.stderr


def test_zips_and_images_side_by_side(built: Any, shop: LocalRegistry) -> None:
    zipped = '[function.other]\nruntime = "python3.13"\nhandler = "app.handler"\nsource = "other"\n'
    folder = built({"other/app.py": HANDLER}, toml=zipped + TOML + 'bucket = "artifacts"\n')
    run = lpack("publish", "--json", folder=folder)
    assert run.exit_code == 0, run.stderr
    other, orders = run.json["artifacts"]
    assert other["s3_key"] == f"other/{record(folder, 'other')['sha256']}.zip"
    assert orders["image_uri"].startswith(f"{ECR}/shop@sha256:")
    assert len(shop.tags("shop")) == 1
