"""What a function or layer for Java is made from: the build that makes it, and the key under which that is kept."""

from __future__ import annotations

import os.path
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ...config import Function
from ...config.packages import Groups
from ...errors import InputError, UsageError
from ...store import sha256_of
from .. import Ask, Policy
from . import gradle, maven
from .counting import Counted, copy_files, digest_of, files_in, one_file
from .in_container import maven_of_image, run_in_container
from .kept import key_of
from .output import Output, Resolved
from .poms import POM, Coordinates, Reactor, coordinates, is_floating, own_pom, reactor_of
from .programs import GRADLE, MAVEN, Program, deciding, environment, is_executable, program, settings_files

_FORMAT = 1
"""A new number when the same sources are to make something else."""

_PATH_NOTE = "java-class-path-1"

_SPECIAL = re.compile(r"[\\*?\[]")
"""What gitignore's patterns read as something else, and how it is written to stand for itself."""

_ESCAPED = r"\\\g<0>"

_GRADLE_LEAVINGS = ("build/", "!**/src/**/build/", ".gradle/")


@dataclass(frozen=True, slots=True)
class Build:
    """What a build tool is to make of something, which messages call ``title``.

    ``key`` stands for everything that decides about what ``make``, given an empty folder, makes there; what it may not
    decide are the ``floating`` dependencies, whose versions are not fixed. ``make`` asks for their newest when it is
    to upgrade. With ``compiled``, the user's own classes are made, too.
    """

    title: str
    key: bytes
    floating: tuple[str, ...]
    compiled: bool
    make: Callable[[Path, Policy], Output]


def function_of(ask: Ask) -> Function | None:
    """The function that asks, if it is one."""
    return next((each for each in ask.project.functions if each.name == ask.wanted.name), None)


def build_of(ask: Ask) -> Build | None:
    """What has to be built for whoever asks; None when the files are there already, as in a jar or as classes."""
    requirements, function = ask.wanted.requirements, function_of(ask)
    if requirements is None and function and function.artifact:
        return None
    if requirements is None or isinstance(requirements, Path):
        place = requirements or ask.wanted.source
        return _build_at(place, ask) if place else None
    if isinstance(requirements, Groups):
        raise UsageError(f"`{ask.wanted.name}` asks for dependency groups, which Java has not", hint=_HINT)
    return _coordinates_build([coordinates(each) for each in requirements], ask) if requirements else None


_HINT = 'name a pom.xml, or write a list of coordinates such as ["com.fasterxml.jackson.core:jackson-databind:2.17.2"]'


def _build_at(place: Path, ask: Ask) -> Build | None:
    if place.is_dir():
        if (place / POM).is_file():
            return _maven_build(place / POM, ask)
        return _gradle_build(place, ask) if gradle.has_any(place, gradle.BUILD_FILES) else None
    if place.name in gradle.BUILD_FILES:
        return _gradle_build(place.parent, ask)
    if place.suffix == ".xml":
        return _maven_build(place, ask)
    raise UsageError(f"`{place}`, the requirements of `{ask.wanted.name}`, is nothing that Maven reads", hint=_HINT)


# Maven


def _maven_build(file: Path, ask: Ask) -> Build:
    reactor = reactor_of(file)
    title, compiled = f"`{ask.wanted.name}` ({file})", ask.wanted.source is not None
    if compiled and reactor.pom.packaging == "pom":
        raise InputError(
            f"`{file}` of `{ask.wanted.name}` has modules, and no classes of its own",
            hint="set `source` to the folder of the module that holds the handler",
        )
    used = _maven(ask, title, lambda: _maven_wrapper(reactor, ask))
    files = _maven_files(reactor)
    own, top = (each.relative_to(reactor.root) for each in (reactor.pom.file, reactor.top))
    module = os.path.relpath(own.parent, top.parent) if reactor.is_module else ""

    def make(folder: Path, policy: Policy) -> Output:
        copy = folder / "sources"
        copy_files(files, copy)
        work = maven.Work(title, copy, reactor.root, copy / top.parent, top.name, module, compiled, policy)
        return _run_maven(used, work, ask, path_key)

    surroundings = _surroundings(used, ask, settings_files(used, ask.host))
    path_key = key_of(_FORMAT, digest_of(_deciding(files, reactor)), str(own), surroundings) if reactor.fixed else None
    key = key_of(_FORMAT, digest_of(_counting(files, reactor)), str(own), module, compiled, surroundings)
    floating = tuple(dict.fromkeys(each for pom in reactor.poms for each in pom.floating))
    return Build(title, key, floating, compiled, make)


def _coordinates_build(wanted: list[Coordinates], ask: Ask) -> Build:
    title = f"`{ask.wanted.name}`"
    used = _maven(ask, title, lambda: None)

    def make(folder: Path, policy: Policy) -> Output:
        copy = folder / "sources"
        copy.mkdir()
        (copy / POM).write_text(own_pom(wanted), encoding="utf-8")
        work = maven.Work(title, copy, copy, copy, POM, "", compiled=False, policy=policy)
        return _run_maven(used, work, ask, None)

    key = key_of(_FORMAT, wanted, _surroundings(used, ask, settings_files(used, ask.host)))
    floating = tuple(f"{each.group}:{each.artifact} {each.version}" for each in wanted if is_floating(each.version))
    return Build(title, key, floating, compiled=False, make=make)


def _maven(ask: Ask, title: str, wrapper: Callable[[], Path | None]) -> Program:
    """The Maven to use: that of the container's image if all is built there, whatever its version."""
    if ask.project.building.backend == "container":
        return maven_of_image(ask)
    return program(MAVEN, wrapper=wrapper(), title=title, store=ask.store, host=ask.host)


def _run_maven(used: Program, work: maven.Work, ask: Ask, path_key: bytes | None) -> Output:
    """What Maven makes; the key stands for the class path, where that depends on the poms alone."""
    ask.reporter.note(f"Maven {used.version} {'builds' if work.compiled else 'resolves'} {work.title}")
    in_container = ask.project.building.backend == "container"
    runner = run_in_container(work, ask) if in_container else maven.on_this_machine(used, work, environment(ask.host))
    path_key = None if in_container else path_key  # its jars are copied out each time, into a folder that is gone then
    with ask.store.lock("maven"):  # its repository is not meant for two at once
        known = _known_path(path_key, ask) if path_key and work.compiled and work.policy == "keep" else None
        if known:
            return maven.compile_only(used, work, known, runner)
        output, path = maven.build(used, work, runner)
    if path_key and not any(jar.own or is_floating(jar.version) for jar in path.jars):
        ask.store.make_note(_PATH_NOTE, path_key.hex(), [path.classes, path.needs, [_noted(jar) for jar in path.jars]])
    return output


def _noted(jar: Resolved) -> list[str]:
    return [jar.group, jar.artifact, jar.version, jar.classifier, str(jar.place)]


def _known_path(key: bytes, ask: Ask) -> maven.ClassPath | None:
    """The class path that was noted, if Maven's repository still has all of it."""
    note = ask.store.note(_PATH_NOTE, key.hex())
    if note is None:
        return None
    classes, needs, noted = note
    jars = tuple(
        Resolved(group, artifact, version, classifier, Path(place))
        for group, artifact, version, classifier, place in noted
    )
    if not all(jar.place.is_file() for jar in jars):
        return None
    return maven.ClassPath(classes, jars, {name: tuple(others) for name, others in needs.items()})


def _deciding(files: Iterable[Counted], reactor: Reactor) -> list[Counted]:
    """The files that decide about the class path: the poms, and Maven's settings of the project."""
    chosen = {pom.file for pom in reactor.poms}
    settings = reactor.settings
    return [each for each in files if each.place in chosen or (settings and each.place.is_relative_to(settings))]


def _maven_files(reactor: Reactor) -> tuple[Counted, ...]:
    files: dict[str, Counted] = {}
    for folder in reactor.folders:
        outputs = (pom.output for pom in reactor.poms if pom.output.is_relative_to(folder) and pom.output != folder)
        patterns = [f"/{_SPECIAL.sub(_ESCAPED, each.relative_to(folder).as_posix())}/" for each in outputs]
        files |= {each.path: each for each in files_in(folder, reactor.root, exclude=patterns)}
    if reactor.settings:
        files |= {each.path: each for each in files_in(reactor.settings, reactor.root, exclude=())}
    poms = (one_file(pom.file, reactor.root) for pom in reactor.poms)
    files |= {each.path: each for each in poms}
    return tuple(files[path] for path in sorted(files))


def _counting(files: Iterable[Counted], reactor: Reactor) -> list[Counted]:
    """The files that decide: all but those of modules that the project does not depend on.

    These are there when it is built, as some plugins read files by their path, and only their poms count.
    """
    modules = {pom.file.parent for pom in reactor.poms}
    unneeded = reactor.unneeded

    def owner(file: Counted) -> Path | None:
        return next((each for each in (reactor.root / file.path).parents if each in modules), None)

    return (
        [file for file in files if file.path.endswith(POM) or owner(file) not in unneeded] if unneeded else list(files)
    )


def _maven_wrapper(reactor: Reactor, ask: Ask) -> Path | None:
    """The project's wrapper, if what it would fetch is there, or nothing else is."""
    own = reactor.pom.file.parent
    above = [each for each in (own, *own.parents) if each.is_relative_to(reactor.root)]
    wrapper = next((each / MAVEN.wrapper for each in above if is_executable(each / MAVEN.wrapper)), None)
    there = shutil.which(MAVEN.command, path=ask.host.environ.get("PATH"))
    return wrapper if wrapper and (not there or _is_fetched(wrapper, ask)) else None


def _is_fetched(wrapper: Path, ask: Ask) -> bool:
    environ = ask.host.environ
    home = environ.get("MAVEN_USER_HOME") or Path(environ.get("HOME", ""), ".m2")
    properties = wrapper.parent / ".mvn" / "wrapper" / "maven-wrapper.properties"
    try:
        lines = properties.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    urls = [line.partition("=")[2].strip() for line in lines if line.startswith("distributionUrl")]
    name = urls[-1].rpartition("/")[2].removesuffix(".zip").removesuffix(".tar.gz").removesuffix("-bin") if urls else ""
    return bool(name) and any(Path(home, "wrapper", "dists").glob(f"{name}*/*"))


# Gradle


def _gradle_build(folder: Path, ask: Ask) -> Build:
    folder = folder.resolve()
    root = gradle.settings_folder(folder)
    title, compiled = f"`{ask.wanted.name}` ({folder})", ask.wanted.source is not None
    wrapper = root / GRADLE.wrapper
    used = program(
        GRADLE, wrapper=wrapper if is_executable(wrapper) else None, title=title, store=ask.store, host=ask.host
    )
    files = files_in(root, root, exclude=_GRADLE_LEAVINGS)

    def make(place: Path, policy: Policy) -> Output:
        copy = place / "sources"
        copy_files(files, copy)
        ask.reporter.note(f"Gradle {used.version} builds {title}")
        work = gradle.Work(title, copy, root, copy / folder.relative_to(root), policy)
        output = gradle.build(used.command, work, environment(ask.host))
        return output if compiled else output._replace(folders=())

    home = ask.host.environ.get("GRADLE_USER_HOME") or Path(ask.host.environ.get("HOME", ""), ".gradle")
    settings = [file for file in (Path(home, "gradle.properties"), Path(home, "init.gradle")) if file.is_file()]
    key = key_of(_FORMAT, digest_of(files), str(folder.relative_to(root)), compiled, _surroundings(used, ask, settings))
    return Build(title, key, (), compiled, make)


def _surroundings(used: Program, ask: Ask, settings: Iterable[Path]) -> list[object]:
    """What decides besides the project itself: the tools, their settings, and what packs the classes."""
    import cramjam
    import deflate

    from ...archive.zip_writer import LAYOUT

    try:
        digests = [(file.name, sha256_of(file).hex()) for file in settings]
    except OSError as error:
        raise InputError(f"`{error.filename}` can't be read: {error.strerror}") from error
    packed_by = (LAYOUT, deflate.__version__, cramjam.__version__)
    return [used.name, used.version, used.java, deciding(ask.host.environ), digests, packed_by]
