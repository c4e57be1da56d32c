"""Lambda's quotas and patterns.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html and the Lambda API's service model.
"""

from __future__ import annotations

import re

UNZIPPED_BYTES = 262_144_000
"""Function code, its layers and a custom runtime, unzipped, together."""

IMAGE_BYTES = 10 << 30
"""A container image, uncompressed, all layers together."""

IMAGE_SETTINGS_BYTES = 16 << 10
"""Entry point, command and working folder of an image together."""

IMAGE_MANIFEST_BYTES = 25_400
"""A manifest of more bytes slows the function's creation down, AWS says."""

IMAGE_LAYERS = 127
"""What the Docker Engine takes; Lambda names no number."""

DIRECT_UPLOAD_BYTES = 52_428_800
"""A zip that goes to Lambda in the request itself; larger ones go by S3."""

ENVIRONMENT_BYTES = 4_096
"""All environment variables as one compact JSON object, in UTF-8."""

MEMORY_MB = range(128, 10_240 + 1)
TIMEOUT_SECONDS = range(1, 900 + 1)
EPHEMERAL_STORAGE_MB = range(512, 10_240 + 1)

HANDLER_CHARACTERS = 128
HANDLER = re.compile(r"[^\s]+")

FUNCTION_NAME_CHARACTERS = 64
FUNCTION_NAME = re.compile(r"[a-zA-Z0-9-_]+")

LAYERS = 5
"""Layers of one function."""

EXTENSIONS = 10
"""External extensions of one function, all layers together."""

LAYER_NAME_CHARACTERS = 140
LAYER_NAME = FUNCTION_NAME

LAYER_DESCRIPTION_CHARACTERS = 256
LAYER_LICENSE_CHARACTERS = 512
LAYER_RUNTIMES = 15

LAYER_VERSION_ARN = re.compile(
    r"arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:[0-9]{12}:layer:[a-zA-Z0-9-_]+:[0-9]+"
    r"|arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+"
)

LAYER_SHARES = re.compile(r"[0-9]{12}|org:o-[a-z0-9]{10,32}|public")
"""With whom a layer version can be shared: an account, an organization, or everybody."""

VERSION = re.compile(r"\$LATEST|[0-9]+")
ALIAS_NAME = re.compile(r"(?![0-9]+$)[a-zA-Z0-9-_]{1,128}")

INLINE_BYTES = 4 << 20
"""The source of a function that stands in a CloudFormation template itself."""

ACCOUNT_ID = re.compile(r"[0-9]{12}")
BUCKET_NAME = re.compile(r"[0-9A-Za-z._-]{2,62}[0-9A-Za-z_-]")
OBJECT_KEY_BYTES = 1_024
OBJECT_TAGS = 10
OBJECT_TAG_KEY_CHARACTERS = 128
OBJECT_TAG_VALUE_CHARACTERS = 256

ENVIRONMENT_KEY = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")

RESERVED_ENVIRONMENT_KEYS = frozenset(
    """
    _HANDLER _X_AMZN_TRACE_ID AWS_DEFAULT_REGION AWS_REGION AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_NAME
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_INITIALIZATION_TYPE
    AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_ACCESS_KEY AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    AWS_SESSION_TOKEN AWS_LAMBDA_RUNTIME_API LAMBDA_TASK_ROOT LAMBDA_RUNTIME_DIR AWS_LAMBDA_MAX_CONCURRENCY
    AWS_LAMBDA_METADATA_API AWS_LAMBDA_METADATA_TOKEN
    """.split()  # noqa: SIM905 - a table is read best without quotes
)
"""Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
