"""What is checked, besides the files themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from ..aws.runtimes import RUNTIMES, Family
from ..model import Package, Target
from ..tree import Tree
from .elf import ElfFacts

if TYPE_CHECKING:
    from ..image.config import Execution
    from ..image.manifest import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What there is to know of an image from its manifest and config.

    ``base`` is what it stands on, if that is not AWS's own image; "" is not known, or AWS's. ``media_types`` are those
    of its layers, ``history`` the number of entries that stand for layers. ``sizes`` are what parts of it take
    unpacked, in bytes, and ``exact`` tells whether these are all of it.
    """

    platform: Platform
    execution: Execution
    media_types: Sequence[str]
    history: int
    sizes: Sequence[tuple[str, int]]
    exact: bool = True
    manifest_size: int = 0
    base: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An artifact's target and settings; what is None is not known, and is not checked.

    ``name`` is what messages call it: a function, a layer, or a file that another tool built; a file has neither a
    ``function_name`` nor a ``layer_name``. ``memory`` and ``ephemeral_storage`` are in MB, ``timeout`` in seconds.
    ``provided_libraries`` are sonames that the user vouches for. ``today`` decides about the runtime's end;
    ``allow_deprecated`` makes its errors warnings. ``image`` is there for container images alone.
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
    layer_name: str | None = None
    description: str | None = None
    license: str | None = None
    provided_libraries: frozenset[str] = frozenset()
    allow_deprecated: bool = False
    image: ImageFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPart:
    """A layer of a function, as it lies in /opt when the function runs.

    ``name`` is its name in the project, or its ARN. Of a layer that others published ``tree`` is None; then
    ``unzipped_size``, in bytes, is what its user says, None if nothing. ``elf`` are the ``elf_facts`` of the tree.
    ``runtimes`` and ``architectures`` are the names of those that it is for; () when they are not known.
    """

    name: str
    tree: Tree | None = None
    unzipped_size: int | None = None
    packages: Sequence[Package] = ()
    elf: Mapping[str, ElfFacts] = field(default_factory=dict)
    runtimes: Sequence[str] = ()
    architectures: Sequence[str] = ()

    @property
    def size(self) -> int | None:
        """Its bytes unzipped; None when nobody knows."""
        return self.unzipped_size if self.tree is None else self.tree.size

    @property
    def families(self) -> frozenset[Family]:
        """The families of its runtimes."""
        return frozenset(RUNTIMES[name].family for name in self.runtimes if name in RUNTIMES)
