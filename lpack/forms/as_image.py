"""Container images: the function's files in layers on a base, in one archive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..archive import gzip
from ..archive.tar_writer import LAYOUT as TAR_LAYOUT
from ..assembling import Assembly
from ..check import ImageFacts
from ..config_images import ImageFormat
from ..errors import InputError
from ..image.archive_writer import LAYOUT, write_archive
from ..image.composing import composed
from ..image.config import Execution
from ..image.making import MadeLayer, discard_damaged_layer, keep_layer, make_layer
from ..image.model import Image
from ..image.planning import PlannedLayer, planned_layers
from ..image.starting import RUNTIME_ROOT, TASK_ROOT
from ..means import Means
from ..model import Host, Reporter
from ..record import ImageRecord, LayerRecord, Record
from ..store import Store
from ..tree import Tree
from . import Written

BOOTSTRAP = "bootstrap"
"""What a custom runtime starts with. AWS's base images look for it where runtimes are, not in the task's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerImage:
    """The form of an image.

    ``base`` is what it stands on, called ``base_name``, which has its digest in it; ``base_sizes`` are the bytes of its
    layers' tars, as far as they are known, and ``is_aws_base`` tells whether it is AWS's own for the runtime.
    ``beneath`` is what lies between it and the function's own layers. With ``whole``, the base's layers are in the
    archive, too.
    """

    name: str
    base: Image
    base_name: str
    base_sizes: tuple[int | None, ...]
    is_aws_base: bool
    execution: Execution
    reporter: Reporter = field(repr=False)
    beneath: tuple[PlannedLayer, ...] = ()
    has_bootstrap: bool = False
    own_packages: frozenset[str] = frozenset()
    format: ImageFormat = "docker"
    whole: bool = False
    layout: int = LAYOUT

    def compressors(self, assembly: Assembly) -> str:  # noqa: ARG002 -- the Protocol's
        """libdeflate, for all layers."""
        return gzip.version()

    def inputs(self, assembly: Assembly) -> list[Any]:
        """The base, how the image starts, and how layers and archives are laid out."""
        return [
            *(gzip.version(), LAYOUT, TAR_LAYOUT, self.base_name, self.base.digest, self.execution.as_dict()),
            *(self.format, sorted(self._elsewhere)),
            *([layer.name, layer.tree.content] for layer in self.layers(assembly.tree)),
        ]

    def layers(self, tree: Tree) -> tuple[PlannedLayer, ...]:
        """The layers on top of the base, for a function's tree."""
        placed = Tree.of(entry._replace(path=f"{self._root(entry.path)}/{entry.path}") for entry in tree)
        return (*self.beneath, *planned_layers(placed, self.own_packages))

    def facts(self, assembly: Assembly) -> ImageFacts:
        """What the checks want to know of it, before it is made."""
        of_base = zip(self.base.layers, self.base_sizes, strict=True)
        in_base = sum(layer.descriptor.size if size is None else size for layer, size in of_base)
        return ImageFacts(
            platform=self.base.config.platform,
            execution=self.execution,
            media_types=[layer.descriptor.media_type for layer in self.base.layers],
            history=len(self.base.layers),
            sizes=[("the base", in_base), *((layer.name, layer.tree.size) for layer in self.layers(assembly.tree))],
            exact=None not in self.base_sizes,
            base="" if self.is_aws_base else self.base_name,
        )

    def write(self, assembly: Assembly, file: Path, *, store: Store, host: Host) -> Written:
        """Make the layers that the store lacks, and write the archive."""
        planned, means = self.layers(assembly.tree), Means(store, host, self.reporter)
        try:
            return self._write(planned, file, means)
        except InputError:  # a layer that the store has kept may have been damaged since
            if not any([discard_damaged_layer(layer.tree, store) for layer in planned]):  # noqa: C419 -- all of them
                raise
            return self._write(planned, file, means)

    def written_before(self, assembly: Assembly, record: Record, *, size: int, sha256: str) -> Written:  # noqa: ARG002 -- the Protocol's
        """What its record says, since all of that follows from the inputs."""
        return Written(
            size=size,
            sha256=sha256,
            code_sha256=_code_sha256(record.image.digest) if record.image else "",
            unzipped_size=record.unzipped_size,
            image=record.image,
        )

    @property
    def _elsewhere(self) -> frozenset[str]:
        """The layers that are not in the archive: those of a base that is in a registry. A file may be gone later."""
        return frozenset(layer.descriptor.digest for layer in self.base.layers if layer.origin and not self.whole)

    def _root(self, path: str) -> str:
        return (RUNTIME_ROOT if self.has_bootstrap and path == BOOTSTRAP else TASK_ROOT).removeprefix("/")

    def _write(self, planned: Iterable[PlannedLayer], file: Path, means: Means) -> Written:
        base = self.base
        if self.whole:
            kept = [keep_layer(layer, means) for layer in base.layers]
            base = replace(base, layers=tuple(kept))
        made = [make_layer(layer.name, layer.tree, means) for layer in planned]
        image = composed(base, made, self.execution, format=self.format)
        written = write_archive(image, self.name, file, without=self._elsewhere)
        record = self._record(image, made)
        return Written(
            size=written.size,
            sha256=written.sha256,
            code_sha256=_code_sha256(image.digest),
            unzipped_size=record.unzipped_size,
            image=record,
        )

    def _record(self, image: Image, made: Sequence[MadeLayer]) -> ImageRecord:
        of_base = [(f"base layer {number}", size) for number, size in enumerate(self.base_sizes, start=1)]
        own = [(each.name, each.unzipped_size) for each in made]
        layers = tuple(
            LayerRecord(name, layer.descriptor.digest, layer.diff_id, layer.descriptor.size, size)
            for (name, size), layer in zip([*of_base, *own], image.layers, strict=True)
        )
        return ImageRecord(
            digest=image.digest,
            media_type=image.manifest.media_type,
            base=self.base_name,
            size=image.size,
            # Of a layer that nobody has unpacked, what is known is that it has as many bytes at least.
            unzipped_size=sum(each.size if each.unzipped_size is None else each.unzipped_size for each in layers),
            layers=layers,
            base_layers=len(self.base.layers),
            whole=not self._elsewhere,
        )


def _code_sha256(digest: str) -> str:
    return digest.removeprefix("sha256:")
