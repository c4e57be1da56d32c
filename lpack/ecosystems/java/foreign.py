"""The jars in a tree of unknown origin, by what Maven leaves in each of them."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator

from ...model import Package
from ...tree import Entry, Tree
from .purls import purl_of

_LONGEST_JAR = 64 << 20
_LONGEST_TEXT = 1 << 16
_PROPERTIES = re.compile(r"META-INF/maven/(?P<group>[^/]+)/(?P<artifact>[^/]+)/pom\.properties")
_VERSION = re.compile(r"^version=(?P<version>[!-~]+)\s*$", re.MULTILINE)


def packages_in(tree: Tree) -> tuple[Tree, tuple[Package, ...]]:
    """The packages in the folders of jars, and the tree with their entries marked."""
    found = {entry.path: package for entry in tree if _is_jar(entry) and (package := _package(entry))}
    if not found:
        return tree, ()
    marked = (entry._replace(package=found[entry.path].name) if entry.path in found else entry for entry in tree)
    return Tree.of(marked), tuple(found[path] for path in sorted(found))


def _is_jar(entry: Entry) -> bool:
    folder, _, file = entry.path.rpartition("/")
    return folder in {"lib", "java/lib"} and file.endswith(".jar") and entry.source.size <= _LONGEST_JAR


def _package(entry: Entry) -> Package | None:
    """The package that a jar is; None when it doesn't say so, or says it of several that were put together."""
    try:
        # For an encrypted member Python raises RuntimeError, for an unknown compression NotImplementedError.
        with zipfile.ZipFile(io.BytesIO(entry.read())) as jar:
            told = list(_told(jar))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
        return None  # whether it can be loaded is for other checks to say
    file = posixpath.basename(entry.path)
    for group, artifact, version in told:
        if len(told) == 1 or file == f"{artifact}-{version}.jar":
            name = f"{group}:{artifact}"
            return Package(name, version, purl_of(group, artifact, version), "", posixpath.dirname(entry.path))
    return None


def _told(jar: zipfile.ZipFile) -> Iterator[tuple[str, str, str]]:
    for info in jar.infolist():
        match = _PROPERTIES.fullmatch(info.filename)
        if match and info.file_size <= _LONGEST_TEXT and match[0].isprintable():
            version = _VERSION.search(jar.read(info).decode("utf-8", "replace"))
            if version:
                yield match["group"], match["artifact"], version["version"]
