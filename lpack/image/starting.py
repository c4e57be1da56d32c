"""How a function's image starts: by the base image's own runtime interface client, or by one that lpack adds.

AWS's own images start with a script that runs the Runtime Interface Emulator where there is no Lambda:
https://docs.aws.amazon.com/lambda/latest/dg/images-test.html
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .config import Execution

TASK_ROOT = "/var/task"
RUNTIME_ROOT = "/var/runtime"
ENTRY_SCRIPT = "/lambda-entrypoint.sh"
"""Where AWS's base images have the script that they start with, and lpack puts its own."""

EMULATOR = "/usr/local/bin/aws-lambda-rie"

_CLIENTS = re.compile(r"(^|/)(awslambdaric|aws-lambda-ric)(\.m?js)?$|\.runtime\.api\.client\.AWSLambda$")
"""Arguments that start AWS's clients for Python, Node.js and Java."""

_SEARCH_PATHS = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "NODE_PATH", "CLASSPATH")

# What AWS's base images set, as far as it is about places that are the function's own.
_PLACES = {
    "LAMBDA_TASK_ROOT": TASK_ROOT,
    "LAMBDA_RUNTIME_DIR": RUNTIME_ROOT,
    "LD_LIBRARY_PATH": f"{TASK_ROOT}:{TASK_ROOT}/lib",
}

_SCRIPT = f"""\
#!/bin/sh
# Starts the function in Lambda, and elsewhere under the Runtime Interface Emulator, where that is there.
if [ "$#" -ne 1 ]; then
    echo "entrypoint requires the handler name to be the first argument" >&2
    exit 142
fi
export _HANDLER="$1"
if [ -z "$AWS_LAMBDA_RUNTIME_API" ] && [ -x {EMULATOR} ]; then
    exec {EMULATOR} COMMAND
fi
exec COMMAND
"""


@dataclass(frozen=True, slots=True)
class OwnStart:
    """The start of an image whose base has no runtime interface client: its command, and the variables it needs."""

    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)


def has_client(execution: Execution) -> bool:
    """Whether a base image has a runtime interface client, as far as what it starts with can tell."""
    start = (*execution.entrypoint, *execution.cmd)
    return bool(start) and (start[0] == ENTRY_SCRIPT or any(map(_CLIENTS.search, start)))


def entry_script(start: OwnStart) -> bytes:
    """The script at ENTRY_SCRIPT. A custom runtime learns its handler from a variable, clients from an argument."""
    handler = "" if start.command[0].startswith(RUNTIME_ROOT) else ' "$1"'
    return _SCRIPT.replace("COMMAND", shlex.join(start.command) + handler).encode()


def started(base: Execution, handler: str, environment: Mapping[str, str], start: OwnStart | None) -> Execution:
    """How the image starts: as its base does, or with the ``start`` that it was given, in the task's folder.

    The function's variables replace the base's.
    """
    variables = dict(_parted(base.env)) | dict(environment)
    entrypoint = base.entrypoint
    if start:
        entrypoint = (ENTRY_SCRIPT,)
        variables |= {name: value for name, value in _PLACES.items() if name not in variables}
        variables |= {name: _before(value, name, variables) for name, value in start.environ.items()}
    return replace(
        base,
        env=tuple(f"{name}={value}" for name, value in variables.items()),
        entrypoint=entrypoint,
        cmd=(handler,),
        working_dir=TASK_ROOT,
        others=_without_shell(base.others),
    )


def _parted(env: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (each.partition("=") for each in env)]


def _before(value: str, name: str, variables: Mapping[str, str]) -> str:
    """The value, before that which is there already where the variable holds a list of folders."""
    there = variables.get(name)
    return f"{value}:{there}" if there and name in _SEARCH_PATHS else value


def _without_shell(others: Mapping[str, Any]) -> dict[str, Any]:
    """The other keys without what Docker notes about how it came to the base's command."""
    return {key: value for key, value in others.items() if key not in {"Image", "ArgsEscaped", "OnBuild"}}
