"""Custom runtimes: a program or script called `bootstrap`, which is given, lies in a layer, or is built from source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...config import Function
from ...errors import UsageError
from ...model import Finding, Target
from ...sources import OwnFiles
from ...store import Store
from ...tree import Tree
from .. import Ask, Installed, Policy
from .handler import check_handler
from .origin import Origin
from .own_files import files_of

__all__ = ["Origin", "brings", "check_code", "check_handler", "files_of", "install", "lock", "own_files", "required_by"]


@dataclass(frozen=True, slots=True)
class Locked:
    """The lock of a custom runtime, which has no packages of its own: the languages' own locks are read by them."""

    file: Path | None = None
    changes: tuple[str, ...] = ()


def lock(ask: Ask, policy: Policy) -> Locked:  # noqa: ARG001 -- there is nothing that could change
    """An empty lock; UsageError when packages are asked for all the same."""
    wanted = ask.wanted
    asked = {
        "requirements": wanted.requirements is not None,
        "extras": wanted.extras,
        "groups": wanted.groups,
        "exclude-packages": wanted.exclude_packages,
        "trim": wanted.trim,
    }
    if keys := [key for key, value in asked.items() if value]:
        raise UsageError(
            f"`{keys[0]}` of `{wanted.name}` is about packages, and {wanted.targets[0].runtime} has none",
            hint="remove it: go.mod, Cargo.toml or CMakeLists.txt says what the program needs",
        )
    return Locked()


def brings(ask: Ask, locked: Locked, target: Target) -> Mapping[str, str]:  # noqa: ARG001 -- the Protocol's
    """No packages."""
    return {}


def install(ask: Ask, locked: Locked, target: Target) -> Installed:  # noqa: ARG001 -- the Protocol's
    """No packages: what the program needs was compiled into it."""
    return Installed()


def check_code(tree: Tree, target: Target, store: Store) -> list[Finding]:  # noqa: ARG001 -- the Protocol's
    """Nothing that other checks don't know."""
    return []


def required_by(ask: Ask, locked: Locked, target: Target) -> Mapping[str, tuple[str, ...]]:  # noqa: ARG001 -- the Protocol's
    """No packages."""
    return {}


def own_files(function: Function, ask: Ask, locked: Locked, output: Path) -> OwnFiles:  # noqa: ARG001 -- the Protocol's
    """The function's `bootstrap`, built if it has to be, and the files of its source that lie beside it.

    What it is built from stays out. ToolError when a program that builds it is missing or fails; UsageError or
    CheckError when what is named is not there, or can't be run.
    """
    origin = Origin(
        name=function.name,
        source=function.source,
        artifact=function.artifact,
        build=function.build,
        include=function.include,
        exclude=function.exclude,
    )
    return files_of(origin, function.target, ask, output)
