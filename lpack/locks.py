"""The locks of a project's parts: layers first, then the functions that use them."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from .config import Function, Layer, Project
from .ecosystems import Ask, Locked, Policy, Provided, ecosystem_of
from .errors import CheckError, LpackError
from .layering import LockedLayer, lock_layer, provided_to
from .model import Host, Reporter
from .side_by_side import side_by_side
from .store import Store

if TYPE_CHECKING:
    from .image_forms import Foundation

Part = Function | Layer
"""What a project is made of, and what is built."""


def lock_parts(
    project: Project, parts: Sequence[Part], policy: Policy, *, host: Host, reporter: Reporter
) -> dict[str, Locked | LpackError | None]:
    """Lock functions and layers, with the layers that the functions use; by name, the lock or why there is none.

    None stands for a layer without packages. Layers that are not among the parts are never upgraded.
    """
    functions, layers = with_layers(project, parts)

    def lock_it(layer: Layer, reporter: Reporter) -> LockedLayer | LpackError:
        own_policy = "keep" if policy == "upgrade" and layer not in parts else policy
        return _caught(lambda: lock_layer(layer, ask_for(project, layer, {}, host, reporter), own_policy))

    locked = side_by_side(lock_it, layers, label="locking layers", workers=host.workers, reporter=reporter)
    usable = {each.layer.name: each for each in locked if isinstance(each, LockedLayer)}

    def lock(function: Function, reporter: Reporter) -> Locked | LpackError:
        def task() -> Locked:
            refuse_failed(function, usable)
            provided = provided_to(function, usable)
            if function.image and function.image.dockerfile:
                return _LockedImage(None, ())  # what it installs is for its own steps to pin
            ask = ask_for(project, function, provided, host, reporter)
            locked = ecosystem_of(function.target.runtime).lock(ask, policy)
            base = foundation_of(function, ask, policy)
            return _LockedImage(locked.file or base.lock, (*locked.changes, *base.changes)) if base else locked

        return _caught(task)

    of_functions = side_by_side(lock, functions, label="locking", workers=host.workers, reporter=reporter)
    of_layers = [each.lock if isinstance(each, LockedLayer) else each for each in locked]
    names = [each.name for each in layers] + [each.name for each in functions]
    return dict(zip(names, (*of_layers, *of_functions), strict=True))


def with_layers(project: Project, parts: Sequence[Part]) -> tuple[list[Function], list[Layer]]:
    """The functions, and the layers with those that the functions use, in the project's order."""
    functions = [part for part in parts if isinstance(part, Function)]
    used = {name for function in functions for name in function.own_layers}
    return functions, [layer for layer in project.layers if layer in parts or layer.name in used]


def refuse_failed(function: Function, layers: Collection[str]) -> None:
    """CheckError when the function uses a layer that is not among those that could be had."""
    failed = [f"`{name}`" for name in function.own_layers if name not in layers]
    if failed:
        layers = f"layer{'s' if failed[1:] else ''} {' and '.join(failed)}"
        raise CheckError(f"the {layers}, which it uses, failed", hint="what is wrong there comes first")


def ask_for(project: Project, part: Part, provided: Mapping[str, Provided], host: Host, reporter: Reporter) -> Ask:
    """What the part asks for, with all that it is to be had with."""
    return Ask(part.dependencies, project, Store(host.cache), host, reporter, provided)


def foundation_of(function: Function, ask: Ask, policy: Policy) -> Foundation | None:
    """What the function's image stands on; None for a zip."""
    if function.image is None or function.image.dockerfile:
        return None
    from .image_forms import foundation  # with all that talks to registries, which zips need not wait for

    return foundation(function, ask, policy)


def understood(error: LpackError | OSError) -> LpackError:
    """The error in lpack's words: what the system refuses is the machine's state, and no bug."""
    if isinstance(error, LpackError):
        return error
    subject = f"`{error.filename}`" if error.filename else "a file"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return LpackError(f"{subject} can't be written: the disk is full", hint="make room, and run the command again")
    return LpackError(
        f"{subject} can't be used: {error.strerror or error}", hint="mend that, and run the command again"
    )


class _LockedImage(NamedTuple):
    """The locks of an image, of packages and of its base, as far as everybody may know them."""

    file: Path | None
    changes: tuple[str, ...]


_T = TypeVar("_T")


def _caught(task: Callable[[], _T]) -> _T | LpackError:
    try:
        return task()
    except (LpackError, OSError) as error:
        return understood(error)
