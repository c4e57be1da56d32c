"""What other tools' zips hold of npm's packages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lpack.ecosystems import node
from lpack.model import Package
from lpack.tree import REGULAR, Content, Entry, Tree


def tree(files: dict[str, Any]) -> Tree:
    return Tree.of(
        Entry(path, REGULAR, Content.of(content if isinstance(content, bytes) else json.dumps(content).encode()))
        for path, content in files.items()
    )


def about(name: str, version: str = "1.0.0") -> dict[str, str]:
    return {"name": name, "version": version}


def test_packages_are_found_by_their_own_words() -> None:
    marked, packages = node.packages_in(
        tree(
            {
                "index.js": b"",
                "package.json": about("own"),
                "node_modules/a/package.json": about("a"),
                "node_modules/a/lib/x.js": b"",
                "node_modules/a/lib/package.json": {"type": "module"},
                "node_modules/a/node_modules/b/package.json": about("b", "2.0.0"),
                "node_modules/@s/c/package.json": about("@s/c", "3.0.0-rc+1"),
                "nodejs/node_modules/b/index.js": b"",
                "nodejs/node_modules/b/package.json": about("b"),
            }
        )
    )
    assert packages == (
        Package("@s/c", "3.0.0-rc+1", "pkg:npm/%40s/c@3.0.0-rc%2B1", "", "node_modules/@s/c"),
        Package("a", "1.0.0", "pkg:npm/a@1.0.0", "", "node_modules/a"),
        Package("b", "2.0.0", "pkg:npm/b@2.0.0", "", "node_modules/a/node_modules/b"),
        Package("b", "1.0.0", "pkg:npm/b@1.0.0", "", "nodejs/node_modules/b"),
    )
    owners = {entry.path: entry.package for entry in marked}
    assert owners["index.js"] == owners["package.json"] == ""
    assert owners["node_modules/a/lib/x.js"] == owners["node_modules/a/lib/package.json"] == "a"
    assert owners["node_modules/a/node_modules/b/package.json"] == "b"


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"1", b"{}", b'{"name": 1, "version": "1"}', b"[" * 100_000])
def test_what_is_no_description_is_no_package(content: bytes) -> None:
    given = tree({"node_modules/a/package.json": content})
    assert node.packages_in(given) == (given, ())
