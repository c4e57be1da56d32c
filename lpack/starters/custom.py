"""A first function on a custom runtime: a shell program that speaks the Runtime API.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-walkthrough.html
"""

from __future__ import annotations

from pathlib import Path

from ..aws.runtimes import Runtime
from .code import Code, places

_SIGNS = ("bootstrap", "go.mod", "Cargo.toml", "CMakeLists.txt")

_CODE = """\
#!/bin/sh
# The Lambda function {name}: asks for an event, answers, and asks for the next.
set -eu

api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
headers=$(mktemp)
while true; do
  event=$(curl -sS -D "$headers" "$api/next")
  request=$(sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: *\\([^[:space:]]*\\).*/\\1/p' "$headers")
  printf 'the event is %s\\n' "$event" >&2
  curl -sS -o /dev/null --data '{{"statusCode": 200, "body": "Hello, world!"}}' "$api/$request/response"
done
"""


def existing_code(folder: Path, name: str) -> Code | None:
    """The program, or the project that it is built from, that is there already."""
    for source in places(name):
        if any((folder / source / sign).is_file() for sign in _SIGNS):
            return Code(source, "bootstrap", {})
    return None


def new_code(_folder: Path, name: str, _runtime: Runtime) -> Code:
    """A bootstrap that greets."""
    file = f"src/{name}/bootstrap"
    files = {file: _CODE.format(name=name)}
    return Code(f"src/{name}", "bootstrap", files, frozenset({file}), greeting='"Hello, world!"')
