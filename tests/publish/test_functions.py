"""`lpack publish --update`: functions that exist get new code, layers, versions and aliases."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aws_front import Answer, Front, aws_error
from aws_projects import BUCKET, HANDLER, ORDERS, SETTINGS, noise, record
from in_process import lpack

from lpack.publish import functions

Client = Callable[..., Any]
LAYERED = """
[layer.shared]
runtimes = ["python3.13"]
source = { python = "shared" }
license = "MIT"
description = "shared code"

[function.orders]
runtime = "python3.13"
handler = "app.handler"
source = "orders"
layers = ["shared"]
"""
SHARED = {"shared/shared.py": "answer = 42\n"}


def code_of(client: Client, name: str = "orders") -> str:
    return str(client("lambda").get_function_configuration(FunctionName=name)["CodeSha256"])


def test_a_function_gets_the_artifact(built: Any, deployed: Any, aws: Front, client: Client) -> None:
    deployed()
    folder = built(toml=ORDERS)
    run = lpack("publish", "--update", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert "code updated" in run.stdout
    assert code_of(client) == record(folder)["code_sha256"]
    assert aws.calls("s3", "sts") == []


def test_the_second_time_nothing_is_called_that_changes(built: Any, deployed: Any, aws: Front) -> None:
    deployed()
    folder = built(toml=ORDERS)
    assert lpack("publish", "--update", folder=folder).exit_code == 0
    aws.requests.clear()
    run = lpack("publish", "--update", folder=folder)
    assert run.exit_code == 0
    assert "unchanged" in run.stdout
    assert aws.calls() == ["lambda GET /2015-03-31/functions/orders/configuration"]


def test_a_name_or_arn_in_aws(built: Any, deployed: Any, client: Client) -> None:
    deployed("orders-live")
    arn = client("lambda").get_function_configuration(FunctionName="orders-live")["FunctionArn"]
    for name in ("orders-live", arn):
        folder = built(
            {"orders/app.py": HANDLER + f"NAME = {name!r}\n"}, toml=f'{ORDERS}[publish.functions]\norders = "{name}"\n'
        )
        run = lpack("publish", "--update", folder=folder)
        assert run.exit_code == 0, run.stderr
        assert code_of(client, "orders-live") == record(folder)["code_sha256"]


def test_layers_come_first_and_functions_get_their_versions(
    built: Any, deployed: Any, aws: Front, client: Client
) -> None:
    deployed()
    run = lpack("publish", "--update", "--json", folder=built(SHARED, toml=LAYERED))
    assert run.exit_code == 0, run.stderr
    layer, function = run.json["artifacts"]
    there = client("lambda").get_function_configuration(FunctionName="orders")
    assert [each["Arn"] for each in there["Layers"]] == [layer["layer_version_arn"]]
    assert function["changes"] == ["layers", "code"]
    assert aws.calls("lambda", changing=True) == [
        "lambda POST /2018-10-31/layers/shared/versions",
        "lambda PUT /2015-03-31/functions/orders/configuration",
        "lambda PUT /2015-03-31/functions/orders/code",
    ]


def test_every_change_names_the_revision_that_it_changes(built: Any, deployed: Any, aws: Front) -> None:
    deployed()
    assert lpack("publish", "--update", folder=built(SHARED, toml=LAYERED)).exit_code == 0
    bodies = [each.body for each in aws.requests if each.method == "PUT"]
    assert len(bodies) == 2
    assert all(b'"RevisionId"' in body for body in bodies)


def test_layers_that_lpack_does_not_know_stay(built: Any, deployed: Any, client: Client) -> None:
    other = client("lambda").publish_layer_version(LayerName="agent", Content={"ZipFile": b"PK\x05\x06" + bytes(18)})
    deployed(Layers=[other["LayerVersionArn"]])
    run = lpack("publish", "--update", folder=built(toml=ORDERS))
    assert run.exit_code == 0, run.stderr
    assert "has layers that lpack.toml does not name: they stay" in run.stderr
    there = client("lambda").get_function_configuration(FunctionName="orders")
    assert [each["Arn"] for each in there["Layers"]] == [other["LayerVersionArn"]]


@pytest.mark.slow
def test_large_zips_go_by_s3_and_need_a_bucket(built: Any, deployed: Any, aws: Front, client: Client) -> None:
    deployed()
    folder = built(noise("orders", 53 << 20), toml=ORDERS)
    run = lpack("publish", "--update", folder=folder)
    assert run.exit_code == 2
    assert "`orders.zip` has 53 MB, and Lambda takes 50 MB directly\nhint: set `bucket` in [publish]" in run.stderr
    (folder / "lpack.toml").write_text(ORDERS + SETTINGS)
    run = lpack("publish", "--update", "--json", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert run.json["artifacts"][0]["s3_key"] == f"shop/orders/{record(folder)['sha256']}.zip"
    assert code_of(client) == record(folder)["code_sha256"]
    [sent] = [each.body for each in aws.requests if each.call.endswith("/functions/orders/code")]
    assert b"S3Bucket" in sent


# What is not to be done


def test_another_architecture_is_refused(built: Any, deployed: Any, aws: Front) -> None:
    deployed(Architectures=["arm64"])
    run = lpack("publish", "--update", folder=built(toml=ORDERS))
    assert run.exit_code == 7
    assert "`orders.zip` is for x86_64, and function `orders` is arm64" in run.stderr
    assert aws.calls(changing=True) == []


def test_another_runtime_is_refused(built: Any, deployed: Any, aws: Front) -> None:
    deployed(Runtime="python3.12")
    run = lpack("publish", "--update", folder=built(toml=ORDERS))
    assert run.exit_code == 7
    assert "`orders.zip` is for python3.13, and function `orders` is python3.12" in run.stderr
    assert aws.calls(changing=True) == []


def test_a_function_that_is_not_there(built: Any, aws: Front) -> None:
    run = lpack("publish", "--update", folder=built(toml=ORDERS))
    assert run.exit_code == 7
    assert "there is no function `orders` in this account and region" in run.stderr
    assert "`lpack publish --output cloudformation`" in run.stderr
    assert aws.calls(changing=True) == []


def test_somebody_elses_change_is_not_undone(built: Any, deployed: Any, aws: Front) -> None:
    deployed()

    def overtake(request: Any) -> None:
        if request.method == "PUT":
            aws.revisions["orders"] = "somebody-else-was-here"

    aws.faults.append(overtake)
    run = lpack("publish", "--update", folder=built(toml=ORDERS))
    assert run.exit_code == 7
    assert "function `orders` was changed by somebody else meanwhile" in run.stderr


def test_a_change_in_progress_is_waited_for(built: Any, deployed: Any, aws: Front, client: Client) -> None:
    deployed()
    aws.pending["orders"] = 2
    folder = built(toml=ORDERS)
    run = lpack("publish", "--update", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert code_of(client) == record(folder)["code_sha256"]


def test_a_conflict_is_waited_for_and_tried_again(built: Any, deployed: Any, aws: Front, client: Client) -> None:
    deployed()
    aws.fail("PUT .*/code", aws_error(409, "ResourceConflictException"))
    folder = built(toml=ORDERS)
    run = lpack("publish", "--update", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert "being changed by somebody else: waiting" in run.stderr
    assert code_of(client) == record(folder)["code_sha256"]


def test_throttling_is_tried_again(built: Any, deployed: Any, aws: Front) -> None:
    deployed()
    aws.fail("PUT .*/code", aws_error(429, "TooManyRequestsException"))
    aws.fail("GET .*/configuration", aws_error(500, "ServiceException"))
    run = lpack("publish", "--update", folder=built(toml=ORDERS))
    assert run.exit_code == 0, run.stderr


REFUSALS = {
    (
        413,
        "RequestEntityTooLargeException",
        "smaller than",
    ): "function `orders` is too large to be sent to Lambda directly",
    (400, "CodeStorageExceededException", "Code storage limit exceeded."): "storage for Lambda code is full",
    (400, "InvalidParameterValueException", "Unzipped size must be smaller than 262144000 bytes"): "counts what takes",
    (400, "CodeVerificationFailedException", "no signature"): "takes only code that is signed by a publisher",
    (400, "InvalidCodeSignatureException", "bad"): "does not fit the code",
    (403, "AccessDeniedException", "User: x is not authorized to perform: lambda:UpdateFunctionCode on resource: y"): (
        "`lambda:UpdateFunctionCode` on function `orders` is not allowed"
    ),
    (403, "ExpiredTokenException", "expired"): "the AWS credentials have expired",
    (403, "UnrecognizedClientException", "invalid"): "AWS does not know these credentials",
    (403, "InvalidSignatureException", "no"): "the secret key does not belong to the access key",
    (418, "Teapot", "short and stout"): "AWS refused lambda:UpdateFunctionCode for function `orders` with `Teapot`",
}


@pytest.mark.parametrize(("refusal", "told"), REFUSALS.items(), ids=[code for _, code, _ in REFUSALS])
def test_refusals_are_told_with_a_next_step(
    built: Any, deployed: Any, aws: Front, refusal: tuple[int, str, str], told: str
) -> None:
    deployed()
    aws.fail("PUT .*/code", aws_error(*refusal), times=9)
    run = lpack("publish", "--update", folder=built(toml=ORDERS))
    assert run.exit_code == 7
    assert told in run.stderr
    assert f"AWS says: {refusal[2]}" in run.stderr


def test_conflicts_that_do_not_end_are_told(
    built: Any, deployed: Any, aws: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(functions, "time", SimpleNamespace(sleep=pauses.append, monotonic=time.monotonic))
    deployed()
    aws.fail("PUT .*/code", aws_error(409, "ResourceConflictException", "busy"), times=9)
    run = lpack("publish", "--update", folder=built(toml=ORDERS))
    assert run.exit_code == 7
    assert "function `orders` is being changed by somebody else\n  AWS says: busy\nhint: wait until" in run.stderr
    assert pauses == [0.5, 1, 2, 4]


def test_the_environment_that_aws_quotes_is_not_shown(built: Any, deployed: Any, aws: Front) -> None:
    deployed()
    text = 'exceeded the 4KB limit. String measured: {"PASSWORD":"hunter2-secret"}'
    aws.fail("PUT .*/code", aws_error(400, "InvalidParameterValueException", text))
    run = lpack("publish", "--update", "-v", "--json", folder=built(toml=ORDERS))
    assert run.exit_code == 7
    assert "String measured: ***" in run.stderr
    assert "hunter2" not in run.stderr + run.stdout


def test_a_change_that_fails_later_is_told(built: Any, deployed: Any, aws: Front) -> None:
    deployed()
    document = (
        b'{"FunctionArn": "a", "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no access to the key",'
        b'"LastUpdateStatusReasonCode": "KMSKeyAccessDenied"}'
    )

    def fail(request: Any) -> Answer | None:
        changed = any(each.method == "PUT" for each in aws.requests)
        return Answer(200, document) if changed and request.call.endswith("/configuration") else None

    aws.faults.append(fail)
    run = lpack("publish", "--update", folder=built(toml=ORDERS))
    assert run.exit_code == 7
    assert "function `orders` could not be changed" in run.stderr
    assert "AWS says: KMSKeyAccessDenied: no access to the key" in run.stderr
    assert "hint: let the function's role use the KMS key" in run.stderr


def test_a_change_that_failed_before_is_mended(built: Any, deployed: Any, aws: Front, client: Client) -> None:
    deployed()

    def failed(request: Any) -> Answer | None:
        if request.call.endswith("GET /2015-03-31/functions/orders/configuration") and not aws.calls(changing=True):
            answer = aws.passed_on(request)
            return Answer(200, json.dumps({**json.loads(answer.body), "LastUpdateStatus": "Failed"}).encode())
        return None

    aws.faults.append(failed)
    folder = built(toml=ORDERS)
    run = lpack("publish", "--update", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert code_of(client) == record(folder)["code_sha256"]


def test_settings_without_a_bucket_can_still_update(built: Any, deployed: Any, client: Client) -> None:
    deployed()
    folder = built(toml=ORDERS + SETTINGS)
    client("s3").delete_bucket(Bucket=BUCKET)
    assert lpack("publish", "--update", folder=folder).exit_code == 0
