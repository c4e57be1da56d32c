"""The packages in a tree of unknown origin, by what npm leaves in each of their folders."""

from __future__ import annotations

import json
import posixpath

from ...model import Package
from ...tree import Entry, Tree
from .installing import purl_of
from .lockfile import MODULES

_LONGEST_TEXT = 1 << 20
"""More bytes than any package.json has."""


def packages_in(tree: Tree) -> tuple[Tree, tuple[Package, ...]]:
    """The packages in the folders `node_modules`, and the tree with their entries marked."""
    described = {folder: entry for entry in tree if (folder := _folder(entry.path))}
    found = {folder: package for folder, entry in described.items() if (package := _package(entry))}
    if not found:
        return tree, ()
    marked = (entry._replace(package=entry.package or _owner(entry.path, found)) for entry in tree)
    return Tree.of(marked), tuple(found[folder] for folder in sorted(found))


def _folder(path: str) -> str:
    """The package's folder that the path is the package.json of; "" for any other path."""
    folder, _, file = path.rpartition("/")
    parent, name = posixpath.split(folder)
    if posixpath.basename(parent).startswith("@"):
        parent = posixpath.dirname(parent)
    return folder if file == "package.json" and name and f"{posixpath.basename(parent)}/" == MODULES else ""


def _package(entry: Entry) -> Package | None:
    """The package that a package.json describes; None for one that doesn't."""
    if entry.source.size > _LONGEST_TEXT:
        return None
    try:
        document = json.loads(entry.read())
        name, version = document["name"], document["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not (isinstance(name, str) and isinstance(version, str) and name.isprintable() and version.isprintable()):
        return None
    return Package(name, version, purl_of(name, version), sha256="", root=posixpath.dirname(entry.path))


def _owner(path: str, packages: dict[str, Package]) -> str:
    """The name of the package whose folder is the nearest above the path."""
    folder = posixpath.dirname(path)
    while folder and folder not in packages:
        folder = posixpath.dirname(folder)
    return packages[folder].name if folder else ""
