from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from in_process import lpack

Project = Callable[[Mapping[str, str | bytes]], Path]

CONFIGURATION = """
[function.orders]
runtime = "python3.13"
architecture = "arm64"
handler = "app.handler"
exclude = ["drafts/", "*.csv"]
"""
CODE = "def handler(event, context): ...\n"
REQUIREMENTS = "--no-index\n--find-links ../wheels\ndemo\nhelper\n"


@pytest.fixture
def orders(project: Project, make_wheel: Callable[..., Path]) -> Path:
    make_wheel("demo", "1.0", {"demo.py": "x" * 5000}, requires=["helper", "inner"])
    make_wheel("helper", "2.0", requires=["inner"])
    make_wheel("inner", "3.0")
    files = {"drafts/one": "", "prices.csv": "", "app.py": CODE, "requirements.txt": REQUIREMENTS}
    return project({"lpack.toml": CONFIGURATION, **files})


def table(text: str) -> list[list[str]]:
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("package "))
    return [line.split() for line in lines[start + 1 : lines.index("", start)]]


def test_a_function_is_shown_with_what_needs_each_package(orders: Path) -> None:
    run = lpack("inspect", "orders", folder=orders)
    assert run.exit_code == 0
    assert run.stdout.splitlines()[0] == "orders · python3.13 on arm64 · handler app.handler · 0 % of the limit"
    rows = table(run.stdout)
    assert [(row[0], row[1], row[5:]) for row in rows[:3]] == [
        ("demo", "1.0", ["you"]),
        ("helper", "2.0", ["you,", "demo"]),  # asked for, and needed all the same
        ("inner", "3.0", ["demo,", "helper"]),
    ]
    assert rows[3][:4] == ["your", "own", "files", "2"]
    assert rows[4][:2] == ["together", "14"]


def test_what_was_left_out_is_shown_with_its_reason(orders: Path) -> None:
    lines = lpack("inspect", "orders", folder=orders).stdout.splitlines()
    left_out = lines[lines.index("left out:") + 1 :]
    assert "  drafts/  (exclude)" in left_out
    assert "  prices.csv  (exclude)" in left_out
    assert "  lpack.toml  (lpack's own files)" in left_out


def test_many_files_are_shortened_unless_all_are_wanted(orders: Path) -> None:
    for number in range(30):
        (orders / f"file-{number:02}").write_text("")
    assert "  and 12 more (`-v` shows all)" in lpack("inspect", "orders", folder=orders).stdout
    everything = lpack("inspect", "orders", "-v", folder=orders).stdout
    assert "file-29" in everything
    assert "demo-1.0.dist-info/METADATA" in everything


def test_a_file_is_shown_as_it_is(orders: Path) -> None:
    lpack("build", folder=orders)
    (orders / "app.py").write_text("")
    run = lpack("inspect", "dist/orders.zip", folder=orders)
    assert run.exit_code == 0
    assert run.stdout.splitlines()[0] == "orders.zip · python3.13 on arm64 · handler app.handler · 0 % of the limit"
    assert [row[:2] for row in table(run.stdout)[:3]] == [["demo", "1.0"], ["helper", "2.0"], ["inner", "3.0"]]
    assert f"{len(CODE):>12}  app.py" in run.stdout
    assert "left out" not in run.stdout


def test_json_tells_everything(orders: Path) -> None:
    document = lpack("inspect", "orders", "--json", folder=orders).json
    assert (document["name"], document["targets"], document["handler"]) == (
        "orders",
        ["python3.13 on arm64"],
        "app.handler",
    )
    assert [(each["name"], each["asked_for"], each["required_by"]) for each in document["packages"]] == [
        ("demo", True, []),
        ("helper", True, ["demo"]),
        ("inner", False, ["demo", "helper"]),
    ]
    assert sum(file["size"] for file in document["files"]) == document["unzipped_size"]
    assert {"path": "app.py", "mode": "100644", "size": len(CODE), "package": ""} in document["files"]
    assert document["left_out_counts"]["exclude"] == 2
    assert document["record"] is None

    lpack("build", folder=orders)
    of_file = lpack("inspect", "dist/orders.zip", "--json", folder=orders).json
    assert of_file["content"] == document["content"] == of_file["record"]["content"]
    assert of_file["left_out"] is None
    assert of_file["packages"][0]["required_by"] is None


def test_an_unknown_function_is_an_error_that_offers_the_nearest(orders: Path) -> None:
    run = lpack("inspect", "order", folder=orders)
    assert run.exit_code == 2
    assert "hint: did you mean `orders`?" in run.stderr


def test_a_file_that_is_no_zip_is_an_error(orders: Path) -> None:
    run = lpack("inspect", "app.py", folder=orders)
    assert run.exit_code == 1
    assert "is not a zip" in run.stderr
