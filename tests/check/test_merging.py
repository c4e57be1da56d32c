from __future__ import annotations

from itertools import combinations, permutations

from check_samples import tree
from hypothesis import example, given
from hypothesis import strategies as st

from lpack.check.merging import clashes, overwritten
from lpack.tree import Tree

_PATHS = st.lists(st.sampled_from(["a", "b", "a.b"]), min_size=1, max_size=3).map("/".join)


def _without_clashes(files: dict[str, bytes | str]) -> Tree:
    """The tree of those files that are not inside of another one."""
    return tree({path: data for path, data in files.items() if not any(path.startswith(f"{each}/") for each in files)})


_DATA: st.SearchStrategy[bytes | str] = st.sampled_from([b"x", b"y", "x"])
_TREES = st.lists(st.dictionaries(_PATHS, _DATA, max_size=6).map(_without_clashes), max_size=4)


@given(_TREES)
def test_a_path_can_not_be_a_file_here_and_a_folder_there(trees: list[Tree]) -> None:
    expected = {
        file
        for one, other in permutations(trees, 2)
        for file in one.by_path
        for path in other.by_path
        if path.startswith(f"{file}/")
    }
    found = clashes(trees)
    assert [each.path for each in found] == sorted(expected)
    for path, file_in, folder_in in found:
        assert path in trees[file_in].by_path
        assert any(other.startswith(f"{path}/") for other in trees[folder_in].by_path)


@given(_TREES)
@example([tree({"a": b"x"}), tree({"a": b"y"}), tree({"a": b"x"})])
@example([tree({"a": b"x"}), tree({}), tree({"a": "x"})])
def test_what_a_later_tree_changes_is_lost_to_the_last_one_before(trees: list[Tree]) -> None:
    expected = set()
    for (early, one), (late, other) in combinations(enumerate(trees), 2):
        for path in one.by_path.keys() & other.by_path.keys():
            hidden = any(path in between.by_path for between in trees[early + 1 : late])
            before, after = one.by_path[path], other.by_path[path]
            if not hidden and (before.mode, before.read()) != (after.mode, after.read()):
                expected.add((early, late, path))
    found = overwritten(trees)
    assert {(*pair, each.before.path) for pair, lost in found.items() for each in lost} == expected
    assert all(each.before.path == each.after.path for lost in found.values() for each in lost)


def test_which_part_has_what_is_said() -> None:
    assert clashes([tree({"x": b""}), tree({"y": b""}), tree({"x/y/z": b""})]) == [("x", 0, 2)]
