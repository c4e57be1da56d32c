from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lpack.aws.architectures import ARM64
from lpack.aws.runtimes import RUNTIMES
from lpack.ecosystems.java import check_code
from lpack.model import Finding, Target
from lpack.store import Store
from lpack.tree import Tree

TreeOf = Callable[[Mapping[str, bytes]], Tree]
Jar = Callable[[Mapping[str, bytes]], bytes]


def class_for(java: int) -> bytes:
    return b"\xca\xfe\xba\xbe\0\0" + (java + 44).to_bytes(2, "big") + b"the rest"


@pytest.fixture
def findings(store_folder: Path) -> Callable[[Tree, str], list[Finding]]:
    def check(tree: Tree, runtime: str) -> list[Finding]:
        target = Target(RUNTIMES[runtime], ARM64)
        first = check_code(tree, target, Store(store_folder))
        assert check_code(tree, target, Store(store_folder)) == first
        return first

    return check


@pytest.mark.parametrize(("runtime", "java"), [("java8.al2", 8), ("java17", 17), ("java21", 17), ("java25", 25)])
def test_what_the_runtime_can_load_is_fine(
    runtime: str, java: int, tree: TreeOf, jar: Jar, findings: Callable[[Tree, str], list[Finding]]
) -> None:
    files = {"a/A.class": class_for(java), "lib/b.jar": jar({"b/B.class": class_for(java)}), "c.txt": b""}
    assert findings(tree(files), runtime) == []


def test_own_classes_for_a_newer_java_are_an_error(
    tree: TreeOf, findings: Callable[[Tree, str], list[Finding]]
) -> None:
    files = {"a/A.class": class_for(17), "a/B.class": class_for(21)}
    (found,) = findings(tree(files), "java17")
    assert (found.severity, found.check) == ("error", "java-version")
    assert found.message == "`a/B.class` is compiled for Java 21, and java17 runs Java 17"
    assert "maven.compiler.release" in (found.hint or "")
    assert "`java21`" in (found.hint or "")


def test_a_jar_for_a_newer_java_is_an_error(
    tree: TreeOf, jar: Jar, findings: Callable[[Tree, str], list[Finding]]
) -> None:
    (found,) = findings(tree({"lib/b.jar": jar({"b/B.class": class_for(11)})}), "java8.al2")
    assert found.severity == "error"
    assert found.message == "`lib/b.jar` is compiled for Java 11, and java8.al2 runs Java 8"


def test_some_newer_classes_in_a_jar_are_worth_a_warning(
    tree: TreeOf, jar: Jar, findings: Callable[[Tree, str], list[Finding]]
) -> None:
    files = {"java/lib/b.jar": jar({"b/Old.class": class_for(8), "b/New.class": class_for(11)})}
    (found,) = findings(tree(files), "java8.al2")
    assert found.severity == "warning"
    assert "`b/New.class` in `java/lib/b.jar`" in found.message


def test_what_only_newer_releases_look_at_does_not_count(
    tree: TreeOf, jar: Jar, findings: Callable[[Tree, str], list[Finding]]
) -> None:
    files = {
        "b/B.class": class_for(8),
        "META-INF/versions/21/b/B.class": class_for(21),
        "module-info.class": class_for(9),
    }
    assert findings(tree({**files, "lib/b.jar": jar(files), "lib/c.jar": b"not a jar"}), "java8.al2") == []
