"""The classes of an artifact, as Lambda's Java finds them: at the root, then in jars, in `lib` or in a layer's folder.

Source: https://docs.aws.amazon.com/lambda/latest/dg/java-package.html
"""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ...errors import InputError
from ...tree import LINK, Entry, Member, Tree
from .class_files import ClassFile, read_class

JAR = ".jar"
CLASS = ".class"
VERSIONED = "META-INF/versions/"
"""Where a multi-release jar has classes that only newer releases of Java look at."""

_LONGEST = 64 << 20
_FOLDERS = {"", "lib", "java/lib"}


@contextlib.contextmanager
def opened(jar: Entry) -> Iterator[zipfile.ZipFile | None]:
    """The jar, to be read as leniently as Java itself does; None when it is none."""
    source = jar.source
    # A jar that is to go into an artifact as it is lies whole in a file of its own.
    file = source.archive if isinstance(source, Member) and source.offset == 0 else io.BytesIO(jar.read())
    try:
        with zipfile.ZipFile(file) as zipped:
            yield zipped
    except (zipfile.BadZipFile, OSError):
        yield None


@dataclass(frozen=True)
class ClassPath:
    """The classes in a tree; a class is read when it is asked for."""

    tree: Tree

    @cached_property
    def jars(self) -> list[Entry]:
        """The jars, in the order in which they are searched: those of a function's `lib`, or of a layer's folder."""
        return [
            entry
            for entry in self.tree
            if entry.path.endswith(JAR) and entry.mode != LINK and entry.path.rpartition("/")[0] in _FOLDERS
        ]

    def find(self, name: str) -> ClassFile | None:
        """The class of that name (with slashes), None when it is not there; InputError when it is broken."""
        data = self.data(f"{name}{CLASS}")
        try:
            return read_class(data) if data is not None else None
        except InputError as error:
            raise InputError(f"the class file of `{name.replace('/', '.')}` can't be read: {error}") from error

    def data(self, path: str) -> bytes | None:
        """The file at a path of the class path."""
        there = self.tree.by_path.get(path)
        if there:
            return there.read() if there.source.size <= _LONGEST else None
        if path not in self.in_jars:
            return None
        with opened(self.in_jars[path]) as zipped:
            return zipped.read(path) if zipped and zipped.getinfo(path).file_size <= _LONGEST else None

    @cached_property
    def in_jars(self) -> dict[str, Entry]:
        """For each file in a jar, the first jar that has it."""
        found: dict[str, Entry] = {}
        for jar in self.jars:
            with opened(jar) as zipped:
                for name in zipped.namelist() if zipped else ():
                    found.setdefault(name, jar)
        return found

    @property
    def own_classes(self) -> Iterator[str]:
        """The names (with slashes) of the classes at the root that are not inside of others."""
        for entry in self.tree:
            path = entry.path
            if path.endswith(CLASS) and "$" not in path and not path.startswith("META-INF/"):
                yield path.removesuffix(CLASS)
