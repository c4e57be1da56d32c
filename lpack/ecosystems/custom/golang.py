"""Go: `go build` for the target, in a folder of lpack's own."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...aws.architectures import ARM64
from ...errors import ToolError, UsageError
from ...model import Target
from ...processes import run
from .. import Ask
from ..tools import found
from .building import Recipe, Workshop, compiler_environment
from .origin import BOOTSTRAP, Origin

MANIFEST = "go.mod"
SOURCES = ("*.go", "go.mod", "go.sum", "go.work", "go.work.sum", "/vendor/", "Makefile")

_WITHOUT_RPC = "lambda.norpc"
"""The tag that leaves the runtime go1.x, long gone, out of aws-lambda-go.

Source: https://docs.aws.amazon.com/lambda/latest/dg/golang-package.html
"""

_SETTINGS = ("GOMOD", "GOWORK", "GOVERSION", "GOFLAGS", "GOEXPERIMENT", "GOAMD64", "GOARM64", "GOFIPS140")


def recipe(origin: Origin, target: Target, ask: Ask, output: Path) -> Recipe:  # noqa: ARG001 -- as for other languages
    """How the source is built: its package cmd/NAME of the function's name, or the one that it is itself."""
    title = f"`{origin.name}` with Go"
    go = found("go", ask.host, needed_for=title)
    source, package = origin.source.resolve(), _package(origin)
    environ = _environment(target, ask)
    settings = _asked((go, "env", "-json", *_SETTINGS), source, environ)
    module, workspace = Path(settings.pop("GOMOD")), settings.pop("GOWORK")
    command = (go, "build", "-trimpath", "-buildvcs=false", *_merged_flags(settings["GOFLAGS"]))

    def make(workshop: Workshop) -> Path:
        name = workshop.run((go, "list", "-f={{.Name}}", package), folder=source, environ=environ)
        if name.strip() != "main":
            raise UsageError(f"the package in `{origin.source / package}` is `{name.strip()}`, and a program is `main`")
        program = workshop.folder / BOOTSTRAP
        workshop.run((*command, f"-o={program}", package), folder=source, environ=environ)
        return program

    return Recipe(
        title=title,
        folders=tuple(dict.fromkeys(_folders(module.parent, workspace, go, environ))),
        settings={
            **settings,
            "architecture": environ["GOARCH"],
            "command": [*command[1:], package],
            "folder": str(source.relative_to(module.parent)),
        },
        make=make,
        sources=SOURCES,
    )


def _package(origin: Origin) -> str:
    """The package that is the function's program; UsageError when there is none."""
    if (origin.source / "cmd" / origin.name).is_dir():
        return f"./cmd/{origin.name}"
    if any(not file.name.endswith("_test.go") for file in origin.source.glob("*.go")):
        return "."
    raise UsageError(
        f"`{origin.name}` has no program: there are Go files neither in `{origin.source}` nor in its cmd/{origin.name}",
        hint=f"put its package `main` into cmd/{origin.name}, or say in `build` how the program is built",
    )


def is_in_module(source: Path, top: Path) -> bool:
    """Whether the source is a package of a module in a folder above it, not higher than ``top``."""
    above = [folder for folder in source.parents if folder.is_relative_to(top)]
    return any(source.glob("*.go")) and any((folder / MANIFEST).is_file() for folder in above)


def _environment(target: Target, ask: Ask) -> dict[str, str]:
    architecture = "arm64" if target.architecture is ARM64 else "amd64"
    forced = {"GO111MODULE": "on", "CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": architecture}
    return {**compiler_environment(ask), **forced}


def _merged_flags(goflags: str) -> tuple[str, ...]:
    """The options of lpack together with the user's of the same names, which they would hide."""
    found_flags = (re.fullmatch(r"--?(tags|ldflags)=(.*)", flag, re.DOTALL) for flag in shlex.split(goflags))
    given = {match[1]: match[2] for match in found_flags if match}
    tags = ",".join(filter(None, (_WITHOUT_RPC, given.get("tags", ""))))
    linker = " ".join(filter(None, (given.get("ldflags", ""), "-buildid=")))
    return (f"-tags={tags}", f"-ldflags={linker}")


def _folders(module: Path, workspace: str, go: str, environ: Mapping[str, str]) -> Iterator[Path]:
    """The modules on this machine that the program can be built from."""
    yield module
    modules = [module]
    if workspace not in {"", "off"}:
        work = _asked((go, "work", "edit", "-json", workspace), module, environ)
        top = Path(workspace).parent
        modules = [top / each["DiskPath"] for each in work.get("Use") or ()]
        yield from (*modules, *_replacements(work, top))
    for each in modules:
        yield from _replacements(_asked((go, "mod", "edit", "-json", each / MANIFEST), module, environ), each)


def _replacements(document: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    for each in document.get("Replace") or ():
        if "Version" not in each["New"]:  # a folder, and no module of that version
            yield folder / each["New"]["Path"]


def _asked(command: tuple[str | Path, ...], folder: Path, environ: Mapping[str, str]) -> Any:
    result = run(command, folder=folder, environ=environ)
    if result.exit_code != 0:
        raise ToolError(f"`{folder / MANIFEST}` can't be understood by Go", details=result.last_lines())
    return json.loads(result.stdout)
