"""What a JavaScript module exports, read off its syntax by tree-sitter; nothing of it is run.

The names of node types are those of https://github.com/tree-sitter/tree-sitter-javascript.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query

_OPEN = "*"
"""Stands for names that can't be read off; no identifier is spelled like it."""

_ANNOTATION = re.compile(rb"(?:^|(?<=[\n;}]))0 ?&& ?\(module\.exports ?= ?\{")
_LONGEST_ANNOTATION = 64 << 10

_COMMONJS = """
(assignment_expression
  left: [
    (member_expression object: (identifier) @_object)
    (member_expression object: (member_expression object: (identifier) @_object))
    (subscript_expression object: (identifier) @_object)
    (subscript_expression object: (member_expression object: (identifier) @_object))
  ]
  (#any-of? @_object "exports" "module")) @assignment
(call_expression arguments: (arguments (identifier) @_argument (#eq? @_argument "exports"))) @call
(call_expression
  arguments: (arguments (member_expression object: (identifier) @_of) @_member (#eq? @_member "module.exports"))) @call
(call_expression function: (identifier) @_helper (#eq? @_helper "__export")) @call
(variable_declarator value: [(identifier) (member_expression)] @value (#any-of? @value "exports" "module.exports"))
"""


class Exports(NamedTuple):
    """The names that a module exports as an ES module, and as CommonJS; "*" among them stands for others.

    ``is_module`` tells that by its syntax it can only be an ES module; ``wrong_line`` is the first line that is no
    JavaScript, or 0.
    """

    of_module: frozenset[str]
    of_commonjs: frozenset[str]
    is_module: bool
    wrong_line: int


def exports_of(text: bytes) -> Exports:
    """What the module with this text exports."""
    from tree_sitter import QueryCursor

    annotated = _annotated(text)
    if annotated is not None:
        return Exports(frozenset(), annotated, is_module=False, wrong_line=0)
    query, root = _grammar()[0], _parsed(text)
    statements = [node for node in root.named_children if node.type == "export_statement"]
    captures = QueryCursor(query).captures(root)
    return Exports(
        frozenset(name for node in statements for name in _exported(node)),
        frozenset(_commonjs(captures)),
        bool(statements) or any(node.type == "import_statement" for node in root.named_children),
        _wrong_line(root) if root.has_error else 0,
    )


def _parsed(text: bytes) -> Node:
    from tree_sitter import Parser

    return Parser(_grammar()[1]).parse(text).root_node


def _annotated(text: bytes) -> frozenset[str] | None:
    """What esbuild says at the end of a CommonJS bundle that it exports; None when the text does not end like one.

    Reading all of a bundle would take as long as making it.
    """
    tail = text[-_LONGEST_ANNOTATION:]
    found = [match.start() for match in _ANNOTATION.finditer(tail)]
    if not found:
        return None
    statements = [node for node in _parsed(tail[found[-1] :]).named_children if node.type != "comment"]
    if len(statements) != 1 or statements[0].has_error:
        return None
    assignments = [node for node in _below(statements[0]) if node.type == "assignment_expression"]
    if len(assignments) != 1 or not _is_annotation(assignments[0]):
        return None
    return frozenset(_assigned(assignments[0]))


def _below(node: Node) -> Iterator[Node]:
    for child in node.named_children:
        yield child
        yield from _below(child)


@functools.cache  # it takes longer than to read most modules
def _grammar() -> tuple[Query, Language]:
    import tree_sitter_javascript
    from tree_sitter import Language, Query

    language = Language(tree_sitter_javascript.language())
    return Query(language, _COMMONJS), language


def _text(node: Node | None) -> str:
    return (node.text or b"").decode("utf-8", errors="replace") if node else ""


def _name(node: Node | None) -> str:
    """The name that an identifier or a string stands for."""
    text = _text(node)
    return text[1:-1] if node and node.type == "string" else text


# ES modules


def _exported(statement: Node) -> Iterator[str]:
    if any(child.type == "default" for child in statement.children):
        yield "default"
        return
    declaration = statement.child_by_field_name("declaration")
    if declaration:
        yield from _declared(declaration)
        return
    clauses = [child for child in statement.named_children if child.type in {"export_clause", "namespace_export"}]
    if not clauses:
        yield _OPEN  # export * from "elsewhere"
    for clause in clauses:
        if clause.type == "namespace_export":
            yield _name(clause.named_children[0])
        for each in clause.named_children:
            if each.type == "export_specifier":
                yield _name(each.child_by_field_name("alias") or each.child_by_field_name("name"))


def _declared(declaration: Node) -> Iterator[str]:
    name = declaration.child_by_field_name("name")
    if name:
        yield _text(name)
    for each in declaration.named_children:
        if each.type == "variable_declarator":
            yield from _bound(each.child_by_field_name("name"))


def _bound(pattern: Node | None) -> Iterator[str]:
    """The names that a pattern such as ``{ a: b, ...c }`` gives to values."""
    if pattern is None:
        return
    if pattern.type in {"identifier", "shorthand_property_identifier_pattern"}:
        yield _text(pattern)
    elif pattern.type == "pair_pattern":
        yield from _bound(pattern.child_by_field_name("value"))
    elif pattern.type in {"assignment_pattern", "object_assignment_pattern"}:
        yield from _bound(pattern.child_by_field_name("left"))
    else:
        for each in pattern.named_children:
            yield from _bound(each)


# CommonJS


def _commonjs(captures: dict[str, list[Node]]) -> set[str]:
    assignments, calls = captures.get("assignment", ()), captures.get("call", ())
    # esbuild tells what a bundle exports in a line that never runs: `0 && (module.exports = { … })`.
    for node in assignments:
        if _is_annotation(node):
            return set(_assigned(node))
    names = {name for node in assignments for name in _assigned(node)}
    names |= {name for node in calls for name in _called(node)}
    return names | ({_OPEN} if captures.get("value") else set())


def _is_annotation(assignment: Node) -> bool:
    above = assignment.parent.parent if assignment.parent else None
    return (
        above is not None
        and above.type == "binary_expression"
        and _text(above.child_by_field_name("left")) == "0"
        and _text(assignment.child_by_field_name("left")) == "module.exports"
    )


def _assigned(assignment: Node) -> Iterator[str]:
    left, right = assignment.child_by_field_name("left"), assignment.child_by_field_name("right")
    if left is None:
        return
    target = _text(left)
    while right and right.type == "assignment_expression":  # module.exports = exports = …
        right = right.child_by_field_name("right")
    if target == "module.exports":
        yield from _keys(right)
        return
    of = left.child_by_field_name("object")
    while of and of.type == "member_expression" and _text(of) != "module.exports":  # exports.name.part = …
        left, of = of, of.child_by_field_name("object")
    if _text(of) not in {"exports", "module.exports"}:
        return
    key = left.child_by_field_name("property") or left.child_by_field_name("index")
    yield _name(key) if key and key.type in {"property_identifier", "string"} else _OPEN


def _keys(value: Node | None) -> Iterator[str]:
    """The keys of an object; "*" when there may be others, or when it is none."""
    if value is None or value.type != "object":
        # Functions that are exported as they are may have got properties.
        yield from () if value and _text(value).startswith("__toCommonJS(") else (_OPEN,)
        return
    for each in value.named_children:
        key = each.child_by_field_name("key") or each.child_by_field_name("name")
        if each.type == "shorthand_property_identifier":
            yield _text(each)
        elif key and key.type in {"property_identifier", "string"}:
            yield _name(key)
        elif each.type != "comment":
            yield _OPEN


def _called(call: Node) -> Iterator[str]:
    """What a call exports that is given ``exports``, or is one of esbuild's."""
    function, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
    given = arguments.named_children if arguments else []
    match _text(function):
        case "Object.defineProperty" if len(given) > 1:
            yield _name(given[1]) if given[1].type == "string" else _OPEN
        case "Object.assign" | "__export" | "_export":
            for each in given[1:]:
                yield from _keys(each)
        case _:
            yield _OPEN


def _wrong_line(node: Node) -> int:
    """The line of the first place that is not JavaScript as the parser knows it."""
    while True:
        wrong = next((child for child in node.children if child.has_error or child.is_missing), None)
        if wrong is None or wrong.type == "ERROR" or wrong.is_missing:
            return (wrong or node).start_point[0] + 1
        node = wrong
