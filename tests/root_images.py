"""The clean root file systems as images in the machine's Docker Engine, to run functions in."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

import base_images
import clean_roots
import docker_engine
from filelock import FileLock


def image(python: str, architecture: str) -> str:
    """The reference of an image with nothing but that version of Python, for the architecture."""
    root = clean_roots._root(python, architecture)  # noqa: SLF001 -- a root is one folder, whoever uses it
    reference = f"lpack-test-root:{root.name}"
    base_images.IMAGES.mkdir(parents=True, exist_ok=True)
    with FileLock(clean_roots.ROOTS / f".{root.name}.image.lock"), docker_engine.connected() as client:
        if not client.images.list(name=reference):
            recipe = base_images.Recipe(clean_roots.RELEASES[python], architecture=architecture)
            with tempfile.NamedTemporaryFile(dir=clean_roots.ROOTS, suffix=".tar") as file:
                _pack(root, Path(file.name))
                base_images._load(recipe, Path(file.name), reference)  # noqa: SLF001 -- as any other base
    return reference


def _pack(root: Path, file: Path) -> None:
    with tarfile.open(file, "w") as archive:
        archive.add(root, ".", filter=lambda member: None if member.isdev() else member)
