"""Any command that makes a `bootstrap`, run in a copy of the source."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...aws.architectures import ARM64
from ...errors import ToolError, UsageError
from ...model import Target
from ...processes import run, shown
from .. import Ask
from ..tools import compilers, find, found, glibc
from . import cmake, golang, rust
from .building import Recipe, Workshop, compiler_environment, compiler_settings
from .inputs import copy_inputs
from .origin import BOOTSTRAP, Origin

SOURCES = tuple(
    dict.fromkeys(
        pattern
        for pattern in (*golang.SOURCES, *rust.SOURCES, *cmake.SOURCES, "makefile", "GNUmakefile", "*.mk")
        if not pattern.startswith("/")  # a folder of that name may be another language's, and be needed
    )
)


def recipe(origin: Origin, target: Target, ask: Ask, output: Path) -> Recipe:
    """How the user's command builds the program; UsageError when what it is to make lies outside the source."""
    artifact = Path(origin.artifact or BOOTSTRAP)
    if artifact.is_absolute() or ".." in artifact.parts:
        raise UsageError(f"`artifact` of `{origin.name}`, {artifact}, must lie in its source, where `build` makes it")
    title = f"`{origin.name}` with `{shown(origin.build)}`"
    if "/" not in origin.build[0]:
        found(origin.build[0], ask.host, needed_for=f"`build` of `{origin.name}`")
    zig = find("zig", ask.host)
    environ = {**compiler_environment(ask), **_target_variables(target)}
    version = run((zig, "version"), folder=origin.source, environ=environ).stdout.strip() if zig else ""

    def make(workshop: Workshop) -> Path:
        copy = workshop.folder / "source"
        copy_inputs(origin.source, copy, output)
        _remove(copy / artifact)  # an earlier one, which the command could take for done
        of_zig = compilers(workshop.folder / "compilers", zig, target).environ if zig else {}
        workshop.run(origin.build, folder=copy, environ={**of_zig, **environ})
        if not (copy / artifact).exists():
            hint = "see that the command makes it, or name what it makes with `artifact`"
            raise ToolError(f"`{shown(origin.build)}` of `{origin.name}` made no `{artifact}`", hint=hint)
        return copy / artifact

    return Recipe(
        title=title,
        folders=(origin.source,),
        settings={
            "command": origin.build,
            "artifact": str(artifact),
            "zig": version,
            **_target_variables(target),
            **compiler_settings(ask),
        },
        make=make,
        sources=SOURCES,
    )


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _target_variables(target: Target) -> dict[str, str]:
    """What a build may want to know: the target in Lambda's words, the kernel's, and Go's."""
    return {
        "LPACK_TARGET_RUNTIME": target.runtime.name,
        "LPACK_TARGET_ARCHITECTURE": target.architecture.name,
        "LPACK_TARGET_MACHINE": target.architecture.machine,
        "LPACK_TARGET_GLIBC": glibc(target),
        "GOOS": "linux",
        "GOARCH": "arm64" if target.architecture is ARM64 else "amd64",
    }
