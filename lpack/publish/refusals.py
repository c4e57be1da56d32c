"""What AWS refuses, in lpack's words: subject, fact, and the next step.

The codes are those of the services' models: https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import PublishError, UsageError

NO_CREDENTIALS = "set AWS_PROFILE, `profile` in [publish], or what else `lpack doctor` looks for"
_STALE = "log in again (`aws sso login`, or new keys), then publish again"
_SECRETS = (
    (re.compile(r"(String measured:\s*).*", re.DOTALL), r"\1***"),  # environment variables
    (re.compile(r"\s*The Canonical String for this request should have been.*", re.DOTALL), ""),  # with session tokens
    (re.compile(r"(?i)(x-amz-security-token|credential|signature)\s*[:=]\s*[^\s,&]+"), r"\1=***"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}"), "***"),
)
"""What AWS quotes in some of its answers and nobody should read, and what stands there instead."""


class AwsError(PublishError):
    """AWS said no. ``code`` is its own word for why, ``status`` that of HTTP; both are empty when no answer came."""

    def __init__(self, message: str, *, code: str = "", status: int = 0, hint: str | None, said: str = "") -> None:
        super().__init__(message, hint=hint, details=[f"AWS says: {said}"] if said else ())
        self.code = code
        self.status = status


_ADVICE: dict[str, tuple[str, str | None]] = {
    "ExpiredToken": ("the AWS credentials have expired", _STALE),
    "ExpiredTokenException": ("the AWS credentials have expired", _STALE),
    "RequestExpired": ("the AWS credentials have expired", _STALE),
    "InvalidClientTokenId": ("AWS does not know these credentials", NO_CREDENTIALS),
    "UnrecognizedClientException": ("AWS does not know these credentials", NO_CREDENTIALS),
    "InvalidAccessKeyId": ("AWS does not know these credentials", NO_CREDENTIALS),
    "InvalidToken": ("AWS does not know these credentials", NO_CREDENTIALS),
    "AuthFailure": ("AWS does not know these credentials", NO_CREDENTIALS),
    "SignatureDoesNotMatch": ("the secret key does not belong to the access key", NO_CREDENTIALS),
    "InvalidSignatureException": ("the secret key does not belong to the access key", NO_CREDENTIALS),
    "RequestTimeTooSkewed": ("this machine's clock is wrong", "set it right, then publish again"),
    "RequestEntityTooLargeException": (
        "{subject} is too large to be sent to Lambda directly",
        "set `bucket` in [publish]: larger zips go by S3",
    ),
    "RequestTooLargeException": (
        "{subject} is too large to be sent to Lambda directly",
        "set `bucket` in [publish]: larger zips go by S3",
    ),
    "CodeStorageExceededException": (
        "the account's storage for Lambda code is full",
        "delete versions of functions and layers that nothing uses, then publish again",
    ),
    "ResourceConflictException": (
        "{subject} is being changed by somebody else",
        "wait until that is done, then publish again",
    ),
    "PreconditionFailedException": (
        "{subject} was changed by somebody else meanwhile",
        "look what that was, then publish again",
    ),
    "ResourceNotFoundException": (
        "there is no {subject} in this account and region",
        "make it first, with what `lpack publish --output cloudformation` or `terraform` prints, or check the region",
    ),
    "RepositoryNotFoundException": (
        "there is no {subject} in this account and region",
        "`--create-repository` makes it",
    ),
    "CodeVerificationFailedException": (
        "{subject} takes only code that is signed by a publisher whom its code signing configuration trusts",
        "sign the zip with AWS Signer and put it there, or change the function's code signing configuration",
    ),
    "InvalidCodeSignatureException": (
        "the signature of the code for {subject} does not fit the code",
        "sign the zip again: it was changed after it was signed",
    ),
    "CodeSigningConfigNotFoundException": (
        "the code signing configuration of {subject} is gone",
        "give the function another one, or none",
    ),
    "InvalidZipFileException": ("Lambda can't unpack the zip for {subject}", "`lpack check` tells what is wrong"),
    "InvalidParameterValueException": ("Lambda does not take what {call} says about {subject}", None),
    "InvalidRequestContentException": ("Lambda does not take what {call} says about {subject}", None),
    "ServiceQuotaExceededException": ("a quota of the account is used up", "ask for a higher one in Service Quotas"),
    "NoSuchBucket": ("there is no {subject}", "make it, or check `bucket` in [publish]"),
    "NoSuchUpload": ("the upload of {subject} was ended by somebody else", "publish again"),
    "PermanentRedirect": ("{subject} is in another region", "use a bucket in the functions' own region"),
    "AuthorizationHeaderMalformed": ("{subject} is in another region", "use a bucket in the functions' own region"),
    "BadDigest": ("{subject} arrived damaged, and S3 refused it", "publish again"),
    "XAmzContentChecksumMismatch": ("{subject} arrived damaged, and S3 refused it", "publish again"),
    "KMS.NotFoundException": ("there is no such KMS key", "check `kms-key` in [publish], and its region"),
    "KMS.DisabledException": ("the KMS key is disabled", "enable it, or set another `kms-key` in [publish]"),
}
"""For AWS's codes, what has happened and what to do."""

_DENIED = {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "KMS.AccessDeniedException", "403"}
_THROTTLED = {
    "TooManyRequestsException",
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "SlowDown",
    "RequestLimitExceeded",
    "EC2ThrottledException",
}

_ADVICE_ON_VALUES = {
    r"Unzipped size must be smaller|combined with layers exceeds|Layers consume more": (
        "`lpack check` counts what takes the room; layers that lpack does not know count, too"
    ),
    r"PermanentRedirect|NoSuchBucket|GetObject": "Lambda must be able to read the bucket, which must be in its region",
    r"image manifest|media type": "`lpack check` tells whether Lambda takes the image",
    r"KMS": "the function's role must be allowed to use the KMS key",
    r"reserved keys": "rename these environment variables",
    r"(runtime|Runtime).*(deprecated|no longer supported)": "use a newer runtime",
}
"""What to do about values that Lambda does not take, by words of its message."""

_PERMISSIONS = {
    "HeadBucket": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "GetLayerVersionPolicy": "lambda:GetLayerVersionPolicy",
    "ListLayerVersions": "lambda:ListLayerVersions",
}
"""The permissions of calls that are not called like these."""


@contextlib.contextmanager
def understanding(service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[None]:
    """A block that makes a call of AWS; what goes wrong is a AwsError, or UsageError where settings are the reason."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _refused(error, service, operation, parameters) from error
    except BotoCoreError as error:
        raise _failed(error, f"{service}:{operation}") from error


def masked(text: str) -> str:
    """AWS's words without the environment variables, tokens and keys that some of them quote."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def _refused(error: Any, service: str, operation: str, parameters: Mapping[str, Any]) -> AwsError:
    answer = error.response.get("Error", {})
    code = str(answer.get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = masked(str(answer.get("Message", "")))
    subject, call = _subject(service, parameters), f"{service}:{operation}"
    known = _ADVICE.get(code)
    if known:
        message, hint = known[0].format(subject=subject, call=call), known[1] or _advice_on_value(said)
    elif code in _DENIED or status == 403:
        permission = _PERMISSIONS.get(operation, call)
        message = f"`{permission}` on {subject} is not allowed"
        hint = "allow it in the policy of the credentials' user or role; the bucket or key may have a policy, too"
        hint = hint if service == "s3" else "allow it in the policy of the credentials' user or role"
    elif code in _THROTTLED or status == 429:
        message, hint = f"AWS throttles {call}, also after several tries", "publish again in a minute"
    elif status >= 500:
        message = f"AWS failed to answer {call} for {subject}, also after several tries"
        hint = "publish again; https://health.aws.amazon.com tells whether AWS has a problem"
    else:
        message, hint = f"AWS refused {call} for {subject} with `{code}`", None
    return AwsError(message, code=code, status=status, hint=hint, said=said)


def _advice_on_value(said: str) -> str | None:
    return next((advice for words, advice in _ADVICE_ON_VALUES.items() if re.search(words, said)), None)


def _subject(service: str, parameters: Mapping[str, Any]) -> str:
    """What a call is about, as people call it."""
    match parameters:
        case {"Bucket": bucket, "Key": key}:
            return f"`s3://{bucket}/{key}`"
        case {"Bucket": bucket}:
            return f"bucket `{bucket}`"
        case {"FunctionName": function, "Name": alias}:
            return f"alias `{alias}` of function `{function}`"
        case {"FunctionName": function}:
            return f"function `{function}`"
        case {"LayerName": layer}:
            return f"layer `{layer}`"
        case {"repositoryName": repository} | {"repositoryNames": [repository]}:
            return f"repository `{repository}`"
    return service


def _failed(error: Any, call: str) -> PublishError | UsageError:
    """What went wrong before AWS gave an answer."""
    from botocore import exceptions as of_botocore

    match error:
        case of_botocore.NoCredentialsError() | of_botocore.PartialCredentialsError():
            return AwsError("no AWS credentials were found", hint=NO_CREDENTIALS)
        case (
            of_botocore.UnauthorizedSSOTokenError()
            | of_botocore.SSOTokenLoadError()
            | of_botocore.TokenRetrievalError()
            | of_botocore.CredentialRetrievalError()
        ):
            return AwsError("the AWS credentials can't be had, or have expired", hint=_STALE, said=str(error))
        case of_botocore.ParamValidationError():
            return UsageError(f"{call} can't be made: {error}")
        case of_botocore.ConnectionError() | of_botocore.HTTPClientError():
            hint = "check the network, HTTPS_PROXY, and AWS_CA_BUNDLE where a company's proxy has a certificate"
            return AwsError(f"AWS was not reached for {call}: {error}", hint=hint)
    return AwsError(
        f"{call} failed: {error}", hint="`aws sts get-caller-identity` tells whether the settings are right"
    )
