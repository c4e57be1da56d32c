"""Images that were built, sent to a registry: for `lpack build --push`, and for whoever publishes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .errors import PublishError, UsageError
from .image.opening import of_archive
from .image.push import Pushed, push
from .image.reference import Repository, parse_reference
from .image.registry import Registries, open_registries
from .record import ImageRecord

__all__ = ["Destination", "Pushed", "Registries", "destination_of", "open_registries", "push_artifact"]


class Destination(NamedTuple):
    """Where images go: a repository, and the tag for an image, "" for the name of its function."""

    repository: Repository
    tag: str = ""

    def tag_for(self, name: str) -> str:
        """The tag of the image called ``name``; UsageError when that can't be one."""
        if self.tag:
            return self.tag
        try:
            return parse_reference(f"{self.repository}:{name}").tag
        except UsageError as error:
            hint = f"name another: `--repository {self.repository}:TAG`"
            raise UsageError(f"`{name}` can't be the tag of an image", hint=hint) from error


def destination_of(text: str) -> Destination:
    """The destination that ``text`` names: a repository, with a tag or without; UsageError for anything else."""
    reference = parse_reference(text)
    if reference.digest:
        raise UsageError(
            f"`{text}` has a digest, and what is pushed has one of its own", hint="name a repository, or one and a tag"
        )
    return Destination(reference.repository, reference.tag)


def push_artifact(
    file: Path, record: ImageRecord, repository: Repository, tags: Sequence[str], *, registries: Registries
) -> Pushed:
    """Send the image in a file that lpack made, with its record; layers of its base come from the base's registry.

    PublishError when it can't be sent, or is not what the record says; the tags are then as they were.
    """
    image = of_archive(file, record.base, registries.authorisations.host)
    if image.digest != record.digest:
        raise PublishError(
            f"`{file}` holds the image {image.digest}, and its record says {record.digest}", hint="build it again"
        )
    return push(image, repository, tags, registries=registries)
