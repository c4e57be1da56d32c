"""Whether a Python handler exists, found by reading its module's syntax, not by running it.

Source: https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
"""

from __future__ import annotations

import posixpath
import re
import sys
from dataclasses import dataclass
from functools import cached_property

from ...model import Finding, Severity, Target
from ...store import Store
from ...tree import LINK, Entry, Tree
from .tags import python_version

_CHECK = "handler"
_LONGEST_MODULE = 8 << 20
_MOST_LINKS = 40


def check_handler(tree: Tree, handler: str, target: Target, store: Store) -> list[Finding]:  # noqa: ARG001 -- the Protocol's
    """The findings about a handler such as ``app.handler`` or ``package/module.function``."""
    module, _, function = handler.rpartition(".")
    if not module or not function:
        return [_error(f"the handler `{handler}` is not of the form `module.function`", "write `app.handler`, say")]
    base = module.replace(".", "/")
    if base.partition("/")[0] in sys.builtin_module_names:
        return [
            _error(f"the handler `{handler}` is in a module that Python itself has", "give the module another name")
        ]
    files = _Files(tree, target)
    found = files.module(base)
    if found is None:
        return [_no_module(files, base, handler)]
    if not found.path.endswith(".py"):
        return []  # an extension module, or byte code: its names can't be read off
    if found.source.size > _LONGEST_MODULE:
        return [_error(f"`{found.path}`, the handler's module, is too large to be read", None)]
    return _check_function(found, handler, target)


@dataclass(frozen=True)
class _Files:
    """The modules in a tree, as the target's Python finds them."""

    tree: Tree
    target: Target

    @cached_property
    def suffixes(self) -> tuple[str, ...]:
        """What a module's file may end with, in the order in which Python looks."""
        major, minor = python_version(self.target)
        extension = f".cpython-{major}{minor}-{self.target.architecture.machine}-linux-gnu.so"
        return (extension, ".abi3.so", ".so", ".py", ".pyc")

    @cached_property
    def links(self) -> dict[str, str]:
        """The links' targets."""
        return {entry.path: entry.read().decode("utf-8", "replace") for entry in self.tree if entry.mode == LINK}

    @cached_property
    def folders(self) -> frozenset[str]:
        """The paths of all folders."""
        return frozenset(path for entry in self.tree for path in _parents(entry.path))

    def module(self, base: str) -> Entry | None:
        """The file that ``import`` runs for a module, given with slashes; None when there is none."""
        parent = base.rpartition("/")[0]
        if parent and not self.is_package(parent):
            return None
        return self.first(f"{base}/__init__") or self.first(base)

    def is_package(self, base: str) -> bool:
        """Whether modules can lie in it: a folder with ``__init__``, or one that no module of its name hides."""
        above = base.rpartition("/")[0]
        if above and not self.is_package(above):
            return False
        return bool(self.first(f"{base}/__init__")) or (self.is_folder(base) and not self.first(base))

    def first(self, base: str) -> Entry | None:
        """The file of that name with the first suffix that there is."""
        return next((entry for suffix in self.suffixes if (entry := self.file(base + suffix))), None)

    def file(self, path: str) -> Entry | None:
        """The file at a path."""
        return self.tree.by_path.get(self.behind(path))

    def is_folder(self, path: str) -> bool:
        """Whether a folder is at a path."""
        return self.behind(path) in self.folders

    def behind(self, path: str) -> str:
        """The path without the links on the way; "" when they lead in circles."""
        if not self.links:
            return path
        for _ in range(_MOST_LINKS):
            link = next((part for part in (*_parents(path), path) if part in self.links), None)
            if link is None:
                return path
            path = posixpath.normpath(posixpath.join(posixpath.dirname(link), self.links[link])) + path[len(link) :]
        return ""


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _no_module(files: _Files, base: str, handler: str) -> Finding:
    own = sorted(entry.path for entry in files.tree if not entry.package and entry.path.endswith(".py"))
    name = base.rpartition("/")[2]
    elsewhere = [path for path in own if path.rpartition("/")[2] == f"{name}.py" and path != f"{base}.py"]
    looked_at = f"neither `{base}.py` nor `{base}/__init__.py` is there"
    if files.file(f"{base}.py"):
        looked_at = f"`{base}.py` is not in a package: a module of the same name hides one of its folders"
        hint = "give the module or the folder another name"
    elif elsewhere:
        hint = f"`{elsewhere[0]}` is there: set the handler, or `source`, so that they meet"
    elif own:
        hint = "the artifact's own modules are " + ", ".join(f"`{path}`" for path in own[:5])
        hint += f" and {len(own) - 5} more" if len(own) > 5 else ""
    else:
        hint = "the artifact has no Python file of its own: is `source` the right folder?"
    return _error(f"the handler `{handler}` was not found: {looked_at}", hint)


def _check_function(entry: Entry, handler: str, target: Target) -> list[Finding]:
    from .module_names import names_in

    function = handler.rpartition(".")[2]
    text = entry.read()
    try:
        names = names_in(text, python_version(target))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if python_version(target) <= sys.version_info[:2]:
            where = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            fact = error.msg if isinstance(error, SyntaxError) else str(error) or "it is nested too deep"
            message = f"`{entry.path}`{where}, the handler's module, is not valid Python: {fact}"
            return [_error(message, "correct the file")]
        # The runtime's Python knows more than this one: its newer syntax is no mistake, and only the text is left.
        names = {function} if re.search(rb"\b%b\b" % re.escape(function.encode()), text) else set()
    if names is None or function in names:
        return []
    return [_no_function(entry.path, handler, names)]


def _no_function(path: str, handler: str, names: set[str]) -> Finding:
    import difflib

    module, _, function = handler.rpartition(".")
    near = difflib.get_close_matches(function, sorted(names), n=1, cutoff=0.5)
    likely = near or sorted(name for name in names if "handler" in name.lower())[:1]
    hint = f"did you mean `{module}.{likely[0]}`?" if likely else f"define `{function}` in `{path}`"
    return _error(f"the handler `{handler}` was not found: `{path}` does not define `{function}`", hint)


def _error(message: str, hint: str | None) -> Finding:
    return Finding(Severity.ERROR, _CHECK, message, hint)
