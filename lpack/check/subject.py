"""What is checked, besides the files themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from ..model import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An artifact's target and settings; what is None is not known, and is not checked.

    ``name`` is what messages call it: a function, or a file that another tool built; only the former has a
    ``function_name``. ``memory`` and ``ephemeral_storage`` are in MB, ``timeout`` in seconds. ``provided_libraries``
    are sonames that the user vouches for. ``today`` decides about the runtime's end; ``allow_deprecated`` makes its
    errors warnings.
    """

    name: str
    target: Target
    today: date
    function_name: str | None = None
    handler: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    memory: int | None = None
    timeout: int | None = None
    ephemeral_storage: int | None = None
    provided_libraries: frozenset[str] = frozenset()
    allow_deprecated: bool = False
