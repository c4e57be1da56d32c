"""A CloudFormation template of functions and layers, whose code is where lpack has put it.

Keys hold the SHA-256 of what is under them, so that CloudFormation notices every change. Sources:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-layerversion.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..images import StoredImage
from ..layers import code_in
from ..s3 import Stored
from .declared import Declared, DeclaredFunction, DeclaredLayer
from .names import logical_names

ROLE = "FunctionRole"


def template(declared: Declared) -> str:
    """The template; the role of the functions is its parameter."""
    document: dict[str, Any] = {"AWSTemplateFormatVersion": "2010-09-09"}
    if declared.functions:
        pattern = r"^arn:[a-z-]+:iam::[0-9]{12}:role/.+$"
        about = "The ARN of the role that the functions run with."
        document["Parameters"] = {ROLE: {"Type": "String", "AllowedPattern": pattern, "Description": about}}
    names = layer_names(declared)
    document["Resources"] = {
        **{names[each.name]: _layer(each) for each in declared.layers},
        **{name: _function(each, names) for name, each in named_functions(declared).items()},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def layer_names(declared: Declared) -> dict[str, str]:
    """The logical identifiers of layers, by their names."""
    return logical_names([each.name for each in declared.layers], "Layer")


def named_functions(declared: Declared) -> dict[str, DeclaredFunction]:
    """The functions by their logical identifiers."""
    names = logical_names([each.function.name for each in declared.functions], "Function")
    return {names[each.function.name]: each for each in declared.functions}


def about_function(declared: DeclaredFunction, layer_names: Mapping[str, str]) -> dict[str, Any]:
    """What CloudFormation and SAM call by the same names."""
    function = declared.function
    properties: dict[str, Any] = {
        "FunctionName": declared.name,
        **(
            {"PackageType": "Image"}
            if isinstance(declared.code, StoredImage)
            else {"Handler": function.handler, "Runtime": function.target.runtime.name}
        ),
        "Architectures": [function.target.architecture.name],
        "MemorySize": function.memory,
        "Timeout": function.timeout,
        "EphemeralStorage": {"Size": function.ephemeral_storage},
    }
    if declared.layers:
        properties["Layers"] = [
            each if isinstance(each, str) else {"Ref": layer_names[each.name]} for each in declared.layers
        ]
    return properties


def about_layer(declared: DeclaredLayer) -> dict[str, Any]:
    """What CloudFormation and SAM call by the same names."""
    layer, record = declared.layer, declared.record
    properties: dict[str, Any] = {
        "LayerName": declared.name,
        "CompatibleRuntimes": list(record.runtimes),
        "CompatibleArchitectures": list(record.architectures),
    }
    if layer.description:
        properties["Description"] = layer.description
    if layer.license:
        properties["LicenseInfo"] = layer.license
    return properties


def _function(declared: DeclaredFunction, layer_names: Mapping[str, str]) -> dict[str, Any]:
    properties = {"Code": _code(declared.code), "Role": {"Ref": ROLE}, **about_function(declared, layer_names)}
    return {"Type": "AWS::Lambda::Function", "Properties": properties}


def _code(code: Stored | StoredImage | str) -> dict[str, str]:
    match code:
        case Stored():
            return code_in(code)
        case StoredImage():
            return {"ImageUri": code.uri}
        case str():
            return {"ZipFile": code}


def _layer(declared: DeclaredLayer) -> dict[str, Any]:
    # A layer that changes is a new version; functions of other stacks may still use the old one.
    kept = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    properties = {**about_layer(declared), "Content": code_in(declared.code)}
    return {"Type": "AWS::Lambda::LayerVersion", **kept, "Properties": properties}
