"""Rust: `cargo lambda build`, which has zig link for the target's machine and C library."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import ResolveError, ToolError, UsageError
from ...model import Target
from ...processes import run
from .. import Ask
from ..tools import found, glibc
from .building import Recipe, Workshop, compiler_environment, compiler_settings
from .origin import BOOTSTRAP, Origin

MANIFEST = "Cargo.toml"
SOURCES = ("*.rs", "Cargo.toml", "Cargo.lock", ".cargo/", "rust-toolchain", "rust-toolchain.toml", "Makefile")

_PROFILE = "CARGO_PROFILE_RELEASE_"
"""How variables begin that change the profile: https://doc.rust-lang.org/cargo/reference/environment-variables.html"""

_KIND = "cargo"
"""In the store, cargo's own folders: when a line changes, the libraries need not be compiled again."""


class _Tools(NamedTuple):
    cargo: str
    rustc: str
    cargo_lambda: str
    zig: str


class _Compiler(NamedTuple):
    """rustc, as the source has chosen it: what it says of itself, and where its libraries are."""

    description: str
    commit: str
    sysroot: Path


def recipe(origin: Origin, target: Target, ask: Ask, output: Path) -> Recipe:  # noqa: ARG001 -- as for other languages
    """How the package in the source is built; ResolveError when it has no Cargo.lock, UsageError without a program."""
    title, source = f"`{origin.name}` with Rust", origin.source.resolve()
    tools = _Tools(
        cargo=found("cargo", ask.host, needed_for=title),
        rustc=found("rustc", ask.host, needed_for=title),
        cargo_lambda=found("cargo-lambda", ask.host, needed_for=title),
        zig=found("zig", ask.host, needed_for=title),
    )
    environ = {**compiler_environment(ask), "CARGO_ZIGBUILD_ZIG_PATH": tools.zig, "CARGO_TERM_COLOR": "never"}
    metadata = _metadata(tools.cargo, source, environ)
    workspace = Path(metadata["workspace_root"])
    if not (workspace / "Cargo.lock").is_file():
        hint = "run `cargo generate-lockfile`, and keep the file with the source"
        raise ResolveError(
            f"`{workspace}` has no Cargo.lock, so that nobody knows which crates it is built of", hint=hint
        )
    triple = f"{target.architecture.machine}-unknown-linux-gnu"
    compiler = _compiler(tools.rustc, triple, source, environ)
    program = _program(metadata, source, origin.name)
    command = (
        *(tools.cargo_lambda, "lambda", "build", "--release", "--locked", "--compiler=cargo-zigbuild"),
        *(f"--target={triple}.{glibc(target)}", f"--bin={program}"),
    )

    def make(workshop: Workshop) -> Path:
        # The crates' place has the registry's name in it, and is only known when they are there.
        workshop.run((tools.cargo, "fetch", "--locked", f"--target={triple}"), folder=source, environ=environ)
        flags = _remapping(workspace, compiler, environ)
        kept = ask.store.path(_KIND, hashlib.sha256(f"{workspace} {triple}".encode()).digest(), "target")
        made = workshop.folder / "made"
        workshop.run(
            (*command, *_flag_options(flags, environ), f"--lambda-dir={made}"),
            folder=source,
            environ={**environ, **_flag_variables(flags, environ), "CARGO_TARGET_DIR": str(kept)},
        )
        return made / program / BOOTSTRAP

    versions = [
        run((path, option), folder=source, environ=environ).stdout.strip()
        for path, option in ((tools.cargo_lambda, "--version"), (tools.zig, "version"))
    ]
    return Recipe(
        title=title,
        folders=tuple(dict.fromkeys((workspace, *_path_dependencies(metadata, tools.cargo, environ)))),
        settings={
            "command": command[1:],
            "versions": [compiler.description, *versions],
            "package": str(source.relative_to(workspace)),
            **compiler_settings(ask, ("CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS")),
            **{name: value for name, value in sorted(ask.host.environ.items()) if name.startswith(_PROFILE)},
        },
        make=make,
        sources=SOURCES,
    )


def _metadata(cargo: str, folder: Path, environ: Mapping[str, str]) -> Any:
    command = (cargo, "metadata", "--no-deps", "--format-version=1")
    result = run(command, folder=folder, environ=environ)
    if result.exit_code != 0:
        raise ToolError(f"`{folder / MANIFEST}` can't be understood by cargo", details=result.last_lines())
    return json.loads(result.stdout)


def _compiler(rustc: str, triple: str, folder: Path, environ: Mapping[str, str]) -> _Compiler:
    """The compiler; ToolError when it has no standard library for the target."""
    described = run((rustc, "-vV"), folder=folder, environ=environ)
    asked = run((rustc, "--print=sysroot", f"--target={triple}"), folder=folder, environ=environ)
    if described.exit_code != 0 or asked.exit_code != 0:
        details = (described if described.exit_code else asked).last_lines()
        raise ToolError("`rustc` can't be asked for its version", hint="mend the Rust toolchain", details=details)
    sysroot = Path(asked.stdout.strip())
    commit = re.search(r"^commit-hash: (\w+)", described.stdout, re.MULTILINE)
    release = described.stdout.partition("\n")[0]
    if not (sysroot / "lib" / "rustlib" / triple / "lib").is_dir():
        raise ToolError(f"{release} has no standard library for {triple}", hint=f"run `rustup target add {triple}`")
    return _Compiler(described.stdout, commit[1] if commit else "", sysroot)


def _program(metadata: Any, source: Path, function: str) -> str:
    """The program of the function: the only one, or the one that has its name."""
    here = [each for each in metadata["packages"] if Path(each["manifest_path"]).parent == source]
    packages = here or metadata["packages"]
    programs = [target["name"] for each in packages for target in each["targets"] if "bin" in target["kind"]]
    if len(programs) == 1:
        return str(programs[0])
    for name in (function, function.replace("_", "-"), function.replace("-", "_"), BOOTSTRAP):
        if name in programs:
            return name
    there = f"its programs are {', '.join(map('`{}`'.format, programs))}" if programs else "it has no program"
    raise UsageError(
        f"`{source / MANIFEST}` does not say which program `{function}` is: {there}",
        hint=f"call one `{function}`, or let `source` be the folder of its package",
    )


def _path_dependencies(metadata: Any, cargo: str, environ: Mapping[str, str]) -> Iterator[Path]:
    """The folders outside the workspace that it depends on, and those that these depend on."""
    waiting, seen = [metadata], {Path(metadata["workspace_root"])}
    while waiting:
        document = waiting.pop()
        for package in document["packages"]:
            for dependency in package["dependencies"]:
                folder = Path(dependency.get("path") or metadata["workspace_root"])
                if not any(folder.is_relative_to(known) for known in seen):
                    seen.add(folder)
                    yield folder
                    waiting.append(_metadata(cargo, folder, environ))


def _remapping(workspace: Path, compiler: _Compiler, environ: Mapping[str, str]) -> list[str]:
    """The options that keep this machine's folders out of the program."""
    home = Path(environ.get("CARGO_HOME") or Path(environ.get("HOME", "/")) / ".cargo")
    places = {
        workspace: "source",
        home: "cargo",
        **dict.fromkeys(sorted(home.glob("registry/src/*")), "registry"),
        compiler.sysroot / "lib" / "rustlib" / "src" / "rust": f"/rustc/{compiler.commit}",
    }
    # Of two that fit, rustc takes the one that comes last.
    return [f"--remap-path-prefix={place}={name}" for place, name in places.items()]


def _flag_options(flags: list[str], environ: Mapping[str, str]) -> list[str]:
    """The options by which cargo adds flags to those of its configuration, unless a variable replaces these."""
    if {"RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"} & environ.keys():
        return []
    return [f"--config=build.rustflags={json.dumps(flags)}"]


def _flag_variables(flags: list[str], environ: Mapping[str, str]) -> dict[str, str]:
    encoded = environ.get("CARGO_ENCODED_RUSTFLAGS")
    plain = environ.get("RUSTFLAGS")
    if encoded is None and plain is None:
        return {}
    given = encoded.split("\x1f") if encoded is not None else (plain or "").split()
    return {"CARGO_ENCODED_RUSTFLAGS": "\x1f".join([*filter(None, given), *flags])}
