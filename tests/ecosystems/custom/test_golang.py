from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lpack.errors import ToolError, UsageError

Write = Callable[..., Path]
Make = Callable[..., Any]

CHECKOUT = Path(__file__).parents[3]

MAIN = 'package main\n\nvar word = "none"\n\nfunc main() { println(word) }\n'
MODULE = "module example.com/hello\n\ngo 1.21\n"
BROKEN = "package main\n\nfunc main() { missing() }\n"

builds = [pytest.mark.slow, pytest.mark.needs("go")]


@pytest.fixture(autouse=True)
def _go_in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard library is compiled once, and not for each test's home."""
    monkeypatch.setenv("GOCACHE", str(CHECKOUT / ".cache" / "go-build"))
    monkeypatch.setenv("GOTOOLCHAIN", "local")
    monkeypatch.setenv("GOFLAGS", "")


class TestBuilding:
    pytestmark = builds

    @pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
    def test_two_folders_make_the_same_program(
        self, project: Write, make: Make, tmp_path: Path, architecture: str
    ) -> None:
        folder = project({"go.mod": MODULE, "main.go": MAIN})
        first = make(folder, architecture=architecture, store=tmp_path / "store")
        elsewhere = folder.rename(tmp_path / "elsewhere")
        second = make(elsewhere, architecture=architecture, store=tmp_path / "other-store")
        assert second.notes == ["building `hello` with Go"]
        assert second.program == first.program
        assert str(tmp_path).encode() not in first.program
        assert not first.findings
        assert {path.name for path in elsewhere.iterdir()} == {"go.mod", "main.go"}

    def test_nothing_changed_builds_nothing(self, project: Write, make: Make) -> None:
        folder = project({"go.mod": MODULE, "main.go": MAIN})
        assert make(folder).notes
        assert not make(folder).notes
        (folder / "main.go").write_text(MAIN.replace("none", "some"))
        assert make(folder).notes

    def test_a_function_is_the_command_of_its_name(self, project: Write, make: Make) -> None:
        folder = project(
            {
                "go.mod": MODULE,
                "main.go": BROKEN,
                "cmd/orders/main.go": MAIN.replace("none", "of orders"),
                "cmd/payments/main.go": MAIN.replace("none", "of payments"),
            }
        )
        assert b"of payments" in make(folder, name="payments").program
        assert b"of orders" in make(folder, name="orders").program

    def test_a_source_may_be_a_package_of_the_module_above_it(self, project: Write, make: Make) -> None:
        greeting = 'package greeting\n\nconst Word = "{}"\n'
        using = 'package main\n\nimport "example.com/hello/greeting"\n\nfunc main() { println(greeting.Word) }\n'
        folder = project(
            {
                "go.mod": MODULE,
                "README.md": "",
                "greeting/greeting.go": greeting.format("the first word"),
                "functions/hello/main.go": using,
                "functions/hello/data.txt": "data",
            }
        )
        made = make(folder / "functions/hello", project=folder)
        assert made.paths == ["bootstrap", "data.txt"]
        assert b"the first word" in made.program
        (folder / "greeting/greeting.go").write_text(greeting.format("the second word"))
        link = folder / "link"
        link.symlink_to("functions/hello")
        assert b"the second word" in make(link, project=folder).program

    def test_modules_beside_it_are_part_of_what_it_is_built_from(self, project: Write, make: Make) -> None:
        shared = "package shared\n\nconst Word = {}\n"
        using = 'package main\n\nimport "example.com/shared"\n\nfunc main() { println(shared.Word) }\n'
        needs = f"{MODULE}\nrequire example.com/shared v0.0.0\n\nreplace example.com/shared => ../shared\n"
        folder = project(
            {
                "app/go.mod": needs,
                "app/main.go": using,
                "shared/go.mod": "module example.com/shared\n",
                "shared/shared.go": shared.format('"the first word"'),
            }
        )
        assert b"the first word" in make(folder / "app").program
        (folder / "shared/shared.go").write_text(shared.format('"the second word"'))
        assert b"the second word" in make(folder / "app").program

    def test_modules_of_a_workspace_are_too(self, project: Write, make: Make) -> None:
        shared = "package shared\n\nconst Word = {}\n"
        folder = project(
            {
                "go.work": "go 1.21\n\nuse (\n\t./app\n\t./shared\n)\n",
                "app/go.mod": MODULE,
                "app/main.go": 'package main\n\nimport "example.com/shared"\n\nfunc main() { println(shared.Word) }\n',
                "shared/go.mod": "module example.com/shared\n\ngo 1.21\n",
                "shared/shared.go": shared.format('"the first word"'),
            }
        )
        assert b"the first word" in make(folder / "app").program
        (folder / "shared/shared.go").write_text(shared.format('"the second word"'))
        assert b"the second word" in make(folder / "app").program

    def test_the_users_flags_count(self, project: Write, make: Make) -> None:
        tagged = '//go:build special && lambda.norpc\n\npackage main\n\nfunc init() { println("tagged") }\n'
        folder = project({"go.mod": MODULE, "main.go": MAIN, "tagged.go": tagged})
        flags = "-tags=special '-ldflags=-X main.word=chosen -s'"
        made = make(folder, environ={"GOFLAGS": flags})
        assert b"chosen" in made.program
        assert b"tagged" in made.program

    def test_what_does_not_compile_is_told_with_the_compilers_words(self, project: Write, make: Make) -> None:
        with pytest.raises(ToolError, match="`hello` with Go can't be built: `go` ended with exit code 1") as caught:
            make(project({"go.mod": MODULE, "main.go": BROKEN}))
        assert "./main.go:3:15: undefined: missing" in caught.value.details

    def test_a_package_that_is_no_program_is_refused(self, project: Write, make: Make) -> None:
        with pytest.raises(UsageError, match=r"the package in `.*` is `hello`, and a program is `main`"):
            make(project({"go.mod": MODULE, "hello.go": "package hello\n"}))

    def test_a_module_without_a_program_is_refused(self, project: Write, make: Make) -> None:
        with pytest.raises(UsageError, match="`hello` has no program") as caught:
            make(project({"go.mod": MODULE, "main_test.go": MAIN, "cmd/other/main.go": MAIN}))
        assert "cmd/hello" in str(caught.value.hint)

    def test_a_broken_module_is_told_in_gos_words(self, project: Write, make: Make) -> None:
        with pytest.raises(ToolError, match=r"`.*/go.mod` can't be understood by Go") as caught:
            make(project({"go.mod": "modul example.com\n", "main.go": MAIN}))
        assert any("unknown directive: modul" in line for line in caught.value.details)


def test_without_go_the_error_says_what_needs_it_and_how_to_get_it(project: Write, make: Make) -> None:
    with pytest.raises(ToolError, match="`go` is not installed, and `hello` with Go needs it") as caught:
        make(project({"go.mod": MODULE, "main.go": MAIN}), environ={"PATH": ""})
    assert caught.value.hint == "install Go 1.21 or newer (https://go.dev/dl/)"
