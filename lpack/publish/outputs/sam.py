"""A SAM template of functions and layers, whose code is where lpack has put it: `sam deploy` needs no `sam build`.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..images import StoredImage
from ..s3 import Stored
from .cloudformation import about_function, about_layer, layer_names, named_functions
from .declared import Declared, DeclaredFunction, DeclaredLayer


def template(declared: Declared) -> str:
    """The template; SAM makes a role for each function."""
    names = layer_names(declared)
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {
            **{names[each.name]: _layer(each) for each in declared.layers},
            **{name: _function(each, names) for name, each in named_functions(declared).items()},
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _function(declared: DeclaredFunction, layer_names: Mapping[str, str]) -> dict[str, Any]:
    properties = {**_code(declared.code), **about_function(declared, layer_names)}
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


def _code(code: Stored | StoredImage | str) -> dict[str, Any]:
    match code:
        case Stored():
            return {"CodeUri": _place(code)}
        case StoredImage():
            return {"ImageUri": code.uri}
        case str():
            return {"InlineCode": code}


def _layer(declared: DeclaredLayer) -> dict[str, Any]:
    properties = {**about_layer(declared), "ContentUri": _place(declared.code), "RetentionPolicy": "Retain"}
    return {"Type": "AWS::Serverless::LayerVersion", "Properties": properties}


def _place(stored: Stored) -> dict[str, str]:
    return {"Bucket": stored.bucket, "Key": stored.key, **({"Version": stored.version} if stored.version else {})}
