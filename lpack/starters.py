"""What `lpack init` writes: a configuration that fits the code in a folder, and a first function if there is none."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from .aws.architectures import ARCHITECTURES, Architecture
from .aws.limits import FUNCTION_NAME, FUNCTION_NAME_CHARACTERS
from .aws.runtimes import RUNTIMES, Runtime
from .config import OWN_FILE, SHARED_FILE, configurations, read_toml
from .config_keys import NOT_YET, SUPPORTED_FAMILIES
from .config_values import quoted
from .errors import LpackError, UsageError
from .store import replacing

_MODULES = ("app", "lambda_function", "main", "handler", "index")

# Searched for, not parsed: the code may be written for a newer Python than the one that runs lpack.
_HANDLER = re.compile(
    rb"^(?:def +(?P<defined>(?:lambda_)?handler) *[\[(]|(?P<assigned>(?:lambda_)?handler) *(?::[^=\n]*)?=[^=])",
    re.MULTILINE,
)

_REQUIREMENTS_FILES = ("pylock.toml", "uv.lock", "poetry.lock", "requirements.txt")

_CONFIGURATION = """\
# How lpack builds this project for AWS Lambda. Try it: lpack build

[function.{name}]
runtime = "{runtime}"
architecture = "{architecture}"  # or {others}
source = "{source}"  # the files in this folder go to the root of the zip
{exclude}handler = "{handler}"  # module and function
memory = 128  # MB
timeout = 3  # seconds
"""

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


class _Code(NamedTuple):
    """Where a function's code is or will be, its handler, and the texts of the files that are yet to be written."""

    source: str
    handler: str
    files: dict[str, str]


def name_for(folder: Path) -> str:
    """A name that Lambda takes for a function, made from the folder's."""
    name = re.sub(r"[^a-zA-Z0-9_]+", "-", folder.resolve().name)
    return name.strip("-")[:FUNCTION_NAME_CHARACTERS].rstrip("-") or "function"


def default_runtime() -> Runtime:
    """The newest Python that is no preview: one whose end is scheduled."""
    released = [runtime for runtime in RUNTIMES.values() if runtime.family == "python" and runtime.lifecycle.deprecated]
    return max(released, key=lambda runtime: [int(part) for part in runtime.version.split(".")])


def create(folder: Path, *, name: str, runtime: Runtime, architecture: Architecture) -> tuple[Path, ...]:
    """Write an lpack.toml for the code in the folder, or with a first function if there is none; the files written.

    UsageError, with nothing written, when the folder is configured already or one of the files exists.
    """
    if not FUNCTION_NAME.fullmatch(name) or len(name) > FUNCTION_NAME_CHARACTERS:
        raise UsageError(
            f"{quoted(name)} can't be the name of a Lambda function",
            hint=f"use letters, digits, `-` and `_`, at most {FUNCTION_NAME_CHARACTERS}",
        )
    if runtime.family not in SUPPORTED_FAMILIES:
        raise UsageError(f"`{runtime}` is {NOT_YET}", hint=f"`{default_runtime()}` is")
    configured = configurations(folder)
    if configured:
        raise UsageError(f"`{configured[0]}` configures lpack already", hint="change it, or start in another folder")

    code = _existing_code(folder, name) or _new_code(folder, name)
    texts = {**code.files, OWN_FILE: _configuration(folder, name, runtime, architecture, code)}
    for path in texts:
        if os.path.lexists(folder / path):
            raise UsageError(
                f"`{folder / path}` exists already",
                hint="define `handler(event, context)` in it, or move it away: `lpack init` overwrites nothing",
            )
    for path, text in texts.items():
        try:
            with replacing(folder / path) as file:
                file.write(text.encode())
        except OSError as error:
            raise LpackError(f"`{folder / path}` can't be written: {error.strerror}") from error
    return tuple(folder / path for path in texts)


def _existing_code(folder: Path, name: str) -> _Code | None:
    for source in (".", f"src/{name}"):
        for module in _MODULES:
            file = folder / source / f"{module}.py"
            try:
                found = _HANDLER.search(file.read_bytes()) if file.is_file() else None
            except OSError as error:
                raise UsageError(f"`{file}` can't be read: {error.strerror}") from error
            if found:
                function = (found["defined"] or found["assigned"]).decode()
                return _Code(source, f"{module}.{function}", {})
    return None


def _new_code(folder: Path, name: str) -> _Code:
    code = _CODE.format(name=name)
    if _declares_packages(folder):
        return _Code(".", "app.handler", {"app.py": code})
    source = f"src/{name}"
    return _Code(source, "app.handler", {f"{source}/app.py": code, f"{source}/requirements.txt": _REQUIREMENTS})


def _declares_packages(folder: Path) -> bool:
    if any((folder / name).is_file() for name in _REQUIREMENTS_FILES):
        return True
    shared = folder / SHARED_FILE
    return shared.is_file() and "project" in read_toml(shared)


def _configuration(folder: Path, name: str, runtime: Runtime, architecture: Architecture, code: _Code) -> str:
    tests = [f'"{path}/**"' for path in ("tests", "test") if (folder / code.source / path).is_dir()]
    return _CONFIGURATION.format(
        name=name,
        runtime=runtime,
        architecture=architecture,
        others=" or ".join(f'"{other}"' for other in ARCHITECTURES if other != architecture.name),
        source=code.source,
        exclude=f"exclude = [{', '.join(tests)}]  # patterns as in .gitignore\n" if tests else "",
        handler=code.handler,
    )
