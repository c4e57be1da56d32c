"""Which files go into which layer."""

from __future__ import annotations

from lpack.image.planning import BUDGET, LARGE, planned_layers
from lpack.tree import REGULAR, Content, Entry, Tree


def tree(sizes: dict[str, int], **others: int) -> Tree:
    """A tree with a file of each package, given by its name, and the user's own file."""
    packages = [Entry(f"{name}/file", REGULAR, Content.of(bytes(size)), name) for name, size in sizes.items()]
    own = [Entry(f"{name}.py", REGULAR, Content.of(bytes(size))) for name, size in others.items()]
    return Tree.of([*packages, *own])


def names(tree: Tree, *own: str) -> list[str]:
    return [layer.name for layer in planned_layers(tree, own)]


def test_what_changes_most_often_is_last() -> None:
    planned = planned_layers(tree({"numpy": LARGE, "six": 10, "idna": 20, "shared": 30}, app=5), ["shared"])
    assert [(layer.name, [entry.path for entry in layer.tree]) for layer in planned] == [
        ("numpy", ["numpy/file"]),
        ("dependencies", ["idna/file", "six/file"]),
        ("own packages", ["shared/file"]),
        ("source", ["app.py"]),
    ]


def test_layers_without_files_are_none() -> None:
    assert names(tree({}, app=1)) == ["source"]
    assert names(tree({"six": 1})) == ["dependencies"]
    assert names(Tree(())) == []


def test_a_large_package_of_the_project_stays_with_its_own() -> None:
    assert names(tree({"shared": LARGE}), "shared") == ["own packages"]


def test_all_files_are_in_one_layer_each() -> None:
    whole = tree({f"p{number}": LARGE * number // 7 for number in range(20)}, app=3, main=4)
    entries = [entry for layer in planned_layers(whole) for entry in layer.tree]
    assert Tree.of(entries) == whole


def test_there_are_no_more_than_the_budget_and_the_largest_have_them() -> None:
    planned = names(tree({f"p{number:02}": LARGE + number * (1 << 20) for number in range(14)}, app=1))
    assert len(planned) == BUDGET + 2
    assert planned[:BUDGET] == [f"p{number:02}" for number in range(4, 14)]


def test_a_package_that_grows_a_little_moves_no_layer() -> None:
    sizes = {f"p{number:02}": LARGE + number * 10_000 for number in range(14)}
    before = names(tree(sizes, app=1))
    assert names(tree(sizes | {"p13": LARGE + 900_000, "p00": LARGE}, app=1)) == before
