"""The table [publish]: what it may say, and what is told of mistakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lpack.config import load
from lpack.config.publish import Destination
from lpack.errors import ConfigError

Write = Callable[[Mapping[str, str]], Path]
FUNCTION = '[function.orders]\nruntime = "python3.13"\nhandler = "app.handler"\n'


def read(project: Write, lines: str) -> Destination:
    return load(project({"lpack.toml": f"{FUNCTION}[publish]\n{lines}\n"})).publish


def problems(project: Write, lines: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(project, lines)
    return list(caught.value.problems)


def test_every_key_is_read(project: Write) -> None:
    lines = """
        bucket = "my-artifacts"
        prefix = "/shop/eu/"
        repository = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop"
        region = "eu-west-1"
        profile = "work"
        kms-key = "alias/artifacts"
        tags = { team = "shop" }
        expected-bucket-owner = "012345678901"
        scan-on-push = false
        immutable-tags = false
        functions = { orders = "orders-live" }
    """
    assert read(project, lines) == Destination(
        bucket="my-artifacts",
        prefix="shop/eu",
        repository="123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop",
        region="eu-west-1",
        profile="work",
        kms_key="alias/artifacts",
        tags={"team": "shop"},
        expected_bucket_owner="012345678901",
        scan_on_push=False,
        immutable_tags=False,
        functions={"orders": "orders-live"},
    )


def test_nothing_is_needed(project: Write) -> None:
    assert read(project, "") == load(project({"lpack.toml": FUNCTION})).publish == Destination()


def test_a_function_is_called_as_in_aws(project: Write) -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:orders-live"
    assert read(project, f'functions = {{ orders = "{arn}" }}').name_in_aws("orders") == arn
    assert read(project, "").name_in_aws("orders") == "orders"


MISTAKES = {
    'bucket = "s3://a/b"': "`publish.bucket` names `s3://a/b`; write the bucket's name alone, and the rest as `prefix`",
    'bucket = "a"': "`publish.bucket` names `a`, which can't be a bucket: use 3 to 63",
    'bucket = ""': "`publish.bucket` must not be empty",
    'prefix = "a//b"': "`publish.prefix` is `a//b`, which holds an empty folder",
    f'prefix = "{"x" * 900}"': "`publish.prefix` is too long: S3 takes keys of 1024 bytes",
    'region = "Ireland"': "`publish.region` names `Ireland`, which is not a region, such as `eu-west-1`",
    "expected-bucket-owner = 12345678901": "`publish.expected-bucket-owner` must be a string, not a whole number: "
    'write "012345678901"',
    'expected-bucket-owner = "me"': "`publish.expected-bucket-owner` is `me`, which is not an account's number",
    'repository = "https://a/b"': "`publish.repository` is `https://a/b`; write the repository alone",
    'repository = "a.b/c:latest"': "`publish.repository` is `a.b/c:latest`; write the repository alone",
    "tags = { a = 1 }": "`publish.tags.a` must be a string, not a whole number",
    'tags = { "aws:a" = "b" }': '`publish.tags."aws:a"` can\'t be a tag',
    'tags = { a = "b & c" }': "`publish.tags.a` holds `&`; S3 takes letters, digits and",
    f"tags = {{ {', '.join(f't{n} = {n!r}' for n in 'abcdefghijk')} }}": "`publish.tags` has 11 tags, and S3 takes 10",
    'functions = { orders = "orders:live" }': "`publish.functions.orders` is `orders:live`, which names a version or "
    "an alias, and code can't be put there: write `orders`",
    'functions = { orders = "a b" }': "`publish.functions.orders` is `a b`, which is neither a function's name nor",
    'functions = { order = "a" }': "`publish.functions.order` is about a function that this project does not have; "
    "did you mean `orders`?",
    'buckets = "a"': "`publish.buckets` is not known; did you mean `bucket`?",
}


@pytest.mark.parametrize(("lines", "problem"), MISTAKES.items())
def test_mistakes_are_told(project: Write, lines: str, problem: str) -> None:
    assert problems(project, lines)[0].startswith(problem)
