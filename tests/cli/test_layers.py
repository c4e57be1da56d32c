"""What `lpack build`, `check` and `inspect` say of layers, and of functions on top of them."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from in_process import lpack

pytestmark = pytest.mark.slow

Project = Callable[[Mapping[str, str | bytes]], Path]

CODE = "import demo\n\ndef handler(event, context): ...\n"
REQUIREMENTS = "--no-index\n--find-links ../wheels\n"
ARN = "arn:aws:lambda:eu-west-1:123456789012:layer:theirs:3"
CONFIGURATION = """
[layer.web]
runtimes = ["python3.11", "python3.12", "python3.13"]
architectures = ["x86_64", "arm64"]
requirements = "web.txt"
source = { lib = "data" }

[function.orders]
runtime = "python3.13"
handler = "app.handler"
source = "orders"
layers = ["web"]
requirements = "orders.txt"
"""


@pytest.fixture
def shop(project: Project, make_wheel: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A function on a layer whose only large package is the same for all, in the folder that the test is in."""
    make_wheel("demo", "1.0", {"demo.py": "x" * 900_000}, requires=["helper"])
    make_wheel("helper", "2.0")
    make_wheel("extra", "1.0", requires=["demo"])
    files: dict[str, str | bytes] = {
        "lpack.toml": CONFIGURATION,
        "orders/app.py": CODE,
        "data/table.bin": bytes(2_700_000),
        "web.txt": REQUIREMENTS + "demo\n",
        "orders.txt": REQUIREMENTS + "extra\n",
    }
    folder = project(files)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def compiled(shop: Path, make_wheel: Callable[..., Path]) -> Path:
    """The same with a package in the layer that differs by the version of the language."""
    for version in ("311", "312", "313"):
        make_wheel("compiled", "1.0", {"compiled.py": f"# {version}\n" * 9000}, tag=f"cp{version}-none-any")
    (shop / "web.txt").write_text(REQUIREMENTS + "demo\ncompiled\n")
    return shop


def rows(text: str) -> dict[str, list[str]]:
    """The lines of a table by their first cell."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}


def statuses(text: str) -> dict[str, str]:
    return {name: cells[-1] for name, cells in rows(text).items() if name.endswith(".zip") or name == "web"}


# build


def test_a_build_counts_a_function_with_its_layers(shop: Path) -> None:
    run = lpack("build", folder=shop)
    table = rows(run.stdout)
    assert " ".join(table["dist/web.zip"][:5]) == "python3.11 to python3.13 x86_64, arm64"
    assert table["dist/web.zip"][-3:] == ["1", "%", "built"]
    assert table["dist/orders.zip"][:3] == ["python3.13", "x86_64", "1"]
    assert table["dist/orders.zip"][-3:] == ["1", "%", "built"]


# check


def test_layers_are_checked_by_name_and_functions_on_top_of_them(shop: Path) -> None:
    lpack("build", folder=shop)
    run = lpack("check", folder=shop)
    assert (run.exit_code, run.stderr) == (0, "")
    assert statuses(run.stdout) == {"dist/web.zip": "fine", "dist/orders.zip": "fine"}
    assert rows(run.stdout)["dist/orders.zip"][-3:] == ["1", "%", "fine"]
    document = lpack("check", "orders", "web", "--json", folder=shop).json
    orders, web = document["artifacts"]
    assert orders["layers_size"] == web["unzipped_size"]
    assert web["layers_size"] == 0


def test_every_artifact_of_a_layer_is_checked_and_a_missing_one_told(compiled: Path) -> None:
    text = CONFIGURATION.replace("source = { lib", "per-runtime = true\nsource = { lib")
    (compiled / "lpack.toml").write_text(text)
    lpack("build", "web", folder=compiled)
    run = lpack("check", "web", folder=compiled)
    assert run.exit_code == 0
    assert statuses(run.stdout) == {f"dist/web-python{each}.zip": "fine" for each in ("311", "312", "313")}
    (compiled / "dist" / "web-python312.zip").unlink()
    run = lpack("check", "web", folder=compiled)
    assert run.exit_code == 2
    assert statuses(run.stdout)["web"] == "missing"
    assert "`web` was not built for python3.12 on x86_64, python3.12 on arm64" in run.stderr
    assert "hint: run `lpack build web` first" in run.stderr


def test_a_function_can_not_be_checked_without_its_layer(shop: Path) -> None:
    lpack("build", folder=shop)
    (shop / "dist" / "web.zip").unlink()
    run = lpack("check", folder=shop)
    assert run.exit_code == 2
    assert "error: `web` was not built: there is no `dist/web.zip`" in run.stderr
    assert "error: the layer `web` of `orders` was not built for python3.13 on x86_64" in run.stderr
    assert run.stderr.count("hint: run `lpack build web` first") == 2
    assert rows(run.stdout)["dist/orders.zip"] == ["not", "checked"]
    assert statuses(run.stdout)["dist/web.zip"] == "missing"


def test_a_layer_that_was_built_for_something_else_is_missing(shop: Path) -> None:
    lpack("build", folder=shop)
    text = CONFIGURATION.replace('"python3.13"]', '"python3.14"]').replace('= "python3.13"', '= "python3.14"')
    (shop / "lpack.toml").write_text(text)
    run = lpack("check", "orders", folder=shop)
    assert run.exit_code == 2
    assert "the layer `web` of `orders` was not built for python3.14 on x86_64" in run.stderr


def test_a_file_of_lpack_is_checked_on_top_of_what_its_record_names(shop: Path, tmp_path: Path) -> None:
    (shop / "data" / "agent.py").write_text(CODE)
    with_handler = CONFIGURATION.replace("lib =", "python =").replace("app.handler", "agent.handler")
    (shop / "lpack.toml").write_text(with_handler)
    assert lpack("build", folder=shop).exit_code == 0
    elsewhere = shutil.copytree(shop / "dist", tmp_path / "elsewhere")
    run = lpack("check", "orders.zip", folder=elsewhere)
    assert (run.exit_code, run.stderr) == (0, "")
    assert rows(run.stdout)["../elsewhere/orders.zip"][-3:] == ["1", "%", "fine"]

    (elsewhere / "web.zip").rename(elsewhere / "renamed.zip")
    run = lpack("check", "orders.zip", folder=elsewhere)
    assert run.exit_code == 2
    assert "the layer `web` of `orders.zip` was not built" in run.stderr
    assert lpack("check", "orders.zip", "--layer", "renamed.zip", folder=elsewhere).exit_code == 0


def test_a_layer_s_file_is_checked_for_all_that_its_record_names(shop: Path) -> None:
    lpack("build", "web", folder=shop)
    run = lpack("check", "dist/web.zip", folder=shop)
    assert (run.exit_code, run.stderr) == (0, "")
    run = lpack("check", "dist/web.zip", "--runtime", "python3.8", folder=shop)
    assert run.exit_code in {0, 5}  # from February 2027 on Lambda takes no new ones
    assert "`python3.8`" in run.stderr


def zipped(file: Path, contents: Mapping[str, str], mode: int = 0o644) -> Path:
    """A zip that another tool made."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in contents.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            archive.writestr(member, text)
    return file


@pytest.fixture
def foreign(shop: Path) -> Path:
    return zipped(shop / "theirs.zip", {"python/": "", "python/agent.py": CODE})


def test_layers_of_other_tools_are_known_by_their_folders(shop: Path, foreign: Path) -> None:
    run = lpack("check", foreign.name, "--runtime", "python3.13", folder=shop)
    assert (run.exit_code, run.stderr) == (0, "")
    zipped(shop / "agent.zip", {"extensions/agent": "#!/bin/sh\n"})
    run = lpack("check", "agent.zip", "--runtime", "python3.13", folder=shop)
    assert run.exit_code == 5
    assert "among its extensions, which Lambda can't run" in run.stderr


def test_a_file_with_a_handler_is_a_function_whatever_it_looks_like(shop: Path, foreign: Path) -> None:
    arguments = ("check", foreign.name, "--runtime", "python3.13", "--handler")
    assert lpack(*arguments, "python/agent.handler", folder=shop).exit_code == 0
    assert lpack(*arguments, "app.handler", folder=shop).exit_code == 5


def test_a_layer_of_another_tool_goes_beneath_a_function_that_is_checked(shop: Path, foreign: Path) -> None:
    zipped(shop / "made.zip", {"readme.txt": ""})
    arguments = ("check", "made.zip", "--runtime", "python3.13", "--handler", "agent.handler")
    assert lpack(*arguments, folder=shop).exit_code == 5
    run = lpack(*arguments, "--layer", foreign.name, folder=shop)
    assert (run.exit_code, run.stderr) == (0, "")
    run = lpack(*arguments, "--layer", "nowhere.zip", folder=shop)
    assert run.exit_code == 2
    assert "there is no file `nowhere.zip`" in run.stderr


# inspect


def test_a_function_is_shown_with_what_its_layers_bring(shop: Path) -> None:
    run = lpack("inspect", "orders", folder=shop)
    assert run.exit_code == 0
    lines = run.stdout.splitlines()
    assert lines[0] == "orders · python3.13 on x86_64 · handler app.handler · 1 % of the limit with its layers"
    header, *table = lines[2 : lines.index("", 2)]
    assert header.split() == ["package", "version", "files", "unzipped", "from", "needed", "by"]
    told = [line.split() for line in table]
    assert [(line[0], line[-2:]) for line in told] == [
        ("its", ["layer", "web"]),
        ("demo", ["layer", "web"]),
        ("extra", ["orders", "you"]),
        ("helper", ["layer", "web"]),
        ("your", ["bytes", "orders"]),
        ("together", ["3.4", "MB"]),
    ]
    assert told[0][:6] == ["its", "own", "files", "1", "2.6", "MB"]
    assert told[-1][1] == "14"


def test_the_zip_of_a_function_is_shown_without_its_layers(shop: Path) -> None:
    lpack("build", folder=shop)
    headline = lpack("inspect", "dist/orders.zip", folder=shop).stdout.splitlines()[0]
    assert headline.endswith(" · handler app.handler · 0 % of the limit without its layers")


def test_copies_of_a_package_for_several_versions_are_told_apart(compiled: Path) -> None:
    lines = lpack("inspect", "orders", folder=compiled).stdout.splitlines()
    assert sorted(line.partition(" layer ")[2].strip() for line in lines if line.startswith("compiled")) == [
        "web, python3.11",
        "web, python3.12",
        "web, python3.13",
    ]
    assert next(line for line in lines if line.startswith("demo")).endswith(" layer web")


def test_layers_of_others_are_shown_as_far_as_they_are_known(shop: Path) -> None:
    def told(layer: str) -> str:
        (shop / "lpack.toml").write_text(CONFIGURATION.replace('["web"]', f"[{layer}]"))
        lines = lpack("inspect", "orders", folder=shop).stdout.splitlines()
        return " ".join(next(line for line in lines if line.startswith("everything")).split())

    assert told(f'{{ arn = "{ARN}", unzipped-size = 1024 }}') == f"everything in it 1 KB layer {ARN}"
    assert told(f'"{ARN}"') == f"everything in it not known layer {ARN}"


def test_a_layer_is_shown_with_what_needs_each_package(compiled: Path) -> None:
    run = lpack("inspect", "web", folder=compiled)
    assert run.exit_code == 0
    lines = run.stdout.splitlines()
    assert lines[0] == "web · python3.11 to python3.13 on x86_64, arm64 · 1 % of the limit"
    table = [line.split() for line in lines[2 : lines.index("", 2)]]
    assert table[0] == ["package", "version", "files", "unzipped", "in", "needed", "by"]
    assert [(line[0], line[5]) for line in table if line[0] in {"demo", "compiled"}] == [
        ("demo", "python"),
        *(("compiled", f"python/lib/python3.{minor}/site-packages") for minor in (11, 12, 13)),
    ]
    assert next(line for line in table if line[0] == "helper")[-1] == "demo"


def test_each_artifact_of_a_layer_is_shown(compiled: Path) -> None:
    text = CONFIGURATION.replace("source = { lib", "per-runtime = true\nsource = { lib")
    (compiled / "lpack.toml").write_text(text)
    run = lpack("inspect", "web", folder=compiled)
    headlines = [line for line in run.stdout.splitlines() if "of the limit" in line]
    assert [line.split(" · ")[:2] for line in headlines] == [
        [f"web-python{each.replace('.', '')}", f"python{each} on x86_64, arm64"] for each in ("3.11", "3.12", "3.13")
    ]
    document = lpack("inspect", "web", "--json", folder=compiled).json
    assert [each["name"] for each in document["artifacts"]] == ["web-python311", "web-python312", "web-python313"]
    assert document["artifacts"][0]["targets"] == ["python3.11 on x86_64", "python3.11 on arm64"]


def test_what_needs_a_package_on_any_target_is_named(shop: Path, make_wheel: Callable[..., Path]) -> None:
    make_wheel("old", "1.0", requires=['helper; python_version < "3.12"'])
    make_wheel("new", "1.0", requires=['helper; python_version >= "3.12"'])
    (shop / "web.txt").write_text(REQUIREMENTS + "old\nnew\n")
    document = lpack("inspect", "web", "--json", folder=shop).json
    assert next(each for each in document["packages"] if each["name"] == "helper")["required_by"] == ["old", "new"]


def test_a_layer_s_zip_is_shown_with_its_folders(compiled: Path) -> None:
    lpack("build", "web", folder=compiled)
    run = lpack("inspect", "dist/web.zip", folder=compiled)
    lines = run.stdout.splitlines()
    assert lines[0] == "web.zip · python3.11 to python3.13 on x86_64, arm64 · 1 % of the limit"
    roots = [line.split()[-1] for line in lines if line.startswith(("compiled", "demo"))]
    assert roots == ["python", *(f"python/lib/python3.{minor}/site-packages" for minor in (11, 12, 13))]
    document = lpack("inspect", "dist/web.zip", "--json", folder=compiled).json
    assert document["record"]["kind"] == "layer"
    assert sorted({each["folder"] for each in document["packages"]}) == sorted(set(roots))


def test_json_tells_of_the_layers_beneath_a_function(compiled: Path) -> None:
    [layer] = lpack("inspect", "orders", "--json", folder=compiled).json["layers"]
    assert layer["name"] == "web"
    assert [each["name"] for each in layer["packages"]].count("compiled") == 3
    own_file = (compiled / "data" / "table.bin").stat().st_size
    assert layer["unzipped_size"] == own_file + sum(each["size"] for each in layer["packages"])
