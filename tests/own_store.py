"""The store of the test that asks, for what has no fixtures."""

from __future__ import annotations

import os
from pathlib import Path

from lpack.store import Store


def own_store() -> Store:
    """The test's store."""
    return Store(Path(os.environ["LPACK_CACHE_DIR"]))
