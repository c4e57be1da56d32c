"""Small artifacts to check."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from lpack.aws.architectures import ARCHITECTURES
from lpack.aws.runtimes import RUNTIMES
from lpack.check import LayerPart, Subject
from lpack.check.elf import ElfFacts, read_elf
from lpack.check.native import check_native
from lpack.model import Finding, Package, Target
from lpack.tree import LINK, REGULAR, Content, DiskFile, Entry, Tree

TODAY = date(2026, 11, 20)


def subject(runtime: str = "python3.13", architecture: str = "x86_64", **settings: Any) -> Subject:
    target = Target(RUNTIMES[runtime], ARCHITECTURES[architecture])
    return Subject(target=target, **{"name": "orders", "today": TODAY, **settings})


def package(name: str, version: str, root: str = "") -> Package:
    return Package(name, version, purl=f"pkg:pypi/{name}@{version}", sha256="", root=root)


def tree(files: Mapping[str, bytes | str], packages: Mapping[str, str] | None = None, root: str = "") -> Tree:
    """Files by path; a string is a link's target. Those in a package's folder, below the root, belong to it."""
    return Tree.of(
        Entry(
            path,
            LINK if isinstance(data, str) else REGULAR,
            Content.of(data.encode() if isinstance(data, str) else data),
            next((name for name in packages or () if path.removeprefix(root).startswith((f"{name}/", f"{name}-"))), ""),
        )
        for path, data in files.items()
    )


def of_sizes(sizes: Mapping[str, int], packages: Sequence[str] = ()) -> Tree:
    """Files by path and size, on no disk, which belong to the package whose name is a folder of their path."""
    return Tree.of(
        Entry(
            path,
            REGULAR,
            DiskFile(Path(path), size, b""),
            next((name for name in packages if f"/{name}/" in f"/{path}"), ""),
        )
        for path, size in sizes.items()
    )


def layer(
    name: str, files: Mapping[str, bytes | str], packages: Mapping[str, str] | None = None, **settings: Any
) -> LayerPart:
    """A layer of the project, with packages in `python`."""
    return LayerPart(
        name=name,
        tree=tree(files, packages, root="python/"),
        packages=[package(*item, root="python") for item in (packages or {}).items()],
        elf=facts(files),
        **settings,
    )


def facts(files: Mapping[str, bytes | str]) -> dict[str, ElfFacts]:
    return {
        path: found for path, data in files.items() if isinstance(data, bytes) and (found := read_elf(io.BytesIO(data)))
    }


def native(
    files: Mapping[str, bytes | str],
    target: Subject | None = None,
    packages: Mapping[str, str] | None = None,
    layers: Sequence[LayerPart] = (),
) -> list[Finding]:
    """What the checks of native code find in these files."""
    listed = [package(*item) for item in (packages or {}).items()]
    return check_native(tree(files, packages), target or subject(), listed, facts(files), layers)
