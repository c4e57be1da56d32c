"""Functions that are so small that a template can hold their source itself.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-lambda-function-code.html
"""

from __future__ import annotations

from pathlib import Path

from ..archive.zip_reader import read_zip
from ..aws.limits import INLINE_BYTES
from ..config import Function

_MODULES = {"python": "index.py", "nodejs": "index.js"}
"""The file that CloudFormation makes of the source, by the language of the runtime."""

_HARMLESS = {"requirements.txt", "package-lock.json"}
"""Files that say how an artifact was built, and that nothing needs when it runs."""


def inline_source(artifact: Path, function: Function) -> str | None:
    """The source that is all there is of the function; None when it can't stand in a template."""
    module = _MODULES.get(function.target.runtime.family)
    if module is None or function.handler.rpartition(".")[0] != "index":
        return None
    entries = {entry.path: entry for entry in read_zip(artifact)}
    if entries.keys() - _HARMLESS != {module} or entries[module].source.size > INLINE_BYTES:
        return None
    try:
        return entries[module].read().decode()
    except UnicodeDecodeError:
        return None
