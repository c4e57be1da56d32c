"""What the projects have in common that tests publish."""

from __future__ import annotations

import json
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
