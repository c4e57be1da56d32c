"""The names that a module's text binds at its top level."""

from __future__ import annotations

import ast
import contextlib
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator

_PARSING = threading.Lock()
_TRIES = 10

_DYNAMIC = {"globals", "locals", "vars", "exec", "modules"}
"""Where a module uses one of these (the last one of `sys`), it may bind names that its text does not show."""


def names_in(text: bytes, version: tuple[int, int]) -> set[str] | None:
    """The names, or None where the text can't tell them all; SyntaxError when it is not Python of that version.

    ValueError, RecursionError or MemoryError is what Python raises for some texts that no module has. This Python
    knows its own syntax alone: of a newer version it refuses what is new, of an older one it sees most of what is.
    """
    module = _parsed(text, min(version, sys.version_info[:2]))
    names = {*_bound_by(module.body), *_bound_from_inside(module)}
    if names & {"*", "__getattr__"} or _DYNAMIC & set(_mentioned(module)):
        return None
    return names


def _parsed(text: bytes, version: tuple[int, int]) -> ast.Module:
    # One at a time, as the filters of warnings are those of all threads; and once more if it was disturbed: where
    # another thread parses, too, Python may lose count (https://github.com/python/cpython/issues/106905).
    with _PARSING, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a module's own doubtful escapes are not the matter here
        for _ in range(_TRIES):
            with contextlib.suppress(SystemError):
                return ast.parse(text, feature_version=version)
        return ast.parse(text, feature_version=version)


def _mentioned(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _bound_from_inside(module: ast.Module) -> Iterator[str]:
    """The names that functions declare as the module's."""
    for node in ast.walk(module):
        if isinstance(node, ast.Global):
            yield from node.names


def _bound_by(body: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
                continue
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                for alias in aliases:
                    yield alias.asname or alias.name.partition(".")[0]
                continue
            case ast.AnnAssign(value=None):
                continue
        for child in ast.iter_child_nodes(statement):
            yield from _bound_in(child)


def _bound_in(node: ast.AST) -> Iterator[str]:
    """The names that a part of a statement binds: targets, and whatever its blocks bind."""
    match node:
        case ast.stmt():
            yield from _bound_by([node])
        case ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name
            for child in ast.iter_child_nodes(node):
                yield from _bound_in(child)
        case ast.comprehension(iter=values, ifs=conditions):  # its own variables are its own
            for part in (values, *conditions):
                yield from _bound_in(part)
        case ast.Lambda():
            pass
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _bound_in(child)
