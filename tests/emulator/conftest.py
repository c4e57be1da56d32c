"""Functions to run in a sandbox with this machine's own Python."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import functions
import pytest
from functions import Started

from lpack.emulator import Environment, Settings, environment
from lpack.means import Means
from lpack.model import Host, Silent
from lpack.store import Store


@dataclass
class Notes(Silent):
    """A Reporter that remembers."""

    notes: list[str] = field(default_factory=list)

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.fixture
def means(store_folder: Path) -> Means:
    return Means(Store(store_folder), Host(dict(os.environ), store_folder), Notes())


@pytest.fixture
def started(tmp_path: Path, means: Means) -> Started:
    """A running environment of a function: ``with started(code, timeout=1) as environment``."""

    @contextlib.contextmanager
    def start(
        files: str | Mapping[str, str | bytes], settings: Settings | None = None, **options: Any
    ) -> Iterator[Environment]:
        runnable = functions.runnable(tmp_path, files, **options)
        with environment(runnable, settings or Settings(), means) as running:
            yield running

    return start
