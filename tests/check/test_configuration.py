from __future__ import annotations

import json
from typing import Any

import pytest
from check_samples import subject
from hypothesis import given
from hypothesis import strategies as st

from lpack.check.configuration import check_configuration, environment_size
from lpack.model import Finding, Severity


def checks(**settings: Any) -> list[str]:
    return [finding.check for finding in _found(**settings)]


def _found(**settings: Any) -> list[Finding]:
    findings = check_configuration(subject(**settings))
    assert all(finding.severity is Severity.ERROR and finding.hint for finding in findings)
    return findings


def test_what_is_not_known_is_not_checked() -> None:
    assert checks() == []


@pytest.mark.parametrize(
    ("setting", "fine", "wrong"),
    [
        ("memory", [128, 10_240], [127, 10_241, 0, -1]),
        ("timeout", [1, 900], [0, 901]),
        ("ephemeral_storage", [512, 10_240], [511, 10_241]),
        ("handler", ["app.handler", "a" * 128, "é.x"], ["a" * 129, "app handler", "", "app.handler\n"]),
        ("function_name", ["orders-v2_x", "a" * 64], ["a" * 65, "", "shop.orders", "bücher", "orders\n"]),
    ],
)
def test_settings_have_limits(setting: str, fine: list[Any], wrong: list[Any]) -> None:
    for value in fine:
        assert checks(**{setting: value}) == []
    for value in wrong:
        assert checks(**{setting: value}) == [setting.replace("_", "-")]


def test_a_number_out_of_range_names_the_range() -> None:
    (finding,) = _found(memory=64)
    assert (finding.message, finding.hint) == ("`memory = 64` is not possible", "Lambda takes 128 to 10,240 MB")


def test_reserved_variables_are_refused_by_name() -> None:
    (finding,) = _found(environment={"AWS_REGION": "eu-west-1", "_HANDLER": "x", "TABLE": "orders"})
    assert finding.check == "environment-reserved"
    assert "`AWS_REGION` and `_HANDLER`" in finding.message
    assert checks(environment={"PATH": "/opt", "TZ": "UTC", "LD_LIBRARY_PATH": "/opt/lib"}) == []


@pytest.mark.parametrize("key", ["A", "1A", "A-B", "A.B", "_A", "", "ÄB", "AB\n"])
def test_names_of_variables_follow_a_pattern(key: str) -> None:
    assert checks(environment={key: "value"}) == ["environment-name"]


def test_4096_bytes_of_environment_are_allowed() -> None:
    room = 4096 - len('{"AB":""}')
    assert checks(environment={"AB": "x" * room}) == []
    assert checks(environment={"AB": "x" * (room + 1)}) == ["environment-size"]


def test_the_environment_is_measured_as_compact_json_in_utf_8() -> None:
    # The example of https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
    assert environment_size({"BUCKET": "amzn-s3-demo-bucket", "KEY": "file.txt"}) == len(
        '{"BUCKET":"amzn-s3-demo-bucket","KEY":"file.txt"}'
    )
    assert environment_size({"AB": "é"}) == len(b'{"AB":""}') + 2
    assert environment_size({"AB": '"'}) == len(b'{"AB":""}') + 2


def test_a_large_environment_names_its_largest_variables() -> None:
    (finding,) = _found(environment={"SMALL": "x", "LARGE": "y" * 5000})
    assert finding.details == ("LARGE: 5,010 bytes", "SMALL: 11 bytes")


@given(st.dictionaries(st.text(min_size=1), st.text(alphabet="☃", min_size=30), max_size=20), st.integers(0, 200))
def test_no_value_is_ever_shown(environment: dict[str, str], extra: int) -> None:
    environment = {**environment, "AWS_REGION": "☃" * 40, "BIG": "☃" * extra * 10}
    shown = json.dumps(
        [(f.message, f.hint, f.details) for f in check_configuration(subject(environment=environment))],
        ensure_ascii=False,
    )
    assert "☃" * 20 not in shown.replace(json.dumps(list(environment), ensure_ascii=False), "")
