"""The user's own files: what goes into the artifact, what does not, and why."""

from __future__ import annotations

import json
import os
import random
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from lpack.errors import InputError, LpackError
from lpack.sources import OwnFiles, Selection, read_source
from lpack.store import Store, replacing
from lpack.tree import EXECUTABLE, LINK, REGULAR, Tree

Project = Callable[[Mapping[str, str | bytes]], Path]


def read(
    folder: Path, *, include: Sequence[str] = (), exclude: Sequence[str] = (), output: Path | None = None
) -> OwnFiles:
    return read_source(folder, Selection(include, exclude, output))


def paths(own: OwnFiles) -> list[str]:
    return [entry.path for entry in own.entries]


def reasons(own: OwnFiles) -> dict[str, str]:
    return {each.path: each.reason for each in own.left_out}


# What is there


def test_all_files_are_there_in_the_order_of_their_bytes(project: Project) -> None:
    folder = project({"B": "", "a-b": "", "a/b": "1", "a/é/c": "2", "a.b": "", "é": "3"})
    own = read(folder)
    assert paths(own) == ["B", "a-b", "a.b", "a/b", "a/é/c", "é"]
    assert [entry.read() for entry in own.entries] == [b"", b"", b"", b"1", b"2", b"3"]
    assert {entry.package for entry in own.entries} == {""}
    assert own.left_out == ()


def test_empty_folders_vanish(project: Project) -> None:
    folder = project({"app.py": ""})
    (folder / "empty" / "er").mkdir(parents=True)
    own = read(folder)
    assert (paths(own), own.left_out) == (["app.py"], ())


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(0o644, REGULAR), (0o600, REGULAR), (0o755, EXECUTABLE), (0o700, EXECUTABLE), (0o664, REGULAR), (0o677, REGULAR)],
)
def test_only_the_owners_right_makes_a_file_executable(project: Project, mode: int, expected: int) -> None:
    folder = project({"run": "#!/bin/sh"})
    (folder / "run").chmod(mode)
    assert [entry.mode for entry in read(folder).entries] == [expected]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o027])
def test_the_umask_does_not_matter(tmp_path: Path, mask: int) -> None:
    os.umask(mask)  # the fixture of all tests sets it back
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text("x")
    (folder / "run").write_text("x")
    (folder / "run").chmod((folder / "run").stat().st_mode | 0o100)
    assert [(entry.path, entry.mode) for entry in read(folder).entries] == [("app.py", REGULAR), ("run", EXECUTABLE)]


def test_the_order_on_disk_does_not_matter(tmp_path: Path) -> None:
    names = [f"{folder}/{number}" for folder in "abc" for number in range(20)]
    contents = set()
    for seed in range(4):
        folder = tmp_path / f"{seed}"
        for name in random.Random(seed).sample(names, len(names)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
        own = read(folder, exclude=["[ab]/1*"])
        contents.add((Tree.of(own.entries).content, tuple(own.left_out)))
    assert len(contents) == 1


def test_deep_folders_are_read(tmp_path: Path) -> None:
    project = tmp_path / "project"
    folders = [f"{project}{'/d' * depth}" for depth in range(1201)]
    for folder in folders:
        os.mkdir(folder)  # noqa: PTH102 -- a Path of a thousand parts takes longer to make than the folder
    file = Path(folders[-1], "x")
    file.write_text("deep")
    assert paths(read(project)) == ["d/" * 1200 + "x"]
    file.unlink()
    for folder in reversed(folders):  # deeper than pytest itself can remove
        os.rmdir(folder)  # noqa: PTH106


def test_large_files_are_read(project: Project) -> None:
    data = random.Random(1).randbytes(3_000_000)
    (entry,) = read(project({"large": data})).entries
    assert entry.source.size == len(data)
    assert entry.read() == data


# What is left out


BYTE_CODE, VERSIONS, TOOLS = "byte code of another Python", "version control", "a tool's own files"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("__pycache__/", BYTE_CODE),
        ("a.pyc", BYTE_CODE),
        ("a.pyo", BYTE_CODE),
        (".git/", VERSIONS),
        (".git", VERSIONS),
        (".hg/", VERSIONS),
        (".svn/", VERSIONS),
        (".tox/", TOOLS),
        (".nox/", TOOLS),
        (".mypy_cache/", TOOLS),
        (".pytest_cache/", TOOLS),
        (".ruff_cache/", TOOLS),
        (".hypothesis/", TOOLS),
        (".aws-sam/", TOOLS),
        (".serverless/", TOOLS),
        (".terraform/", TOOLS),
        ("node_modules/", TOOLS),
        (".idea/", "an editor's files"),
        (".vscode/", "an editor's files"),
        (".DS_Store", "an editor's files"),
        ("lpack.toml", "lpack's own files"),
        ("pylock.orders.toml", "lpack's own files"),
        (".lpackignore", "lpack's own files"),
    ],
)
@pytest.mark.parametrize("parent", ["", "pkg/"])
def test_what_never_belongs_into_an_artifact_is_left_out(project: Project, path: str, reason: str, parent: str) -> None:
    content = f"{parent}{path}some/file" if path.endswith("/") else f"{parent}{path}"
    own = read(project({"app.py": "", content: ""}))
    assert paths(own) == ["app.py"]
    assert reasons(own) == {f"{parent}{path}": reason}


@pytest.mark.parametrize(
    "path",
    [
        "module.so",
        "module.cpython-313-x86_64-linux-gnu.so",
        "lib/libfoo.so.1.2",
        "a.pyd",
        "env/settings.py",
        "venv/module.py",
        ".venv/file",
        "build/lib/a.py",
        "dist/a.py",
        "lib/a.py",
        "bin/run",
        "tests/test_app.py",
        "target/file",
        ".env",
        ".gitignore",
        "data.zip",
        "data.zip.json",
        "requirements.txt",
        "pyproject.toml",
        "pylock.toml",
        "uv.lock",
        "module.pyx",
        "__PYCACHE__/x",
        "pyvenv.cfg",
        "a.partial",
        ".a.partial",
        "cache/file",
    ],
)
def test_what_could_be_the_users_is_never_left_out(project: Project, path: str) -> None:
    own = read(project({path: "x"}))
    assert paths(own) == [path]
    assert own.left_out == ()


@pytest.mark.parametrize("name", ["env", ".venv", "my-environment"])
def test_a_virtual_environment_is_known_by_what_it_holds(project: Project, name: str) -> None:
    own = read(project({"app.py": "", f"{name}/pyvenv.cfg": "home = /usr", f"{name}/bin/python": ""}))
    assert paths(own) == ["app.py"]
    assert reasons(own) == {f"{name}/": "a virtual environment"}


def test_a_link_to_a_virtual_environment_elsewhere_is_left_out_too(project: Project, tmp_path: Path) -> None:
    folder = project({"app.py": ""})
    (tmp_path / "environment").mkdir()
    (tmp_path / "environment" / "pyvenv.cfg").write_text("home = /usr")
    (folder / ".venv").symlink_to(tmp_path / "environment")
    own = read(folder)
    assert (paths(own), reasons(own)) == (["app.py"], {".venv": "a virtual environment"})


def test_caches_are_known_by_their_tag(project: Project) -> None:
    tag = "Signature: 8a477f597d28d172789f06886806bc55\n# made by some tool\n"
    own = read(project({"app.py": "", "target/CACHEDIR.TAG": tag, "target/x": "", "mine/CACHEDIR.TAG": "another"}))
    assert paths(own) == ["app.py", "mine/CACHEDIR.TAG"]
    assert reasons(own) == {"target/": "a cache"}


def test_lpacks_store_inside_of_the_source_is_left_out(project: Project) -> None:
    folder = project({"app.py": ""})
    Store(folder / ".cache" / "lpack").make_note("elf", "key", 1)
    own = read(folder)
    assert (paths(own), reasons(own)) == (["app.py"], {".cache/lpack/": "a cache"})


def test_the_output_folder_is_left_out(project: Project) -> None:
    folder = project({"app.py": "", "dist/orders.zip": "", "dist/notes.txt": "", "other/dist/x": ""})
    own = read(folder, output=folder / "dist")
    assert paths(own) == ["app.py", "other/dist/x"]
    assert reasons(own) == {"dist/": "lpack's output"}


def test_the_output_folder_is_found_by_way_of_a_link(project: Project, tmp_path: Path) -> None:
    folder = project({"app.py": "", "dist/orders.zip": ""})
    (tmp_path / "elsewhere").symlink_to(folder)
    (folder / "latest").symlink_to("dist")
    own = read(folder, output=tmp_path / "elsewhere" / "dist")
    assert reasons(own) == {"dist/": "lpack's output", "latest": "lpack's output"}


@pytest.mark.parametrize("output", ["absent", ".", ".."])
def test_an_output_folder_that_is_not_inside_changes_nothing(project: Project, output: str) -> None:
    folder = project({"app.py": "", "sub/x": ""})
    assert paths(read(folder, output=folder / output)) == ["app.py", "sub/x"]


def test_artifacts_are_known_by_their_record(project: Project) -> None:
    record = json.dumps({"lpack": "1.0", "code_sha256": "x"})
    own = read(
        project(
            {
                "old/orders.zip": b"PK",
                "old/orders.zip.json": record,
                "data.zip": b"PK",
                "data.zip.json": '{"mine": 1}',
                "broken.zip": b"PK",
                "broken.zip.json": "[" * 100_000,
                "list.zip": b"PK",
                "list.zip.json": "[]",
            }
        )
    )
    assert reasons(own) == {"old/orders.zip": "lpack's output", "old/orders.zip.json": "lpack's output"}


def test_what_a_killed_build_left_is_left_out(project: Project) -> None:
    folder = project({"app.py": ""})
    with replacing(folder / "orders.zip"):
        own = read(folder)
    assert paths(own) == ["app.py"]
    assert list(reasons(own).values()) == ["lpack's output"]


def test_what_is_neither_file_nor_folder_is_left_out(project: Project) -> None:
    folder = project({"app.py": ""})
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as opened:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path is short
        opened.bind("socket")
        os.chdir(here)
        own = read(folder, include=["*"])
    assert paths(own) == ["app.py"]
    assert reasons(own) == dict.fromkeys(["pipe", "socket"], "neither a file nor a folder")


# What the user says


FILES = {
    "app.py": "",
    "README.md": "",
    "data/a.json": "",
    "data/b.txt": "",
    "data/deep/c.json": "",
    "tests/test_app.py": "",
    "pkg/tests/test_pkg.py": "",
    "pkg/module.py": "",
}


@pytest.mark.parametrize(
    ("exclude", "left_out"),
    [
        (["*.md"], ["README.md"]),
        (["tests"], ["pkg/tests/", "tests/"]),
        (["tests/"], ["pkg/tests/", "tests/"]),
        (["/tests"], ["tests/"]),
        (["tests/**"], ["tests/test_app.py"]),
        (["data/*", "!data/a.json"], ["data/b.txt", "data/deep/"]),
        (["data/", "!data/a.json"], ["data/"]),
        (["**/*.json"], ["data/a.json", "data/deep/c.json"]),
        (["/*", "!/app.py"], ["README.md", "data/", "pkg/", "tests/"]),
        (["# a comment", "", "data"], ["data/"]),
    ],
)
def test_exclude_is_in_gitignores_patterns(project: Project, exclude: list[str], left_out: list[str]) -> None:
    own = read(project(FILES), exclude=exclude)
    assert reasons(own) == dict.fromkeys(left_out, "exclude")
    assert paths(own) == sorted(
        path
        for path in FILES
        if not any(path == each or (each.endswith("/") and path.startswith(each)) for each in left_out)
    )


def test_the_ignore_file_has_the_same_patterns(project: Project) -> None:
    own = read(project({**FILES, ".lpackignore": "# not for Lambda\ntests/\r\n\n*.md   \n!README.md\n"}))
    assert reasons(own) == {
        ".lpackignore": "lpack's own files",
        "pkg/tests/": ".lpackignore",
        "tests/": ".lpackignore",
    }


def test_only_the_ignore_file_at_the_top_counts(project: Project) -> None:
    own = read(project({"data/.lpackignore": "*", "data/a": ""}))
    assert (paths(own), reasons(own)) == (["data/a"], {"data/.lpackignore": "lpack's own files"})


def test_the_first_reason_is_told(project: Project) -> None:
    folder = project({".lpackignore": "a.pyc\nb.pyc", "a.pyc": "", "b.pyc": "", "c.pyc": ""})
    assert reasons(read(folder, exclude=["a.pyc", "c.*"])) == {
        ".lpackignore": "lpack's own files",
        "a.pyc": "exclude",
        "b.pyc": ".lpackignore",
        "c.pyc": "exclude",
    }


@pytest.mark.parametrize(
    ("include", "brought_back"),
    [
        (["data/a.json"], ["data/a.json"]),
        (["*.json"], ["data/a.json", "data/deep/c.json"]),
        (["data"], ["data/a.json", "data/b.txt", "data/deep/c.json"]),
        (["data/"], ["data/a.json", "data/b.txt", "data/deep/c.json"]),
        (["data/**"], ["data/a.json", "data/b.txt", "data/deep/c.json"]),
        (["data/", "!data/deep"], ["data/a.json", "data/b.txt"]),
        (["data/", "!*.txt"], ["data/a.json", "data/deep/c.json"]),
        (["deep"], ["data/deep/c.json"]),
        (["nothing"], []),
    ],
)
def test_include_wins_over_exclude(project: Project, include: list[str], brought_back: list[str]) -> None:
    own = read(project(FILES), include=include, exclude=["data/"])
    assert [path for path in paths(own) if path.startswith("data/")] == brought_back
    assert len(paths(own)) == len(brought_back) + 5


def test_what_include_leaves_of_a_folder_is_told(project: Project) -> None:
    folder = project(FILES)
    assert reasons(read(folder, include=["data/**"], exclude=["data/"])) == {"data/": "exclude"}
    assert reasons(read(folder, include=["data/"], exclude=["data/"])) == {}
    own = read(folder, include=["data/", "!*.txt", "!deep"], exclude=["data/"])
    assert reasons(own) == {"data/b.txt": "exclude", "data/deep/": "exclude"}


def test_include_wins_over_every_other_rule(project: Project) -> None:
    files = {
        "__pycache__/a.pyc": "",
        ".git/config": "",
        "node_modules/x/index.js": "",
        "env/pyvenv.cfg": "",
        "env/file": "",
        "dist/notes.txt": "",
        "lpack.toml": "",
        "ignored": "",
        ".lpackignore": "ignored",
    }
    folder = project(files)
    everything = read(folder, include=["*"], exclude=["*"], output=folder / "dist")
    assert paths(everything) == sorted(files)
    assert everything.left_out == ()
    some = read(folder, include=["index.js", "file", "notes.txt", "lpack.toml"], output=folder / "dist")
    assert paths(some) == ["dist/notes.txt", "env/file", "lpack.toml", "node_modules/x/index.js"]


def test_patterns_see_the_difference_between_upper_and_lower_case(project: Project) -> None:
    assert paths(read(project({"a.TXT": "", "b.txt": ""}), exclude=["*.txt"])) == ["a.TXT"]


# Links


def links(own: OwnFiles) -> dict[str, str]:
    return {entry.path: entry.read().decode() for entry in own.entries if entry.mode == LINK}


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("link", "data/file"),
        ("data/link", "file"),
        ("data/link", "../app.py"),
        ("link", "data"),
        ("data/link", ".."),
        ("link", "."),
        ("data/link", "../data/../data/file"),
        ("link", "first/file"),
        ("link", "first/../app.py"),
    ],
)
def test_links_inside_the_source_are_kept_as_they_are(project: Project, path: str, target: str) -> None:
    folder = project({"app.py": "", "data/file": ""})
    (folder / "first").symlink_to("data")
    (folder / path).symlink_to(target)
    own = read(folder)
    assert links(own) == {"first": "data", path: target}
    assert paths(own) == sorted(["app.py", "data/file", "first", path])
    assert own.left_out == ()


def test_links_to_links_are_kept(project: Project) -> None:
    folder = project({"lib/libfoo.so.1.2": ""})
    (folder / "lib/libfoo.so.1").symlink_to("libfoo.so.1.2")
    (folder / "lib/libfoo.so").symlink_to("libfoo.so.1")
    assert links(read(folder)) == {"lib/libfoo.so": "libfoo.so.1", "lib/libfoo.so.1": "libfoo.so.1.2"}


@pytest.mark.parametrize(
    ("path", "target", "rewritten"),
    [
        ("link", "{folder}/data/file", "data/file"),
        ("data/link", "{folder}/data/file", "file"),
        ("deep/er/link", "{folder}/data", "../../data"),
        ("link", "{folder}", "."),
        ("link", "../project/data/file", "data/file"),
        ("deep/er/link", "../../../project/data", "../../data"),
        ("link", "{elsewhere}/data/file", "data/file"),
    ],
)
def test_links_that_come_back_are_made_to_stay_inside(project: Project, path: str, target: str, rewritten: str) -> None:
    folder = project({"data/file": "", "deep/er/file": ""})
    elsewhere = folder.parent / "elsewhere"
    elsewhere.symlink_to("project")
    (folder / path).symlink_to(target.format(folder=folder, elsewhere=elsewhere))
    assert links(read(folder)) == {path: rewritten}
    assert links(read(elsewhere)) == {path: rewritten}


@pytest.mark.parametrize(
    "target", ["../outside", "/etc/passwd", "/", "..", "data/../../outside", "{folder}-too/file", "away/file"]
)
def test_links_that_leave_the_source_are_errors_that_name_them(project: Project, target: str) -> None:
    folder = project({"data/file": ""})
    for other in (folder.parent / "outside", folder.parent / "project-too" / "file"):
        other.parent.mkdir(exist_ok=True)
        other.write_text("")
    if target.startswith("away"):
        (folder.parent / "link-away").symlink_to("project-too")
        target = "../link-away/file"
    target = target.format(folder=folder)
    (folder / "data" / "link").symlink_to(target if target.startswith("/") else f"../{target}")
    with pytest.raises(InputError, match="the link `data/link` leaves the source: it leads to `") as caught:
        read(folder)
    assert "exclude it" in str(caught.value.hint)
    assert paths(read(folder, exclude=["link"])) == ["data/file"]


@pytest.mark.parametrize(
    "target", ["absent", "data/absent", "file/below", "link", "circle", "{folder}/absent", "../absent"]
)
def test_broken_links_are_errors_that_name_them(project: Project, target: str) -> None:
    folder = project({"file": ""})
    if target == "circle":
        (folder / "circle").symlink_to("link")
    (folder / "link").symlink_to(target.format(folder=folder))
    with pytest.raises(InputError, match=r"the link `(link|circle)` is broken: it leads to `") as caught:
        read(folder)
    assert "exclude it" in str(caught.value.hint)
    assert paths(read(folder, exclude=["link", "circle"])) == ["file"]


@pytest.mark.parametrize(
    ("target", "exclude"), [("data/file", ["data"]), ("data", ["data"]), ("data/file", ["file"]), ("empty", [])]
)
def test_links_to_what_is_left_out_are_errors(project: Project, target: str, exclude: list[str]) -> None:
    folder = project({"data/file": "", "data/other": ""})
    (folder / "empty").mkdir()
    (folder / "link").symlink_to(target)
    with pytest.raises(InputError, match=f"`link` leads to `{target}`, which is left out or empty") as caught:
        read(folder, exclude=exclude)
    assert f"`include` {target}" in str(caught.value.hint)


def test_links_that_are_left_out_may_lead_anywhere(project: Project) -> None:
    folder = project({"app.py": ""})
    (folder / "node_modules").symlink_to("/nowhere")
    (folder / "passwd.pyc").symlink_to("/etc/passwd")
    assert paths(read(folder)) == ["app.py"]


def test_links_to_folders_are_not_walked_into(project: Project) -> None:
    folder = project({"data/file": ""})
    (folder / "data" / "loop").symlink_to("..")
    assert paths(read(folder)) == ["data/file", "data/loop"]


# What can not be


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LpackError, match="absent` can't be read: No such file"):
        read(tmp_path / "absent")


def test_a_file_that_can_not_be_read_is_named(project: Project) -> None:
    folder = project({"app.py": ""})
    (folder / "app.py").chmod(0)
    # Root may read everything, except what the kernel itself refuses to read.
    unreadable = folder / "app.py" if os.geteuid() else Path("/proc/self/mem")
    with pytest.raises(LpackError, match=f"{unreadable.name}` can't be read: (Permission denied|Input/output error)"):
        read(unreadable.parent, exclude=["*", f"!{unreadable.name}"])


@pytest.mark.parametrize(
    ("name", "shown"), [(b"caf\xe9", r"caf\\udce9"), (b"a\nb", "a\nb"), (b"a\\b", r"a\\b"), (b"\x1b[0m", "")]
)
def test_names_that_no_artifact_can_hold_are_errors(project: Project, name: bytes, shown: str) -> None:
    folder = project({"app.py": ""})
    (folder / os.fsdecode(name)).write_text("")
    with pytest.raises(InputError, match="can't go into an artifact: its name ") as caught:
        read(folder)
    assert shown.replace(r"\\", "\\") in str(caught.value)
    assert caught.value.hint == "rename it"
    assert str(caught.value).encode()


def test_names_of_any_bytes_may_be_left_out(project: Project) -> None:
    folder = project({"app.py": ""})
    (folder / os.fsdecode(b"caf\xe9")).write_text("")
    own = read(folder, exclude=["caf*"])
    assert paths(own) == ["app.py"]
    assert reasons(own) == {"caf\\udce9": "exclude"}


def test_a_link_to_a_name_that_no_artifact_can_hold_is_an_error(project: Project) -> None:
    folder = project({"app.py": ""})
    (folder / os.fsdecode(b"caf\xe9")).write_text("")
    (folder / "link").symlink_to(os.fsdecode(b"caf\xe9"))
    with pytest.raises(InputError, match=r"`link` can't go into an artifact: its target `caf\\udce9` is not valid"):
        read(folder, exclude=["caf*"])


def test_an_ignore_file_that_is_not_utf8_is_named(project: Project) -> None:
    with pytest.raises(InputError, match=r"\.lpackignore` is not UTF-8"):
        read(project({".lpackignore": b"caf\xe9"}))


def test_a_pattern_that_can_not_be_understood_is_named(project: Project) -> None:
    with pytest.raises(InputError, match=r"`include` holds a pattern that is not one of gitignore's: `\[b-a\]`"):
        read(project({"a": ""}), include=["[b-a]"])


def test_a_file_that_changes_after_it_was_read_is_noticed(project: Project) -> None:
    folder = project({"app.py": "before"})
    (entry,) = read(folder).entries
    (folder / "app.py").write_text("after!")
    with pytest.raises(LpackError, match=r"app\.py` changed while it was being packed"):
        entry.read()
