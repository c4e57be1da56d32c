"""npm's own lock is read and never written; where there is none, lpack keeps one beside its configuration."""

import json
from pathlib import Path
from typing import Any

import pytest

from lpack.ecosystems import node
from lpack.errors import InputError, LpackError, ResolveError, UsageError

pytestmark = pytest.mark.slow

npm = pytest.mark.needs("node", "npm")


def two_versions(workshop: Any) -> None:
    for number in (1, 2):
        workshop.package(f"src/left-{number}.tgz", {"index.js": ""}, name="left", version=f"{number}.0.0")


@npm
def test_a_missing_lock_is_made_kept_and_changed_with_what_is_asked(workshop: Any) -> None:
    two_versions(workshop)
    workshop.write({"src/package.json": {"dependencies": {"left": "file:left-1.tgz"}}, "src/yarn.lock": ""})
    ask = workshop.ask(workshop.function())
    first = node.lock(ask, "keep")
    assert first.file == workshop.folder / "package-lock.orders.json"
    assert first.changes == ("+ left 1.0.0",)
    (note,) = workshop.heard.notes
    assert "made `package-lock.orders.json`" in note
    assert "`yarn.lock` is another tool's and was not read" in note
    kept = node.lock(workshop.ask(workshop.function(), environ={"PATH": "/nonexistent"}), "frozen")
    assert (kept.text, kept.changes) == (first.text, ())
    workshop.write({"src/package.json": {"dependencies": {"left": "file:left-2.tgz"}}})
    with pytest.raises(ResolveError, match=r"`package-lock.orders.json` does not fit `package.json` any more"):
        node.lock(ask, "frozen")
    assert node.lock(ask, "keep").changes == ("~ left 1.0.0 → 2.0.0",)
    assert sorted(path.name for path in (workshop.folder / "src").iterdir()) == [
        "left-1.tgz",
        "left-2.tgz",
        "package.json",
        "yarn.lock",
    ]


@npm
def test_a_list_is_locked_like_a_package_json(workshop: Any) -> None:
    two_versions(workshop)
    workshop.write({"libs/own/package.json": {"name": "@me/own", "version": "1.0.0"}})
    function = workshop.function(requirements=("left@file:src/left-2.tgz", "./libs/own"))
    installed = workshop.install(function)
    assert {part.package.name: part.package.version for part in installed.parts} == {
        "left": "2.0.0",
        "@me/own": "1.0.0",
    }


@npm
def test_the_store_may_lie_behind_a_link(workshop: Any, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    workshop.store = tmp_path / "link" / "store"
    two_versions(workshop)
    workshop.write({"src/package.json": {"dependencies": {"left": "file:left-1.tgz"}}})
    (part,) = workshop.install(workshop.function()).parts
    assert (part.package.name, part.package.root) == ("left", "left")


def test_frozen_without_a_lock_fails(workshop: Any) -> None:
    workshop.write({"src/package.json": {"dependencies": {"left": "1"}}})
    with pytest.raises(ResolveError, match=r"`package-lock.orders.json` does not exist"):
        node.lock(workshop.ask(workshop.function()), "frozen")


def test_without_packages_there_is_nothing_to_lock(workshop: Any) -> None:
    workshop.write({"src/index.js": "exports.handler = 1", "src/package.json": {"type": "module"}})
    function = workshop.function()
    ask = workshop.ask(function, environ={"PATH": "/nonexistent"})
    locked = node.lock(ask, "frozen")
    assert not node.install(ask, locked, function.target).parts
    assert not node.brings(ask, locked, function.target)


@pytest.mark.parametrize(
    ("files", "about", "error", "said"),
    [
        ({"src/package-lock.json": "{", "src/package.json": {}}, {}, InputError, "is not JSON"),
        ({"src/package-lock.json": "[]", "src/package.json": {}}, {}, InputError, "is no JSON object"),
        ({"src/package.json": b"\xff"}, {}, InputError, "is not UTF-8"),
        ({"src/package-lock.json": {"lockfileVersion": 1}, "src/package.json": {}}, {}, InputError, "format of npm 6"),
        ({}, {"requirements": ("./nowhere",)}, UsageError, "is no folder with a package.json"),
        ({}, {"extras": ("dev",)}, UsageError, "which npm does not know"),
    ],
)
def test_what_can_not_be_read_is_refused(
    workshop: Any, files: dict[str, Any], about: dict[str, Any], error: type[LpackError], said: str
) -> None:
    workshop.write({"src/index.js": "", **files})
    with pytest.raises(error, match=said):
        node.lock(workshop.ask(workshop.function(**about)), "keep")


def test_other_files_are_no_requirements(workshop: Any) -> None:
    workshop.write({"src/index.js": "", "yarn.lock": ""})
    function = workshop.function(requirements=workshop.folder / "yarn.lock")
    with pytest.raises(UsageError, match=r"`yarn.lock` is no requirements file"):
        node.lock(workshop.ask(function), "keep")


def locked_with(workshop: Any, rows: dict[str, Any], **root: Any) -> None:
    rows = {f"node_modules/{place}": {"version": "1.0.0", **about} for place, about in rows.items()}
    workshop.write(
        {
            "src/index.js": "",
            "src/package.json": root,
            "src/package-lock.json": json.dumps({"lockfileVersion": 3, "packages": {"": root, **rows}}),
        }
    )


def test_who_needs_what_is_known(workshop: Any) -> None:
    rows = {"a": {"dependencies": {"b": "1"}}, "b": {}, "c": {"dependencies": {"b": "1"}}}
    locked_with(workshop, rows, dependencies={"a": "1", "b": "1"})
    ask, target = workshop.ask(workshop.function()), workshop.function().target
    locked = node.lock(ask, "keep")
    assert node.required_by(ask, locked, target) == {"a": ("",), "b": ("", "a")}
    assert node.brings(ask, locked, target) == {"a": "1.0.0", "b": "1.0.0"}


def test_a_layer_with_another_version_is_refused(workshop: Any) -> None:
    locked_with(workshop, {"a": {}}, dependencies={"a": "1"})
    function = workshop.function()
    ask = workshop.ask(function, provided={"a": "2.0.0"})
    from lpack.ecosystems.node.layered import refuse_conflicts

    with pytest.raises(ResolveError, match=r"`orders` is locked with `a` 1.0.0, and its layer `shared` holds 2.0.0"):
        refuse_conflicts(ask, node.lock(ask, "keep"))


@npm
def test_what_a_layer_brings_is_not_carried_again(workshop: Any) -> None:
    workshop.package("src/a.tgz", {}, name="a", version="1.0.0", dependencies={"b": "1"})
    workshop.package("src/b.tgz", {}, name="b", version="1.0.0")
    workshop.package("src/c.tgz", {}, name="c", version="1.0.0")
    rows = {
        "a": {"resolved": "file:a.tgz", "dependencies": {"b": "1"}},
        "b": {"resolved": "file:b.tgz"},
        "c": {"resolved": "file:c.tgz"},
    }
    locked_with(workshop, rows, dependencies={"a": "file:a.tgz", "c": "file:c.tgz"})

    def names(**about: Any) -> set[str]:
        return {
            part.package.name
            for part in workshop.install(workshop.function(**about.pop("function", {})), **about).parts
        }

    assert names() == {"a", "b", "c"}
    assert names(provided={"a": "1.0.0"}) == {"c"}
    assert names(provided={"b": "2.0.0"}) == {"a", "b", "c"}  # each finds its own
    assert names(function={"exclude_packages": ("a",)}) == {"c"}
    with pytest.raises(UsageError, match="`exclude-packages` names `aa`"):
        names(function={"exclude_packages": ("aa",)})


@npm
def test_own_files_leave_out_settings_and_locks_unless_they_are_included(workshop: Any) -> None:
    workshop.write(
        {"src/index.js": "", "src/.npmrc": "x", "src/package-lock.orders.json": "{}", "src/package.json": {}}
    )
    assert [entry.path for entry in workshop.own_files(workshop.function()).entries] == ["index.js", "package.json"]
    found = workshop.own_files(workshop.function(include=(".npmrc",)))
    assert [entry.path for entry in found.entries] == [".npmrc", "index.js", "package.json"]
    assert ("package-lock.orders.json", "lpack's own files") in {(each.path, each.reason) for each in found.left_out}
