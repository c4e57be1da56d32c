from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lpack.errors import CheckError, ToolError, UsageError

Write = Callable[..., Path]
Make = Callable[..., Any]

BUILD = ("sh", "build.sh")
SCRIPT = """
set -e
echo "building" >&2
mkdir -p objects
touch objects/a.o
printf '#!/bin/sh\\n# %s %s %s %s\\n' "$LPACK_TARGET_ARCHITECTURE" "$LPACK_TARGET_GLIBC" "$GOARCH" "$(cat word)" > app
chmod +x app
"""


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_command_makes_the_program_in_a_copy_of_the_source(project: Write, make: Make) -> None:
    folder = project({"build.sh": SCRIPT, "word": "one"})
    made = make(folder, build=BUILD, artifact="app", architecture="arm64", runtime="provided.al2")
    assert made.program == b"#!/bin/sh\n# arm64 2.26 arm64 one\n"
    assert made.paths == ["bootstrap", "build.sh", "word"]
    assert files(folder) == ["build.sh", "word"]
    assert made.notes == ["building `hello` with `sh build.sh`"]


def test_nothing_changed_builds_nothing(project: Write, make: Make, tmp_path: Path) -> None:
    folder = project({"build.sh": SCRIPT, "word": "one"})
    first = make(folder, build=BUILD, artifact="app")
    (folder / "word").touch()
    (tmp_path / "dist").mkdir()
    assert not make(folder, build=BUILD, artifact="app").notes
    elsewhere = folder.rename(tmp_path / "elsewhere")
    (elsewhere / "dist").mkdir()
    again = make(elsewhere, build=BUILD, artifact="app")
    assert not again.notes
    assert again.program == first.program


@pytest.mark.parametrize("change", ["file", "mode", "target", "command", "setting"])
def test_what_decides_about_the_program_builds_it_anew(project: Write, make: Make, change: str) -> None:
    folder = project({"build.sh": SCRIPT, "word": "one"})
    asked: dict[str, Any] = {"build": BUILD, "artifact": "app", "architecture": "arm64"}
    make(folder, **asked)
    match change:
        case "file":
            (folder / "word").write_text("two")
        case "mode":
            (folder / "word").chmod(0o755)
        case "target":
            asked["architecture"] = "x86_64"
        case "command":
            asked["build"] = ("sh", "-x", "build.sh")
        case "setting":
            asked["environ"] = {"CFLAGS": "-O1"}
    assert make(folder, **asked).notes


def test_a_damaged_program_is_built_again(project: Write, make: Make) -> None:
    folder = project({"build.sh": SCRIPT, "word": "one"})
    made = make(folder, build=BUILD, artifact="app")
    made.tree.by_path["bootstrap"].source.path.write_bytes(b"broken")
    again = make(folder, build=BUILD, artifact="app")
    assert again.notes
    assert again.program == made.program


def test_a_folder_that_is_made_is_all_there_is(project: Write, make: Make) -> None:
    script = (
        "mkdir -p out/lib && printf '#!/bin/sh\\n' > out/bootstrap && chmod +x out/bootstrap && ln -s ../data out/lib"
    )
    made = make(project({"build.sh": f"{script} && echo data > out/data", "other": ""}), build=BUILD, artifact="out")
    assert made.paths == ["bootstrap", "data", "lib/data"]
    assert made.tree.by_path["lib/data"].read() == b"data\n"


def test_what_is_excluded_from_the_artifact_is_there_to_build_from(project: Write, make: Make) -> None:
    folder = project({"build.sh": SCRIPT, "word": "one", ".lpackignore": "build.sh\n"})
    made = make(folder, build=BUILD, artifact="app", exclude=("word",))
    assert made.paths == ["bootstrap"]


def test_files_keep_their_times_for_make(project: Write, make: Make) -> None:
    folder = project(
        {"build.sh": "set -e; test old -ot new; cp old bootstrap; chmod +x bootstrap", "new": "", "old": "#!"}
    )
    os.utime(folder / "old", (time.time() - 9000, time.time() - 9000))
    assert make(folder, build=BUILD).program == b"#!"


def test_a_failing_command_is_told_with_its_last_lines_and_its_code(project: Write, make: Make, tmp_path: Path) -> None:
    folder = project({"build.sh": "echo first >&2; echo 'cannot go on' >&2; exit 7"})
    with pytest.raises(
        ToolError, match=r"`hello` with `sh build.sh` can't be built: `sh` ended with exit code 7"
    ) as caught:
        make(folder, build=BUILD)
    assert caught.value.details == ("sh build.sh", "first", "cannot go on")
    log = str(caught.value.hint).partition("`")[2].rstrip("`")
    assert "cannot go on" in Path(log).read_text()
    assert files(folder) == ["build.sh"]
    assert not (tmp_path / "dist").exists()


def test_a_missing_program_is_named_with_what_needs_it(project: Write, make: Make) -> None:
    with pytest.raises(ToolError, match=r"`no-such-tool` is not installed, and `build` of `hello` needs it"):
        make(project({"a": ""}), build=("no-such-tool", "bootstrap"))


def test_a_command_must_make_what_it_is_to_make(project: Write, make: Make) -> None:
    folder = project({"build.sh": "true", "bootstrap": "#!/bin/sh\n"})
    with pytest.raises(ToolError, match=r"`sh build.sh` of `hello` made no `bootstrap`"):
        make(folder, build=BUILD)
    assert (folder / "bootstrap").exists()


def test_what_is_made_must_be_executable(project: Write, make: Make) -> None:
    with pytest.raises(CheckError, match=r"`hello` with `sh build.sh` is not executable"):
        make(project({"build.sh": "echo > bootstrap"}), build=BUILD)


def test_a_folder_that_is_made_must_hold_a_bootstrap(project: Write, make: Make) -> None:
    with pytest.raises(CheckError, match="has no `bootstrap`"):
        make(project({"build.sh": "mkdir out && echo > out/other"}), build=BUILD, artifact="out")


@pytest.mark.parametrize("artifact", ["../app", "/tmp/app"])
def test_what_is_made_lies_in_the_source(project: Write, make: Make, artifact: str) -> None:
    with pytest.raises(UsageError, match="must lie in its source"):
        make(project({"build.sh": SCRIPT}), build=BUILD, artifact=artifact)


def test_a_command_compiles_for_the_target_when_there_is_zig(project: Write, make: Make) -> None:
    pytest.importorskip("ziglang")
    script = 'printf "#!/bin/sh\\n# %s %s\\n" "$(tail -n 1 "$CC")" "$CXX" > bootstrap; chmod +x bootstrap'
    made = make(project({"build.sh": script}), build=BUILD, architecture="arm64")
    assert b"zig cc -target aarch64-linux-gnu.2.34" in made.program
    given = make(project({"build.sh": script}), build=BUILD, environ={"CC": "/dev/null", "CXX": "mine"})
    assert given.program == b"#!/bin/sh\n#  mine\n"
