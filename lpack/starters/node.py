"""A first Node.js function."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ..aws.runtimes import Runtime
from .code import Code, first_match, places

_FILES = [f"{name}.{end}" for name in ("index", "app", "main", "handler") for end in ("mjs", "js", "cjs", "ts", "mts")]

_HANDLER = re.compile(
    rb"^\s*(?:(?:module\.)?exports\.(?P<assigned>(?:lambdaH|h)andler) *=[^=]"
    rb"|export +(?:const|let|var|(?:async +)?function) +(?P<exported>(?:lambdaH|h)andler)\b)",
    re.MULTILINE,
)

_CODE = """\
// The Lambda function {name}.

export const handler = async (event) => {{
  const message = `Hello, ${{event.name ?? "world"}}!`; // whom the event names
  return {{ statusCode: 200, body: JSON.stringify({{ message }}) }};
}};
"""


def existing_code(folder: Path, name: str) -> Code | None:
    """The function that is there already."""
    for source in places(name):
        found = first_match(folder / source, _FILES, _HANDLER)
        if found:
            file, match = found
            function = (match["assigned"] or match["exported"]).decode()
            return Code(source, f"{file.partition('.')[0]}.{function}", {})
    return None


def new_code(folder: Path, name: str, _runtime: Runtime) -> Code:
    """A function that greets, in the folder itself when packages are declared there."""
    code = _CODE.format(name=name)
    if (folder / "package.json").is_file():
        return Code(".", "index.handler", {"index.mjs": code})
    source = f"src/{name}"
    package = json.dumps({"private": True, "dependencies": {}}, indent=2) + "\n"
    return Code(source, "index.handler", {f"{source}/index.mjs": code, f"{source}/package.json": package})
