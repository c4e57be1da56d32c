"""From a lock to packages in the store: installed by npm once for each target, packed, and then known by a note."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import posixpath
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ...container import build_image_for, explained, with_log
from ...engine import why_not
from ...errors import InputError, LpackError, ResolveError
from ...model import LeftOut, Package, Target
from ...sources import Selection, read_source
from ...store import sha256_of
from ...tree import EXECUTABLE, REGULAR, DiskFile, Entry, Tree
from .. import Ask, Part
from .in_container import run_npm_in_container
from .lockfile import MODULES, Row, platform_of
from .locking import Locked
from .manifests import PACKAGE, RELEVANT, local_places, read_json, table
from .npm import failure, node_version, platform_options, run_npm, staged
from .packs import Key, Pack, made_by, make_pack, open_pack

_NOTE = "npm-tree"
_FORMAT = 1
"""A new number when the same lock is to be installed anew."""

_COMPILED = "npm-compiled-1"
"""The kind of the notes that tell, for a lock, where the packages lie that npm compiles without being told to."""

_PROGRAMS = LeftOut(f"{MODULES}.bin/", "links to programs")
_OWN_NOTES = LeftOut(f"{MODULES}.package-lock.json", "npm's own notes")


class _CompiledError(Exception):
    """Packages turned out to be compiled by npm, although no lock tells so."""


class Installation(NamedTuple):
    """What npm installs for a target: the packages by their places, and what is not taken from there.

    ``archives`` are the files of the store that hold the packages, by their places, with their SHA-256; packages on
    this machine are in none.
    """

    parts: Mapping[str, Part]
    archives: Mapping[str, tuple[Path, bytes]]
    left_out: tuple[LeftOut, ...]


def installation(ask: Ask, locked: Locked, target: Target) -> Installation:
    """All that the lock names for the target; what the store lacks is installed by npm in a folder of lpack's own.

    ResolveError when it can't be had or has no build for the target, ToolError when npm fails or is missing.
    """
    try:
        packs = _packs(ask, locked, target)
    except _CompiledError:  # which is known from now on
        packs = _packs(ask, locked, target)
    parts, archives, left_out = {}, {}, [_PROGRAMS, _OWN_NOTES]
    needed = locked.packages.reachable(locked.packages.direct, target)
    for place, row in locked.packages.placed.items():
        if row.folder and place in needed:
            parts[place], gone = _local(place, row, locked)
            left_out += gone
        elif row.location in packs:
            pack = packs[row.location]
            parts[place] = _part(place, row.name, row.version, pack.content, pack.entries)
            archives[place] = (pack.file, pack.sha256)
    if not parts:
        return Installation({}, {}, ())
    return Installation(parts, archives, tuple(left_out))


def _packs(ask: Ask, locked: Locked, target: Target) -> dict[str, Pack]:
    where = _place(ask, locked, target)
    key = _key(locked, target, where.scripts)
    packs = _kept(ask, key)
    if packs is None:
        with ask.store.lock(key):
            packs = _kept(ask, key) or _install(ask, locked, target, key, where)
    return packs


def _part(place: str, name: str, version: str, content: str, entries: Iterable[Entry]) -> Part:
    placed = tuple(Entry(f"{place}/{path}", mode, source, name) for path, mode, source, _ in entries)
    return Part(Package(name, version, purl_of(name, version), content, root=place), placed)


def purl_of(name: str, version: str) -> str:
    """The package's URL.

    Source: https://github.com/package-url/purl-spec/blob/main/types-doc/npm-definition.md
    """
    from urllib.parse import quote

    return f"pkg:npm/{quote(name, safe='/')}@{quote(version, safe='.')}"


def _local(place: str, row: Row, locked: Locked) -> tuple[Part, list[LeftOut]]:
    """A package on this machine, always as its files are now."""
    folder = Path(os.path.normpath(locked.manifest.folder / row.folder))
    if not (folder / PACKAGE).is_file():
        raise InputError(
            f"`{row.name}` is locked as the folder `{folder}`, which has no {PACKAGE}",
            hint="correct the requirements, or lock them again if they have changed",
        )
    files = read_source(folder, Selection(), follow_links=True)
    left_out = [LeftOut(f"{MODULES}{place}/{each.path}", each.reason) for each in files.left_out]
    version = locked.packages.version(place)
    part = _part(place, row.name, version, Tree.of(files.entries).content, files.entries)
    return part._replace(package=part.package._replace(is_own=True)), left_out


# The note: what was installed, by location, and where the store has it


def _key(locked: Locked, target: Target, scripts: str) -> str:
    """A digest of all that decides about what npm installs; which npm does it is not of it, as the lock says all."""
    manifest = locked.manifest
    local = local_places(manifest, locked.document)
    documents = [read_json(place / PACKAGE) for place in local.values() if (place / PACKAGE).is_file()]
    said = [
        [_FORMAT, *made_by(), sorted(platform_of(target).items()), scripts, manifest.member],
        hashlib.sha256(locked.text).hexdigest(),
        [[document.get(key) for key in RELEVANT] for document in (manifest.document, *documents)],
        [[path, sha256_of(place).hex()] for path, place in local.items() if place.is_file()],
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _kept(ask: Ask, key: str) -> dict[str, Pack] | None:
    """The packs of an earlier installation, if the store has them all."""
    noted = ask.store.note(_NOTE, key)
    if noted is None:
        return None
    packs = {}
    for location, (kept, sha256) in noted.items():
        pack = open_pack(Key(kept, sha256), ask.store)
        if pack is None:
            return None
        packs[location] = pack
    return packs


def _install(ask: Ask, locked: Locked, target: Target, key: str, place: _Place) -> dict[str, Pack]:
    _refuse_missing_builds(locked, target)
    _refuse_missing_requirements(locked)
    rows = [row for row in locked.packages.placed.values() if not row.folder]
    if not rows:
        return {}
    name = locked.manifest.lock.name if locked.manifest.lock else locked.title.strip("`")
    ask.reporter.note(f"installing the packages of `{ask.wanted.name}` for {target.architecture} with npm")
    arguments = ["ci", "--omit=dev", "--ignore-scripts", "--bin-links"]
    if any(row.folder and not row.is_link for row in locked.packages.rows.values()):
        arguments.append("--install-links")
    else:
        arguments.append("--no-install-links")
    if locked.manifest.member:
        arguments.append(f"--workspace={locked.manifest.member}")
    with staged(locked.manifest, locked.document, ask.store) as folder:
        if place.in_container:
            _install_in_container(ask, locked, target, folder, arguments)
        else:
            arguments += platform_options(target)
            needed_for = f"install the packages of `{ask.wanted.name}`"
            result = run_npm(arguments, folder, ask.host, needed_for=needed_for)
            if result.exit_code != 0:
                raise failure(result, f"`{ask.wanted.name}` on {target.architecture}", name)
        there = {row.location for row in rows if (folder / row.location).is_dir()}
        if ask.store.note(_COMPILED, plain := _key(locked, target, "")) is None:
            compiled = sorted(_compiled(folder, there))
            ask.store.make_note(_COMPILED, plain, compiled)
            if compiled:
                raise _CompiledError
        if place.scripts and not place.in_container:
            _run_scripts(ask, locked, target, folder, there)
        try:
            keys = _packed(folder, there, ask)
        except OSError as error:
            raise LpackError(f"`{error.filename}` can't be read: {error.strerror}") from error
    packs = {location: open_pack(each, ask.store) for location, each in keys.items()}
    ask.store.make_note(_NOTE, key, keys)
    return {location: pack for location, pack in packs.items() if pack}


def _packed(folder: Path, there: set[str], ask: Ask) -> dict[str, Key]:
    label, keys = "packing packages", {}
    for done, location in enumerate(sorted(there)):
        ask.reporter.progress(label, done, len(there))
        tree = Tree.of(_files(folder, location, there))
        keys[location] = make_pack(tree, ask.store, workers=ask.host.workers)
    ask.reporter.progress(label, len(there), len(there))
    return keys


def _files(root: Path, location: str, packages: set[str]) -> Iterator[Entry]:
    """The files of a package, without the packages in it, and without links: those that npm makes to programs.

    A script that compiles may leave other links, which lead to the machine's own Python, say.
    """
    top = root / location
    for parent, folders, names in os.walk(top):
        inside = Path(parent).relative_to(root).as_posix()
        folders[:] = [name for name in folders if posixpath.join(inside, name) not in packages]
        for name in names:
            path = Path(parent, name)
            status = path.lstat()
            if path.is_symlink():
                continue
            # What npm takes from an archive may be executable for all or none: only the owner's right is looked at.
            mode = EXECUTABLE if status.st_mode & 0o100 else REGULAR
            place = path.relative_to(top).as_posix()
            yield Entry(place, mode, DiskFile(path, status.st_size, sha256_of(path)))


# Native code


def _refuse_missing_builds(locked: Locked, target: Target) -> None:
    """ResolveError for a package whose build for the target the lock lacks: https://github.com/npm/cli/issues/4828."""
    packages = locked.packages
    known = {row.name for row in packages.rows.values()}
    for place in packages.reachable(packages.direct, target):
        row = packages.placed[place]
        wanted = [name for name in row.prebuilt if _is_build_for(name, target)]
        missing = [name for name in wanted if name not in known]
        if missing and len(missing) == len(wanted):
            raise ResolveError(
                f"`{row.name}` {row.version} has a build for {target.architecture}, `{missing[0]}`, which "
                f"{locked.title} does not hold",
                hint="the lock was made from a node_modules of another machine (npm #4828): remove both, and run "
                "`npm install` again",
            )


def _refuse_missing_requirements(locked: Locked) -> None:
    """ResolveError for a linked folder outside of the project: npm locks nothing of what such a folder needs."""
    packages = locked.packages
    for place, row in packages.placed.items():
        folder = Path(os.path.normpath(locked.manifest.folder / row.folder))
        if row.is_link and row.folder.startswith("../") and (folder / PACKAGE).is_file():
            wanted = table(read_json(folder / PACKAGE), "dependencies")
            missing = [name for name in wanted if not packages.nearest(place, name)]
            if missing:
                raise ResolveError(
                    f"`{row.name}` ({row.folder}) needs `{missing[0]}`, which {locked.title} does not hold: npm locks "
                    "nothing of what folders outside of a project need, unless it is asked to",
                    hint="run `npm install --install-links`, and commit the lock",
                )


def _is_build_for(name: str, target: Target) -> bool:
    words = set(name.replace("/", "-").replace("_", "-").split("-"))
    machine = platform_of(target)["cpu"]
    return {"linux", machine} <= words and not words & {"musl", "musleabihf", "gnueabihf", "android"}


class _Place(NamedTuple):
    """Where npm runs, and with what it runs install scripts: "" when there are none to be run."""

    scripts: str
    in_container: bool


def _place(ask: Ask, locked: Locked, target: Target) -> _Place:
    """Where npm is to run for the target.

    Install scripts run on this machine if it is like the target, else in the container. A package that comes with a
    build for the target needs no script: its own would only make the result depend on where it ran.
    """
    needing, building = _needing_scripts(ask, locked, target), ask.project.building
    if not needing:
        return _Place("", in_container=building.backend == "container")
    inside = _Place(f"container {build_image_for(building, target).reference}", in_container=True)
    if building.backend == "container":
        return inside
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        version = node_version(ask.host)
        if platform.machine() == target.architecture.machine and version == target.runtime.version:
            return _Place(version, in_container=False)
    reason = "`native` in [build] is not `container`"
    if building.native in {"auto", "container"}:
        if _kept(ask, _key(locked, target, inside.scripts)) is not None:
            return inside
        reason = why_not(ask.host.environ)
        if not reason:
            return inside
    for row in needing:
        ask.reporter.warning(
            f"`{row.name}` {row.version} has an install script, which was not run: it may compile for the machine that "
            f"it runs on, and that has to be {target.architecture} Linux with Node.js {target.runtime.version}; "
            f"build there or in a container ({reason}), or use a package that comes with its builds"
        )
    return _Place("", in_container=False)


def _compiled(folder: Path, there: Iterable[str]) -> Iterator[str]:
    """The packages that have a binding.gyp and no script: npm compiles them, and locks nothing about it.

    Source: https://docs.npmjs.com/cli/v11/using-npm/scripts#npm-install
    """
    for location in there:
        if (folder / location / "binding.gyp").is_file():
            document = read_json(folder / location / PACKAGE)
            if document.get("gypfile") is not False and not table(document, "scripts").keys() & {
                "install",
                "preinstall",
            }:
                yield location


def _needing_scripts(ask: Ask, locked: Locked, target: Target) -> list[Row]:
    packages = locked.packages
    compiled = ask.store.note(_COMPILED, _key(locked, target, "")) or ()
    found = {}
    for place in sorted(packages.reachable(packages.direct, target)):
        row = packages.placed[place]
        builds = [packages.placed[each] for each in packages.needs(place)]
        has_build = any(each.name in row.prebuilt and each.platforms and each.fits(target) for each in builds)
        if (row.has_script or row.location in compiled) and not row.folder and not has_build:
            found[row.name, row.version] = row
    return list(found.values())


def _install_in_container(ask: Ask, locked: Locked, target: Target, folder: Path, arguments: list[str]) -> None:
    """Install in the container, whose machine is like the target, and run the install scripts there."""
    names = [f"{row.name}@{row.version}" for row in _needing_scripts(ask, locked, target)]
    commands = [arguments, *([["rebuild", *names]] if names else [])]
    result = run_npm_in_container(commands, folder, target, ask, compiling=bool(names))
    if result.exit_code != 0:
        lock = locked.manifest.lock.name if locked.manifest.lock else locked.title.strip("`")
        failed = failure(result, f"`{ask.wanted.name}` on {target.architecture}", lock)
        raise explained(with_log(failed, result.stdout, ask.store), result.stdout)


def _run_scripts(ask: Ask, locked: Locked, target: Target, folder: Path, there: set[str]) -> None:
    names = [f"{row.name}@{row.version}" for row in _needing_scripts(ask, locked, target) if row.location in there]
    ask.reporter.note(f"running the install scripts of {', '.join(f'`{name}`' for name in names)}")
    result = run_npm(["rebuild", *names], folder, ask.host, needed_for="run install scripts")
    if result.exit_code != 0:
        raise failure(result, f"the install scripts of {', '.join(names)}", PACKAGE)
