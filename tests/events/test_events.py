"""Sample events: what they hold, what options make of them, and what can't be asked of them."""

import base64
import gzip
import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpack import events
from lpack.errors import UsageError
from lpack.events.filling import filled, names_in
from lpack.events.filters import FILTERS, octets, text_of

NAMES = [event.name for event in events.samples()]
FOLDER = Path(events.__file__).parent / "samples"

SERVICES = {
    *("apigateway", "function-url", "alb", "s3", "sns", "sqs", "kinesis", "dynamodb", "eventbridge", "cloudwatch"),
    *("ses", "cognito", "cloudfront", "firehose", "codecommit", "config", "iot", "lex", "alexa", "stepfunctions"),
    "cloudformation",
}


def made(name: str, **options: Any) -> Any:
    return events.filled_in(events.sample(name), {key.replace("_", "-"): value for key, value in options.items()})


def texts_in(event: Any) -> list[str]:
    match event:
        case str():
            return [event]
        case list():
            return [text for item in event for text in texts_in(item)]
        case dict():
            return [text for key, item in event.items() for text in (key, *texts_in(item))]
    return []


# The catalogue


def test_there_are_events_of_every_service() -> None:
    assert {name.partition(":")[0] for name in NAMES} == SERVICES


@pytest.mark.parametrize("name", NAMES)
def test_an_event_is_json_with_nothing_left_to_fill_in(name: str) -> None:
    event = made(name)
    assert json.loads(json.dumps(event)) == event
    assert not [text for text in texts_in(event) if re.search(r"\$\{|^\|", text)]


@pytest.mark.parametrize("name", NAMES)
def test_an_event_is_the_same_every_time(name: str) -> None:
    assert json.dumps(made(name)) == json.dumps(made(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_option_makes_a_difference_and_says_what_it_is_for(name: str) -> None:
    event = events.sample(name)
    for option in event.options:
        assert option.help, option.name
        other = another(option)
        assert made(name, **{option.name: other}) != made(name), f"{option.name}={other}"


def another(option: events.Option) -> Any:
    """A value for the option that is not its default."""
    known = {"region": "eu-west-1", "account": "210987654321", "time": "2027-02-03T04:05:06Z", "path": "/other"}
    of_kind: dict[type, Any] = {str: "another", bool: not option.default, dict: {"Another": "one"}, list: ["another=1"]}
    return known.get(option.name, of_kind[type(option.default)])


@pytest.mark.parametrize("name", NAMES)
def test_a_template_asks_for_nothing_unknown_and_its_page_is_named(name: str) -> None:
    document = json.loads((FOLDER / f"{name.replace(':', '/')}.json").read_bytes())
    assert document.keys() == {"summary", "documentation", "options", "event"}
    assert document["documentation"].startswith(("https://docs.aws.amazon.com/", "https://developer.amazon.com/"))
    known = {*document["options"], "region", "account", "time", "partition", "suffix", "in-base64", "sent-body"}
    assert set(names_in(document["event"])) <= known


def test_every_filter_is_used() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in FOLDER.glob("*/*.json"))
    assert [name for name in FILTERS if not re.search(rf'\|{name}[|}}"]', text)] == []


# What options make of them


def test_names_follow_the_region_and_the_account() -> None:
    event = made("sns:notification", topic="news", region="cn-north-1", account="210987654321")
    record = event["Records"][0]
    assert record["Sns"]["TopicArn"] == "arn:aws-cn:sns:cn-north-1:210987654321:news"
    assert record["EventSubscriptionArn"].startswith("arn:aws-cn:sns:cn-north-1:210987654321:news:")
    assert record["Sns"]["SigningCertUrl"].startswith("https://sns.cn-north-1.amazonaws.com.cn/")
    assert not [text for text in texts_in(event) if "us-east-1" in text or "123456789012" in text]


@pytest.mark.parametrize(
    "name", [each.name for each in events.samples() if {"region"} & {o.name for o in each.options}]
)
def test_no_other_region_or_account_is_left_over(name: str) -> None:
    options = {option.name for option in events.sample(name).options}
    given = {"region": "us-gov-west-1", "account": "210987654321"}
    text = json.dumps(made(name, **{key: value for key, value in given.items() if key in options}))
    assert not re.search(r"us-east-1|123456789012|arn:aws:", text)


def test_a_key_of_s3_is_encoded_as_s3_does() -> None:
    stored = made("s3:put", key="a b/ü+1.txt", body="hello")["Records"][0]["s3"]["object"]
    assert stored["key"] == "a+b/%C3%BC%2B1.txt"
    assert stored["size"] == 5
    assert stored["eTag"] == hashlib.md5(b"hello").hexdigest()


def test_the_sums_of_a_message_are_those_of_its_body() -> None:
    record = made("sqs:fifo-message", body="grüße")["Records"][0]
    assert record["md5OfBody"] == hashlib.md5("grüße".encode()).hexdigest()
    assert record["attributes"]["MessageDeduplicationId"] == hashlib.sha256("grüße".encode()).hexdigest()


def test_lines_of_a_log_are_really_packed() -> None:
    data = made("cloudwatch:logs", message="it broke", account="210987654321")["awslogs"]["data"]
    held = json.loads(gzip.decompress(base64.b64decode(data)))
    assert held["logEvents"][0]["message"] == "it broke"
    assert held["owner"] == "210987654321"


def test_data_of_a_stream_is_in_base64() -> None:
    assert base64.b64decode(made("kinesis:record", data="ü")["Records"][0]["kinesis"]["data"]) == "ü".encode()


def test_what_is_said_of_an_item_is_written_as_dynamodb_does() -> None:
    item = {"n": 2, "f": 0.5, "yes": True, "none": None, "list": [1, "a"], "map": {"x": 1}}
    image = made("dynamodb:insert", key={"id": "7"}, item=item)["Records"][0]["dynamodb"]
    assert image["Keys"] == {"id": {"S": "7"}}
    assert image["NewImage"] == {
        "n": {"N": "2"},
        "f": {"N": "0.5"},
        "yes": {"BOOL": True},
        "none": {"NULL": True},
        "list": {"L": [{"N": "1"}, {"S": "a"}]},
        "map": {"M": {"x": {"N": "1"}}},
        "id": {"S": "7"},
    }


def test_a_query_is_taken_apart_as_each_service_does() -> None:
    query = "a=1&a=2&b=x%20y&empty="
    rest, http, balancer = (made(name, query=query) for name in ("apigateway:rest", "apigateway:http", "alb:request"))
    assert rest["queryStringParameters"] == {"a": "2", "b": "x y", "empty": ""}
    assert rest["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["x y"], "empty": [""]}
    assert http["rawQueryString"] == query
    assert http["queryStringParameters"] == {"a": "1,2", "b": "x y", "empty": ""}
    assert balancer["queryStringParameters"] == {"a": "2", "b": "x%20y", "empty": ""}


def test_without_a_query_or_a_body_there_is_null_or_no_key() -> None:
    rest, http = made("apigateway:rest"), made("apigateway:http")
    assert (rest["queryStringParameters"], rest["body"], rest["pathParameters"]) == (None, None, None)
    assert not http.keys() & {"queryStringParameters", "body", "cookies"}


def test_a_body_is_passed_in_base64_when_asked_for_or_when_it_is_no_text() -> None:
    assert made("apigateway:http", body="hi")["body"] == "hi"
    asked = made("apigateway:http", body="hi", base64=True)
    assert (asked["body"], asked["isBase64Encoded"]) == ("aGk=", True)
    binary = made("apigateway:rest", body=text_of(b"\xff\x00"))
    assert (base64.b64decode(binary["body"]), binary["isBase64Encoded"]) == (b"\xff\x00", True)


def test_a_header_takes_the_place_of_one_that_is_written_otherwise() -> None:
    event = made("apigateway:rest", headers={"content-type": "text/plain", "X-Mine": "1"})
    assert {key: value for key, value in event["headers"].items() if key.lower() == "content-type"} == {
        "content-type": "text/plain"
    }
    assert event["multiValueHeaders"]["X-Mine"] == ["1"]
    assert made("apigateway:http", headers={"X-Mine": "1"})["headers"]["x-mine"] == "1"
    cloudfront = made("cloudfront:viewer-request", headers={"X-Mine": "1"})["Records"][0]["cf"]["request"]
    assert cloudfront["headers"]["x-mine"] == [{"key": "X-Mine", "value": "1"}]


def test_keys_that_are_no_headers_keep_their_case() -> None:
    item = made("dynamodb:insert", key={"id": "1"}, item={"ID": "2"})["Records"][0]["dynamodb"]["NewImage"]
    assert item == {"ID": {"S": "2"}, "id": {"S": "1"}}


def test_times_agree_with_each_other() -> None:
    event = made("apigateway:rest", time="2026-03-01T01:02:03+01:00")
    assert event["requestContext"]["requestTime"] == "01/Mar/2026:00:02:03 +0000"
    assert event["requestContext"]["requestTimeEpoch"] == 1772323323000
    assert event["headers"]["X-Amzn-Trace-Id"].startswith(f"Root=1-{1772323323:x}-")


def test_now_is_now() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    time = datetime.fromisoformat(made("eventbridge:event", time="now")["time"])
    assert before <= time <= datetime.now(UTC)


def test_what_a_value_looks_like_is_of_no_consequence() -> None:
    event = made("sqs:message", body="${queue|upper} and |as-json")
    assert event["Records"][0]["body"] == "${queue|upper} and |as-json"


def test_texts_become_the_kind_of_value_that_an_option_has() -> None:
    event = made("apigateway:http", base64="true", headers='{"x-a": "1"}', cookies='["a=1"]')
    assert (event["isBase64Encoded"], event["headers"]["x-a"], event["cookies"]) == (True, "1", ["a=1"])


@given(st.binary())
def test_any_bytes_survive_as_a_text(data: bytes) -> None:
    assert octets(text_of(data)) == data


@settings(max_examples=300)
@given(st.sampled_from(NAMES), st.data())
def test_whatever_an_option_is_given_there_is_an_event_or_an_error(name: str, data: st.DataObject) -> None:
    event = events.sample(name)
    options = data.draw(st.lists(st.sampled_from(event.options), max_size=3)) if event.options else []
    values = {option.name: data.draw(VALUES_OF[type(option.default)]) for option in options}
    try:
        made = events.filled_in(event, values)
    except UsageError:
        assert {"region", "account", "time", "path"} & values.keys()
    else:
        assert json.loads(json.dumps(made, allow_nan=False)) == made


SHORT = st.text(max_size=8)  # drawing long ones takes longer than the test
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | SHORT | st.floats(allow_nan=False, allow_infinity=False),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(SHORT, each, max_size=3),
    max_leaves=4,
)
VALUES_OF: dict[type, Any] = {
    str: st.text(),
    bool: st.booleans(),
    dict: st.dictionaries(SHORT, JSON, max_size=3),
    list: st.lists(JSON, max_size=3),
}


@given(st.recursive(st.none() | st.booleans() | SHORT | st.integers(), lambda each: st.lists(each, max_size=4)))
def test_what_is_not_a_placeholder_stays(value: Any) -> None:
    template = json.loads(json.dumps(value).replace("$", "").replace("|", ""))
    assert filled(template, {}) == template


# What can't be asked of them


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("s3:putt", "did you mean `s3:put`?"),
        ("delete", "did you mean `s3:delete`?"),
        ("S3:PUT", "did you mean `s3:put`?"),
        ("dynamo", "did you mean `dynamodb:insert`?"),
        ("nothing-like-it", "`lpack events` lists what there is"),
        ("../s3:put", "did you mean `s3:put`?"),
        ("", "`lpack events` lists what there is"),
    ],
)
def test_an_unknown_event_is_refused_and_the_nearest_offered(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        events.sample(name)
    assert (raised.value.message, raised.value.hint) == (f"`{name}` is not a sample event", hint)


@pytest.mark.parametrize(
    ("name", "option", "value", "message"),
    [
        ("s3:put", "buckt", "x", "`s3:put` has no option `buckt`"),
        ("s3:put", "bucket", 3, "the option `bucket` must be a text, not a whole number"),
        ("s3:put", "region", "mars", "the option `region` must be a Region, such as `eu-west-1`, not `mars`"),
        ("sqs:message", "account", "1", "the option `account` must be an account's 12 digits, not `1`"),
        ("s3:put", "time", "soon", "the option `time` must be `now` or a time such as `2026-01-01T12:00:00Z`"),
        ("alb:request", "path", "orders", "the option `path` must begin with `/`, not be `orders`"),
        ("alb:request", "base64", "maybe", "the option `base64` must be `true` or `false`, not `maybe`"),
        ("alb:request", "base64", "1", "the option `base64` must be `true` or `false`, not a whole number"),
        ("alb:request", "headers", "[]", "the option `headers` must be a table, not a list"),
        ("iot:rule", "message", '{"a": NaN}', "the option `message` must be a table, not"),
        ("iot:rule", "message", "[" * 100_000, "the option `message` must be a table, not"),
        ("sqs:message", "body", text_of(b"\xff"), "`sqs:message` takes text, and what it is filled in with is not"),
    ],
)
def test_a_value_that_an_option_can_not_take_is_refused(name: str, option: str, value: Any, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        made(name, **{option: value})


def test_the_options_that_there_are_are_named() -> None:
    with pytest.raises(UsageError) as raised:
        made("iot:button", wheels="4")
    assert raised.value.hint == "it has `device` and `click`"
