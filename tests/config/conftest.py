"""What is wrong with a configuration, for any ``load`` of a test file's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lpack.errors import ConfigError


@pytest.fixture
def problems(load: Callable[[str], Any]) -> Callable[[str], tuple[str, ...]]:
    """The mistakes that loading a text tells."""

    def problems(text: str) -> tuple[str, ...]:
        with pytest.raises(ConfigError) as raised:
            load(text)
        return raised.value.problems

    return problems
