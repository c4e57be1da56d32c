"""A lock says what is where, for which machines, and what needs what."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpack.aws.architectures import ARM64, X86_64
from lpack.aws.runtimes import runtime
from lpack.ecosystems.node.lockfile import read_lockfile
from lpack.errors import InputError, LpackError, ResolveError
from lpack.model import Target

X86 = Target(runtime("nodejs22.x"), X86_64)
ARM = Target(runtime("nodejs22.x"), ARM64)


def lockfile(packages: dict[str, Any], member: str = "") -> Any:
    return read_lockfile({"lockfileVersion": 3, "packages": packages}, "`package-lock.json`", member)


def test_the_nearest_version_upwards_is_the_one_that_is_needed() -> None:
    packages = lockfile(
        {
            "": {"dependencies": {"a": "1", "c": "1"}},
            "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "1", "c": "2"}},
            "node_modules/a/node_modules/b": {"version": "1.0.0", "dependencies": {"c": "2"}},
            "node_modules/a/node_modules/c": {"version": "2.0.0"},
            "node_modules/c": {"version": "1.0.0"},
        }
    )
    assert packages.direct == ("a", "c")
    assert packages.needs("a") == ["a/node_modules/b", "a/node_modules/c"]
    assert packages.needs("a/node_modules/b") == ["a/node_modules/c"]
    assert packages.reachable(["a"], X86) == {"a", "a/node_modules/b", "a/node_modules/c"}
    assert packages.reachable(["a"], X86, without={"a/node_modules/b"}) == {"a", "a/node_modules/c"}


@pytest.mark.parametrize(
    ("entry", "x86", "arm"),
    [
        ({}, True, True),
        ({"cpu": ["x64"], "os": ["linux"]}, True, False),
        ({"cpu": ["!x64"]}, False, True),
        ({"os": ["darwin", "win32"]}, False, False),
        ({"os": ["!win32"]}, True, True),
        ({"libc": ["musl"]}, False, False),
        ({"libc": "glibc", "cpu": "arm64"}, False, True),
    ],
)
def test_packages_for_other_machines_are_passed_over(entry: dict[str, Any], x86: bool, arm: bool) -> None:  # noqa: FBT001
    packages = lockfile({"": {"dependencies": {"a": "1"}}, "node_modules/a": entry})
    assert [bool(packages.reachable(["a"], target)) for target in (X86, ARM)] == [x86, arm]


def test_what_only_development_needs_is_passed_over() -> None:
    packages = lockfile({"": {"peerDependencies": {"a": "1"}}, "node_modules/a": {"dev": True}})
    assert not packages.reachable(packages.direct, X86)


def test_links_are_followed_and_circles_end() -> None:
    packages = lockfile(
        {
            "": {"workspaces": ["one", "two"]},
            "one": {"version": "1.0.0", "dependencies": {"two": "*", "x": "1"}},
            "two": {"version": "2.0.0", "dependencies": {"one": "*"}},
            "node_modules/one": {"resolved": "one", "link": True},
            "node_modules/two": {"resolved": "two", "link": True},
            "one/node_modules/x": {"version": "1.0.0"},
            "two/node_modules/one": {"resolved": "one", "link": True},
            "one/node_modules/two": {"resolved": "two", "link": True},
        }
    )
    assert packages.version("one") == "1.0.0"
    assert "one/node_modules/x" in packages.placed
    assert packages.reachable(packages.direct, X86) >= {"one", "two", "one/node_modules/x"}


def test_a_package_of_a_workspace_has_its_own_at_the_top() -> None:
    rows = {
        "": {"workspaces": ["one", "two"]},
        "one": {"dependencies": {"x": "2"}},
        "node_modules/one": {"resolved": "one", "link": True},
        "one/node_modules/x": {"version": "2.0.0"},
        "node_modules/y": {"version": "1.0.0"},
    }
    assert lockfile(rows, "one").placed.keys() == {"x", "y"}
    with pytest.raises(ResolveError, match=r"`one` needs `x` 2.0.0, and other packages of its workspace need 1.0.0"):
        _ = lockfile({**rows, "node_modules/x": {"version": "1.0.0"}}, "one").placed


def test_the_format_of_npm_6_is_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match="has the format of npm 6"):
        read_lockfile({"lockfileVersion": 1, "dependencies": {}}, "`package-lock.json`")


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5), lambda each: st.lists(each, max_size=2), max_leaves=4
)
KEYS = st.sampled_from(["version", "resolved", "link", "dependencies", "os", "name", "optionalDependencies", "dev"])
PLACES = st.lists(st.sampled_from(["node_modules", "a", "b", "..", ""]), max_size=5).map("/".join)


ROWS = st.dictionaries(KEYS, JSON | st.dictionaries(st.text(max_size=2), JSON, max_size=2), max_size=5)


@given(st.dictionaries(PLACES, ROWS | JSON, max_size=5))
def test_any_document_is_read_or_refused(packages: dict[str, Any]) -> None:
    with contextlib.suppress(LpackError):
        found = lockfile(packages)
        found.reachable(found.placed, X86)
