from pathlib import Path

import junitparser
import pytest

from lpack.emulator import Failure, Invocation
from lpack.errors import ToolError
from lpack.testing import Verdict
from lpack.testing.junit import write_junit


def invocation(logs: str = "", failure: Failure | None = None) -> Invocation:
    return Invocation(
        request_id="1",
        response=b"{}",
        failure=failure,
        logs=logs,
        cold=True,
        seconds=0.1,
        init_seconds=None,
        peak_memory=None,
    )


VERDICTS = [
    Verdict(function="orders", test="good", invocation=invocation("called\n"), seconds=0.25),
    Verdict(
        function="orders",
        test="bad <&>\"'",
        problems=('statusCode: expected "<ok>", got 500', "and more"),
        invocation=invocation("\x1b[31mred\x1b[0m \x00\ufffe \r\nnext\rlast"),
        seconds=0.5,
    ),
    Verdict(
        function="orders",
        test="fails",
        problems=("KeyError: 'x'",),
        invocation=invocation(failure=Failure("KeyError", "'x'")),
        seconds=0.25,
    ),
    Verdict(function="mail", test="idle", error=ToolError("there is no `bwrap`", hint="install it", details=["so"])),
]


@pytest.fixture
def suites(tmp_path: Path) -> list[junitparser.TestSuite]:
    file = tmp_path / "reports" / "junit.xml"
    write_junit(VERDICTS, file)
    document = junitparser.JUnitXml.fromfile(str(file))
    assert isinstance(document, junitparser.JUnitXml)
    assert (document.tests, document.failures, document.errors, document.skipped) == (4, 2, 1, 0)
    assert document.time == 1.0
    return list(document)


def test_a_function_is_a_suite_with_its_counts(suites: list[junitparser.TestSuite]) -> None:
    assert [(each.name, each.tests, each.failures, each.errors) for each in suites] == [
        ("orders", 3, 2, 0),
        ("mail", 1, 0, 1),
    ]
    counted = [(each.tests, each.failures, each.errors, each.skipped, each.time) for each in suites]
    for suite in suites:
        suite.update_statistics()
    assert counted == [(each.tests, each.failures, each.errors, each.skipped, each.time) for each in suites]


def test_a_test_is_a_case(suites: list[junitparser.TestSuite]) -> None:
    good, bad, _ = suites[0]
    assert (good.classname, good.name, good.time, good.is_passed) == ("orders", "good", 0.25, True)
    assert good.system_out == "called\n"
    assert bad.name == "bad <&>\"'"


def test_what_differs_is_a_failure(suites: list[junitparser.TestSuite]) -> None:
    _, bad, fails = suites[0]
    (failure,) = bad.result
    assert isinstance(failure, junitparser.Failure)
    assert (failure.type, failure.message) == ("difference", 'statusCode: expected "<ok>", got 500')
    assert failure.text == 'statusCode: expected "<ok>", got 500\nand more'
    assert fails.result[0].type == "KeyError"


def test_what_could_not_be_run_is_an_error(suites: list[junitparser.TestSuite]) -> None:
    (case,) = suites[1]
    (error,) = case.result
    assert isinstance(error, junitparser.Error)
    assert (error.type, error.message, error.text) == (
        "ToolError",
        "there is no `bwrap`",
        "there is no `bwrap`\nso\ninstall it",
    )


def test_what_xml_can_not_hold_is_written_otherwise(suites: list[junitparser.TestSuite]) -> None:
    _, bad, _ = suites[0]
    assert bad.system_out == "\\x1b[31mred\\x1b[0m \\x00\\xfffe \nnext\nlast"


def test_a_report_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    file.write_text("old", encoding="utf-8")
    write_junit(VERDICTS[:1], file)
    assert junitparser.JUnitXml.fromfile(str(file)).tests == 1
    assert [each.name for each in tmp_path.iterdir()] == ["junit.xml"]
