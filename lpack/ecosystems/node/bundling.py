"""Bundles: a function's code and packages in one file, made by esbuild in a folder that looks the same everywhere."""

from __future__ import annotations

import contextlib
import hashlib
import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...config import Function
from ...config.keys import Bundle
from ...errors import InputError, LpackError, ToolError
from ...processes import Result, run
from ...sources import Selection, read_source
from ...store import Store, damaged, sha256_of
from ...tree import LINK, REGULAR, DiskFile, Entry
from ...unpacked import TIME, unpacked, write_file
from .. import Ask, Part
from .esbuild import esbuild_program, esbuild_version
from .lockfile import MODULES
from .manifests import PACKAGE, read_json

TYPESCRIPT = (".ts", ".mts", ".cts", ".tsx")
_ENTRIES = (".js", ".mjs", ".cjs", ".jsx", *TYPESCRIPT)
_OF_MODULES = (".mts", ".mjs")
_OF_COMMONJS = (".cts", ".cjs")
_NEVER_READ = (".d.ts", ".d.mts", ".d.cts", ".md", ".markdown", ".txt", ".flow", ".tsbuildinfo")
"""Files of packages that esbuild has no use for: half of many a node_modules."""

_FORMAT = 1
"""A new number when the same input is to be bundled anew."""

_KIND = "bundles"
_LAID_OUT = "node_modules for esbuild 1"

_REQUIRE = (
    'import { createRequire as __lpackCreateRequire } from "node:module"; '
    "globalThis.require ??= __lpackCreateRequire(import.meta.url);"
)
"""CommonJS packages in an ES module call `require` for Node.js's own modules: https://github.com/evanw/esbuild/issues/1921"""


class Packages(NamedTuple):
    """The packages of a project by their places in node_modules, and the project's folder.

    ``own`` are the places of those that lie on this machine, and may change.
    """

    folder: Path
    parts: Mapping[str, Part]
    own: frozenset[str]


class _Job(NamedTuple):
    """What esbuild is to do for a function: bundle ``entry``, a path in ``root``, as ``base`` for a Node.js version."""

    function: str

    root: Path
    entry: str
    base: str
    node: str
    options: tuple[str, ...]


def bundle_of(function: Function) -> Bundle | None:
    """How the function is to be bundled; None when it is not: TypeScript is, unless the user refuses."""
    if function.bundle is not None:
        return function.bundle or None
    entry = entry_point(function)
    return Bundle() if entry and entry.endswith(TYPESCRIPT) else None


def entry_point(function: Function) -> str | None:
    """The file of the handler in the source, JavaScript before TypeScript of the same name."""
    base = handler_base(function.handler)
    return next((base + suffix for suffix in _ENTRIES if (function.source / (base + suffix)).is_file()), None)


def handler_base(handler: str) -> str:
    """The handler's file without its suffix: what precedes the first dot of the last part."""
    folder, _, last = handler.removeprefix("/var/task/").removeprefix("./").rpartition("/")
    return posixpath.join(folder, last.partition(".")[0])


def bundled(function: Function, bundle: Bundle, ask: Ask, packages: Packages, output: Path) -> tuple[Entry, ...]:
    """The bundle's files as they lie in the artifact; ToolError tells what esbuild says."""
    job = _job(function, bundle, ask, packages.folder)
    sources = read_source(job.root, Selection(output=output), follow_links=True).entries
    key = _key(job, sources, packages.parts)
    made = _kept(ask, key)
    if made is None:
        with ask.store.lock(key.hex()):
            made = _kept(ask, key) or _make(job, sources, packages, ask, key)
    return made


def _job(function: Function, bundle: Bundle, ask: Ask, root: Path) -> _Job:
    entry = entry_point(function)
    if entry is None:
        base = handler_base(function.handler)
        raise InputError(
            f"the handler `{function.handler}` was not found: neither `{base}.ts` nor `{base}.js` is in "
            f"`{function.source}`",
            hint="set the handler, or `source`, so that they meet",
        )
    root = root if function.source.is_relative_to(root) else function.source
    is_module = entry.endswith(_OF_MODULES) or (not entry.endswith(_OF_COMMONJS) and _is_module(function.source, entry))
    external = dict.fromkeys([*bundle.external, *ask.provided])
    options = [f"--external:{each}" for each in external]
    options += ["--minify"] * bundle.minify
    options += ["--sourcemap=linked", "--sources-content=true"] * bundle.source_map
    if is_module:
        options += ["--format=esm", "--out-extension:.js=.mjs", f"--banner:js={_REQUIRE}"]
    else:
        options += ["--format=cjs"]
    inside = function.source.relative_to(root).as_posix()
    node = function.target.runtime.version
    place = posixpath.normpath(posixpath.join(inside, entry))
    return _Job(function.name, root, place, handler_base(function.handler), node, tuple(options))


def _is_module(source: Path, entry: str) -> bool:
    """Whether the package.json nearest to the file says that it is an ES module."""
    folder = source / posixpath.dirname(entry)
    for place in (folder, *folder.parents):
        if (place / PACKAGE).is_file():
            return bool(read_json(place / PACKAGE).get("type") == "module")
        if place == source:
            break
    return False


def _key(job: _Job, sources: Sequence[Entry], parts: Mapping[str, Part]) -> bytes:
    said: list[Any] = [
        [_FORMAT, esbuild_version(), job.entry, job.base, job.node, job.options],
        [(path, source.sha256.hex()) for path, _, source, _ in sources],
        sorted((place, part.package.sha256) for place, part in parts.items()),
    ]
    return hashlib.sha256(json.dumps(said).encode()).digest()


def _kept(ask: Ask, key: bytes) -> tuple[Entry, ...] | None:
    noted = ask.store.note(_KIND, key.hex())
    if noted is None:
        return None
    entries = []
    for path, name, size, sha256 in noted:
        file = ask.store.find(_KIND, key, name)
        if file is None or damaged(file, bytes.fromhex(sha256)):
            return None
        entries.append(Entry(path, REGULAR, DiskFile(file, size, bytes.fromhex(sha256))))
    return tuple(entries)


def _make(job: _Job, sources: Sequence[Entry], packages: Packages, ask: Ask, key: bytes) -> tuple[Entry, ...]:
    program = esbuild_program(ask.store, ask.host, ask.reporter)
    own = {_top(place) for place in packages.own}
    changing, lasting = _split(packages.parts, own)
    with ask.store.temporary_folder() as folder, _laid_out(lasting, ask.store) as laid:
        work, made = folder / "work", folder / "made"
        try:
            _lay_out(sources, work)
            _lay_out(_entries(changing), work / MODULES)
            if _is_whole(laid, lasting):
                _link({_top(place) for place in lasting}, laid, work / MODULES)
            else:
                _lay_out(_entries(lasting), work / MODULES)
        except OSError as error:
            raise LpackError(f"`{folder}` can't be written: {error.strerror}") from error
        result = _run(program, job, work, made, ask)
        if result.exit_code != 0:
            raise _failed(job, result)
        if result.stderr.strip():
            ask.reporter.warning(f"esbuild says about `{job.function}`: {result.stderr.strip()}")
        noted = []
        for number, file in enumerate(sorted(path for path in made.rglob("*") if path.is_file())):
            path = posixpath.join(posixpath.dirname(job.base), file.relative_to(made).as_posix())
            size, sha256 = file.stat().st_size, sha256_of(file)
            ask.store.keep(_KIND, key, str(number), file)
            noted.append((path, str(number), size, sha256.hex()))
    ask.store.make_note(_KIND, key.hex(), noted)
    kept = _kept(ask, key)
    if kept is None:
        raise LpackError(f"the bundle of `{job.function}` is gone from the store", hint="run the command again")
    return kept


def _run(program: Path, job: _Job, work: Path, made: Path, ask: Ask) -> Result:
    command: list[str | Path] = [
        program,
        job.entry,
        "--bundle",
        "--platform=node",
        "--preserve-symlinks",  # for all that it sees, node_modules is a folder beside the sources
        f"--target=node{job.node}",
        f"--outdir={made}",
        f"--entry-names={posixpath.basename(job.base)}",
        "--charset=utf8",
        "--log-level=warning",
        "--color=false",
        *job.options,
    ]
    # NODE_PATH would let esbuild find packages that no lock knows.
    environ = {name: value for name, value in ask.host.environ.items() if name != "NODE_PATH"}
    return run(command, folder=work, environ=environ)


def _failed(job: _Job, result: Result) -> ToolError:
    said = result.stderr.strip()
    hint = None
    if 'No loader is configured for ".node"' in said:
        hint = (
            "a package with native code can't be bundled: name it in `external`, and it is installed beside the bundle"
        )
    elif "Could not resolve" in said:
        hint = "name it under `dependencies` in package.json, or as `external` if it will be there in Lambda"
    return ToolError(f"esbuild can't bundle `{job.function}`", hint=hint, details=tuple(said.splitlines()[-30:]))


def _top(place: str) -> str:
    """The package that a place is, or is inside of."""
    first, *others = place.split("/")
    return f"{first}/{others[0]}" if first.startswith("@") and others else first


def _split(parts: Mapping[str, Part], tops: set[str]) -> tuple[dict[str, Part], dict[str, Part]]:
    """Those at or inside of the tops, and the others."""
    inside = {place: part for place, part in parts.items() if _top(place) in tops}
    return inside, {place: part for place, part in parts.items() if place not in inside}


def _link(tops: Iterable[str], kept: Path, modules: Path) -> None:
    for top in tops:
        link = modules / top
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(kept / top)


@contextlib.contextmanager
def _laid_out(parts: Mapping[str, Part], store: Store) -> Iterator[Path]:
    """The packages' files, laid out once for all bundles of the same packages."""
    said = [_LAID_OUT, sorted((place, part.package.sha256) for place, part in parts.items())]
    digest = hashlib.sha256(json.dumps(said).encode()).digest()
    with unpacked(digest, lambda folder: _lay_out(_entries(parts), folder), store) as folder:
        yield folder


def _is_whole(folder: Path, parts: Mapping[str, Part]) -> bool:
    """Whether the files are as they were laid out, as far as it shows without reading them all."""
    try:
        statuses = [((folder / path).stat(), source.size) for path, _, source, _ in _read(_entries(parts))]
    except OSError:
        return False
    return all((status.st_size, status.st_mtime) == (size, TIME) for status, size in statuses)


def _entries(parts: Mapping[str, Part]) -> Iterator[Entry]:
    return (entry for part in parts.values() for entry in part.entries)


def _read(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Those that esbuild may read."""
    return (entry for entry in entries if entry.mode != LINK and not entry.path.endswith(_NEVER_READ))


def _lay_out(entries: Iterable[Entry], folder: Path) -> None:
    """Write the entries' files to a folder, as far as esbuild may read them."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, _, source, _ in _read(entries):
        write_file(folder / path, REGULAR, source.chunks())
