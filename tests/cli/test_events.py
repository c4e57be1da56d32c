import json
from pathlib import Path

import pytest
from in_process import lpack

from lpack import events


def test_the_events_are_listed(tmp_path: Path) -> None:
    run = lpack("events", folder=tmp_path)
    assert (run.exit_code, run.stderr) == (0, "")
    header, *rows = run.stdout.splitlines()
    assert header.split() == ["event", "what", "it", "says"]
    assert [row.split()[0] for row in rows] == [event.name for event in events.samples()]


def test_more_is_told_of_their_options(tmp_path: Path) -> None:
    told = lpack("events", "-v", folder=tmp_path).stdout
    for event in events.samples():
        assert f"{event.name}: {event.summary}\n  {event.documentation}\n" in told
    assert "  bucket=amzn-s3-demo-bucket  the bucket\n" in told


def test_the_list_is_a_document_too(tmp_path: Path) -> None:
    document = lpack("events", "--json", folder=tmp_path).json
    assert [event["name"] for event in document["events"]] == [event.name for event in events.samples()]
    (button,) = [event for event in document["events"] if event["name"] == "iot:button"]
    assert button["options"][1] == {"name": "click", "default": "SINGLE", "help": "SINGLE, DOUBLE or LONG"}


def test_an_event_is_printed_as_it_would_be_passed(tmp_path: Path) -> None:
    run = lpack("events", "sqs:message", "body=grüße", "region=eu-west-1", folder=tmp_path)
    expected = events.filled_in(events.sample("sqs:message"), {"body": "grüße", "region": "eu-west-1"})
    assert run.json == expected
    assert "grüße" in run.stdout
    document = lpack("events", "sqs:message", "body=grüße", "region=eu-west-1", "--json", folder=tmp_path).json
    assert document == {"format": 1, "name": "sqs:message", "event": expected}


def test_a_value_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"\x89PNG")
    event = lpack("events", "apigateway:http", "method=PUT", "body=@picture", folder=tmp_path).json
    assert (event["body"], event["isBase64Encoded"]) == ("iVBORw==", True)


def test_the_options_of_an_event_are_listed(tmp_path: Path) -> None:
    run = lpack("events", "iot:rule", "--options", folder=tmp_path)
    assert run.stdout.splitlines() == [
        "option   default                                      what it says",
        'message  {"device": "sensor-1", "temperature": 21.5}  what the rule\'s SELECT gives',
    ]
    document = lpack("events", "iot:rule", "--options", "--json", folder=tmp_path).json
    assert document["options"][0]["default"] == {"device": "sensor-1", "temperature": 21.5}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--options"], "error: `--options` is about one event\nhint: name it; `-v` tells the options of all\n"),
        (["s3:putt"], "error: `s3:putt` is not a sample event\nhint: did you mean `s3:put`?\n"),
        (
            ["s3:put", "key"],
            "error: `key` is not an option of an event\nhint: write it as KEY=VALUE: bucket=orders, say\n",
        ),
        (
            ["s3:put", "=x"],
            "error: `=x` is not an option of an event\nhint: write it as KEY=VALUE: bucket=orders, say\n",
        ),
        (["s3:put", "bukket=x"], "error: `s3:put` has no option `bukket`\nhint: did you mean `bucket`?\n"),
        (["s3:put", "key=a", "key=b"], "error: the option `key` is given twice\nhint: leave out one of the two\n"),
    ],
)
def test_what_is_asked_wrongly_is_told(arguments: list[str], told: str, tmp_path: Path) -> None:
    run = lpack("events", *arguments, folder=tmp_path)
    assert (run.exit_code, run.stdout, run.stderr) == (2, "", told)


@pytest.mark.parametrize("file", ["nothing", "."])
def test_a_file_that_can_not_be_read_is_told(file: str, tmp_path: Path) -> None:
    run = lpack("events", "s3:put", f"body=@{file}", folder=tmp_path)
    assert run.exit_code == 2
    assert run.stderr.startswith("error: the option `body` names `")
    assert ", which can't be read: " in run.stderr


def test_an_error_is_a_document_too(tmp_path: Path) -> None:
    error = json.loads(lpack("events", "nothing", "--json", folder=tmp_path).stdout)["error"]
    assert (error["kind"], error["exit_code"]) == ("UsageError", 2)
