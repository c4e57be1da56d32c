"""Terraform's JSON of functions and layers, whose code is where lpack has put it: a file whose name ends in `.tf.json`.

Sources: https://developer.hashicorp.com/terraform/language/syntax/json and
https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/lambda_function
"""

from __future__ import annotations

import json
from typing import Any

from ...errors import UsageError
from ...record import Record
from ..images import StoredImage
from ..s3 import Stored
from .declared import Declared, DeclaredFunction, DeclaredLayer
from .names import identifier

ROLE = "function_role"


def template(declared: Declared) -> str:
    """The resources; the role of the functions is a variable."""
    document: dict[str, Any] = {}
    if declared.functions:
        about = "The ARN of the role that the functions run with."
        document["variable"] = {ROLE: {"type": "string", "description": about}}
    resources = {
        "aws_lambda_layer_version": {identifier(each.name): _layer(each) for each in declared.layers},
        "aws_lambda_function": {identifier(each.function.name): _function(each) for each in declared.functions},
    }
    document["resource"] = {kind: each for kind, each in resources.items() if each}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _function(declared: DeclaredFunction) -> dict[str, Any]:
    function, is_zip = declared.function, not isinstance(declared.code, StoredImage)
    resource: dict[str, Any] = {
        "function_name": declared.name,
        "role": f"${{var.{ROLE}}}",
        **({"handler": _literal(function.handler), "runtime": function.target.runtime.name} if is_zip else {}),
        "architectures": [function.target.architecture.name],
        "memory_size": function.memory,
        "timeout": function.timeout,
        "ephemeral_storage": {"size": function.ephemeral_storage},
        **_code(declared.code, declared.record),
    }
    if declared.layers:
        resource["layers"] = [
            each if isinstance(each, str) else f"${{aws_lambda_layer_version.{identifier(each.name)}.arn}}"
            for each in declared.layers
        ]
    return resource


def _layer(declared: DeclaredLayer) -> dict[str, Any]:
    layer, record = declared.layer, declared.record
    resource: dict[str, Any] = {
        "layer_name": declared.name,
        "compatible_runtimes": list(record.runtimes),
        "compatible_architectures": list(record.architectures),
        "skip_destroy": True,  # functions elsewhere may still use the version that this one replaces
        **_code(declared.code, record),
    }
    if layer.description:
        resource["description"] = _literal(layer.description)
    if layer.license:
        resource["license_info"] = _literal(layer.license)
    return resource


def _code(code: Stored | StoredImage | str, record: Record) -> dict[str, str]:
    if isinstance(code, StoredImage):
        return {"package_type": "Image", "image_uri": code.uri}
    if isinstance(code, str):
        raise UsageError("Terraform's files can't hold the source of functions", hint="leave out `--inline`")
    version = {"s3_object_version": code.version} if code.version else {}
    place = {"s3_bucket": code.bucket, "s3_key": _literal(code.key), **version}
    return {**place, "source_code_hash": record.code_sha256}


def _literal(text: str) -> str:
    """A string in which Terraform finds no expressions."""
    return text.replace("${", "$${").replace("%{", "%%{")
