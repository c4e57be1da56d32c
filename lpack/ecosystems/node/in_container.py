"""npm in the container: for install scripts that have to compile for the target, or for all that npm does."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from ...container import Task, build_image_for, perform, settings_of
from ...engine import FOR_WORK, connect
from ...means import Means
from ...model import Target
from ...processes import Result
from .. import Ask
from .npm import OPTIONS

_HEADERS = """
# node-gyp would fetch Node.js's headers, which lie beside Node.js itself where its package has them.
around=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
if [ -f "$around/include/node/node.h" ]; then export npm_config_nodedir=$around; fi
"""
_VERSION = """
found=$(node --version)
case $found in
v$NODE.*) ;;
*) echo "npm error this image has Node.js $found, and the runtime has $NODE"; exit 1 ;;
esac
"""


def run_npm_in_container(
    commands: Sequence[Sequence[str]], root: Path, target: Target, ask: Ask, *, compiling: bool
) -> Result:
    """Run npm's commands in a staged project; what they leave lies in its folder afterwards.

    When something is to be ``compiling``, the image must have the target's own Node.js.
    """
    settings = settings_of(ask.host.environ)
    top = _top(root)
    called = [shlex.join(["npm", *arguments, *OPTIONS]) for arguments in commands]
    with connect(ask.host.environ, timeout=FOR_WORK) as client:
        task = Task(
            doing=f"installing the packages of `{ask.wanted.name}`",
            image=build_image_for(ask.project.building, target).ready(
                client, settings, Means(ask.store, ask.host, ask.reporter)
            ),
            architecture=target.architecture,
            script="\n".join(
                [
                    _HEADERS,
                    _VERSION if compiling else "",
                    f"cd {shlex.quote(f'/lpack/sources/{root.relative_to(top)}')}",
                    *called,
                    "cd /lpack",
                    "rmdir results",
                    "mv sources results",
                ]
            ),
            files={**settings.files, "sources": top},
            variables={**settings.variables, "NODE": target.runtime.version},
            host_network=settings.host_network,
        )
        outcome = perform(client, task, results=top, printing=ask.reporter.printed)
    return Result(outcome.exit_code, outcome.printed, "")


def _top(root: Path) -> Path:
    """The folder of the store that all of a staged project lies in, with the folders above it that it names."""
    top = root.parent
    while top.name == "above":
        top = top.parent
    return top
