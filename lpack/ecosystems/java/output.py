"""What a build tool made of a project, before lpack keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Resolved(NamedTuple):
    """A jar of the class path: its coordinates and where it is. ``own`` ones were made by the same build.

    ``group`` is "" for a file that has no coordinates.
    """

    group: str
    artifact: str
    version: str
    classifier: str
    place: Path
    own: bool = False

    @property
    def name(self) -> str:
        """What lpack calls the package: group:artifact, and the classifier if it has one."""
        return ":".join(filter(None, (self.group, self.artifact, self.classifier)))


class Output(NamedTuple):
    """The folders of classes and resources, the jars, and for each package which others it needs.

    "" stands for the project itself. ``archive`` is a jar or zip whose members are the classes and resources instead.
    """

    folders: tuple[Path, ...]
    jars: tuple[Resolved, ...]
    needs: Mapping[str, tuple[str, ...]]
    archive: Path | None = None
