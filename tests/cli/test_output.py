import json
from collections.abc import Callable

import pytest

from lpack.cli.output import FORMAT, Output, exit_code, finding_of, output_of, report_bug
from lpack.errors import ConfigError, LpackError, ResolveError
from lpack.model import Finding, Severity

Captured = pytest.CaptureFixture[str]
NOTE = Finding(Severity.NOTE, "direct-upload", "it goes by S3")
WARNING = Finding(
    Severity.WARNING, "runtime-deprecated", "`python3.9` is deprecated", "move to `python3.14`", ("soon",)
)
ERROR = Finding(Severity.ERROR, "handler", "the handler `app.handler` was not found", "define it")


def test_a_table_is_aligned(capsys: Captured) -> None:
    Output().table(("name", "size", ""), [("a", "1 KB", "built"), ("longer", "20.5 MB", "x")], right=(1,))
    assert capsys.readouterr().out.splitlines() == [
        "name       size",
        "a          1 KB  built",
        "longer  20.5 MB  x",
    ]


def test_results_go_to_stdout_and_remarks_to_stderr(capsys: Captured) -> None:
    Output().result("the result")
    Output().remark("by the way")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("the result\n", "by the way\n")


def test_json_stands_for_all_other_results(capsys: Captured) -> None:
    output = Output(json=True)
    output.result("the result")
    output.table(("a",), [("b",)])
    output.document(name="é", items=[1])
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"format": FORMAT, "name": "é", "items": [1]}
    assert captured.out.isascii()  # which every encoding takes


def test_there_is_no_document_for_people(capsys: Captured) -> None:
    Output().document(name="x")
    assert capsys.readouterr().out == ""


def test_the_quiet_hear_of_errors_only(capsys: Captured) -> None:
    output = Output(quiet=True)
    output.remark("by the way")
    output.findings({"orders": [NOTE, WARNING, ERROR]})
    assert capsys.readouterr().err == "error: the handler `app.handler` was not found\nhint: define it\n"


def test_the_worst_finding_comes_last(capsys: Captured) -> None:
    Output().findings({"orders": [ERROR, NOTE, WARNING]})
    assert capsys.readouterr().err.splitlines() == [
        "note: it goes by S3",
        "warning: `python3.9` is deprecated",
        "  soon",
        "hint: move to `python3.14`",
        "error: the handler `app.handler` was not found",
        "hint: define it",
    ]


def test_of_several_subjects_a_finding_says_which_it_is_about(capsys: Captured) -> None:
    own = Finding(Severity.ERROR, "unzipped-size", "`east` is 300 MB unzipped")
    Output().findings({"north": [], "east": [ERROR, own]})
    assert capsys.readouterr().err.splitlines() == [
        "error: east: the handler `app.handler` was not found",
        "hint: define it",
        "error: `east` is 300 MB unzipped",
    ]


def test_what_holds_for_many_is_said_once(capsys: Captured) -> None:
    names = [f"function-{number}" for number in range(100)]
    Output().findings({name: [WARNING] for name in names})
    first = capsys.readouterr().err.splitlines()[0]
    assert first == "warning: function-0, function-1, function-2 and 97 more: `python3.9` is deprecated"
    Output(verbose=True).findings({name: [WARNING] for name in names})
    assert "function-99" in capsys.readouterr().err


def test_many_notes_are_counted(capsys: Captured) -> None:
    found = {f"f{number}": [Finding(Severity.NOTE, "x", f"`f{number}` goes by S3")] for number in range(100)}
    Output().findings(found)
    assert capsys.readouterr().err == "note: 100 notes are not shown\nhint: `-v` shows them\n"
    Output(verbose=True).findings(found)
    assert len(capsys.readouterr().err.splitlines()) == 100


def test_few_notes_are_shown(capsys: Captured) -> None:
    Output().findings({"north": [NOTE], "east": []})
    assert capsys.readouterr().err == "note: north: it goes by S3\n"


def test_an_error_is_told_with_all_it_knows(capsys: Captured) -> None:
    Output().error(ConfigError("lpack.toml", ["`a` is wrong", "`b` too"], hint="mend them"))
    assert capsys.readouterr().err.splitlines() == [
        "error: `lpack.toml` has 2 mistakes",
        "  `a` is wrong",
        "  `b` too",
        "hint: mend them",
    ]


def test_an_error_can_stand_among_findings() -> None:
    error = ResolveError("no versions", hint="ask for others", details=["one"])
    assert finding_of(error) == Finding(Severity.ERROR, "ResolveError", "no versions", "ask for others", ("one",))


def test_the_first_error_decides_the_exit_code() -> None:
    assert exit_code([None, None]) == 0
    assert exit_code([]) == 0
    assert exit_code([None, ResolveError("a"), LpackError("b")]) == 3


@pytest.mark.parametrize(
    ("environ", "colour"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),  # as https://no-color.org wants it
        ({"TERM": "dumb"}, False),
    ],
)
def test_colours_can_be_turned_off(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], *, colour: bool) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert output_of(json=False, verbose=False, quiet=False, no_color=False).colour is colour
    assert not output_of(json=False, verbose=False, quiet=False, no_color=True).colour


def test_what_is_no_terminal_gets_no_colours(capsys: Captured) -> None:
    output: Callable[[str, str], str] = Output(colour=True).styled
    assert output("built", "good") == "built"
    Output(colour=True).error(LpackError("no", hint="yes"))
    assert "\x1b" not in capsys.readouterr().err


def test_an_error_of_lpack_itself_is_told_without_a_traceback(capsys: Captured) -> None:
    assert report_bug(ZeroDivisionError("division by zero"), Output()) == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: lpack failed with ZeroDivisionError: division by zero",
        "hint: this is a bug in lpack: please report it, with what `-v` prints",
    ]
    report_bug(ZeroDivisionError("division by zero"), Output(verbose=True, json=True))
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["exit_code"] == 1
    assert "ZeroDivisionError: division by zero\n" in shown.err
