"""lpack.toml, or [tool.lpack] of pyproject.toml, as frozen types; every mistake is reported at once, with its key path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .model import Target


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function of a project.

    ``requirements`` is a file, a list of requirement specifiers, or None when it is to be looked for in ``source``;
    ``memory`` and ``ephemeral_storage`` are in MB, ``timeout`` in seconds; ``provided_libraries`` are shared libraries
    (sonames) that the user vouches for. Package names are normalised; paths are absolute.
    """

    name: str
    target: Target
    source: Path
    handler: str
    requirements: Path | tuple[str, ...] | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    exclude_packages: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    memory: int = 128
    timeout: int = 3
    ephemeral_storage: int = 512
    provided_libraries: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a configuration: ``file`` is where it was read from. Functions are in the order of the file."""

    folder: Path
    file: Path
    functions: tuple[Function, ...]
    resolver: Literal["uv", "pip-tools"] = "uv"
