"""Templates: cfn-lint takes those of CloudFormation and SAM, a schema of the provider's documentation Terraform's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aws_front import Front
from aws_projects import BUCKET, HANDLER, ORDERS, SETTINGS, record
from cloudformation_linter import cfn_lint
from in_process import lpack
from terraform_schema import TERRAFORM

Client = Callable[..., Any]
TEMPLATES = ["cloudformation", "sam", "terraform"]
ARN = "arn:aws:lambda:eu-west-1:580247275435:layer:LambdaInsightsExtension:14"
TOML = f"""
[layer.shared]
runtimes = ["python3.13", "python3.12"]
architectures = ["x86_64", "arm64"]
source = {{ python = "shared" }}
license = "MIT"
description = "for ${{everybody}} 100%{{}}"

[function.orders]
runtime = "python3.13"
architecture = "arm64"
handler = "app.handler"
source = "orders"
layers = ["shared", {{ arn = "{ARN}", unzipped-size = 1 }}]
environment = {{ PASSWORD = "hunter2-secret" }}
memory = 512
timeout = 30

[function.2nd-function]
runtime = "python3.12"
handler = "index.handler"
source = "small"

{SETTINGS}
functions = {{ orders = "orders-live" }}
"""
FILES = {"shared/shared.py": "answer = 42\n", "small/index.py": HANDLER, "small/requirements.txt": "# none\n"}


@pytest.fixture
def folder(built: Any, client: Client) -> Path:
    """A built project of two functions and a layer, and a bucket that keeps versions."""
    client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    made: Path = built(FILES, toml=TOML)
    return made


def printed(folder: Path, *options: str) -> Any:
    run = lpack("publish", *options, folder=folder)
    assert run.exit_code == 0, run.stderr
    assert "hunter2" not in run.stdout + run.stderr
    return json.loads(run.stdout)


def object_version(client: Client, key: str) -> str:
    return str(client("s3").head_object(Bucket=BUCKET, Key=key)["VersionId"])


@pytest.mark.slow
def test_cloudformation(folder: Path, client: Client, tmp_path: Path) -> None:
    template = printed(folder, "--output", "cloudformation")
    assert cfn_lint(template, tmp_path) == ""
    resources = template["Resources"]
    assert resources.keys() == {"SharedLayer", "OrdersFunction", "Lambda2ndFunctionFunction"}
    function, layer = resources["OrdersFunction"]["Properties"], resources["SharedLayer"]
    key = f"shop/orders/{record(folder)['sha256']}.zip"
    assert function == {
        "Code": {"S3Bucket": BUCKET, "S3Key": key, "S3ObjectVersion": object_version(client, key)},
        "Role": {"Ref": "FunctionRole"},
        "FunctionName": "orders-live",
        "Handler": "app.handler",
        "Runtime": "python3.13",
        "Architectures": ["arm64"],
        "MemorySize": 512,
        "Timeout": 30,
        "EphemeralStorage": {"Size": 512},
        "Layers": [{"Ref": "SharedLayer"}, ARN],
    }
    assert layer["UpdateReplacePolicy"] == "Retain"
    assert layer["Properties"]["Content"]["S3Key"] == f"shop/shared/{record(folder, 'shared')['sha256']}.zip"
    assert layer["Properties"]["CompatibleArchitectures"] == ["x86_64", "arm64"]


@pytest.mark.slow
def test_sam(folder: Path, client: Client, tmp_path: Path) -> None:
    template = printed(folder, "--output", "sam")
    assert cfn_lint(template, tmp_path) == ""
    function = template["Resources"]["OrdersFunction"]["Properties"]
    key = f"shop/orders/{record(folder)['sha256']}.zip"
    assert function["CodeUri"] == {"Bucket": BUCKET, "Key": key, "Version": object_version(client, key)}
    assert function["Layers"] == [{"Ref": "SharedLayer"}, ARN]
    assert template["Resources"]["SharedLayer"]["Properties"]["RetentionPolicy"] == "Retain"


def test_terraform(folder: Path, client: Client) -> None:
    document = printed(folder, "--output", "terraform")
    jsonschema.validate(document, TERRAFORM, cls=jsonschema.Draft202012Validator)
    functions = document["resource"]["aws_lambda_function"]
    layer = document["resource"]["aws_lambda_layer_version"]["shared"]
    key = f"shop/orders/{record(folder)['sha256']}.zip"
    assert functions.keys() == {"orders", "_2nd-function"}
    assert functions["orders"]["s3_key"] == key
    assert functions["orders"]["s3_object_version"] == object_version(client, key)
    assert functions["orders"]["source_code_hash"] == record(folder)["code_sha256"]
    assert functions["orders"]["layers"] == ["${aws_lambda_layer_version.shared.arn}", ARN]
    assert layer["description"] == "for $${everybody} 100%%{}"


def test_the_schema_refuses_what_terraform_would(folder: Path) -> None:
    document = printed(folder, "--output", "terraform")
    document["resource"]["aws_lambda_function"]["orders"]["s3_bukket"] = "x"
    with pytest.raises(jsonschema.ValidationError, match="s3_bukket"):
        jsonschema.validate(document, TERRAFORM)


@pytest.mark.slow
def test_cfn_lint_finds_mistakes(folder: Path, tmp_path: Path) -> None:
    template = printed(folder, "--output", "cloudformation")
    template["Resources"]["OrdersFunction"]["Properties"]["Runtime"] = "python1.0"
    assert "E3030" in cfn_lint(template, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("output", "key"), [("cloudformation", "Code"), ("sam", "InlineCode")])
def test_small_functions_can_stand_in_the_template(
    folder: Path, aws: Front, tmp_path: Path, output: str, key: str
) -> None:
    template = printed(folder, "--output", output, "--inline")
    assert cfn_lint(template, tmp_path) == ""
    properties = template["Resources"]["Lambda2ndFunctionFunction"]["Properties"]
    assert properties[key] == ({"ZipFile": HANDLER} if key == "Code" else HANDLER)
    assert not [call for call in aws.calls("s3") if "2nd" in call]


@pytest.mark.usefixtures("aws")
def test_functions_in_the_template_need_no_bucket(built: Any) -> None:
    toml = '[function.small]\nruntime = "python3.13"\nhandler = "index.handler"\nsource = "small"\n'
    folder = built({"small/index.py": HANDLER}, toml=toml)
    template = printed(folder, "--region", "eu-west-1", "--output", "cloudformation", "--inline")
    assert template["Resources"]["SmallFunction"]["Properties"]["Code"] == {"ZipFile": HANDLER}
    (folder / "small/more.py").touch()
    assert lpack("build", folder=folder).exit_code == 0
    run = lpack("publish", "--output", "cloudformation", "--inline", folder=folder)
    assert (run.exit_code, run.stdout) == (2, "")
    assert "there is no bucket to upload to" in run.stderr


def test_functions_with_more_than_one_file_can_not(built: Any, aws: Front) -> None:
    toml = ORDERS.replace("app.", "index.") + SETTINGS
    folder = built({"orders/index.py": HANDLER, "orders/other.py": ""}, toml=toml)
    (folder / "orders/app.py").unlink()
    assert lpack("build", folder=folder).exit_code == 0
    template = printed(folder, "--output", "cloudformation", "--inline")
    assert template["Resources"]["OrdersFunction"]["Properties"]["Code"]["S3Bucket"] == BUCKET
    assert aws.calls("s3", changing=True)


@pytest.mark.parametrize("output", TEMPLATES)
def test_a_template_publishes_nothing_to_lambda(folder: Path, aws: Front, output: str) -> None:
    printed(folder, "--output", output)
    assert aws.calls("lambda") == []
    assert len([call for call in aws.calls("s3") if call.startswith("s3 PUT /artifacts/shop/")]) == 3


def test_a_changed_file_is_a_changed_key(folder: Path) -> None:
    before = printed(folder, "--output", "cloudformation")["Resources"]
    (folder / "orders/app.py").write_text(HANDLER + "MORE = 1\n")
    assert lpack("build", folder=folder).exit_code == 0
    after = printed(folder, "--output", "cloudformation")["Resources"]
    changed = [name for name in after if after[name] != before[name]]
    assert changed == ["OrdersFunction"]


def test_into_a_file(folder: Path) -> None:
    run = lpack("publish", "--output", "terraform", "--to", "lambda.tf.json", folder=folder)
    assert (run.exit_code, run.stdout) == (0, "")
    jsonschema.validate(json.loads((folder / "lambda.tf.json").read_text()), TERRAFORM)


def test_github(folder: Path) -> None:
    file = folder / "outputs"
    file.write_text("earlier=1\n")
    assert lpack("publish", "--output", "github", "--to", "outputs", folder=folder).exit_code == 0
    lines = file.read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+=\S.*", line) for line in lines)
    outputs = dict(line.split("=", 1) for line in lines)
    key = f"shop/orders/{record(folder)['sha256']}.zip"
    assert outputs["earlier"] == "1"
    assert outputs["changed"] == "true"
    assert (outputs["orders_s3_bucket"], outputs["orders_s3_key"]) == (BUCKET, key)
    assert outputs["shared_layer_version_arn"].endswith(":layer:shared:1")
    assert json.loads(outputs["published"])["orders"]["s3_key"] == key
    again = lpack("publish", "--output", "github", folder=folder).stdout
    assert again.startswith("changed=false\n")
