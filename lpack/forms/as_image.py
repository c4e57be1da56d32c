"""Container images: the function's files in layers on a base, in one archive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from ..archive import gzip
from ..archive.tar_writer import LAYOUT as TAR_LAYOUT
from ..check import ImageFacts
from ..config.images import ImageFormat
from ..errors import InputError
from ..image.archive_writer import LAYOUT, write_archive
from ..image.composing import composed
from ..image.config import Execution
from ..image.making import MadeLayer, discard_damaged_layer, is_kept, keep_layer, make_layer
from ..image.model import Image
from ..image.planning import PlannedLayer
from ..means import Means
from ..model import Host, Reporter
from ..record import ImageRecord, LayerRecord, Record
from ..store import Store
from ..tree import Entry
from . import Written


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerImage:
    """The form of an image.

    ``base`` is what it stands on, called ``base_name``, which has its digest in it; ``base_sizes`` are the bytes of its
    layers' tars, as far as they are known, and ``is_aws_base`` tells whether it is AWS's own for the runtime.
    ``layers`` are those on top of it. With ``whole``, the base's layers are in the archive, too.
    """

    name: str
    base: Image
    base_name: str
    base_sizes: tuple[int | None, ...]
    is_aws_base: bool
    layers: tuple[PlannedLayer, ...]
    execution: Execution
    reporter: Reporter = field(repr=False)
    format: ImageFormat = "docker"
    whole: bool = False
    layout: int = LAYOUT

    def compressors(self) -> str:
        """libdeflate, for all layers."""
        return gzip.version()

    def inputs(self) -> list[Any]:
        """The base, how the image starts, and how layers and archives are laid out."""
        return [
            *(gzip.version(), LAYOUT, TAR_LAYOUT, self.base_name, self.base.digest, self.execution.as_dict()),
            *(self.format, sorted(self._elsewhere)),
            *([layer.name, layer.tree.content] for layer in self.layers),
        ]

    def facts(self) -> ImageFacts:
        """What the checks want to know of it, before it is made."""
        of_base = zip(self.base.layers, self.base_sizes, strict=True)
        in_base = sum(layer.descriptor.size if size is None else size for layer, size in of_base)
        return ImageFacts(
            platform=self.base.config.platform,
            execution=self.execution,
            media_types=[layer.descriptor.media_type for layer in self.base.layers],
            history=len(self.base.layers),
            sizes=[("the base", in_base), *((layer.name, layer.tree.size) for layer in self.layers)],
            exact=None not in self.base_sizes,
            base="" if self.is_aws_base else self.base_name,
        )

    def reads(self, store: Store) -> Iterable[Entry]:
        """Those of the layers that the store lacks."""
        return chain.from_iterable(layer.tree for layer in self.layers if not is_kept(layer.tree, store))

    def write(self, file: Path, *, store: Store, host: Host) -> Written:
        """Make the layers that the store lacks, and write the archive."""
        means = Means(store, host, self.reporter)
        try:
            return self._write(file, means)
        except InputError:  # a layer that the store has kept may have been damaged since
            if not any([discard_damaged_layer(layer.tree, store) for layer in self.layers]):  # noqa: C419 -- all of them
                raise
            return self._write(file, means)

    def written_before(self, record: Record, *, size: int, sha256: str) -> Written:
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

    def _write(self, file: Path, means: Means) -> Written:
        base = self.base
        if self.whole:
            kept = [keep_layer(layer, means) for layer in base.layers]
            base = replace(base, layers=tuple(kept))
        made = [make_layer(layer.name, layer.tree, means) for layer in self.layers]
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
