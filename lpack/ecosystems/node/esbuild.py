"""esbuild: one version, known by the hashes of its packages, had by npm once and then kept in the store."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from pathlib import Path

from ...errors import LpackError, ToolError
from ...model import Host, Reporter
from ...store import Store, damaged, sha256_of
from .npm import run_npm

_LOCK = Path(__file__).with_name("esbuild-lock.json")
_KIND = "esbuild"


def esbuild_version() -> str:
    """The version of esbuild that bundles are made with."""
    return str(json.loads(_LOCK.read_bytes())["packages"]["node_modules/esbuild"]["version"])


def esbuild_program(store: Store, host: Host, reporter: Reporter) -> Path:
    """The esbuild program for this machine, in the store; ToolError when npm can't get it."""
    key = hashlib.sha256(_LOCK.read_bytes() + f"{sys.platform} {platform.machine()}".encode()).digest()
    program = _kept(store, key)
    if program is None:
        with store.lock(key.hex()):
            program = _kept(store, key) or _installed(store, key, host, reporter)
    return program


def _kept(store: Store, key: bytes) -> Path | None:
    program, sha256 = store.find(_KIND, key, _KIND), store.note(_KIND, key.hex())
    return program if program and sha256 and not damaged(program, bytes.fromhex(sha256)) else None


def _installed(store: Store, key: bytes, host: Host, reporter: Reporter) -> Path:
    lock = _LOCK.read_bytes()
    reporter.note(f"getting esbuild {esbuild_version()}")
    with store.temporary_folder() as folder:
        try:
            (folder / "package.json").write_text(json.dumps(json.loads(lock)["packages"][""]), encoding="utf-8")
            (folder / "package-lock.json").write_bytes(lock)
        except OSError as error:
            raise LpackError(f"`{folder}` can't be written: {error.strerror}") from error
        result = run_npm(["ci", "--ignore-scripts"], folder, host, needed_for="get esbuild, which makes bundles")
        # Each platform's package holds the program itself; the script that `esbuild` is elsewhere only looks for it.
        programs = [*folder.glob("node_modules/@esbuild/*/bin/esbuild")]
        if result.exit_code != 0 or len(programs) != 1:
            raise ToolError(
                "npm can't get esbuild, which makes bundles",
                hint="see that npm reaches its registry, or set `bundle = false`",
                details=result.last_lines(),
            )
        sha256 = sha256_of(programs[0])
        place = store.keep(_KIND, key, _KIND, programs[0])
    store.make_note(_KIND, key.hex(), sha256.hex())
    return place
