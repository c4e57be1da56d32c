"""Functions for Java as the room makes them: with a stand-in for Maven that is quick, and with the real ones."""

from __future__ import annotations

import io
import os
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from once import once
from own_store import own_store

from lpack.aws.architectures import X86_64
from lpack.aws.runtimes import RUNTIMES
from lpack.config import Function, Project
from lpack.ecosystems import Ask, Installed, Policy, Provided, java
from lpack.model import Finding, Host, LeftOut, Silent, Target
from lpack.overlay import overlay
from lpack.store import Store
from lpack.tree import REGULAR, Content, Entry, Tree

SOURCES = {
    "com/amazonaws/services/lambda/runtime/RequestHandler": """
        package com.amazonaws.services.lambda.runtime;
        public interface RequestHandler<I, O> { O handleRequest(I event, Object context); }
    """,
    "example/App": """
        package example;
        public class App extends Base {
            public static final long BIG = 1L << 40;
            private String text = "\\0 \\ud83d";
            public String handle(String event) { Runnable r = () -> {}; return event + BIG + text; }
            String hidden(String event) { return event; }
            public static String fixed(String event) { return event; }
            public static class Inner { public String handle(String event) { return event; } }
        }
    """,
    "example/Base": "package example; public abstract class Base { public String inherited(String e) { return e; } }",
    "example/Typed": """
        package example;
        public class Typed implements com.amazonaws.services.lambda.runtime.RequestHandler<String, String> {
            public String handleRequest(String event, Object context) { return event; }
        }
    """,
    "example/Deeper": "package example; public class Deeper extends Typed {}",
    "example/Closed": """
        package example;
        public class Closed { private Closed() {} public String handle(String event) { return event; } }
    """,
}


@pytest.fixture(scope="session")
def compiled(shared_folder: Path) -> Mapping[str, bytes]:
    """Class files by their path, made by the machine's compiler for Java 17."""
    made = once(shared_folder / "classes", _compile) / "made"
    return {file.relative_to(made).as_posix(): file.read_bytes() for file in sorted(made.rglob("*.class"))}


def _compile(folder: Path) -> None:
    files = []
    for name, text in SOURCES.items():
        file = folder / f"{name}.java"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        files.append(file)
    quick = ("-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC", "-proc:none")  # it has little to do
    subprocess.run(["javac", *quick, "--release", "17", "-d", folder / "made", *files], check=True)


def make_jar(files: Mapping[str, bytes | str]) -> bytes:
    """A jar with these files."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as jar:
        for path, content in files.items():
            jar.writestr(path, content)
    return data.getvalue()


@pytest.fixture
def jar() -> Callable[[Mapping[str, bytes | str]], bytes]:
    return make_jar


@pytest.fixture
def tree() -> Callable[[Mapping[str, bytes]], Tree]:
    """A tree of files in memory."""

    def of(files: Mapping[str, bytes]) -> Tree:
        return Tree.of(Entry(path, REGULAR, Content.of(data)) for path, data in files.items())

    return of


@dataclass
class Told(Silent):
    """What the reporter was told."""

    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def note(self, message: str) -> None:
        self.notes.append(message)

    def warning(self, message: str) -> None:
        self.warnings.append(message)


@dataclass(frozen=True)
class Made:
    """What became of a function."""

    tree: Tree
    installed: Installed
    left_out: tuple[LeftOut, ...]
    required_by: Mapping[str, tuple[str, ...]]
    told: Told
    findings: list[Finding]

    @property
    def paths(self) -> list[str]:
        return [entry.path for entry in self.tree]

    @property
    def jars(self) -> set[str]:
        return {path.removeprefix("lib/") for path in self.paths if path.startswith("lib/")}


@pytest.fixture
def make(tmp_path: Path, store_folder: Path) -> Callable[..., Made]:
    """Makes a function: ``make(source, handler="example.App::handle", artifact="target/app.jar")``."""

    def function(
        source: Path,
        *,
        handler: str = "example.App::handle",
        runtime: str = "java17",
        policy: Policy = "keep",
        environ: Mapping[str, str] | None = None,
        store: Path = store_folder,
        provided: Mapping[str, Provided] | None = None,
        **options: Any,
    ) -> Made:
        target = Target(RUNTIMES[runtime], X86_64)
        wanted = Function("orders", target, source, handler, **options)
        told = Told()
        project = Project(source, source / "lpack.toml", (wanted,))
        host = Host({**os.environ, **(environ or {})}, store)
        ask = Ask(wanted.dependencies, project, Store(store), host, told, provided or {})
        locked = java.lock(ask, policy)
        own = java.own_files(wanted, ask, locked, tmp_path / "dist")
        installed = java.install(ask, locked, target)
        in_lib = ([entry._replace(path=f"lib/{entry.path}") for entry in part.entries] for part in installed.parts)
        tree, clashes = overlay(own.entries, in_lib)
        assert not clashes
        findings = [
            *java.check_handler(tree, handler, target, own_store()),
            *java.check_code(tree, target, Store(store)),
        ]
        left_out = own.left_out + installed.left_out
        return Made(tree, installed, left_out, java.required_by(ask, locked, target), told, findings)

    return function


STAND_IN = """#!/bin/sh
# Answers as Maven does: the class path is what the file `class-path` says, the classes are those in `classes`.
if [ "$1" = --version ]; then
    printf 'Apache Maven 3.9.9 (0)\\nJava version: 21.0.2, vendor: Example\\n'
    exit
fi
echo "$@" >> "$LOG"
if [ -f fail ]; then cat fail; exit 1; fi
mkdir -p target
[ -d classes ] && cp -r classes target/classes
sed "s|@jars@|$JARS|" class-path > target/classes.lpack
"""


@dataclass(frozen=True)
class StandIn:
    """A program `mvn` that does as it is told by the project itself, and writes down how it was called."""

    environ: Mapping[str, str]
    jars: Path
    log: Path

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def maven(tmp_path: Path) -> StandIn:
    folder = tmp_path / "bin"
    jars = tmp_path / "jars"
    folder.mkdir()
    jars.mkdir()
    program = folder / "mvn"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    log = tmp_path / "calls"
    environ = {"PATH": f"{folder}:{os.environ['PATH']}", "JARS": str(jars), "LOG": str(log)}
    return StandIn(environ, jars, log)
