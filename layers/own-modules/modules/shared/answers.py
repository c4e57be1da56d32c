"""Answers in the form that API Gateway and function URLs understand."""

from __future__ import annotations

import json
from typing import Any


def answer(body: Any, *, status: int = 200) -> dict[str, Any]:
    """The body as JSON, with an HTTP status."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
    }
