from __future__ import annotations

import pytest
from check_samples import tree
from hypothesis import given
from hypothesis import strategies as st

from lpack.aws.layer_paths import package_folders
from lpack.aws.runtimes import RUNTIMES, Runtime
from lpack.check.visibility import sees_in_layers, visible

_PYTHON = (RUNTIMES["python3.13"].family,)
_RUNTIMES = st.sampled_from(list(RUNTIMES.values()))


@pytest.mark.parametrize(
    ("runtime", "path", "seen"),
    [
        ("python3.13", "python/a.py", True),
        ("python3.13", "python/lib/a.py", True),
        ("python3.13", "python/lib/python3.13/site-packages/a.py", True),
        ("python3.13", "python/lib/python3.12/site-packages/a.py", False),
        ("python3.13", "python/lib/python3.7/site-packages/a.py", False),
        ("python3.13", "pythonic/lib/python3.12/site-packages/a.py", True),
        ("python3.13", "nodejs/node22/node_modules/a.js", False),
        ("python3.13", "java/lib/a.jar", True),
        ("nodejs22.x", "nodejs/node22/node_modules/a.js", True),
        ("nodejs22.x", "nodejs/node18/node_modules/a.js", False),
        ("nodejs22.x", "nodejs/node_modules/a.js", True),
        ("nodejs22.x", "nodejs/node_modules/node18/node_modules/a.js", True),
        ("nodejs22.x", "python/a.py", False),
        ("ruby3.4", "ruby/gems/3.4.0/gems/a.rb", True),
        ("ruby3.4", "ruby/gems/3.3.0/gems/a.rb", False),
        ("ruby3.4", "ruby/lib/a.rb", True),
        ("java21", "java/lib/a.jar", True),
    ],
)
def test_a_runtime_sees_its_own_versions_packages(runtime: str, path: str, seen: bool) -> None:  # noqa: FBT001 - a table's column
    assert sees_in_layers(RUNTIMES[runtime], ("python", "nodejs"))(path) is seen


def test_what_no_runtime_of_the_layer_is_for_is_a_folder_like_any_other() -> None:
    """A Java of one's own for a Python function, say."""
    assert sees_in_layers(RUNTIMES["python3.13"], _PYTHON)("java/bin/java")
    assert sees_in_layers(RUNTIMES["provided.al2023"], _PYTHON[:0])("python/lib/python3.12/site-packages/a.so")


@given(_RUNTIMES, _RUNTIMES, st.sampled_from(["a", "lib/a", "b/c/d.so"]))
def test_a_runtime_sees_the_folders_where_it_looks_and_not_those_of_others(
    one: Runtime, other: Runtime, rest: str
) -> None:
    sees = sees_in_layers(one, {one.family, other.family})
    own, others = set(package_folders(one)), set(package_folders(other))
    assert all(sees(f"{folder}/{rest}") for folder in own)
    assert not any(sees(f"{folder}/{rest}") for folder in others - own)
    assert all(sees(f"{folder}/{rest}") for folder in ("bin", "lib", "extensions", "else"))


def test_a_tree_keeps_what_is_seen() -> None:
    layer = tree({"python/lib/python3.12/site-packages/a": b"", "python/lib/python3.13/site-packages/a": b"", "b": b""})
    assert set(visible(layer, RUNTIMES["python3.12"], _PYTHON).by_path) == {
        "python/lib/python3.12/site-packages/a",
        "b",
    }
