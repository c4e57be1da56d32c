import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpack.testing.differences import Difference, differences

# Small ones: drawing long texts and large tables takes longer than comparing them, and finds nothing else.
TEXTS = st.text(max_size=6)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda each: st.lists(each, max_size=4) | st.dictionaries(TEXTS, each, max_size=4), max_leaves=6
)
TABLES = st.dictionaries(TEXTS, VALUES, max_size=3)


def said(expected: Any, got: Any) -> list[str]:
    return [str(each) for each in differences(expected, got)]


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ({"statusCode": 200}, {"statusCode": 200, "body": "hello"}),
        ({}, {"anything": 1}),
        ({"a": {"b": [{"c": 1}]}}, {"a": {"b": [{"c": 1, "d": 2}], "e": 3}}),
        ([1, "two", None, True], [1, "two", None, True]),
        (1, 1.0),
        ({"a": None}, {"a": None}),
        ({"body": {"message": "hi"}}, {"body": '{"message": "hi", "more": 1}'}),
        ({"body": [1, 2]}, {"body": "[1, 2]"}),
        ({"message": "hi"}, '{"message": "hi"}'),
        ("hello", "hello"),
        ("", ""),
    ],
)
def test_what_is_contained_lacks_nothing(expected: Any, got: Any) -> None:
    assert differences(expected, got) == ()


@pytest.mark.parametrize(
    ("expected", "got", "lines"),
    [
        ({"statusCode": 200}, {"statusCode": 500}, ["statusCode: expected 200, got 500"]),
        ({"a": None}, {}, ["a: expected null, got nothing"]),
        ({"a": 1}, {"a": "1"}, ['a: expected 1, got "1"']),
        ({"a": 1}, {"a": True}, ["a: expected 1, got true"]),
        ({"a": False}, {"a": 0}, ["a: expected false, got 0"]),
        ({"a": 1}, None, ['the response: expected {"a": 1}, got null']),
        ({"a": 1}, "no JSON", ['the response: expected {"a": 1}, got "no JSON"']),
        ("a", {"a": 1}, ['the response: expected "a", got {"a": 1}']),
        ([1, 2], [1], ["the response: expected 2 items, got 1 item"]),
        ([1], [2, 3], ["[0]: expected 1, got 2", "the response: expected 1 item, got 2 items"]),
        ({"items": []}, {"items": [1]}, ["items: expected 0 items, got 1 item"]),
        (
            {"body": {"items": [{"price": 2.5}, {"price": 3}]}},
            {"body": '{"items": [{"price": 2.5}, {"price": 4}]}'},
            ["body.items[1].price: expected 3, got 4"],
        ),
        ({"a b": {"c.d": 1}}, {"a b": {"c.d": 2}}, ['"a b"."c.d": expected 1, got 2']),
        ({"x": 1, "y": 2}, {"x": 0, "y": 0}, ["x: expected 1, got 0", "y: expected 2, got 0"]),
        ({"a": "\x1b[31m"}, {"a": "ü"}, ['a: expected "\\u001b[31m", got "ü"']),
    ],
)
def test_what_lacks_is_told_with_its_path(expected: Any, got: Any, lines: list[str]) -> None:
    assert said(expected, got) == lines


def test_of_long_texts_the_place_where_they_differ_is_shown() -> None:
    (difference,) = differences("a" * 500 + "x" + "b" * 500, "a" * 500 + "y" + "b" * 500)
    assert difference == Difference("", f'…"{"a" * 30}x{"b" * 89}"…', f'…"{"a" * 30}y{"b" * 89}"…')


def test_a_text_that_is_the_beginning_of_another_differs_at_its_end() -> None:
    (difference,) = differences("a" * 500, "a" * 501)
    assert difference == Difference("", f'…"{"a" * 30}"', f'…"{"a" * 31}"')


def test_long_values_are_cut() -> None:
    (difference,) = differences({"a": 1}, list(range(1000)))
    assert len(difference.got) == 120
    assert difference.got.endswith("…")


@given(VALUES)
def test_everything_contains_itself_and_itself_as_text(value: Any) -> None:
    assert differences(value, value) == ()
    if isinstance(value, dict | list):
        assert differences(value, json.dumps(value)) == ()


@given(TABLES, TABLES)
def test_a_table_contains_what_it_was_made_of(some: dict[str, Any], others: dict[str, Any]) -> None:
    assert differences(some, {**others, **some}) == ()


@given(VALUES, VALUES)
def test_whatever_is_compared_a_difference_is_one_line(expected: Any, got: Any) -> None:
    assert all(line.isprintable() for line in said(expected, got))
