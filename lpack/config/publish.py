"""The keys of ``[publish]``: where artifacts go in AWS, and how they are kept there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..aws.limits import (
    ACCOUNT_ID,
    BUCKET_NAME,
    FUNCTION_NAME,
    FUNCTION_NAME_CHARACTERS,
    OBJECT_KEY_BYTES,
    OBJECT_TAG_KEY_CHARACTERS,
    OBJECT_TAG_VALUE_CHARACTERS,
    OBJECT_TAGS,
)
from ..values import Place, Reader, alternatives, kind_of, quoted, read_switch, read_table, read_text, typed

_LONGEST_ENDING = len("/" + "x" * 140 + "/" + "0" * 64 + ".zip")
"""What follows the prefix in a key: the name of a function or layer, a SHA-256, and how the file's name ends."""

_IN_TAGS = " _.:/=+-@"
"""What may stand in tags besides letters and digits."""

_FUNCTION_ARN = re.compile(
    r"(arn:[a-zA-Z0-9-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:|[0-9]{12}:function:|)(?P<name>[a-zA-Z0-9-_]+)"
    r"(?P<qualifier>:[a-zA-Z0-9$_-]+)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where artifacts go: what ``[publish]`` says, each value None or empty when it says nothing.

    ``repository`` is an ECR repository's URI, with ``scan_on_push`` and ``immutable_tags`` for one that lpack makes.
    ``functions`` gives the names in AWS, or ARNs, of functions that are called otherwise there.
    """

    bucket: str | None = None
    prefix: str = ""
    repository: str | None = None
    region: str | None = None
    profile: str | None = None
    kms_key: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    expected_bucket_owner: str | None = None
    scan_on_push: bool = True
    immutable_tags: bool = True
    functions: Mapping[str, str] = field(default_factory=dict)

    def name_in_aws(self, function: str) -> str:
        """What the function is called in AWS: its own name, unless the configuration says otherwise."""
        return self.functions.get(function, function)


def read_publish(value: Any, place: Place) -> Destination:
    """The destination that the table describes."""
    values = read_table(value, place, PUBLISH_KEYS)
    return Destination(**{key.replace("-", "_"): item for key, item in values.items() if item is not None})


def read_bucket(value: Any, place: Place) -> str | None:
    """The name of an S3 bucket."""
    name = read_text(value, place)
    if name and name.startswith("s3://"):
        place.problem(f"names {quoted(name)}; write the bucket's name alone, and the rest as `prefix`")
    elif name and not BUCKET_NAME.fullmatch(name):
        place.problem(f"names {quoted(name)}, which can't be a bucket: use 3 to 63 letters, digits, `-` and `.`")
    return name


def read_prefix(value: Any, place: Place) -> str | None:
    """What keys start with, without slashes at its ends; it may be empty."""
    text = typed(value, str, place)
    if text is None:
        return None
    prefix = text.strip("/")
    if "//" in prefix or not prefix.isprintable():
        place.problem(f"is {quoted(text)}, which holds an empty folder or characters that no key should have")
    elif len(prefix.encode()) + _LONGEST_ENDING > OBJECT_KEY_BYTES:
        place.problem(f"is too long: S3 takes keys of {OBJECT_KEY_BYTES} bytes")
    return prefix


def read_region(value: Any, place: Place) -> str | None:
    """The name of an AWS region."""
    name = read_text(value, place)
    if name and not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-[0-9]+", name):
        place.problem(f"names {quoted(name)}, which is not a region, such as `eu-west-1`")
    return name


def read_account(value: Any, place: Place) -> str | None:
    """The number of an AWS account, as a string: some start with zeros."""
    if type(value) is int:
        place.problem(f'must be a string, not {kind_of(value)}: write "{value:012}"')
        return None
    number = read_text(value, place)
    if number and not ACCOUNT_ID.fullmatch(number):
        place.problem(f"is {quoted(number)}, which is not an account's number of 12 digits")
    return number


def read_repository(value: Any, place: Place) -> str | None:
    """The URI of a repository, without a tag."""
    uri = read_text(value, place)
    if uri and re.search(r"://|[@\s]|:[^/]*$", uri):
        example = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop"
        place.problem(f"is {quoted(uri)}; write the repository alone, without `https://`, tag or digest: `{example}`")
    return uri


def _tags(value: Any, place: Place) -> dict[str, str]:
    tags = typed(value, dict, place) or {}
    if len(tags) > OBJECT_TAGS:
        place.problem(f"has {len(tags)} tags, and S3 takes {OBJECT_TAGS} for an object")
    for name, item in tags.items():
        text = typed(item, str, place.key(name))
        if not 0 < len(name) <= OBJECT_TAG_KEY_CHARACTERS or name.startswith("aws:"):
            fact = f"a name has 1 to {OBJECT_TAG_KEY_CHARACTERS} characters, and does not begin with `aws:`"
            place.key(name).problem(f"can't be a tag: {fact}")
        strange = {each for each in name + (text or "") if not each.isalnum() and each not in _IN_TAGS}
        if strange:
            place.key(name).problem(
                f"holds {alternatives(sorted(strange), 'and')}; S3 takes letters, digits and {_IN_TAGS}"
            )
        if text and len(text) > OBJECT_TAG_VALUE_CHARACTERS:
            place.key(name).problem(f"has {len(text)} characters, and S3 takes {OBJECT_TAG_VALUE_CHARACTERS}")
    return tags


def _functions(value: Any, place: Place) -> dict[str, str]:
    functions = typed(value, dict, place) or {}
    for name, item in functions.items():
        here = place.key(name)
        given = read_text(item, here)
        match = _FUNCTION_ARN.fullmatch(given or "")
        if given and match is None:
            here.problem(f"is {quoted(given)}, which is neither a function's name nor its ARN")
        elif match and match["qualifier"]:
            here.problem(
                f"is {quoted(given)}, which names a version or an alias, and code can't be put there: "
                f"write {quoted(str(given).removesuffix(match['qualifier']))}"
            )
        elif match and len(match["name"]) > FUNCTION_NAME_CHARACTERS:
            here.problem(f"has {len(match['name'])} characters, and Lambda takes {FUNCTION_NAME_CHARACTERS}")
        elif match and not FUNCTION_NAME.fullmatch(match["name"]):
            here.problem(f"is {quoted(given)}, which can't be a function's name")
    return functions


PUBLISH_KEYS: dict[str, Reader] = {
    "bucket": read_bucket,
    "prefix": read_prefix,
    "repository": read_repository,
    "region": read_region,
    "profile": read_text,
    "kms-key": read_text,
    "tags": _tags,
    "expected-bucket-owner": read_account,
    "scan-on-push": read_switch,
    "immutable-tags": read_switch,
    "functions": _functions,
}
