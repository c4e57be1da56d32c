"""What `lpack init` writes: a configuration that fits the code in a folder, and a first function if there is none."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Protocol

from ..aws.architectures import ARCHITECTURES, Architecture
from ..aws.limits import FUNCTION_NAME, FUNCTION_NAME_CHARACTERS
from ..aws.runtimes import RUNTIMES, Family, Runtime
from ..config import OWN_FILE, configurations
from ..config.keys import SUPPORTED_FAMILIES
from ..errors import LpackError, UsageError
from ..store import replacing
from ..values import NOT_YET, quoted
from . import custom, java, node, python
from .code import Code


class _Language(Protocol):
    """How a function begins in one family of runtimes."""

    def existing_code(self, folder: Path, name: str) -> Code | None:
        """The function that is in the folder already."""

    def new_code(self, folder: Path, name: str, runtime: Runtime) -> Code:
        """A first function for the folder."""


_LANGUAGES: dict[Family, _Language] = {"python": python, "nodejs": node, "java": java, "provided": custom}

_HANDLERS: dict[Family, str] = {
    "python": "module and function",
    "nodejs": "file and function",
    "java": "class and method",
}

_CONFIGURATION = """\
# How lpack builds this project for AWS Lambda. Try it: lpack build && lpack test

[function.{name}]
runtime = "{runtime}"
architecture = "{architecture}"  # or {others}
source = "{source}"  # the files in this folder go to the root of the zip
{exclude}handler = "{handler}"{handler_is}
memory = 128  # MB
timeout = 3  # seconds
"""

_TEST = """
# What `lpack test` runs on the finished artifact.
[function.{name}.tests.greets]
event = {{ name = "Ada" }}
expect = {{ statusCode = 200, body = {greeting} }}  # which the response must contain
"""


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

    language = _LANGUAGES[runtime.family]
    code = language.existing_code(folder, name) or language.new_code(folder, name, runtime)
    texts = {**code.files, OWN_FILE: _configuration(folder, name, runtime, architecture, code)}
    for path in texts:
        if os.path.lexists(folder / path):
            raise UsageError(
                f"`{folder / path}` exists already",
                hint="define a handler in it, or move it away: `lpack init` overwrites nothing",
            )
    for path, text in texts.items():
        try:
            with replacing(folder / path) as file:
                file.write(text.encode())
                if path in code.programs:
                    Path(file.name).chmod(0o755)
        except OSError as error:
            raise LpackError(f"`{folder / path}` can't be written: {error.strerror}") from error
    return tuple(folder / path for path in texts)


def _configuration(folder: Path, name: str, runtime: Runtime, architecture: Architecture, code: Code) -> str:
    tests = [f'"{path}/**"' for path in ("tests", "test") if (folder / code.source / path).is_dir()]
    test = _TEST.format(name=name, greeting=code.greeting) if code.files else ""
    configuration = _CONFIGURATION.format(
        name=name,
        runtime=runtime,
        architecture=architecture,
        others=" or ".join(f'"{other}"' for other in ARCHITECTURES if other != architecture.name),
        source=code.source,
        exclude=f"exclude = [{', '.join(tests)}]  # patterns as in .gitignore\n" if tests else "",
        handler=code.handler,
        handler_is="" if runtime.family == "provided" else f"  # {_HANDLERS[runtime.family]}",
    )
    return configuration + test
