"""``[function.NAME.tests.TEST]``: what is read, and every mistake."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lpack import config, events
from lpack.config.tests import FunctionTest
from lpack.errors import ConfigError

FUNCTION = '[function.orders]\nruntime = "python3.13"\nhandler = "app.handler"\n'

Read = Callable[[str], tuple[FunctionTest, ...]]
Problems = Callable[[str], list[str]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(text: str) -> tuple[FunctionTest, ...]:
        (tmp_path / "lpack.toml").write_text(f"{FUNCTION}{text}", encoding="utf-8")
        return config.load(tmp_path).functions[0].tests

    return read


@pytest.fixture
def problems(read: Read) -> Problems:
    """The mistakes in one test's table, each without the path of that table."""

    def problems(text: str) -> list[str]:
        with pytest.raises(ConfigError) as raised:
            read(f"[function.orders.tests.smoke]\n{text}")
        return [each.replace("function.orders.tests.smoke.", "") for each in raised.value.problems]

    return problems


def one(read: Read, line: str) -> FunctionTest:
    (test,) = read(f"[function.orders.tests.smoke]\n{line}")
    return test


# What is read


def test_without_tests_there_are_none(read: Read) -> None:
    assert read("") == ()


def test_a_test_may_say_nothing(read: Read) -> None:
    assert one(read, "") == FunctionTest(name="smoke")
    assert FunctionTest(name="smoke").event == {}


def test_every_key_is_read_in_the_order_of_the_file(read: Read, tmp_path: Path) -> None:
    assert read("""
        [function.orders.tests.good]
        event = "order.json"
        expect = { statusCode = 200, body = { items = [1, 2.5, true] } }
        max-duration = 250
        max-memory = 64.5

        [function.orders.tests."and bad"]
        event = { quantity = -1 }
        expect-error = "ValueError"
    """) == (
        FunctionTest(
            name="good",
            event=tmp_path / "order.json",
            expect={"statusCode": 200, "body": {"items": [1, 2.5, True]}},
            max_duration=250.0,
            max_memory=64.5,
        ),
        FunctionTest(name="and bad", event={"quantity": -1}, expect_error="ValueError"),
    )


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("[1, { a = 2 }]", [1, {"a": 2}]),
        ("3", 3),
        ("false", False),
        ("""'{"a": null}'""", {"a": None}),
        ("""'''\n  [1, null]\n'''""", [1, None]),
        ("""{ text = "{no JSON" }""", {"text": "{no JSON"}),
    ],
)
def test_an_event_is_a_value_or_json(read: Read, text: str, event: Any) -> None:
    assert one(read, f"event = {text}").event == event
    assert one(read, f"expect = {text}").expect == event


def test_a_text_is_the_path_of_an_event_and_a_response_itself(read: Read, tmp_path: Path) -> None:
    assert one(read, 'event = "event.json"').event == tmp_path / "event.json"
    assert one(read, 'expect = "event.json"').expect == "event.json"


def test_a_sample_event_is_filled_in(read: Read) -> None:
    line = 'event-source = "s3:put"\nevent-options = { bucket = "orders", region = "eu-west-1" }'
    expected = events.filled_in(events.sample("s3:put"), {"bucket": "orders", "region": "eu-west-1"})
    assert one(read, line).event == expected


def test_defaults_may_have_tests_which_a_functions_own_replace(tmp_path: Path) -> None:
    (tmp_path / "lpack.toml").write_text(
        """
        [defaults]
        runtime = "python3.13"
        handler = "app.handler"
        [defaults.tests.smoke]
        [function.one]
        [function.two.tests.own]
        """,
        encoding="utf-8",
    )
    one, two = config.load(tmp_path).functions
    assert ([test.name for test in one.tests], [test.name for test in two.tests]) == (["smoke"], ["own"])


def test_sample_events_are_loaded_only_where_one_is_asked_for() -> None:
    code = "import sys, lpack.config; print('lpack.events' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout == "False\n"


# What is wrong


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("expct = 1", ["`expct` is not known; did you mean `expect`?"]),
        ('event = ""', ["`event` must not be empty"]),
        ("event = '{\"a'", ["`event` begins like JSON, and is none: Unterminated string"]),
        ("expect = '[1,'", ["`expect` begins like JSON, and is none: Expecting value"]),
        (
            "event = { a = [2026-01-01], b = nan }",
            [
                "`event.a[0]` holds a date, which JSON does not have: write it as a string, in quotes",
                "`event.b` holds nan, which JSON does not have",
            ],
        ),
        (
            'event = {}\nevent-source = "s3:put"',
            ["`event-source` can't stand beside `event`: leave out one of the two"],
        ),
        (
            'event-source = "s3:putt"',
            ["`event-source` names `s3:putt`, which is not a sample event; did you mean `s3:put`?"],
        ),
        (
            'event-source = "iot:rule"\nevent-options.message = { day = 2026-01-01 }',
            ["`event-options.message.day` holds a date, which JSON does not have: write it as a string, in quotes"],
        ),
        (
            'event-source = "s3:put"\nevent-options.key = 2026-01-01',
            ["`event-options.key` holds a date, which JSON does not have: write it as a string, in quotes"],
        ),
        ("expect = '[NaN]'", ["`expect` begins like JSON, and is none: NaN is no value of JSON"]),
        (f"event = '{'[' * 100_000}'", ["`event` begins like JSON, and is none: it is nested too deep"]),
        ("event-source = 3", ["`event-source` must be a string, not a whole number"]),
        ("event-options = {}", ["`event-options` is about an `event-source`, and there is none"]),
        (
            'event-source = "s3:put"\nevent-options = { bukket = "x", region = "x", "key" = 3, bucket = "orders" }',
            [
                "`event-options.bukket` does not fit: `s3:put` has no option `bukket`; did you mean `bucket`?",
                "`event-options.region` does not fit: the option `region` must be a Region, such as `eu",
                "`event-options.key` does not fit: the option `key` must be a text, not a whole number",
            ],
        ),
        (
            'expect = 1\nexpect-error = "x"',
            ["`expect-error` can't stand beside `expect`: a call that fails has no response"],
        ),
        ('expect-error = ""', ["`expect-error` must not be empty"]),
        ('max-duration = "3 s"', ["`max-duration` must be a number, not a string"]),
        ("max-duration = true", ["`max-duration` must be a number, not a boolean"]),
        ("max-memory = 0", ["`max-memory` must be more than 0"]),
        ("max-memory = inf", ["`max-memory` must be more than 0"]),
    ],
)
def test_every_mistake_is_told_with_its_place(
    problems: Problems, lines: str, expected: list[str], tmp_path: Path
) -> None:
    found = problems(lines)
    assert len(found) == len(expected)
    assert all(each.startswith(start.replace("{}", str(tmp_path))) for each, start in zip(found, expected, strict=True))


@pytest.mark.parametrize("name", ['""', '"\\u001b"'])
def test_a_test_has_a_name(read: Read, name: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(f"[function.orders.tests.{name}]")
    (problem,) = raised.value.problems
    assert problem.endswith("can't be the name of a test: it is empty, or holds what can't be printed")
    assert problem.isprintable()


@pytest.mark.parametrize("value", ["3", '{ smoke = "event.json" }', "[{}]"])
def test_tests_are_tables(read: Read, value: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(f"tests = {value}")
    assert "must be a table, not" in raised.value.problems[0]
