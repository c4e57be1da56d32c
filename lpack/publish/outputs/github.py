"""Outputs of a step of GitHub Actions: one line each, for the file that GITHUB_OUTPUT names.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-output-parameter
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from .. import Published
from .document import fields

_SINGLE = ("s3_bucket", "s3_key", "s3_object_version", "image_uri", "layer_version_arn", "function_arn", "version")


def report(artifacts: Sequence[Published]) -> str:
    """`changed`, `published` with everything as JSON, and a line for each thing that there is of each artifact."""
    return "".join(f"{line}\n" for line in _lines(artifacts))


def _lines(artifacts: Sequence[Published]) -> Iterator[str]:
    changed = any(each.changed for each in artifacts)
    yield f"changed={'true' if changed else 'false'}"
    yield f"published={json.dumps({each.name: fields(each) for each in artifacts}, separators=(',', ':'))}"
    for each in artifacts:
        name = re.sub(r"[^A-Za-z0-9_-]", "_", each.name)
        values = fields(each)
        yield from (f"{name}_{key}={values[key]}" for key in _SINGLE if values[key] is not None)
