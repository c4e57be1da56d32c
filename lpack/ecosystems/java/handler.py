"""Whether a Java handler exists, found by reading class files, not by running them.

Source: https://docs.aws.amazon.com/lambda/latest/dg/java-handler.html
"""

from __future__ import annotations

import difflib
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from ...errors import InputError
from ...model import Finding, Severity, Target
from ...store import Store
from ...tree import Tree
from .class_files import ABSTRACT, INTERFACE, PUBLIC, STATIC, ClassFile, Method
from .class_path import ClassPath

_CHECK = "handler"
_INTERFACES = {
    "com/amazonaws/services/lambda/runtime/RequestHandler",
    "com/amazonaws/services/lambda/runtime/RequestStreamHandler",
}
_INTERFACE_METHOD = "handleRequest"
_MOST_ANCESTORS = 200


def check_handler(tree: Tree, handler: str, target: Target, store: Store) -> list[Finding]:  # noqa: ARG001 -- the Protocol's
    """The findings about a handler such as ``example.App::handle``, or ``example.App`` for a class with the interface.

    A method may be inherited; where a class above is not in the tree, it can't be known.
    """
    del target  # all releases look for it in the same way
    name, separator, method = handler.partition("::")
    if not name or (separator and not method) or "/" in handler:
        hint = "write `example.App::handleRequest`, or `example.App` for a class that implements RequestHandler"
        return [_error(f"the handler `{handler}` is not of the form `package.Class::method`", hint)]
    classes = ClassPath(tree)
    try:
        # For an encrypted member Python raises RuntimeError, for an unknown compression NotImplementedError.
        found = classes.find(name.replace(".", "/"))
        if found is None:
            return [_no_class(classes, name, handler)]
        family = _Family.of(found, classes)
    except (InputError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        return [_error(f"the handler `{handler}` can't be looked at: {error}", "build it again")]
    if separator:
        return _check_method(family, method, handler)
    return _check_interface(family, handler)


class _Family(NamedTuple):
    """A class and all that it inherits from; ``complete`` if all of that is known."""

    own: ClassFile
    ancestors: tuple[ClassFile, ...]
    complete: bool
    names: frozenset[str]

    @classmethod
    def of(cls, own: ClassFile, classes: ClassPath) -> _Family:
        found, complete = [own], True
        names: set[str] = set()
        waiting = [*_above(own)]
        while waiting and len(found) < _MOST_ANCESTORS:
            name = waiting.pop(0)
            if name in names or name.startswith("java/"):
                continue
            names.add(name)
            if name in _INTERFACES:
                continue
            above = classes.find(name)
            if above:
                found.append(above)
                waiting += _above(above)
            else:
                complete = False
        return cls(own, tuple(found), complete, frozenset(names))

    def methods(self, name: str) -> list[Method]:
        """The methods of that name, its own and inherited ones."""
        return [method for each in self.ancestors for method in each.methods if method.name == name]

    @property
    def implements(self) -> bool:
        """Whether it has one of Lambda's interfaces."""
        return bool(self.names & _INTERFACES)


def _above(each: ClassFile) -> Iterator[str]:
    if each.superclass:
        yield each.superclass
    yield from each.interfaces


def _check_method(family: _Family, name: str, handler: str) -> list[Finding]:
    methods = family.methods(name)
    if not methods:
        inherited = name == _INTERFACE_METHOD and family.implements
        return [] if inherited or not family.complete else [_no_method(family, name, handler)]
    public = [method for method in methods if method.flags & PUBLIC]
    if not public:
        return [_error(f"the handler `{handler}` was not found: the method `{name}` is not public", "make it public")]
    if any(method.flags & STATIC for method in public):
        return []
    return _check_instance(family.own, handler)


def _check_interface(family: _Family, handler: str) -> list[Finding]:
    if not family.implements:
        if not family.complete:
            return []
        methods = [method.name for method in _candidates(family)]
        hint = "let it implement RequestHandler or RequestStreamHandler"
        hint += f", or name a method: `{handler}::{methods[0]}`" if methods else ""
        message = f"the handler `{handler}` was not found: the class does not implement one of Lambda's interfaces"
        return [_error(message, hint)]
    return _check_instance(family.own, handler)


def _check_instance(own: ClassFile, handler: str) -> list[Finding]:
    """Lambda makes an object of the class, by its constructor without parameters."""
    kind = "an interface" if own.flags & INTERFACE else "an abstract class" if own.flags & ABSTRACT else ""
    if kind:
        message = f"the handler `{handler}` is in {kind}, of which Lambda can't make an object"
        return [_error(message, "name the class that implements it")]
    if any(each.name == "<init>" and each.descriptor == "()V" and each.flags & PUBLIC for each in own.methods):
        return []
    message = f"the handler `{handler}` is in a class without a public constructor that takes no parameters"
    return [_error(message, "give it one: Lambda makes the object with it")]


def _candidates(family: _Family) -> list[Method]:
    return [
        method
        for method in family.own.methods
        if method.is_written and method.flags & PUBLIC and not method.name.startswith("<")
    ]


def _no_method(family: _Family, name: str, handler: str) -> Finding:
    class_name = handler.partition("::")[0]
    known = [method.name for method in _candidates(family)]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    likely = near or [each for each in known if "handle" in each.lower()][:1]
    hint = f"did you mean `{class_name}::{likely[0]}`?" if likely else f"give `{class_name}` a public method `{name}`"
    return _error(f"the handler `{handler}` was not found: `{class_name}` has no method `{name}`", hint)


def _no_class(classes: ClassPath, name: str, handler: str) -> Finding:
    own = [each.replace("/", ".") for each in classes.own_classes]
    simple = name.rpartition(".")[2]
    likely = [each for each in own if each.rpartition(".")[2] == simple] or difflib.get_close_matches(name, own, n=1)
    nested = "$".join(name.rsplit(".", 1))
    if any(path.startswith(("BOOT-INF/", "WEB-INF/")) for path in classes.tree.by_path):
        hint = "it is packed for Spring Boot's own loader, which Lambda has not: use a jar made by the shade plugin"
    elif f"{nested.replace('.', '/')}.class" in classes.tree.by_path:
        hint = f"a class in a class is written with `$`: `{handler.replace(name, nested, 1)}`"
    elif likely:
        hint = f"did you mean `{handler.replace(name, likely[0], 1)}`?"
    elif own:
        hint = "the artifact's own classes are " + ", ".join(f"`{each}`" for each in own[:5])
        hint += f" and {len(own) - 5} more" if len(own) > 5 else ""
    else:
        hint = "the artifact has no class of its own: is `source` the right folder?"
    path = f"{name.replace('.', '/')}.class"
    return _error(f"the handler `{handler}` was not found: `{path}` is neither there nor in a jar of `lib`", hint)


def _error(message: str, hint: str | None) -> Finding:
    return Finding(Severity.ERROR, _CHECK, message, hint)
