"""What a function need not carry: packages that its layers bring, that the user excludes, that a bundle holds."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from fnmatch import fnmatchcase

from ...config.keys import Bundle
from ...errors import ResolveError, UsageError
from ...model import Target
from ...trimming import EVERY_PACKAGE
from .. import Ask
from .lockfile import MODULES, Lockfile
from .locking import Locked

_OF_THE_RUNTIME = ("@aws-sdk/", "@smithy/")
"""Scopes whose packages every Node.js runtime of Lambda holds.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html
"""


def carried(ask: Ask, locked: Locked, target: Target, there: Collection[str]) -> list[str]:
    """The places, among those that are installed, that the function carries beside its code, without a bundle.

    ResolveError when it asks for another version of a package than a layer brings.
    """
    packages = locked.packages
    refuse_conflicts(ask, locked)
    gone = {place for place in there if packages.placed[place].name in ask.wanted.exclude_packages}
    gone |= brought(ask, packages)
    only_theirs = packages.reachable(gone, target) - packages.reachable(packages.direct, target, without=gone)
    return [place for place in there if not _is_below(place, gone) and not _is_below(place, only_theirs)]


def beside(ask: Ask, locked: Locked, target: Target, bundle: Bundle, there: Collection[str]) -> list[str]:
    """The places of the packages that a bundle leaves outside, with all that they need, as far as no layer has them.

    The AWS SDK is left to the runtime when it is external: whoever wants a version of their own bundles it.
    """
    packages = locked.packages
    refuse_conflicts(ask, locked)
    start = [
        place
        for place in packages.placed
        if MODULES not in place
        and any(fnmatchcase(place, pattern) for pattern in bundle.external)
        and not place.startswith(_OF_THE_RUNTIME)
    ]
    for name in bundle.external:
        if "*" not in name and name not in start and not name.startswith(_OF_THE_RUNTIME) and name not in ask.provided:
            ask.reporter.warning(f"`{name}` is external to the bundle of `{ask.wanted.name}`, but in no lock or layer")
    kept = packages.reachable(start, target, without=brought(ask, packages))
    return [place for place in there if place in kept]


def brought(ask: Ask, packages: Lockfile) -> set[str]:
    """The places of the packages that layers bring, in the same version: Node.js finds them there just as well."""
    return {
        name
        for name, each in ask.provided.items()
        if name in packages.placed and packages.version(name) in (each.version, "")
    }


def refuse_conflicts(ask: Ask, locked: Locked) -> None:
    """ResolveError for a package that the user asked for, and that a layer brings in another version.

    What only other packages need may differ: Node.js finds for each package the version that lies nearest to it.
    """
    packages = locked.packages
    for name in packages.direct:
        provided = ask.provided.get(name)
        if provided and provided.version and packages.version(name) not in (provided.version, ""):
            raise ResolveError(
                f"`{ask.wanted.name}` is locked with `{name}` {packages.version(name)}, and its layer "
                f"`{provided.layer.name}` holds {provided.version}",
                hint=f"lock both with the same version, or leave `{name}` out of the layer (`exclude-packages`)",
            )


def refuse_unknown(ask: Ask, locked: Locked) -> None:
    """UsageError for what the user would leave out, or files of which, and which is not in the lock."""
    names = {row.name for row in locked.packages.placed.values()}
    named = {"exclude-packages": ask.wanted.exclude_packages, "trim": [name for name, _ in ask.wanted.trim]}
    for key, asked in named.items():
        for name in asked:
            if name not in names and name != EVERY_PACKAGE:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"remove it from `{key}`"
                raise UsageError(f"`{key}` names `{name}`, which is not among the packages", hint=hint)


def _is_below(place: str, places: Collection[str]) -> bool:
    """Whether a package is one of these, or lies in the folder of one."""
    parts = place.split(f"/{MODULES}")
    return any(f"/{MODULES}".join(parts[:depth]) in places for depth in range(1, len(parts) + 1))
