from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lpack.image.registry import Registries, open_registries
from lpack.model import Host, Silent


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A machine with an empty home, whose user has little patience."""
    home = tmp_path / "home"
    home.mkdir()
    return Host({"PATH": os.environ["PATH"], "HOME": str(home), "PIP_RETRIES": "1"}, tmp_path / "store")


@pytest.fixture
def registries_of() -> Iterator[Callable[..., Registries]]:
    """Opens the registries as a host sees them."""
    with ExitStack() as stack:
        yield lambda host, reporter=None: stack.enter_context(open_registries(host, reporter or Silent()))


@pytest.fixture
def registries(host: Host, registries_of: Callable[..., Registries]) -> Registries:
    """The registries as somebody without any credentials sees them."""
    opened: Registries = registries_of(host)
    return opened
