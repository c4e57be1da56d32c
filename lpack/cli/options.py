"""The options that several commands share, and the session that they make."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..aws.architectures import ARCHITECTURES
from ..aws.runtimes import runtime as runtime_named
from ..errors import UsageError
from ..model import Target
from .session import Session

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Functions and layers; all when none is named.")
]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where artifacts go.")]
AllowDeprecated = Annotated[
    bool, typer.Option("--allow-deprecated", help="Accept runtimes for which Lambda takes no new functions.")
]
BackendOption = Annotated[
    Literal["sandbox", "docker"] | None,
    typer.Option("--backend", help="Where to run it; the sandbox when left out, if it can.", show_default=False),
]
NoNetwork = Annotated[bool, typer.Option("--no-network", help="Let the function reach nothing.")]
Rie = Annotated[
    Path | None,
    typer.Option(
        "--rie", metavar="PATH", help="An emulator of your own (LPACK_RIE does the same).", show_default=False
    ),
]
Base = Annotated[
    str | None,
    typer.Option(
        "--base", metavar="IMAGE", help="The image to run a zip in, with `--backend docker`.", show_default=False
    ),
]
InContainer = Annotated[
    bool,
    typer.Option("--in-container", help="Resolve and build inside Amazon Linux, on a Docker Engine."),
]
DIST = Path("dist")


def _common(
    *,
    folder: Annotated[
        Path, typer.Option("-C", "--directory", metavar="DIR", help="The project's folder.", show_default=False)
    ] = Path(),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Tell more, and shorten no list.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Tell of errors only.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colour (NO_COLOR does the same).")] = False,
) -> Session:
    return Session.start(folder, json=json, verbose=verbose, quiet=quiet, no_color=no_color)


def with_session(command: Callable[..., int]) -> Callable[..., int]:
    """The command with the common options in place of its first parameter, the session that they make."""

    @functools.wraps(command)
    def run(**options: Any) -> int:
        common = {name: options.pop(name) for name in shared}
        return command(_common(**common), **options)

    _, *own = inspect.signature(command, eval_str=True).parameters.values()
    shared = inspect.signature(_common, eval_str=True).parameters
    # Typer reads a command's options off its signature.
    run.__signature__ = inspect.Signature([*own, *shared.values()])  # type: ignore[attr-defined]
    return run


def target_of(runtime: str, architecture: str) -> Target:
    """The target of those names; UsageError for unknown ones."""
    if architecture not in ARCHITECTURES:
        raise UsageError(f"`{architecture}` is not an architecture of Lambda", hint="use x86_64 or arm64")
    return Target(runtime_named(runtime), ARCHITECTURES[architecture])
