"""Which files of a layer a runtime gets to see: one layer may carry packages for several languages and versions."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from ..aws.layer_paths import package_folders
from ..aws.runtimes import Family, Runtime
from ..tree import Tree

_FAMILIES: tuple[Family, ...] = ("python", "nodejs", "java", "ruby")
"""Those that look for packages in a folder of their own, which has their name."""

_ONE_VERSION = re.compile(r"(python/lib/python[^/]+/site-packages|nodejs/node\d+/node_modules|ruby/gems/[^/]+)/.*")


def visible(tree: Tree, runtime: Runtime, families: Collection[Family]) -> Tree:
    """The part of a layer, which is for runtimes of these families, that this one of them may load something from.

    It lacks the packages of other families, and of other versions of its own.
    """
    sees = sees_in_layers(runtime, families)
    return Tree(tuple(entry for entry in tree if sees(entry.path)))


def sees_in_layers(runtime: Runtime, families: Collection[Family]) -> Callable[[str], bool]:
    """Whether the runtime sees a path in a layer that is for runtimes of these families."""
    others = {family for family in _FAMILIES if family in families and family != runtime.family}
    own = package_folders(runtime)

    def sees(path: str) -> bool:
        top = path.partition("/")[0]
        if top in others:
            return False
        match = _ONE_VERSION.fullmatch(path) if top == runtime.family else None
        return match is None or match[1] in own

    return sees
