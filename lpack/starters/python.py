"""A first Python function."""

from __future__ import annotations

import re
from pathlib import Path

from ..aws.runtimes import Runtime
from ..config import SHARED_FILE, read_toml
from .code import Code, first_match, places

_MODULES = ("app", "lambda_function", "main", "handler", "index")

_HANDLER = re.compile(
    rb"^(?:def +(?P<defined>(?:lambda_)?handler) *[\[(]|(?P<assigned>(?:lambda_)?handler) *(?::[^=\n]*)?=[^=])",
    re.MULTILINE,
)

_REQUIREMENTS_FILES = ("pylock.toml", "uv.lock", "poetry.lock", "requirements.txt")

_CODE = '''\
"""The Lambda function {name}."""

from __future__ import annotations

import json
from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Greet whom the event names."""
    greeting = f"Hello, {{event.get('name', 'world')}}!"
    return {{"statusCode": 200, "body": json.dumps({{"message": greeting}})}}
'''

_REQUIREMENTS = """\
# The packages that the function needs, one on each line, for example:
# requests>=2.32
"""


def existing_code(folder: Path, name: str) -> Code | None:
    """The function that is there already."""
    for source in places(name):
        found = first_match(folder / source, (f"{module}.py" for module in _MODULES), _HANDLER)
        if found:
            file, match = found
            function = (match["defined"] or match["assigned"]).decode()
            return Code(source, f"{file.removesuffix('.py')}.{function}", {})
    return None


def new_code(folder: Path, name: str, _runtime: Runtime) -> Code:
    """A function that greets, in the folder itself when packages are declared there."""
    code = _CODE.format(name=name)
    if _declares_packages(folder):
        return Code(".", "app.handler", {"app.py": code})
    source = f"src/{name}"
    return Code(source, "app.handler", {f"{source}/app.py": code, f"{source}/requirements.txt": _REQUIREMENTS})


def _declares_packages(folder: Path) -> bool:
    if any((folder / name).is_file() for name in _REQUIREMENTS_FILES):
        return True
    shared = folder / SHARED_FILE
    return shared.is_file() and "project" in read_toml(shared)
