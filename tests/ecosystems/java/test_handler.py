from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from own_store import own_store

from lpack.aws.architectures import ARM64
from lpack.aws.runtimes import RUNTIMES
from lpack.ecosystems.java import check_handler
from lpack.model import Target
from lpack.tree import Tree

pytestmark = pytest.mark.needs("javac")

TARGET = Target(RUNTIMES["java17"], ARM64)
TreeOf = Callable[[Mapping[str, bytes]], Tree]


def problem(tree: Tree, handler: str) -> tuple[str, str]:
    findings = check_handler(tree, handler, TARGET, own_store())
    assert len(findings) == 1
    assert findings[0].severity == "error"
    assert findings[0].check == "handler"
    return findings[0].message, findings[0].hint or ""


@pytest.mark.parametrize(
    "handler",
    [
        "example.App::handle",
        "example.App::inherited",
        "example.App::fixed",
        "example.App$Inner::handle",
        "example.Typed",
        "example.Typed::handleRequest",
        "example.Deeper",
        "example.Deeper::handleRequest",
    ],
)
def test_what_is_there_is_found(handler: str, compiled: Mapping[str, bytes], tree: TreeOf) -> None:
    assert check_handler(tree(compiled), handler, TARGET, own_store()) == []


@pytest.mark.parametrize("folder", ["lib", "java/lib", ""])
def test_a_handler_can_be_in_a_jar(
    folder: str, compiled: Mapping[str, bytes], tree: TreeOf, jar: Callable[[Mapping[str, bytes]], bytes]
) -> None:
    files = {f"{folder}/app.jar".lstrip("/"): jar(compiled), f"{folder}/a.jar".lstrip("/"): b"not a jar"}
    assert check_handler(tree(files), "example.Deeper", TARGET, own_store()) == []


@pytest.mark.parametrize(
    ("handler", "fact", "hint"),
    [
        ("app", "`app.class` is neither there nor in a jar", "example.App"),
        ("example.Ap::handle", "was not found", "did you mean `example.App::handle`?"),
        ("other.App::handle", "was not found", "did you mean `example.App::handle`?"),
        ("example.App.Inner::handle", "was not found", "`example.App$Inner::handle`"),
        ("example.App::handel", "has no method `handel`", "did you mean `example.App::handle`?"),
        ("example.App::hidden", "is not public", "make it public"),
        ("example.App", "does not implement one of Lambda's interfaces", "`example.App::handle`"),
        ("example.Base::inherited", "an abstract class", "implements"),
        ("example.Closed::handle", "without a public constructor", "give it one"),
        ("example.App::", "is not of the form", "example.App::handleRequest"),
        ("example/App::handle", "is not of the form", "example.App::handleRequest"),
    ],
)
def test_what_is_wrong_is_told_with_a_way_out(
    handler: str, fact: str, hint: str, compiled: Mapping[str, bytes], tree: TreeOf
) -> None:
    own = {path: data for path, data in compiled.items() if not path.startswith("com/")}
    message, advice = problem(tree(own), handler)
    assert fact in message
    assert hint in advice


def test_what_a_class_of_a_layer_may_hold_is_not_held_against_the_function(
    compiled: Mapping[str, bytes], tree: TreeOf
) -> None:
    alone = tree({"example/App.class": compiled["example/App.class"]})
    assert check_handler(alone, "example.App::inherited", TARGET, own_store()) == []
    assert check_handler(alone, "example.App", TARGET, own_store()) == []


def test_a_jar_for_spring_boots_own_loader_is_recognised(compiled: Mapping[str, bytes], tree: TreeOf) -> None:
    packed = tree({f"BOOT-INF/classes/{path}": data for path, data in compiled.items()})
    assert "Spring Boot" in problem(packed, "example.App::handle")[1]


def test_a_broken_class_is_said_to_be_broken(compiled: Mapping[str, bytes], tree: TreeOf) -> None:
    broken = tree({"example/App.class": compiled["example/App.class"][:50]})
    assert "can't be read: it is cut off" in problem(broken, "example.App::handle")[0]


def test_without_any_class_the_source_is_in_question(tree: TreeOf) -> None:
    assert "is `source` the right folder?" in problem(tree({"App.java": b"class App {}"}), "App::handle")[1]
