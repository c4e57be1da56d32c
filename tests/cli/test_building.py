"""What `lpack build` and `lpack lock` say to people."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from in_process import lpack

Project = Callable[[Mapping[str, str | bytes]], Path]

CONFIGURATION = """
[defaults]
runtime = "python3.13"
architecture = "arm64"
handler = "app.handler"
requirements = "requirements.txt"

[function.orders]
source = "orders"
"""
CODE = "def handler(event, context): ...\n"


@pytest.fixture
def orders(project: Project, make_wheel: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A function with two packages, in the folder that the test is in."""
    make_wheel("demo", "1.0", requires=["helper"])
    make_wheel("helper", "2.0")
    requirements = "--no-index\n--find-links ../wheels\ndemo\n"
    folder = project({"lpack.toml": CONFIGURATION, "orders/app.py": CODE, "requirements.txt": requirements})
    monkeypatch.chdir(folder)
    return folder


def with_many(folder: Path, count: int, code: str = CODE) -> None:
    """Add so many functions of the same kind: fewer than lpack starts processes for, which take their time."""
    text = CONFIGURATION
    for number in range(count):
        (folder / f"f{number}").mkdir()
        (folder / f"f{number}" / "app.py").write_text(code)
        text += f'[function.f{number}]\nsource = "f{number}"\n'
    (folder / "lpack.toml").write_text(text)


def test_a_build_prints_a_table_and_beside_it_what_it_locked(orders: Path) -> None:
    run = lpack("build", folder=orders)
    assert run.exit_code == 0
    header, row = run.stdout.splitlines()
    assert header.split() == ["artifact", "runtime", "architecture", "packages", "zip", "unzipped", "of", "limit"]
    assert row.split()[:4] == ["dist/orders.zip", "python3.13", "arm64", "2"]
    assert row.split()[-3:] == ["0", "%", "built"]
    *locked, summary = run.stderr.splitlines()
    assert locked == ["orders: locked 2 packages", "  + demo 1.0", "  + helper 2.0"]
    assert summary.startswith("1 built in ")
    assert lpack("build", folder=orders).stderr.startswith("1 unchanged in ")


def test_the_quiet_get_nothing_but_the_artifact(orders: Path) -> None:
    run = lpack("build", "-q", folder=orders)
    assert (run.exit_code, run.stdout, run.stderr) == (0, "", "")
    assert (orders / "dist" / "orders.zip").is_file()


def test_another_output_folder_can_be_named(orders: Path, tmp_path: Path) -> None:
    assert "\nout/orders.zip " in lpack("build", "-o", "out", folder=orders).stdout
    assert "\n../orders.zip " in lpack("build", "-o", tmp_path, folder=orders).stdout
    assert (tmp_path / "orders.zip").is_file()


def test_a_dry_run_lists_every_file_with_its_owner(orders: Path) -> None:
    run = lpack("build", "--dry-run", folder=orders)
    assert run.exit_code == 0
    first, *files = run.stdout.splitlines()
    assert first == f"dist/orders.zip: 9 files, {first.split(', ')[1]}"
    assert files[0].split() == ["644", str(len(CODE)), "app.py", "(your", "own)"]
    assert files[4].split() == ["644", "16", "demo.py", "(demo)"]
    assert run.stderr.splitlines()[-1].startswith("1 planned in ")


def test_the_curious_get_more(orders: Path) -> None:
    (orders / "orders" / ".git").mkdir()
    *_, line = lpack("build", "-v", folder=orders).stderr.splitlines()
    record = json.loads((orders / "dist" / "orders.zip.json").read_text())
    assert line.startswith("  orders: ")
    assert line.endswith(f" s, code_sha256 {record['code_sha256']}, left out 1 for version control")


def test_many_functions_are_told_shortly(orders: Path) -> None:
    with_many(orders, 10)
    run = lpack("build", folder=orders)
    assert run.exit_code == 0
    assert len(run.stdout.splitlines()) == 12
    assert run.stderr.splitlines()[:-1] == [
        "orders, f0, f1 and 8 more: locked 2 packages",
        "  + demo 1.0",
        "  + helper 2.0",
    ]
    assert run.stderr.splitlines()[-1].startswith("11 built in ")


def test_many_failures_are_told_shortly(orders: Path) -> None:
    with_many(orders, 10, code="")
    run = lpack("build", folder=orders)
    assert run.exit_code == 5
    assert [line for line in run.stderr.splitlines() if line.startswith("error")] == [
        "error: f0, f1, f2 and 7 more: the handler `app.handler` was not found: `app.py` does not define `handler`",
        "error: 10 of 11 functions failed: `f0`, `f1`, `f2` and 7 more",
    ]


def test_a_single_failure_has_no_table(orders: Path) -> None:
    (orders / "orders" / "app.py").write_text("")
    run = lpack("build", folder=orders)
    assert run.stdout == ""
    assert run.stderr.splitlines()[3:] == [
        "error: the handler `app.handler` was not found: `app.py` does not define `handler`",
        "hint: define `handler` in `app.py`",
        "error: `orders` failed",
    ]


def test_deprecated_runtimes_are_a_warning_with_the_function(orders: Path) -> None:
    with_many(orders, 1)
    (orders / "lpack.toml").write_text((orders / "lpack.toml").read_text() + 'runtime = "python3.9"\n')
    run = lpack("build", folder=orders)
    assert run.exit_code in {0, 5}  # from 2027 on it is an error
    assert "f0: " in run.stderr
    assert "`python3.9`" in run.stderr


def test_a_lock_tells_what_changed(orders: Path, make_wheel: Callable[..., Path]) -> None:
    run = lpack("lock", folder=orders)
    assert (run.exit_code, run.stderr) == (0, "")
    assert run.stdout.splitlines() == ["orders: locked 2 packages", "  + demo 1.0", "  + helper 2.0"]
    assert lpack("lock", folder=orders).stdout == "orders: up to date\n"
    assert lpack("lock", "--check", folder=orders).exit_code == 0
    make_wheel("helper", "2.1")
    assert lpack("lock", folder=orders).stdout == "orders: up to date\n"
    run = lpack("lock", "--upgrade", folder=orders)
    assert run.stdout.splitlines() == ["orders: locked 1 package", "  ~ helper 2.0 → 2.1"]


def test_a_long_list_of_changes_is_cut(orders: Path, make_wheel: Callable[..., Path]) -> None:
    names = [f"part{letter}" for letter in "abcdefghijkl"]
    for name in names:
        make_wheel(name)
    (orders / "requirements.txt").write_text("--no-index\n--find-links ../wheels\n" + "\n".join(names))
    lines = lpack("build", folder=orders).stderr.splitlines()
    assert lines[0] == "orders: locked 12 packages"
    assert lines[1:11] == [*(f"  + {name} 1.0" for name in names[:9]), "  and 3 more (`-v` shows all)"]
    (orders / "pylock.orders.toml").unlink()
    assert len(lpack("lock", "-v", folder=orders).stdout.splitlines()) == 13


def test_a_lock_that_is_out_of_date_fails_the_check(orders: Path) -> None:
    run = lpack("lock", "--check", folder=orders)
    assert run.exit_code == 3
    assert run.stderr.splitlines() == [
        "error: `pylock.orders.toml` does not exist",
        "hint: run `lpack lock orders` and commit the file",
    ]
    assert not (orders / "pylock.orders.toml").exists()
    document = lpack("lock", "--check", "--json", folder=orders).json
    assert document["locks"][0]["error"]["exit_code"] == 3


def test_a_function_without_packages_needs_no_lock(project: Project) -> None:
    text = '[function.hello]\nruntime = "python3.13"\nhandler = "app.handler"\n'
    folder = project({"lpack.toml": text, "app.py": CODE})
    assert lpack("lock", folder=folder).stdout == "hello: no packages to lock, or another tool has locked them\n"
    assert lpack("lock", "--json", folder=folder).json["locks"] == [
        {"name": "hello", "file": None, "changes": [], "error": None}
    ]
