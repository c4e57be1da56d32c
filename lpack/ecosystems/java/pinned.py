"""Jars that lpack itself needs: pinned by version and hash, had by Maven from the user's own repositories, and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...config import Dependencies, Project
from ...errors import ResolveError
from ...means import Means
from ...model import Target
from ...tree import REGULAR, DiskFile, Entry, Tree
from .. import Ask
from .asked import build_of
from .kept import JARS, made


def pinned_jars(
    coordinates: Sequence[str], pins: Mapping[str, str], target: Target, means: Means, *, subject: str
) -> Tree:
    """The jars of these artifacts and all that they need; ``pins`` has the SHA-256 (hex) of each by its file name.

    Maven is asked once: afterwards the store has them. ResolveError when they are not what is pinned.
    """
    store, host, reporter = means
    kept = {name: store.find(JARS, bytes.fromhex(sha256), name) for name, sha256 in pins.items()}
    if not all(kept.values()):
        project = Project(store.folder, store.folder / "lpack.toml", ())
        wanted = Dependencies(name=subject, targets=(target,), requirements=tuple(coordinates))
        build = build_of(Ask(wanted, project, store, host, reporter, {}))
        assert build  # noqa: S101 -- coordinates are always asked of Maven
        found = made(build.key, lambda folder: build.make(folder, "keep"), store).jars
        there = {jar.file_name: jar.sha256 for jar in found}
        if there != pins:
            wrong = sorted({name for name, _ in there.items() ^ pins.items()})
            raise ResolveError(
                f"Maven brings other jars for {subject} than lpack knows: {', '.join(f'`{name}`' for name in wrong)}",
                hint="see whether a mirror in your settings.xml changes what it passes on",
            )
        kept = {jar.file_name: jar.source(store).archive for jar in found}
    return Tree.of(_entry(name, place, pins[name]) for name, place in kept.items() if place)


def _entry(name: str, place: Path, sha256: str) -> Entry:
    return Entry(name, REGULAR, DiskFile(place, place.stat().st_size, bytes.fromhex(sha256)))
