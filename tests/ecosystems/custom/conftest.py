"""A function's files as the room makes them, and AWS's own emulator to run them in."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import clean_roots
import pytest
from emulator import HERE, emulated
from own_store import own_store

from lpack.archive.zip_writer import write_zip
from lpack.aws.architectures import ARCHITECTURES
from lpack.aws.runtimes import RUNTIMES
from lpack.check import Subject, check
from lpack.check.elf import elf_facts
from lpack.config import Function, Project
from lpack.ecosystems import Ask, custom
from lpack.model import Finding, Host, LeftOut, Silent, Target
from lpack.store import Store
from lpack.tree import Tree


@dataclass
class Notes(Silent):
    """What the reporter was told."""

    notes: list[str] = field(default_factory=list)

    def note(self, message: str) -> None:
        self.notes.append(message)


@dataclass(frozen=True)
class Made:
    """What became of a source: the artifact's tree, what was left out, and what was said on the way."""

    tree: Tree
    left_out: tuple[LeftOut, ...]
    notes: list[str]
    target: Target
    store: Store

    @property
    def paths(self) -> list[str]:
        return [entry.path for entry in self.tree]

    @property
    def program(self) -> bytes:
        return self.tree.by_path["bootstrap"].read()

    @property
    def findings(self) -> list[Finding]:
        """What lpack's checks say about it."""
        subject = Subject(name="hello", target=self.target, today=date(2026, 11, 1), allow_deprecated=True)
        facts = elf_facts(self.tree, self.store)
        found = check(self.tree, subject, packages=(), elf=facts)
        return [*found, *custom.check_handler(self.tree, "hello", self.target, own_store())]

    def zip(self, folder: Path) -> Path:
        file = folder / "function.zip"
        write_zip(self.tree, file, store=self.store)
        return file


@pytest.fixture
def make(tmp_path: Path, store_folder: Path) -> Callable[..., Made]:
    """Makes the files of a function: ``make(source, architecture="arm64", build=("make",))``."""

    def files(
        source: Path,
        *,
        architecture: str = HERE,
        runtime: str = "provided.al2023",
        name: str = "hello",
        store: Path = store_folder,
        project: Path | None = None,
        environ: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Made:
        target = Target(RUNTIMES[runtime], ARCHITECTURES[architecture])
        function = Function(name=name, target=target, source=source, handler="hello", **options)
        notes = Notes()
        host = Host({**os.environ, **(environ or {})}, store)
        whole = Project(project or source, source / "lpack.toml", (function,))
        ask = Ask(function.dependencies, whole, Store(store), host, notes, {})
        locked = custom.lock(ask, "keep")
        own = custom.own_files(function, ask, locked, tmp_path / "dist")
        return Made(Tree.of(own.entries), own.left_out, notes.notes, target, Store(store))

    return files


@pytest.fixture
def invoke() -> Callable[..., Any]:
    """Has AWS's Runtime Interface Emulator run artifacts: ``invoke(event, task=zip, layer=other_zip)``."""

    def response(
        event: Any, *, task: Path, layer: Path | None = None, handler: str = "hello", architecture: str = HERE
    ) -> Any:
        command = [*_bootstrap(task, architecture), handler]
        with emulated(command, task=task, layers=[layer] if layer else []) as function:
            return function(event)

    return response


def _bootstrap(task: Path, architecture: str) -> list[str | Path]:
    """The program that Lambda starts, behind what runs a program of another architecture here."""
    with zipfile.ZipFile(task) as archive:
        own = "bootstrap" in archive.namelist()
    if not own:
        return ["/opt/bootstrap"]
    emulator = clean_roots.emulator(architecture)
    if emulator is None:
        return ["/var/task/bootstrap"]
    root = clean_roots._root("3.13", architecture)  # noqa: SLF001 -- the root alone is needed, not its Python
    return [shutil.which(emulator) or emulator, "-L", root, "/var/task/bootstrap"]
