from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from check_samples import package, subject, tree
from hypothesis import given, settings
from hypothesis import strategies as st

from lpack.check import Subject
from lpack.check.permissions import check_permissions
from lpack.model import Finding, Severity
from lpack.tree import Content, Entry, Tree


def with_modes(modes: dict[str, int], owner: str = "") -> Tree:
    return Tree.of(Entry(path, mode, Content.of(b"x"), owner) for path, mode in modes.items())


def found(files: Tree, target: Subject | None = None) -> list[Finding]:
    findings = check_permissions(files, target or subject(), [package("pkg", "1.0")])
    assert all(finding.severity is Severity.ERROR and finding.hint for finding in findings)
    return findings


@pytest.mark.parametrize("mode", [0o100644, 0o100755, 0o100444, 0o100664, 0o100777])
def test_files_that_everyone_can_read_are_fine(mode: int) -> None:
    assert found(with_modes({"app.py": mode})) == []


@pytest.mark.parametrize("mode", [0o100600, 0o100640, 0o100711, 0o100000])
def test_files_that_lambda_can_not_read_are_an_error(mode: int) -> None:
    (finding,) = found(with_modes({"app.py": mode}))
    assert finding.check == "permissions"
    assert finding.message == "the artifact has `app.py` which Lambda's user can't read"
    assert finding.details == (f"app.py: {mode & 0o7777:04o}",)


def test_unreadable_files_of_a_package_are_one_finding() -> None:
    (finding,) = found(with_modes({f"pkg/{number:02}.py": 0o100600 for number in range(30)}, "pkg"))
    assert finding.message == "`pkg` 1.0 has 30 files which Lambda's user can't read"
    assert finding.details[-1] == "and 20 more"


def test_a_custom_runtimes_bootstrap_has_to_be_executable() -> None:
    provided = subject("provided.al2023")
    assert found(with_modes({"bootstrap": 0o100755}), provided) == []
    assert [finding.details for finding in found(with_modes({"bootstrap": 0o100644}), provided)] == [()]
    assert found(with_modes({"bootstrap": 0o100644})) == []


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("a/link", "file"),
        ("a/link", "../b/file"),
        ("link", "a"),
        ("link", "./a//file"),
        ("a/link", ".."),
        ("link", "to-folder/file"),
        ("link", "to-folder/../b/file"),
    ],
)
def test_links_inside_the_artifact_are_fine(path: str, target: str) -> None:
    assert found(tree({"a/file": b"", "b/file": b"", "to-folder": "a", path: target})) == []


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("/etc/passwd", "leaves the artifact"),
        ("/var/task/a/file", "leaves the artifact"),
        ("../outside", "is broken"),
        ("../../a/file", "leaves the artifact"),
        ("nothing", "is broken"),
        ("file/more", "is broken"),
        ("../a/fil", "is broken"),
        ("link", "goes round in circles"),
        ("circle", "goes round in circles"),
        ("away/x", "leaves the artifact"),
        ("", "has no path as its target"),
    ],
)
def test_other_links_are_an_error_that_names_them(target: str, problem: str) -> None:
    files: dict[str, bytes | str] = {"a/file": b""}
    files |= {"a/link": target, "a/circle": "../b/back", "b/back": "../a/circle", "a/away": "/opt"}
    (finding,) = found(tree(files))
    assert finding.check == "links"
    line = next(line for line in finding.details if line.startswith("a/link "))
    assert line == f"a/link -> {target} {problem}" if target else line == f"a/link {problem}"


def test_a_link_as_large_as_a_file_is_no_link() -> None:
    (finding,) = found(tree({"a": "x/" * 3000}))
    assert finding.details == ("a has no path as its target",)


def test_targets_are_shown_without_what_moves_a_terminal() -> None:
    (finding,) = found(tree({"a": "\x1b[31mgone\n"}))
    assert finding.details == (r"a -> \x1b[31mgone\n is broken",)


_SEGMENTS = st.sampled_from(["a", "b", "c", "..", "."])
_PATHS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)


@given(st.dictionaries(_PATHS, st.lists(_SEGMENTS, min_size=1, max_size=4).map("/".join), min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_links_are_followed_as_the_kernel_does(links: dict[str, str]) -> None:
    # Keep those that are not inside each other, as a Tree would.
    links = {path: to for path, to in links.items() if not any(path.startswith(f"{other}/") for other in links)}
    files: dict[str, bytes | str] = {"f/file": b"", **links}
    bad = {line.split(" ")[0] for finding in found(tree(files)) for line in finding.details}
    with tempfile.TemporaryDirectory() as folder:
        # Far enough down that what leaves the root does not meet the root again.
        root = Path(folder).resolve() / "links" / "root"
        for path, content in files.items():
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                place.symlink_to(content)
            else:
                place.write_bytes(content)
        assert bad == {path for path in links if not _leads_somewhere(root, path)}


def _leads_somewhere(root: Path, path: str) -> bool:
    try:
        target = Path(os.path.realpath(root / path, strict=True))
    except OSError:
        return False
    return target.is_relative_to(root)
