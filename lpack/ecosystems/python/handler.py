"""Whether a Python handler exists, found by reading its module's syntax, not by running it."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterable, Iterator

from ...model import Finding, Severity, Target
from ...tree import Entry, Tree
from .tags import python_version

_CHECK = "handler"
_LONGEST_MODULE = 8 << 20


def check_handler(tree: Tree, handler: str, target: Target) -> list[Finding]:
    """The findings about a handler such as ``app.handler`` or ``package/module.function``.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
    """
    module, dot, function = handler.rpartition(".")
    if not dot or not module or not function:
        return [_error(f"the handler `{handler}` is not of the form `module.function`", "write `app.handler`, say")]
    base = module.replace("/", ".").replace(".", "/")
    entry = _module(tree, base, target)
    if entry is None:
        return [_no_module(tree, base, handler)]
    if not entry.path.endswith(".py"):
        return []  # an extension module: its names can't be read off
    if entry.source.size > _LONGEST_MODULE:
        return [_error(f"`{entry.path}`, the handler's module, is too large to be read", None)]
    return _check_function(entry, handler, function, target)


def _module(tree: Tree, base: str, target: Target) -> Entry | None:
    """The file that Python would import, in the order in which its path finder looks."""
    major, minor = python_version(target)
    machine = target.architecture.machine
    suffixes = (f".cpython-{major}{minor}-{machine}-linux-gnu.so", ".abi3.so", ".so", ".py")
    for path in (*(f"{base}/__init__{suffix}" for suffix in suffixes), *(f"{base}{suffix}" for suffix in suffixes)):
        if path in tree.by_path:
            return tree.by_path[path]
    return None


def _no_module(tree: Tree, base: str, handler: str) -> Finding:
    own = sorted(entry.path for entry in tree if not entry.package and entry.path.endswith(".py"))
    name = base.rpartition("/")[2]
    elsewhere = [path for path in own if path.rpartition("/")[2] == f"{name}.py"]
    if elsewhere:
        hint = f"`{elsewhere[0]}` is there: set the handler, or `source`, so that they meet"
    elif own:
        hint = "the artifact's own modules are " + ", ".join(f"`{path}`" for path in own[:5])
        hint += f" and {len(own) - 5} more" if len(own) > 5 else ""
    else:
        hint = "the artifact has no Python file of its own: is `source` the right folder?"
    return _error(f"the handler `{handler}` was not found: neither `{base}.py` nor `{base}/__init__.py` is there", hint)


def _check_function(entry: Entry, handler: str, function: str, target: Target) -> list[Finding]:
    text = entry.read()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a module's own doubtful escapes are not the handler's matter
            module = ast.parse(text, filename=entry.path)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if python_version(target) > sys.version_info[:2]:
            # The runtime's Python knows more than this one: its newer syntax is no mistake.
            return _check_text(text, entry.path, handler, function)
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        return [_error(f"`{entry.path}`{line}, the handler's module, is not valid Python: {error}", "mend the file")]
    names = set(_names(module.body))
    if function in names or "*" in names or "__getattr__" in names:
        return []
    return [_no_function(entry.path, handler, function, names)]


def _check_text(text: bytes, path: str, handler: str, function: str) -> list[Finding]:
    pattern = rb"^(async\s+def|def|class)\s+%b\b|^%b\s*[:=]|^(from|import)\b.*\b%b\b"
    name = re.escape(function.encode())
    if re.search(pattern % (name, name, name), text, re.MULTILINE):
        return []
    return [_no_function(path, handler, function, set())]


def _names(body: Iterable[ast.stmt]) -> Iterator[str]:
    """The names that a module's statements bind at its top level."""
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield statement.name
            case ast.Import() | ast.ImportFrom():
                for alias in statement.names:
                    yield alias.asname or alias.name.partition(".")[0]
            case ast.Assign(targets=targets):
                for target in targets:
                    yield from _bound(target)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                yield from _bound(target)
            case ast.AugAssign(target=target):
                yield from _bound(target)
            case ast.With(items=items, body=inner) | ast.AsyncWith(items=items, body=inner):
                for item in items:
                    if item.optional_vars:
                        yield from _bound(item.optional_vars)
                yield from _names(inner)
            case ast.For(target=target, body=inner, orelse=otherwise):
                yield from _bound(target)
                yield from _names([*inner, *otherwise])
            case ast.If(body=inner, orelse=otherwise) | ast.While(body=inner, orelse=otherwise):
                yield from _names([*inner, *otherwise])
            case ast.Try(body=inner, handlers=handlers, orelse=otherwise, finalbody=final):
                yield from _names([*inner, *otherwise, *final])
                for each in handlers:
                    yield from _names(each.body)
            case ast.Match(cases=cases):
                for each_case in cases:
                    yield from _names(each_case.body)
            case _:
                pass
        for node in ast.walk(statement):
            if isinstance(node, ast.NamedExpr):
                yield from _bound(node.target)


def _bound(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            for element in elements:
                yield from _bound(element)
        case ast.Starred(value=value):
            yield from _bound(value)


def _no_function(path: str, handler: str, function: str, names: set[str]) -> Finding:
    import difflib

    near = difflib.get_close_matches(function, names, n=1, cutoff=0.5)
    likely = near or sorted(name for name in names if "handler" in name.lower())[:1]
    hint = f"did you mean `{handler.rpartition('.')[0]}.{likely[0]}`?" if likely else f"define `{function}` in `{path}`"
    return _error(f"the handler `{handler}` was not found: `{path}` does not define `{function}`", hint)


def _error(message: str, hint: str | None) -> Finding:
    return Finding(Severity.ERROR, _CHECK, message, hint)
