"""A Python function in a project of its own, to be locked and assembled."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lpack.assembling import Assembly, function_assembly
from lpack.aws.architectures import ARCHITECTURES
from lpack.aws.runtimes import runtime
from lpack.config import Building, Function, Project
from lpack.ecosystems import Ask, Policy, Provided, python
from lpack.ecosystems.python.locking import Locked
from lpack.ecosystems.python.selection import Lock
from lpack.model import Host, Silent, Target
from lpack.store import Store


def target(name: str = "python3.13", architecture: str = "x86_64") -> Target:
    """The target of that runtime and architecture."""
    return Target(runtime(name), ARCHITECTURES[architecture])


@dataclass
class Workshop:
    """A project's folder with a function in ``src``, and others by name, and the machine that works on it."""

    folder: Path
    store: Store
    environ: dict[str, str] = field(default_factory=dict)
    target: Target = field(default_factory=target)
    resolver: Any = "uv"
    native: Any = "never"
    others: tuple[str, ...] = ()
    provided: Mapping[str, Provided] = field(default_factory=dict)

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def function(self, **function: Any) -> Function:
        if isinstance(function.get("requirements"), str):
            function["requirements"] = self.folder / function["requirements"]
        elif isinstance(function.get("requirements"), list):
            function["requirements"] = tuple(function["requirements"])
        fields = {"name": "orders", "source": self.folder / "src", "handler": "app.handler", **function}
        return Function(target=self.target, **fields)

    def ask(self, **function: Any) -> Ask:
        made = self.function(**function)
        functions = (made, *(replace(made, name=name) for name in self.others))
        project = Project(
            self.folder,
            self.folder / "lpack.toml",
            functions,
            building=Building(resolver=self.resolver, native=self.native),
        )
        host = Host({**os.environ, **self.environ}, self.store.folder)
        return Ask(made.dependencies, project, self.store, host, Silent(), self.provided)

    def lock(self, policy: Policy = "keep", **function: Any) -> Locked:
        return python.lock(self.ask(**function), policy)

    def locked(self, policy: Policy = "keep", **function: Any) -> Lock:
        """The lock as it is read for the target."""
        return self.lock(policy, **function).locks[self.target]

    def versions(self, policy: Policy = "keep", **function: Any) -> dict[str, str]:
        """The packages of the lock by name, with their versions."""
        packages = self.locked(policy, **function).document["packages"]
        return {package["name"]: package.get("version", "") for package in packages}

    def assemble(self, **function: Any) -> Assembly:
        ask = self.ask(**function)
        installed = python.install(ask, python.lock(ask, "keep"), self.target)
        own = python.own_files(self.function(**function), ask, None, self.folder / "dist")
        return function_assembly(self.function(**function), own, installed)

    def lock_text(self, name: str = "orders") -> str:
        return (self.folder / f"pylock.{name}.toml").read_text()
