"""What the projects have in common that tests publish."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

REGION = "eu-west-1"
BUCKET = "artifacts"
SETTINGS = f'[publish]\nbucket = "{BUCKET}"\nprefix = "shop"\n'
ORDERS = '[function.orders]\nruntime = "python3.13"\nhandler = "app.handler"\nsource = "orders"\n'
HANDLER = "def handler(event, context):\n    return 1\n"


def record(folder: Path, name: str = "orders") -> Any:
    """The record of an artifact in the project's folder."""
    return json.loads((folder / "dist" / f"{name}.zip.json").read_bytes())


def noise(folder: str, size: int) -> dict[str, bytes]:
    """Files in a folder that make an artifact of that size and a little more.

    Each is small enough for the compressor that soon sees that it gains nothing.
    """
    most = 8_000_000
    sizes = [min(most, size - start) for start in range(0, size, most)]
    return {f"{folder}/{number}.gz": os.urandom(each) for number, each in enumerate(sizes)}
