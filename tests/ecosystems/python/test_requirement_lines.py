from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpack.ecosystems.python.requirement_lines import Line, all_lines, index_lines, lines_in, one_file
from lpack.ecosystems.python.requirements import Requirements
from lpack.errors import UsageError

HERE = Path("/here")


def said(text: str) -> list[tuple[str, str]]:
    return [(line.option, line.value) for line in lines_in(text, HERE)]


def the_line(text: str, folder: Path = HERE) -> Line:
    (line,) = lines_in(text, folder)
    return line


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("# comment\n\n  \t\n", []),
        ("demo", [("", "demo")]),
        ("demo==1.0  # pinned", [("", "demo==1.0")]),
        ("demo @ https://x.invalid/demo.zip#sha256=ab", [("", "demo @ https://x.invalid/demo.zip#sha256=ab")]),
        ("demo==1 \\\n --hash=sha256:ab \\\n --hash=sha256:cd", [("", "demo==1  --hash=sha256:ab  --hash=sha256:cd")]),
        ("demo==1.0 \\\r\n  --hash=sha256:ab\r\n", [("", "demo==1.0   --hash=sha256:ab")]),
        ("# comment \\\ndemo", [("", "demo")]),
        ("demo \\\n# comment\nother", [("", "demo"), ("", "other")]),
        ("demo \\", [("", "demo")]),
        ("-r base.txt", [("--requirement", "base.txt")]),
        ("-rbase.txt", [("--requirement", "base.txt")]),
        ("--requirement=base.txt", [("--requirement", "base.txt")]),
        ("--requirement  base.txt", [("--requirement", "base.txt")]),
        ("-c limits.txt", [("--constraint", "limits.txt")]),
        ("-e ./core", [("--editable", "./core")]),
        ('-e "./my core"', [("--editable", "./my core")]),
        ("-i https://x.invalid/simple?a=b", [("--index-url", "https://x.invalid/simple?a=b")]),
        ("-ihttps://x.invalid/simple?a=b", [("--index-url", "https://x.invalid/simple?a=b")]),
        ("--index-url=https://x.invalid/simple", [("--index-url", "https://x.invalid/simple")]),
        ("--extra-index-url https://x.invalid", [("--extra-index-url", "https://x.invalid")]),
        ("-f wheels", [("--find-links", "wheels")]),
        ("--no-index", [("--no-index", "")]),
        ("--pre\n--no-binary :all:", [("--pre", ""), ("--no-binary", ":all:")]),
    ],
)  # fmt: skip
def test_a_file_is_read_as_pip_reads_it(text: str, lines: list[tuple[str, str]]) -> None:
    assert said(text) == lines


@pytest.mark.parametrize(
    ("text", "name", "extras", "address"),
    [
        ("demo", "demo", set(), ""),
        ("De_mo.X>=1,<2; python_version > '3'", "de-mo-x", set(), ""),
        ("demo [fast, Sla_w]==1", "demo", {"fast", "sla-w"}, ""),
        ("demo[fast] @ https://x.invalid/demo.zip ; os_name == 'posix'", "demo", {"fast"}, "https://x.invalid/demo.zip"),
        ("demo @ https://x.invalid/demo.zip --hash=sha256:ab", "demo", set(), "https://x.invalid/demo.zip"),
        ("demo@https://x.invalid/demo-1.0-py3-none-any.whl", "demo", set(), "https://x.invalid/demo-1.0-py3-none-any.whl"),
        ("demo @ git+ssh://git@x.invalid/demo.git@v1", "demo", set(), "git+ssh://git@x.invalid/demo.git@v1"),
        ("git+https://x.invalid/repo.git#egg=De.mo", "de-mo", set(), "git+https://x.invalid/repo.git#egg=De.mo"),
        ("https://x.invalid/a/demo_x-1.0-py3-none-any.whl", "demo-x", set(), "https://x.invalid/a/demo_x-1.0-py3-none-any.whl"),
        ("https://x.invalid/demo-x-1.0.tar.gz", "demo-x", set(), "https://x.invalid/demo-x-1.0.tar.gz"),
        ("./my-wheels/demo-1.0-py3-none-any.whl", "demo", set(), "./my-wheels/demo-1.0-py3-none-any.whl"),
        ("demo-1.0.zip", "demo", set(), "demo-1.0.zip"),
        ("./core[fast]", None, {"fast"}, "./core"),
        ("libs/core ; os_name == 'posix'", None, set(), "libs/core"),
        ("-e core", None, set(), "core"),
        ("-e .[fast]", None, {"fast"}, "."),
        ("..", None, set(), ".."),
    ],
)  # fmt: skip
def test_a_line_tells_what_is_asked_for_and_from_where(
    text: str, name: str | None, extras: set[str], address: str
) -> None:
    line = the_line(text)
    assert (line.name, line.extras, line.address) == (name, extras, address)
    assert line.is_requirement


def test_paths_start_where_the_resolver_runs(tmp_path: Path) -> None:
    (tmp_path / "start/core").mkdir(parents=True)
    (tmp_path / "beside/other").mkdir(parents=True)
    line = the_line("./core", tmp_path / "beside")._replace(start=tmp_path / "start")
    assert line.path == tmp_path / "start" / "core"
    assert line._replace(value="./other").path is None
    assert line._replace(value=f"core @ file://{tmp_path}/start/core").path == tmp_path / "start" / "core"
    assert line._replace(value="core @ file://${PROJECT_ROOT}/core").path == tmp_path / "start" / "core"
    assert line._replace(value="core @ https://x.invalid/core").path is None
    assert line._replace(value="core").path is None
    assert line._replace(value="./" + "long" * 100).path is None


def test_included_files_are_read_each_once(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "requirements.txt").write_text(
        "-r more/base.txt\n-c more/limits.txt\nown\n-r https://x.invalid/y.txt\n"
    )
    (tmp_path / "more/base.txt").write_text("base\n./core\n")
    (tmp_path / "more/limits.txt").write_text("base<2\n-r others.txt\n")
    (tmp_path / "more/others.txt").write_text("other<3\n")
    lines = all_lines(Requirements("requirements", tmp_path, tmp_path / "requirements.txt"))
    assert [line.value for line in lines if line.is_requirement] == ["base", "./core", "own"]
    assert [line.value for line in lines if line.is_constraint] == ["base<2", "others.txt", "other<3"]
    (core,) = (line for line in lines if line.value == "./core")
    assert (core.start, core.folder) == (tmp_path, tmp_path / "more")


def test_a_file_that_can_t_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    with pytest.raises(UsageError, match=rf"`{file}` does not exist"):
        all_lines(Requirements("requirements", tmp_path, file))
    file.write_bytes("demo\n".encode("utf-16"))
    with pytest.raises(UsageError, match=r"is not UTF-8") as caught:
        all_lines(Requirements("requirements", tmp_path, file))
    assert caught.value.hint == "save the file as UTF-8"
    file.write_bytes(b"\xef\xbb\xbf-r .\n")
    with pytest.raises(UsageError, match=rf"`{tmp_path}` can't be read: Is a directory"):
        all_lines(Requirements("requirements", tmp_path, file))


@pytest.mark.parametrize(
    ("text", "unknown", "hint"),
    [
        ("--find-linkz wheels", "--find-linkz", "did you mean `--find-links`?"),
        ("--extra-index-urls=https://x.invalid", "--extra-index-urls", "did you mean `--extra-index-url`?"),
        ("--foo", "--foo", "remove it, or write it where it belongs"),
        ("-U", "-U", "remove it, or write it where it belongs"),
        ("- demo", "- demo", "remove it, or write it where it belongs"),
        ("demo==1 --hesh=sha256:ab", "--hesh", "did you mean `--hash`?"),
        ("demo==1 --hash=sha256:ab --index-url https://x.invalid", "--index-url", "remove it, or write it where"),
    ],
)
def test_an_option_that_no_requirements_file_has_is_named(tmp_path: Path, text: str, unknown: str, hint: str) -> None:
    (tmp_path / "requirements.txt").write_text("-r more.txt\n")
    (tmp_path / "more.txt").write_text(f"demo\n{text}\n")
    with pytest.raises(UsageError) as caught:
        all_lines(Requirements("requirements", tmp_path, tmp_path / "requirements.txt"))
    file = tmp_path / "more.txt"
    assert caught.value.message == f"`{file}` has `{unknown}`, which is not an option of requirements files"
    assert str(caught.value.hint).startswith(hint)


@pytest.mark.parametrize("option", ["-i", "--find-links", "-r", "--requirement="])
def test_an_option_without_its_value_is_named(tmp_path: Path, option: str) -> None:
    (tmp_path / "requirements.txt").write_text(f"{option}\ndemo\n")
    with pytest.raises(UsageError, match=r"has `--[a-z-]+` without a value"):
        all_lines(Requirements("requirements", tmp_path, tmp_path / "requirements.txt"))


def test_what_pip_knows_is_for_the_resolver_to_judge(tmp_path: Path) -> None:
    text = (
        "--pre\n--prefer-binary\n--require-hashes\n--trusted-host x.invalid\n--use-feature fast-deps\n"
        "--no-binary :all:\n--only-binary=demo\ndemo --config-settings a=b --global-option='-v' --hash=sha256:ab\n"
        "other ; os_name == 'posix'  # --not-an-option\n-e ./a--b\n"
    )
    (tmp_path / "requirements.txt").write_text(text)
    assert len(all_lines(Requirements("requirements", tmp_path, tmp_path / "requirements.txt"))) == 10


def test_what_is_said_can_be_said_anywhere_else(tmp_path: Path) -> None:
    (tmp_path / "libs/core").mkdir(parents=True)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "more").mkdir()
    (tmp_path / "more/found.txt").write_text("-f ../wheels\n")
    (tmp_path / "wheels/given-1.0-py3-none-any.whl").touch()
    (tmp_path / "limits.txt").write_text("demo<2\n")
    text = (
        "--index-url https://x.invalid\n-r more/found.txt\n-c limits.txt\ndemo>=1\nlibs/core ; os_name == 'posix'\n"
        "named @ ./libs/core\n./wheels/given-1.0-py3-none-any.whl --hash=sha256:ab\n"
    )
    (tmp_path / "requirements.txt").write_text(text)
    lines = all_lines(Requirements("requirements", tmp_path, tmp_path / "requirements.txt"))
    moved, constraints = one_file(lines)
    assert moved.splitlines() == [
        "--index-url https://x.invalid",
        f"--find-links {tmp_path}/wheels",
        "demo>=1",
        f"--editable {tmp_path}/libs/core ; os_name == 'posix'",
        f"named @ {tmp_path}/libs/core",
        f"{tmp_path}/wheels/given-1.0-py3-none-any.whl --hash=sha256:ab",
    ]
    assert constraints == "demo<2"
    assert index_lines(lines) == f"--index-url https://x.invalid\n--find-links {tmp_path}/wheels"


@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    for line in lines_in(text, HERE):
        assert line.value.strip() == line.value
        _ = (line.name, line.extras, line.address, line.path, str(line))


def test_files_that_include_each_other_are_an_error_and_one_included_twice_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("-r b.txt\n-r c.txt\none\n")
    (tmp_path / "b.txt").write_text("-r c.txt\n")
    (tmp_path / "c.txt").write_text("two\n")
    requirements = Requirements("requirements", tmp_path, tmp_path / "a.txt")
    assert [line.value for line in all_lines(requirements) if line.is_requirement] == ["two", "one"]
    (tmp_path / "c.txt").write_text("-c a.txt\n")
    with pytest.raises(UsageError, match=r"include each other: `a.txt` → `b.txt` → `c.txt` → `a.txt`"):
        all_lines(requirements)
