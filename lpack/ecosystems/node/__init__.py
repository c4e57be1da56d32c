"""Node.js: what npm installs for the target, and bundles that esbuild makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...config import Function
from ...config.keys import Bundle
from ...model import Finding, LeftOut, Target
from ...sources import OwnFiles, Selection, read_source
from ...sources.patterns import Patterns
from ...store import Store
from ...tree import Tree
from ...trimming import trimmed
from .. import Ask, Installed, Part
from .bundling import Packages, bundle_of, bundled
from .foreign import packages_in
from .handler import check_handler
from .installing import Installation, installation
from .layered import beside, brought, carried, refuse_unknown
from .lockfile import MODULES
from .locking import Locked, lock

__all__ = ["brings", "check_code", "check_handler", "install", "lock", "own_files", "packages_in", "required_by"]

_SETTINGS = {".npmrc": "npm's settings, which may hold a password"}
_OF_NPM = {"package-lock.json": "npm's own files", "npm-shrinkwrap.json": "npm's own files"}


def brings(ask: Ask, locked: Locked, target: Target) -> Mapping[str, str]:
    """The versions of the packages that are installed for the target where code looks for them first, by name."""
    packages = locked.packages
    gone = {place for place in packages.placed if packages.placed[place].name in ask.wanted.exclude_packages}
    kept = packages.reachable(packages.direct, target, without=gone)
    return {place: packages.version(place) for place in sorted(kept) if MODULES not in place}


def install(ask: Ask, locked: Locked, target: Target) -> Installed:
    """The locked packages for the target, without what layers bring; beside a bundle, only those that it lacks."""
    refuse_unknown(ask, locked)
    there = installation(ask, locked, target)
    bundle = _bundle(ask)
    if bundle:
        kept = beside(ask, locked, target, bundle, there.parts)
        return _laid_out(ask, there, kept, ())
    kept = carried(ask, locked, target, there.parts)
    excluded = set(there.parts) - set(kept) - brought(ask, locked.packages) if ask.wanted.exclude_packages else set()
    return _laid_out(ask, there, kept, [LeftOut(place, "exclude-packages") for place in sorted(excluded)])


def check_code(tree: Tree, target: Target, store: Store) -> list[Finding]:  # noqa: ARG001 -- the Protocol's
    """Nothing that other checks don't know."""
    return []


def required_by(ask: Ask, locked: Locked, target: Target) -> Mapping[str, tuple[str, ...]]:
    """For each package of the lock, which others of it need it; "" among them stands for the user."""
    packages = locked.packages
    gone = brought(ask, packages)
    found: dict[str, dict[str, None]] = {}
    for place in sorted(packages.reachable(packages.direct, target, without=gone)):
        own = found.setdefault(packages.placed[place].name, {})
        if place in packages.direct:
            own[""] = None
    for place in sorted(packages.reachable(packages.direct, target, without=gone)):
        for needed in packages.needs(place):
            name = packages.placed[needed].name
            if name in found:
                found[name][packages.placed[place].name] = None
    return {name: tuple(sorted(others)) for name, others in found.items()}


def own_files(function: Function, ask: Ask, locked: Locked, output: Path) -> OwnFiles:
    """The function's source without npm's files; of one that is bundled, the bundle and what ``include`` names."""
    source = read_source(function.source, Selection(function.include, function.exclude, output))
    included = Patterns.of(function.include, origin="include")
    bundle = bundle_of(function)
    if not bundle:
        return _without(source, included, ask)
    there = installation(ask, locked, function.target)
    own = frozenset(there.parts.keys() - there.archives.keys())
    made = bundled(function, bundle, ask, Packages(locked.manifest.folder, there.parts, own), output)
    paths = {entry.path for entry in made}
    kept = [entry for entry in source.entries if _is_included(entry.path, included) and entry.path not in paths]
    gone = {entry.path for entry in source.entries} - {entry.path for entry in kept}
    left_out = [LeftOut(path, "what a bundle stands for") for path in sorted(gone)]
    return OwnFiles((*made, *kept), (*source.left_out, *left_out))


def _bundle(ask: Ask) -> Bundle | None:
    """How the packages' function is bundled; layers are not."""
    function = next((each for each in ask.project.functions if each.name == ask.wanted.name), None)
    return bundle_of(function) if function else None


def _laid_out(ask: Ask, there: Installation, kept: Sequence[str], left_out: Sequence[LeftOut]) -> Installed:
    parts: list[Part] = []
    trimmed_off: list[LeftOut] = []
    for place in kept:
        package, entries = there.parts[place]
        entries, gone = trimmed(entries, ask.wanted.trim)
        parts.append(Part(package, entries))
        trimmed_off += gone
    archives = dict.fromkeys(there.archives[place] for place in kept if place in there.archives)
    of_npm = there.left_out if kept else ()
    return Installed(tuple(parts), (*of_npm, *left_out, *trimmed_off), tuple(archives))


def _without(source: OwnFiles, included: Patterns, ask: Ask) -> OwnFiles:
    """The source without what npm and lpack keep there."""
    reasons = {**_SETTINGS, **_OF_NPM}
    reasons |= {f"package-lock.{part.name}.json": "lpack's own files" for part in ask.project.parts}
    kept, left_out = [], []
    for entry in source.entries:
        reason = reasons.get(entry.path.rpartition("/")[2])
        if reason and not _is_included(entry.path, included):
            left_out.append(LeftOut(entry.path, reason))
        else:
            kept.append(entry)
    return OwnFiles(tuple(kept), (*source.left_out, *left_out))


def _is_included(path: str, included: Patterns) -> bool:
    """Whether the user names the path, or a folder that it lies in."""
    parts = path.split("/")
    folders = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
    verdict = included.verdict(path, is_folder=False)
    return bool(verdict) if verdict is not None else any(included.verdict(each, is_folder=True) for each in folders)
