"""What the templates of events can make of a value: ``${body|base64}`` puts the value of ``body`` through ``base64``.

A filter takes one value and gives another. ``ABSENT`` is the value of a key that is then left out.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import format_datetime
from enum import Enum
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote_plus


class Absent(Enum):
    """Has one value, which stands for none: a key that has it is left out."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


def octets(text: str) -> bytes:
    """The bytes of a text; those that were no UTF-8 come back as they were."""
    return text.encode("utf-8", "surrogateescape")


def text_of(data: bytes) -> str:
    """The bytes as a text from which ``octets`` makes the same bytes again."""
    return data.decode("utf-8", "surrogateescape")


def _base64(value: str | bytes) -> str:
    return base64.b64encode(value if isinstance(value, bytes) else octets(value)).decode("ascii")


def _gzip(value: str) -> bytes:
    packed = bytearray(gzip.compress(octets(value), mtime=0))
    packed[9] = 255  # the system that made it, which differs between versions of Python; RFC 1952 has 255 for unknown
    return bytes(packed)


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _path_parameters(path: str) -> dict[str, str] | None:
    return {"proxy": path.lstrip("/")} if path.strip("/") else None


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _all_values(query: str) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in _pairs(query):
        values.setdefault(name, []).append(value)
    return values


def _undecoded(query: str) -> dict[str, str]:
    """The pairs as they were sent: an ALB decodes nothing."""
    return {name: value for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)}


def _lowered(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in headers.items()}


def _edge_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """As CloudFront lists them: by the name in small letters, with the name as it was sent."""
    return {name.lower(): [{"key": name, "value": value}] for name, value in headers.items()}


def _reason(status: str) -> str:
    return next((each.phrase for each in HTTPStatus if str(each.value) == status), "")


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp()) * 1000 + time.microsecond // 1000


def _typed_attribute(value: Any) -> dict[str, Any]:
    """A value as DynamoDB writes it.

    See https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": json.dumps(value)}
        case list():
            return {"L": [_typed_attribute(item) for item in value]}
        case dict():
            return {"M": _attributes(value)}
    return {"S": str(value)}


def _attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _typed_attribute(value) for name, value in item.items()}


def _lex_slots(slots: Mapping[str, Any]) -> dict[str, Any]:
    """See https://docs.aws.amazon.com/lexv2/latest/APIReference/API_runtime_Slot.html."""
    return {name: None if value is None else _lex_slot(str(value)) for name, value in slots.items()}


def _lex_slot(value: str) -> dict[str, Any]:
    heard = {"originalValue": value, "interpretedValue": value, "resolvedValues": [value]}
    return {"shape": "Scalar", "value": heard}


def _alexa_slots(slots: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"name": name, "value": str(value), "confirmationStatus": "NONE", "source": "USER"}
        for name, value in slots.items()
    }


FILTERS: dict[str, Callable[[Any], Any]] = {
    # texts
    "base64": _base64,
    "gzip": _gzip,
    "md5": lambda text: hashlib.md5(octets(text), usedforsecurity=False).hexdigest(),
    "sha256": lambda text: hashlib.sha256(octets(text)).hexdigest(),
    "size": lambda text: len(octets(text)),
    "text": str,
    "upper": str.upper,
    # JSON
    "as-json": _compact,
    "attributes": _attributes,
    # what is left out, or null, when it is empty
    "or-null": lambda value: value or None,
    "or-absent": lambda value: value or ABSENT,
    # addresses
    "form": lambda key: quote_plus(octets(key), safe="/"),
    "path-parameters": _path_parameters,
    "resource": lambda path: "/{proxy+}" if path.strip("/") else "/",
    "without-slash": lambda path: path.removeprefix("/"),
    "last-values": lambda query: dict(_pairs(query)),
    "all-values": _all_values,
    "joined-values": lambda query: {name: ",".join(values) for name, values in _all_values(query).items()},
    "undecoded": _undecoded,
    "in-lists": lambda table: {name: [value] for name, value in table.items()},
    "small-names": _lowered,
    "edge": _edge_headers,
    "reason": _reason,
    # slots of conversations
    "slots": _lex_slots,
    "spoken-slots": _alexa_slots,
    # times
    "iso-ms": lambda time: f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z",
    "iso-offset": lambda time: f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}+0000",
    "epoch": lambda time: int(time.timestamp()),
    "epoch-hex": lambda time: f"{int(time.timestamp()):08x}",
    "epoch-ms": _milliseconds,
    "epoch-fraction": lambda time: _milliseconds(time) / 1000,
    "day": lambda time: f"{time:%Y-%m-%d}",
    "log-time": lambda time: f"{time:%d/%b/%Y:%H:%M:%S} +0000",
    "mail-time": format_datetime,
    "http-time": lambda time: format_datetime(time, usegmt=True),
}
