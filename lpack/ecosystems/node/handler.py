"""Whether a Node.js handler exists, found by reading its module's syntax, not by running it.

Source: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html, and UserFunction.js of AWS's runtime interface
client, which says in which order files are tried.
"""

from __future__ import annotations

import difflib
import json
import posixpath
from typing import NamedTuple

from ...aws.layer_paths import package_folders
from ...model import Finding, Severity, Target
from ...store import Store
from ...tree import LINK, Entry, Tree
from .exports import Exports, exports_of

_CHECK = "handler"
_LONGEST_MODULE = 32 << 20
_MOST_LINKS = 40
_NOTE = "node-exports-1"
_KEPT_FROM = 64 << 10
_SUFFIXES = ("", ".js", ".mjs", ".cjs")
_TYPESCRIPT = (".ts", ".mts", ".cts", ".tsx")
_DETECTS_MODULES = 24
"""The first Node.js that takes a .js file for an ES module by its syntax alone: Lambda turns that off in older ones."""


class _Named(NamedTuple):
    """A handler, and its parts: a path without suffix, and the name of what it exports."""

    handler: str
    base: str
    function: str


def check_handler(tree: Tree, handler: str, target: Target, store: Store) -> list[Finding]:
    """The findings about a handler such as ``index.handler`` or ``src/index.handler``."""
    named = _named(handler, target)
    if isinstance(named, str):
        return [_error(f"the handler `{handler}` {named}", "write `index.handler`, say")]
    found = next((entry for suffix in _SUFFIXES if (entry := _file(tree, named.base + suffix))), None)
    if found is None:
        if f"node_modules/{posixpath.basename(named.base)}/" in {_package_folder(entry.path) for entry in tree}:
            return []  # a package's main module, which only Node.js itself can find
        return [_no_module(tree, named.base, handler)]
    if found.source.size > _LONGEST_MODULE:
        return [_error(f"`{found.path}`, the handler's module, is too large to be read", None)]
    return _check_exports(tree, found, named, target, _exports(found, store))


def _named(handler: str, target: Target) -> _Named | str:
    """The handler's parts, or what is wrong with it."""
    path = handler.removeprefix("/var/task/").removeprefix("./")
    for folder in package_folders(target.runtime):
        path = path.removeprefix(f"/opt/{folder}/")
    folder, _, last = path.rpartition("/")
    module, dot, function = last.partition(".")
    if ".." in handler:
        return "has `..` in it, which Lambda refuses"
    if not module or not dot or not function:
        return "is not of the form `file.export`"
    return _Named(handler, posixpath.join(folder, module), function.partition(".")[0])


def _package_folder(path: str) -> str:
    return "/".join(path.split("/")[:2]) + "/"


def _file(tree: Tree, path: str) -> Entry | None:
    """The file at a path, behind links; None when there is none, or when links lead in circles."""
    links = {entry.path: entry for entry in tree if entry.mode == LINK}
    for _ in range(_MOST_LINKS if links else 1):
        parts = path.split("/")
        ways = ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
        link = next((links[way] for way in ways if way in links), None)
        if link is None:
            return tree.by_path.get(path)
        behind = posixpath.join(posixpath.dirname(link.path), link.read().decode("utf-8", "replace"))
        path = posixpath.normpath(behind) + path[len(link.path) :]
    return None


def _exports(entry: Entry, store: Store) -> Exports:
    """What the module exports: large ones, as bundles are, take long to read, and are read once."""
    if entry.source.size < _KEPT_FROM:
        return exports_of(entry.read())
    key = entry.source.sha256.hex()
    noted = store.note(_NOTE, key)
    if noted is None:
        found = exports_of(entry.read())
        store.make_note(_NOTE, key, [sorted(found.of_module), sorted(found.of_commonjs), *found[2:]])
        return found
    of_module, of_commonjs, is_module, wrong_line = noted
    return Exports(frozenset(of_module), frozenset(of_commonjs), is_module, wrong_line)


def _check_exports(tree: Tree, entry: Entry, named: _Named, target: Target, found: Exports) -> list[Finding]:
    is_module = entry.path.endswith(".mjs") or (entry.path.endswith(".js") and _says_module(tree, entry.path))
    if found.is_module and not is_module and (entry.path.endswith(".cjs") or _is_old(target)):
        # Newer ones look at the syntax of .js files by themselves.
        return [_error(f"`{entry.path}`, the handler's module, is an ES module, and {target.runtime} would not take it "
                       "for one", 'name it `.mjs`, or write "type": "module" in package.json')]  # fmt: skip
    names = found.of_module if is_module or found.is_module else found.of_commonjs
    if named.function in names or "*" in names:
        return []
    if found.wrong_line:
        message = f"`{entry.path}`, the handler's module, can't be read as JavaScript from line {found.wrong_line} on"
        return [Finding(Severity.WARNING, _CHECK, message, "see whether it is correct")]
    if is_module and named.function in found.of_commonjs:
        fact = f"`{entry.path}` is an ES module, where `exports` is not known"
        message = f"the handler `{named.handler}` was not found: {fact}"
        return [_error(message, f"write `export const {named.function} = …`")]
    return [_no_function(entry.path, named, names)]


def _is_old(target: Target) -> bool:
    return int(target.runtime.version) < _DETECTS_MODULES


def _says_module(tree: Tree, path: str) -> bool:
    """Whether the package.json nearest to the file makes it an ES module."""
    folder = path
    while folder:
        folder = posixpath.dirname(folder)
        found = _file(tree, posixpath.join(folder, "package.json"))
        if found:
            try:
                document = json.loads(found.read())
            except (ValueError, RecursionError):
                return False
            return isinstance(document, dict) and document.get("type") == "module"
    return False


def _no_module(tree: Tree, base: str, handler: str) -> Finding:
    own = sorted(entry.path for entry in tree if not entry.package and entry.path.endswith(_SUFFIXES[1:]))
    name = posixpath.basename(base)
    elsewhere = [path for path in own if posixpath.basename(path).rpartition(".")[0] == name]
    if typescript := next((suffix for suffix in _TYPESCRIPT if _file(tree, base + suffix)), None):
        fact, hint = f"`{base}{typescript}` is TypeScript, which Lambda does not run", "set `bundle = true`"
    elif elsewhere:
        fact, hint = (
            f"`{base}.js` is not there",
            f"`{elsewhere[0]}` is: set the handler, or `source`, so that they meet",
        )
    elif own:
        fact = f"neither `{base}.js` nor `{base}.mjs` is there"
        hint = "the artifact's own modules are " + ", ".join(f"`{path}`" for path in own[:5])
        hint += f" and {len(own) - 5} more" if len(own) > 5 else ""
    else:
        fact = f"neither `{base}.js` nor `{base}.mjs` is there"
        hint = "the artifact has no JavaScript file of its own: is `source` the right folder?"
    return _error(f"the handler `{handler}` was not found: {fact}", hint)


def _no_function(path: str, named: _Named, names: frozenset[str]) -> Finding:
    near = difflib.get_close_matches(named.function, sorted(names), n=1, cutoff=0.5)
    likely = near or sorted(name for name in names if "handler" in name.lower())[:1]
    hint = f"did you mean `{named.base}.{likely[0]}`?" if likely else f"export `{named.function}` from `{path}`"
    return _error(f"the handler `{named.handler}` was not found: `{path}` does not export `{named.function}`", hint)


def _error(message: str, hint: str | None) -> Finding:
    return Finding(Severity.ERROR, _CHECK, message, hint)
