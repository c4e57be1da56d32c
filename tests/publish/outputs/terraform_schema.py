"""The parts of Terraform's JSON that lpack writes, as a JSON schema, from the documentation of the AWS provider.

https://developer.hashicorp.com/terraform/language/syntax/json,
https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/lambda_function and
https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/lambda_layer_version
"""

from __future__ import annotations

from typing import Any

IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_-]*$"
LITERAL = {"type": "string", "pattern": r"^(?:[^$%]|\$\$\{|%%\{|[$%](?!\{))*$"}
"""A string in which Terraform finds no expression."""
REFERENCE = {"type": "string", "pattern": r"^\$\{[a-z_]+(\.[A-Za-z_][A-Za-z0-9_-]*)+\}$"}
STRINGS = {"type": "array", "items": LITERAL}
ARCHITECTURES = {"type": "array", "items": {"enum": ["x86_64", "arm64"]}}
CODE: dict[str, Any] = {
    "s3_bucket": LITERAL,
    "s3_key": LITERAL,
    "s3_object_version": LITERAL,
    "source_code_hash": {"type": "string", "pattern": "^[A-Za-z0-9+/]{43}=$"},
}


def _resource(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    resource = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"type": "object", "patternProperties": {IDENTIFIER: resource}, "additionalProperties": False}


FUNCTION = {
    **CODE,
    "package_type": {"enum": ["Zip", "Image"]},
    "image_uri": {"type": "string", "pattern": "^[^$]+@sha256:[0-9a-f]{64}$"},
    "function_name": LITERAL,
    "role": REFERENCE,
    "handler": LITERAL,
    "runtime": LITERAL,
    "architectures": {**ARCHITECTURES, "minItems": 1, "maxItems": 1},
    "memory_size": {"type": "integer", "minimum": 128, "maximum": 32768},
    "timeout": {"type": "integer", "minimum": 1, "maximum": 900},
    "ephemeral_storage": {
        "type": "object",
        "properties": {"size": {"type": "integer", "minimum": 512, "maximum": 10240}},
        "additionalProperties": False,
    },
    "layers": {"type": "array", "maxItems": 5, "items": {"anyOf": [REFERENCE, LITERAL]}},
}
LAYER = {
    **CODE,
    "layer_name": LITERAL,
    "compatible_runtimes": {**STRINGS, "maxItems": 15},
    "compatible_architectures": ARCHITECTURES,
    "description": LITERAL,
    "license_info": LITERAL,
    "skip_destroy": {"type": "boolean"},
}
VARIABLE = {
    "type": "object",
    "properties": {"type": {"const": "string"}, "description": LITERAL},
    "additionalProperties": False,
}

TERRAFORM: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "variable": {"type": "object", "patternProperties": {IDENTIFIER: VARIABLE}, "additionalProperties": False},
        "resource": {
            "type": "object",
            "properties": {
                "aws_lambda_function": _resource(FUNCTION, ["function_name", "role"]),
                "aws_lambda_layer_version": _resource(LAYER, ["layer_name", "s3_bucket", "s3_key"]),
            },
            "additionalProperties": False,
        },
    },
    "required": ["resource"],
    "additionalProperties": False,
}
