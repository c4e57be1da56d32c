"""What AWS refuses, told: no secret that its answers quote, and settings that lead nowhere."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
    UnauthorizedSSOTokenError,
)

from lpack.errors import LpackError, UsageError
from lpack.publish.refusals import AwsError, masked, understanding

CANONICAL = "The Canonical String for this request should have been\n'GET\n/\nx-amz-security-token:top-secret\n'"
QUOTES = {
    'over the limit. String measured: {"A":"top-secret"}': "over the limit. String measured: ***",
    f"The signature does not match. {CANONICAL}": "The signature does not match.",
    "bad: Credential=AKIAIOSFODNN7EXAMPLE/2026, Signature=top-secret": "bad: Credential=***, Signature=***",
    "the key ASIAIOSFODNN7EXAMPLE is not known": "the key *** is not known",
    "User: arn:aws:iam::123456789012:user/me is not authorized": (
        "User: arn:aws:iam::123456789012:user/me is not authorized"
    ),
}


@pytest.mark.parametrize(("said", "shown"), QUOTES.items())
def test_secrets_that_aws_quotes_are_masked(said: str, shown: str) -> None:
    assert masked(said) == shown


def refused(code: str, status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Operation")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "told", "hint"),
    [
        (refused("ThrottlingException", 429), "AWS throttles s3:PutObject, also after several tries", "in a minute"),
        (refused("Odd", 503), "AWS failed to answer s3:PutObject for `s3://b/k`", "health.aws.amazon.com"),
        (refused("AccessDenied", 403), "`s3:PutObject` on `s3://b/k` is not allowed", "may have a policy"),
        (refused("KMS.DisabledException"), "the KMS key is disabled", "`kms-key`"),
        (refused("RequestTimeTooSkewed", 403), "this machine's clock is wrong", "set it right"),
        (NoCredentialsError(), "no AWS credentials were found", "AWS_PROFILE"),
        (UnauthorizedSSOTokenError(), "the AWS credentials can't be had, or have expired", "aws sso login"),
        (ReadTimeoutError(endpoint_url="https://a"), "AWS was not reached for s3:PutObject", "check the network"),
    ],
)
def test_each_has_a_next_step(error: Exception, told: str, hint: str) -> None:
    with pytest.raises(LpackError) as caught, understanding("s3", "PutObject", {"Bucket": "b", "Key": "k"}):
        raise error
    assert caught.value.message.startswith(told)
    assert caught.value.exit_code == 7
    assert hint in (caught.value.hint or "")


def test_codes_and_statuses_are_kept() -> None:
    with pytest.raises(AwsError) as caught, understanding("lambda", "GetAlias", {}):
        raise refused("ResourceNotFoundException", 404)
    assert (caught.value.code, caught.value.status) == ("ResourceNotFoundException", 404)


def test_calls_that_can_not_be_are_misuse() -> None:
    with pytest.raises(UsageError), understanding("lambda", "GetAlias", {}):
        raise ParamValidationError(report="too long")
