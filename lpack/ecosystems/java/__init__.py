"""Java: classes and jars, built by Maven, by Gradle, or by the user's own command."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...config import Function
from ...errors import ResolveError, UsageError
from ...model import LeftOut, Package, Target
from ...sources import OwnFiles, Selection, read_source
from ...sources.patterns import Patterns
from ...tree import REGULAR, Entry
from .. import Ask, Installed, Part, Policy
from .asked import Build, build_of
from .class_versions import check_code
from .foreign import packages_in
from .given import run_build, unpacked
from .handler import check_handler
from .kept import Jar, Made, made
from .poms import is_floating
from .purls import purl_of

__all__ = ["brings", "check_code", "check_handler", "install", "lock", "own_files", "packages_in", "required_by"]


@dataclass(frozen=True, slots=True)
class Locked:
    """What is to be built. Java has no lock of lpack's own: a pom.xml names fixed versions."""

    build: Build | None
    file: Path | None = None
    changes: tuple[str, ...] = ()


def lock(ask: Ask, policy: Policy) -> Locked:
    """What is to be built; versions that are not fixed are worth a warning, and asked for anew on upgrading."""
    build = build_of(ask)
    if build:
        for each in build.floating:
            ask.reporter.warning(f"`{ask.wanted.name}` asks for {each}, which may be another version tomorrow")
        if policy == "upgrade":
            made(build.key, lambda folder: build.make(folder, policy), ask.store, anew=True)
    return Locked(build)


def brings(ask: Ask, locked: Locked, target: Target) -> Mapping[str, str]:
    """The versions of the packages that are installed for the target, by name."""
    return {part.package.name: part.package.version for part in install(ask, locked, target).parts}


def install(ask: Ask, locked: Locked, target: Target) -> Installed:
    """The jars of the run-time class path, as they are, without what layers bring. They fit every target."""
    del target
    there = _made(ask, locked)
    if not there:
        return Installed()
    lacking = [jar for jar in there.jars if not _is_provided(jar, ask)]
    kept = _without_excluded(lacking, there, ask)
    names = _file_names(kept)
    parts = tuple(_part(jar, names[jar.name], ask) for jar in kept)
    left_out = tuple(LeftOut(jar.name, "exclude-packages") for jar in lacking if jar not in kept)
    archives = [(jar.source(ask.store).archive, bytes.fromhex(jar.sha256)) for jar in kept]
    return Installed(parts, left_out, (*([there.archive] if there.archive else []), *archives))


def own_files(function: Function, ask: Ask, locked: Locked, output: Path) -> OwnFiles:
    """The function's classes and resources: compiled, from the jar that its own build makes, or as they lie there."""
    if function.build:
        if not function.artifact:
            hint = 'say what it makes: artifact = "target/app.jar"'
            raise UsageError(f"`{function.name}` has `build`, and no `artifact`", hint=hint)
        run_build(function.build, function.source, name=function.name, host=ask.host, reporter=ask.reporter)
    if function.artifact:
        there: Made | None = unpacked(function.source / function.artifact, name=function.name, store=ask.store)
    elif locked.build and locked.build.compiled:
        there = _made(ask, locked)
    else:
        return read_source(function.source, Selection(function.include, function.exclude, output))
    return _selected(there.entries if there else (), function)


def required_by(ask: Ask, locked: Locked, target: Target) -> Mapping[str, tuple[str, ...]]:
    """For each package of the class path, which others of it need it; "" among them stands for the user."""
    del target
    there = _made(ask, locked)
    if not there:
        return {}
    names = {jar.name for jar in there.jars}
    return {
        name: tuple(sorted(other for other, needed in there.needs.items() if name in needed and {other} & {"", *names}))
        for name in sorted(names)
    }


def _made(ask: Ask, locked: Locked) -> Made | None:
    build = locked.build
    return made(build.key, lambda folder: build.make(folder, "keep"), ask.store) if build else None


def _selected(entries: Iterable[Entry], function: Function) -> OwnFiles:
    """What the user wants of what was built."""
    include = Patterns.of(function.include, origin="include")
    exclude = Patterns.of(function.exclude, origin="exclude")
    kept, left_out = [], []
    for entry in entries:
        if _means(exclude, entry.path) and not _means(include, entry.path):
            left_out.append(LeftOut(entry.path, "exclude"))
        else:
            kept.append(entry)
    return OwnFiles(tuple(kept), tuple(left_out))


def _means(patterns: Patterns, path: str) -> bool:
    """Whether the patterns mean the path, or a folder that it lies in and nothing else of what is below."""
    if not patterns:
        return False
    parts = path.split("/")
    ways = [("/".join(parts[:depth]), depth < len(parts)) for depth in range(len(parts), 0, -1)]
    verdicts = (patterns.verdict(way, is_folder=is_folder) for way, is_folder in ways)
    return bool(next((verdict for verdict in verdicts if verdict is not None), None))


# The jars


def _is_provided(jar: Jar, ask: Ask) -> bool:
    """Whether a layer brings the jar; ResolveError when it brings another version of it."""
    provided = ask.provided.get(jar.name)
    if provided and provided.version != jar.version:
        raise ResolveError(
            f"`{ask.wanted.name}` takes `{jar.name}` {jar.version}, and its layer `{provided.layer.name}` holds "
            f"{provided.version}",
            hint=f"give both the same version (`<dependencyManagement>` of the pom.xml decides also about what others "
            f"bring along), or leave `{jar.artifact}` out of the layer (`exclude-packages`)",
        )
    return provided is not None


def _without_excluded(jars: list[Jar], there: Made, ask: Ask) -> list[Jar]:
    """The jars without those that are excluded, and without all that only these need."""
    excluded = {name for asked in ask.wanted.exclude_packages for name in _named(asked, jars, ask)}
    if not excluded:
        return jars
    reached: set[str] = set()
    waiting = [""]
    while waiting:
        for name in there.needs.get(waiting.pop(), ()):
            if name not in reached and name not in excluded:
                reached.add(name)
                waiting.append(name)
    known = {name for needed in there.needs.values() for name in needed}
    return [jar for jar in jars if jar.name not in excluded and (jar.name in reached or jar.name not in known)]


def _named(asked: str, jars: Collection[Jar], ask: Ask) -> list[str]:
    """The packages that a name of `exclude-packages` means: group:artifact, or an artifact of any group."""
    found = [jar.name for jar in jars if _plain(asked) in {_plain(jar.name), _plain(jar.artifact)}]
    provided = {_plain(each) for name in ask.provided for each in (name, *name.split(":")[1:2])}
    if found or _plain(asked) in provided:
        return found
    names = ", ".join(f"`{jar.artifact}`" for jar in jars)
    hint = f"there are {names}" if names else None
    raise UsageError(f"`exclude-packages` names `{asked}`, which is not there", hint=hint)


def _plain(name: str) -> str:
    """The name without what a configuration may have changed in it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _file_names(jars: Iterable[Jar]) -> dict[str, str]:
    """The jars' names in the artifact: their own, with the group before it where two would be the same."""
    jars = list(jars)
    times = Counter(jar.file_name for jar in jars)
    return {
        jar.name: f"{jar.group}.{jar.file_name}" if times[jar.file_name] > 1 and jar.group else jar.file_name
        for jar in jars
    }


def _part(jar: Jar, file_name: str, ask: Ask) -> Part:
    if is_floating(jar.version):
        ask.reporter.warning(f"`{ask.wanted.name}` holds {jar.name} {jar.version}, which may be other bytes tomorrow")
    package = Package(name=jar.name, version=jar.version, purl=_purl(jar), sha256=jar.sha256)
    return Part(package, (Entry(file_name, REGULAR, jar.source(ask.store), jar.name),))


def _purl(jar: Jar) -> str:
    """The package's URL, "" for a jar without coordinates."""
    return purl_of(jar.group, jar.artifact, jar.version, jar.classifier) if jar.group else ""
