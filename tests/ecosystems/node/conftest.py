"""Small npm packages and projects, and the room asked as the build asks it."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lpack.aws.architectures import ARCHITECTURES
from lpack.aws.runtimes import runtime
from lpack.config import Function, Layer, Project
from lpack.ecosystems import Ask, Installed, Policy, Provided, node
from lpack.model import Host, Target
from lpack.overlay import overlay
from lpack.sources import OwnFiles
from lpack.store import Store
from lpack.tree import Tree


@dataclass
class Heard:
    """A Reporter that remembers."""

    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def note(self, message: str) -> None:
        self.notes.append(message)

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def progress(self, label: str, done: int, total: int) -> None:
        """Nothing to remember."""


@dataclass
class Workshop:
    """A project's folder, and what the room makes of its functions."""

    folder: Path
    store: Path
    heard: Heard = field(default_factory=Heard)

    def write(self, files: Mapping[str, Any]) -> Path:
        """Write files: bytes and texts as they are, all else as JSON."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = content if isinstance(content, str | bytes) else json.dumps(content)
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        return self.folder

    def package(self, place: str, files: Mapping[str, str], executables: tuple[str, ...] = (), **about: Any) -> None:
        """An npm package as an archive; ``about`` is its package.json."""
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w:gz") as archive:
            for name, text in {"package.json": json.dumps(about), **files}.items():
                member = tarfile.TarInfo(f"package/{name}")
                member.size, member.mode = len(text.encode()), 0o755 if name in executables else 0o644
                archive.addfile(member, io.BytesIO(text.encode()))

    def function(self, **about: Any) -> Function:
        architecture = ARCHITECTURES[about.pop("architecture", "x86_64")]
        target = Target(runtime(about.pop("runtime", "nodejs22.x")), architecture)
        source = self.folder / about.pop("source", "src")
        return Function(**{"name": "orders", "target": target, "source": source, "handler": "index.handler", **about})

    def ask(
        self, function: Function, *, provided: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None
    ) -> Ask:
        layer = Layer(name="shared", runtimes=(function.target.runtime,))
        brought = {name: Provided(version, layer.dependencies) for name, version in (provided or {}).items()}
        project = Project(self.folder, self.folder / "lpack.toml", (function,))
        host = Host(environ or dict(os.environ), self.store)
        return Ask(function.dependencies, project, Store(self.store), host, self.heard, brought)

    def install(self, function: Function, *, policy: Policy = "keep", **about: Any) -> Installed:
        ask = self.ask(function, **about)
        return node.install(ask, node.lock(ask, policy), function.target)

    def own_files(self, function: Function, **about: Any) -> OwnFiles:
        ask = self.ask(function, **about)
        return node.own_files(function, ask, node.lock(ask, "keep"), self.folder / "dist")

    def tree(self, function: Function, **about: Any) -> Tree:
        """What the function's zip will hold."""
        installed = self.install(function, **about)
        own = self.own_files(function, **about)
        parts = (
            [entry._replace(path=f"node_modules/{entry.path}") for entry in part.entries] for part in installed.parts
        )
        return overlay(own.entries, parts)[0]


def texts(tree: Tree) -> dict[str, str]:
    """The tree's files as texts."""
    return {entry.path: entry.read().decode(errors="replace") for entry in tree}


@pytest.fixture
def workshop(tmp_path: Path, store_folder: Path) -> Workshop:
    """A project's folder, and what the room makes of its functions."""
    return Workshop(tmp_path / "project", store_folder)


@pytest.fixture
def read() -> Callable[[Tree], dict[str, str]]:
    """The files of a tree as texts."""
    return texts
