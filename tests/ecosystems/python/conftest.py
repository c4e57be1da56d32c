from __future__ import annotations

from pathlib import Path

import pytest
from index_server import IndexServer
from workshop import Workshop

from lpack.store import Store


@pytest.fixture
def workshop(tmp_path: Path, store_folder: Path) -> Workshop:
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    made = Workshop(folder, Store(store_folder), {"UV_HTTP_RETRIES": "0"})
    made.write({"src/app.py": "def handler(event, context): ...\n"})
    return made


@pytest.fixture
def indexed(workshop: Workshop, index: IndexServer) -> Workshop:
    """A workshop whose packages come from this machine's own index."""
    workshop.environ["UV_DEFAULT_INDEX"] = index.index_url
    return workshop
