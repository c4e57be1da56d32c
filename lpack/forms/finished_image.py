"""Container images that another program has built: only their archive is lpack's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..archive import gzip
from ..check import ImageFacts
from ..image.archive_writer import LAYOUT, write_archive
from ..image.model import Image
from ..model import Host
from ..record import ImageRecord, LayerRecord, Record
from ..store import Store
from ..tree import Entry
from . import Written


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedImage:
    """The form of an image that is there; ``sizes`` are the bytes of its layers' tars."""

    name: str
    image: Image
    sizes: tuple[int, ...]
    layout: int = LAYOUT

    def compressors(self) -> str:
        """libdeflate: engines save layers as they are."""
        return gzip.version()

    def inputs(self) -> list[Any]:
        """The image, which its digest stands for."""
        return [LAYOUT, self.image.digest]

    def facts(self) -> ImageFacts | None:
        """Nothing that was not checked when its layers were read."""
        return None

    def reads(self, store: Store) -> Iterable[Entry]:  # noqa: ARG002 -- the Protocol's
        """None: its layers are there."""
        return ()

    def write(self, file: Path, *, store: Store, host: Host) -> Written:  # noqa: ARG002 -- the Protocol's
        """Write the archive, with all layers."""
        written = write_archive(self.image, self.name, file)
        return self._written(written.size, written.sha256)

    def written_before(self, record: Record, *, size: int, sha256: str) -> Written:  # noqa: ARG002 -- the Protocol's
        """What the image itself says."""
        return self._written(size, sha256)

    def _written(self, size: int, sha256: str) -> Written:
        image = self.image
        layers = tuple(
            LayerRecord(f"layer {number}", layer.descriptor.digest, layer.diff_id, layer.descriptor.size, unzipped)
            for number, (layer, unzipped) in enumerate(zip(image.layers, self.sizes, strict=True), start=1)
        )
        record = ImageRecord(
            digest=image.digest,
            media_type=image.manifest.media_type,
            base="",
            size=image.size,
            unzipped_size=sum(self.sizes),
            layers=layers,
            base_layers=0,
            whole=True,
        )
        return Written(
            size=size,
            sha256=sha256,
            code_sha256=image.digest.removeprefix("sha256:"),
            unzipped_size=record.unzipped_size,
            image=record,
        )
