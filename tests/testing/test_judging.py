from dataclasses import replace
from typing import Any

import pytest

from lpack.config.tests import FunctionTest
from lpack.emulator import Failure, Invocation
from lpack.testing.judging import problems_of

ANSWERED = Invocation(
    request_id="1",
    response=b'{"statusCode": 200}',
    failure=None,
    logs="",
    cold=True,
    seconds=0.350,
    init_seconds=0.250,
    peak_memory=64 << 20,
)
STACK = ('  File "/var/task/app.py", line 3, in handler', "    raise NoOrder(7)")
FAILED = replace(ANSWERED, response=b"", failure=Failure("shop.NoOrder", "there is no order 7", STACK))


def problems(invocation: Invocation, **test: Any) -> tuple[str, ...]:
    return problems_of(FunctionTest(name="test", **test), invocation)


# What it answered


def test_any_response_will_do_where_none_is_expected() -> None:
    assert problems(ANSWERED) == ()


def test_a_response_must_contain_what_is_expected() -> None:
    assert problems(ANSWERED, expect={"statusCode": 200}) == ()
    assert problems(ANSWERED, expect={"statusCode": 404}) == ("statusCode: expected 404, got 200",)


def test_a_response_that_is_no_json_is_a_text() -> None:
    assert problems(replace(ANSWERED, response=b"hello"), expect="hello") == ()


def test_a_failure_that_is_not_expected_is_told_with_its_stack() -> None:
    assert problems(FAILED, expect={"statusCode": 200}) == ("shop.NoOrder: there is no order 7", *STACK)


def test_a_stack_that_the_function_printed_is_not_told_again() -> None:
    printed = replace(FAILED, logs="Traceback:\r" + "\r".join(STACK))
    assert problems(printed) == ("shop.NoOrder: there is no order 7",)


@pytest.mark.parametrize("text", ["shop.NoOrder", "NoOrder", "there is no order 7", "no order"])
def test_an_error_is_expected_by_its_type_or_a_part_of_its_message(text: str) -> None:
    assert problems(FAILED, expect_error=text) == ()


@pytest.mark.parametrize("text", ["shop", "Order", "KeyError"])
def test_a_part_of_a_type_is_not_enough(text: str) -> None:
    failed = replace(FAILED, failure=Failure("shop.NoOrder", "not found"))
    assert problems(failed, expect_error=text) == (f"expected the error `{text}`, got shop.NoOrder: not found",)


def test_a_response_is_no_error() -> None:
    assert problems(ANSWERED, expect_error="NoOrder") == (
        'expected the error `NoOrder`, got the response {"statusCode": 200}',
    )


def test_an_error_without_a_message_is_its_type() -> None:
    assert problems(replace(FAILED, failure=Failure("Runtime.ExitError", ""))) == ("Runtime.ExitError",)


# What it took


def test_the_start_does_not_count_for_the_handler() -> None:
    assert ANSWERED.handler_seconds == pytest.approx(0.1)
    assert replace(ANSWERED, init_seconds=None).handler_seconds == pytest.approx(0.35)


def test_a_handler_may_take_so_many_milliseconds() -> None:
    assert problems(ANSWERED, max_duration=101.0) == ()
    assert problems(ANSWERED, max_duration=50.0) == ("its handler took 100 ms, and may take 50 ms",)


def test_a_function_may_take_so_many_megabytes() -> None:
    assert problems(ANSWERED, max_memory=64.0) == ()
    assert problems(ANSWERED, max_memory=63.5) == ("it took 64 MB of memory, and may take 63.5 MB",)


def test_memory_that_can_not_be_measured_is_not_taken_for_little() -> None:
    (problem,) = problems(replace(ANSWERED, peak_memory=None), max_memory=100.0)
    assert problem.startswith("how much memory it takes can't be measured here")
    assert problems(replace(ANSWERED, peak_memory=None)) == ()


def test_everything_that_is_wrong_is_told() -> None:
    found = problems(ANSWERED, expect={"statusCode": 500}, max_duration=1.0, max_memory=1.0)
    assert len(found) == 3
