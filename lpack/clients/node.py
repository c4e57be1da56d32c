"""aws-lambda-ric, from npm: compiled once on this machine, with the curl and the aws-lambda-cpp that it brings.

Source: https://github.com/aws/aws-lambda-nodejs-runtime-interface-client
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..ecosystems.node.npm import run_npm
from ..ecosystems.node.packs import Key, Pack, make_pack, open_pack
from ..errors import LpackError, ToolError
from ..means import Means
from ..model import Host, Target
from ..processes import Result, run
from ..sources import Selection, read_source
from ..store import Store
from ..tree import REGULAR, Content, Entry, Tree
from . import FOLDER, Client

_NAME = "aws-lambda-ric"
_PACKAGE = f"node_modules/{_NAME}"
_NOTE = "node-client-1"

_LOCKS = {
    3: (Path(__file__).with_name("node-3-lock.json"), ("bin", "dist"), "bin/index.mjs"),
    4: (Path(__file__).with_name("node-4-lock.json"), ("index.mjs", "rapid-client.node", "package.json"), "index.mjs"),
}
"""For each release of the client: its lock, what of the package runs (the rest was for the compiler), and the start."""

_SINCE_4 = 22
"""The oldest Node.js for the newest release."""

_IMPORTS = Path(__file__).with_name("imports.mjs")

_COMPILERS = ("cmake", "make", "g++", "autoconf", "automake", "libtoolize", "python3", "xz")
_DEBIAN = "apt install cmake make g++ autoconf automake libtool python3 xz-utils"


def node_client(target: Target, means: Means) -> Client:
    """The client for the target's Node.js; ToolError says what is missing to compile it."""
    release = 4 if int(target.runtime.version) >= _SINCE_4 else 3
    lock, wanted, start = _LOCKS[release]
    key = hashlib.sha256(f"{lock.read_text(encoding='utf-8')} {target.architecture} {wanted}".encode()).hexdigest()
    pack = _kept(key, means.store)
    if pack is None:
        with means.store.lock(key):
            pack = _kept(key, means.store) or _compiled(release, key, target, means)
    imports = Entry("imports.mjs", REGULAR, Content.of(_IMPORTS.read_bytes()))
    tree = Tree.of((imports, *pack.entries))
    return Client(
        name=_NAME,
        version=_version(lock),
        interpreter="node",
        arguments=(f"--import={FOLDER}/imports.mjs", f"{FOLDER}/{start}"),
        content=tree.content,
        read=lambda: tree,
    )


def _version(lock: Path) -> str:
    return str(json.loads(lock.read_bytes())["packages"][_PACKAGE]["version"])


def _kept(key: str, store: Store) -> Pack | None:
    noted = store.note(_NOTE, key)
    return open_pack(Key(*noted), store) if noted else None


def _compiled(release: int, key: str, target: Target, means: Means) -> Pack:
    store, host, reporter = means
    lock, wanted, _ = _LOCKS[release]
    title = f"AWS's runtime interface client for Node.js ({_NAME} {_version(lock)})"
    _refuse_foreign(target, title)
    _refuse_lacking(host, title)
    reporter.note(f"compiling {_NAME} {_version(lock)}, once: it takes a minute or two")
    with store.temporary_folder() as folder:
        _lay_out(json.loads(lock.read_bytes()), folder)
        fetched = run_npm(["ci", "--ignore-scripts"], folder, host, needed_for=f"get {_NAME}")
        if fetched.exit_code != 0:
            raise _failed(f"npm can't get {title}", fetched)
        package = folder / _PACKAGE
        # Newer versions of npm run no scripts that nobody approved, and these are known by the lock's hashes.
        programs = f"{folder / 'node_modules' / '.bin'}:{host.environ.get('PATH', '')}"
        for script in ("preinstall.sh", "postinstall.sh"):
            made = run(["sh", f"scripts/{script}"], folder=package, environ={**host.environ, "PATH": programs})
            if made.exit_code != 0:
                raise _failed(f"{title} can't be compiled", made)
        kept = folder / "kept"
        for name in wanted:
            _copy(package / name, kept / name)
        pack_key = make_pack(Tree.of(_entries(kept)), store, workers=host.workers)
    store.make_note(_NOTE, key, list(pack_key))
    pack = open_pack(pack_key, store)
    if pack is None:
        raise LpackError(f"the store lost {title} while it was made", hint="run the command again")
    return pack


def _lay_out(lock: dict[str, Any], folder: Path) -> None:
    (folder / "package.json").write_text(json.dumps(lock["packages"][""]), encoding="utf-8")
    (folder / "package-lock.json").write_text(json.dumps(lock), encoding="utf-8")


def _copy(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, place)
    elif source.exists():
        shutil.copyfile(source, place)


def _entries(folder: Path) -> Iterator[Entry]:
    yield from read_source(folder, Selection(include=("**",)), follow_links=True).entries


def _refuse_foreign(target: Target, title: str) -> None:
    here = platform.machine()
    if target.architecture.machine != here:
        raise ToolError(
            f"{title} can't be compiled for {target.architecture} on this {here} machine",
            hint="use one of AWS's base images, which have it, or a machine of that architecture",
        )


def _refuse_lacking(host: Host, title: str) -> None:
    lacking = [name for name in _COMPILERS if not shutil.which(name, path=host.environ.get("PATH"))]
    if lacking:
        names = ", ".join(f"`{name}`" for name in lacking)
        raise ToolError(
            f"{title} has to be compiled once, and this machine lacks {names}",
            hint=f"install what is missing (`{_DEBIAN}`), or use one of AWS's base images, which have the client",
        )


def _failed(fact: str, result: Result) -> ToolError:
    return ToolError(
        fact, hint="see what is said above this line, and run the command again", details=result.last_lines()
    )
