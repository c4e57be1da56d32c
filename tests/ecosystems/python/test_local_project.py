from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from test_building import TARGET

from lpack.ecosystems.python.building import wheel_of_folder
from lpack.ecosystems.python.local_project import copy_project, fingerprint, project_files
from lpack.errors import InputError
from lpack.model import Host, Silent
from lpack.store import Store

SCM = '[build-system]\nrequires = ["setuptools", "setuptools_scm"]\n'


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def committed(folder: Path, *, tag: str = "") -> Path:
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=all")
    if tag:
        git(folder, "tag", tag)
    return folder


def paths(folder: Path) -> list[str]:
    return [file.path for file in project_files(folder)]


def print_of(folder: Path) -> bytes:
    return fingerprint(folder, environ=os.environ)


def copied(folder: Path, tmp_path: Path) -> Path:
    return copy_project(folder, tmp_path / "copy", environ=os.environ)


# Which files count


def test_what_tools_leave_behind_is_no_source(project: Callable[..., Path]) -> None:
    kept = ["dist.py", "env/settings.py", "setup.py", "src/build/part.py", "src/demo.so", "src/dist/part.py"]
    left = [
        ".git/HEAD",
        ".hg/hgrc",
        ".mypy_cache/x",
        ".venv/pyvenv.cfg",
        ".venv/lib/x.py",
        "build/lib/demo.py",
        "dist/demo.whl",
        "my-environment/pyvenv.cfg",
        "node_modules/x/index.js",
        "src/__pycache__/demo.cpython-313.pyc",
        "src/demo.egg-info/PKG-INFO",
    ]
    assert paths(project(dict.fromkeys(kept + left, ""))) == kept


def test_a_package_called_build_is_a_source(project: Callable[..., Path]) -> None:
    assert paths(project({"build/__init__.py": ""})) == ["build/__init__.py"]


def test_the_order_is_that_of_the_bytes(project: Callable[..., Path]) -> None:
    assert paths(project(dict.fromkeys(["b", "a/z", "a-b", "B", "é", "a.b"], ""))) == [
        "B",
        "a-b",
        "a.b",
        "a/z",
        "b",
        "é",
    ]


def test_links_are_followed_but_not_in_circles(project: Callable[..., Path], tmp_path: Path) -> None:
    folder = project({"src/demo.py": ""})
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "part.py").write_text("part")
    (folder / "src" / "shared").symlink_to(tmp_path / "shared")
    (folder / "src" / "again").symlink_to(folder)
    (folder / "nowhere").symlink_to("absent")
    assert paths(folder) == ["src/demo.py", "src/shared/part.py"]
    assert (copied(folder, tmp_path) / "src" / "shared" / "part.py").read_text() == "part"


def test_a_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent` can't be read: No such file"):
        project_files(tmp_path / "absent")


# The fingerprint


def test_content_names_and_executable_bits_change_the_fingerprint(project: Callable[..., Path]) -> None:
    folder = project({"setup.py": "", "demo.py": "1"})
    prints = [print_of(folder)]
    (folder / "demo.py").write_text("2")
    prints.append(print_of(folder))
    (folder / "demo.py").chmod(0o755)
    prints.append(print_of(folder))
    (folder / "demo.py").rename(folder / "demo2.py")
    prints.append(print_of(folder))
    assert len(set(prints)) == 4


def test_place_times_and_left_overs_do_not_change_the_fingerprint(project: Callable[..., Path], tmp_path: Path) -> None:
    folder = project({"setup.py": "", "demo.py": "1"})
    before = print_of(folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "demo.pyc").write_text("")
    os.utime(folder / "demo.py", (1, 1))
    (folder / "demo.py").chmod(0o600)
    assert print_of(folder.rename(tmp_path / "elsewhere")) == before


@pytest.mark.needs("git")
def test_a_tag_changes_the_fingerprint_only_where_the_version_is_made_from_it(project: Callable[..., Path]) -> None:
    folder = committed(project({"pyproject.toml": SCM, "demo.py": ""}))
    before = print_of(folder)
    git(folder, "tag", "v1")
    assert print_of(folder) != before
    (folder / "pyproject.toml").write_text("")
    before = print_of(folder)
    git(folder, "tag", "v2")
    assert print_of(folder) == before


def test_an_ignore_file_of_the_repository_changes_the_fingerprint(project: Callable[..., Path]) -> None:
    folder = project({".git/HEAD": "", ".gitignore": "*.log", "part/setup.py": ""})
    before = print_of(folder / "part")
    (folder / ".gitignore").write_text(".env")
    assert print_of(folder / "part") != before


# The copy


def test_modes_are_normalised_whatever_the_umask(project: Callable[..., Path], tmp_path: Path) -> None:
    folder = project({"run.sh": "", "setup.py": ""})
    (folder / "run.sh").chmod(0o700)
    os.umask(0o077)  # put back after every test
    copy = copied(folder, tmp_path)
    assert stat.S_IMODE((copy / "run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((copy / "setup.py").stat().st_mode) == 0o644


def test_ignore_files_of_the_repository_are_copied_with_a_project_inside_it(
    project: Callable[..., Path], tmp_path: Path
) -> None:
    folder = project({".git/HEAD": "", ".gitignore": ".env", "part/setup.py": "", "other/setup.py": ""})
    copy = copied(folder / "part", tmp_path)
    assert copy == tmp_path / "copy" / "part"
    assert (copy.parent / ".gitignore").read_text() == ".env"
    assert not (copy.parent / "other").exists()


@pytest.mark.needs("git")
@pytest.mark.parametrize("part", [".", "packages/[a b]"])
def test_a_clean_checkout_is_a_clean_copy_with_the_same_version(
    project: Callable[..., Path], tmp_path: Path, part: str
) -> None:
    folder = project({"README.md": "", f"{part}/pyproject.toml": SCM, f"{part}/demo.py": ""})
    (folder / part / "README.md").unlink(missing_ok=True)
    (folder / part / "README.md").symlink_to(os.path.relpath(folder / "LICENSE", folder / part))
    (folder / "LICENSE").write_text("do what you like")
    committed(folder, tag="v1.2")
    (folder / "later").write_text("")
    git(folder, "add", "later")
    git(folder, "commit", "--quiet", "--message=later")
    status = git(folder, "status", "--porcelain")
    copy = copied(folder / part, tmp_path)
    assert git(copy, "describe", "--tags", "--dirty") == git(folder, "describe", "--tags", "--dirty")
    assert git(copy, "status", "--porcelain", "--untracked-files=no") == status == ""
    assert (copy / "README.md").read_text() == "do what you like"
    (copy / "demo.py").write_text("changed")
    assert git(copy, "describe", "--tags", "--dirty").endswith("-dirty")
    assert git(folder, "status", "--porcelain") == ""


@pytest.mark.needs("git")
def test_a_work_tree_beside_the_repository_is_copied_with_its_history(
    project: Callable[..., Path], tmp_path: Path
) -> None:
    folder = committed(project({"setup.py": ""}), tag="v1")
    git(folder, "worktree", "add", "--quiet", str(tmp_path / "beside"))
    copy = copied(tmp_path / "beside", tmp_path)
    assert git(copy, "describe", "--tags", "--dirty") == "v1"


@pytest.mark.needs("git")
def test_a_repository_without_commits_is_copied_without_history(project: Callable[..., Path], tmp_path: Path) -> None:
    folder = project({"setup.py": ""})
    git(folder, "init", "--quiet")
    assert (copied(folder, tmp_path) / "setup.py").is_file()


@pytest.mark.network
@pytest.mark.needs("git")
def test_setuptools_scm_finds_the_version_of_a_project_inside_a_repository(
    project: Callable[..., Path], tmp_path: Path
) -> None:
    pyproject = SCM + '[project]\nname = "demo"\ndynamic = ["version"]\n[tool.setuptools_scm]\nroot = ".."\n'
    files = {"part/pyproject.toml": pyproject, "part/demo.py": "", "part/build/x": "", "other/x": ""}
    folder = committed(project(files), tag="v1.2")
    store = Store(tmp_path / "store")
    file, _ = wheel_of_folder(
        folder / "part", name="demo", target=TARGET, store=store, host=Host(os.environ, store.folder), reporter=Silent()
    )
    assert file.name == "demo-1.2-py3-none-any.whl"
    assert git(folder, "status", "--porcelain") == ""
