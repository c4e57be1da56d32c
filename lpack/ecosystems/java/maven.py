"""Maven: run in a copy of the project, and what it says of the class path.

Source: https://maven.apache.org/plugins/maven-dependency-plugin/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ...download import redacted
from ...errors import LpackError, ResolveError, ToolError
from ...processes import Result, run
from .. import Policy
from .output import Output, Resolved
from .programs import Program, without_colours

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
LISTING = ".lpack"
"""How the names of the files end in which Maven lists class paths."""

_OPTIONS = (
    "--batch-mode",
    "--quiet",
    # Beside the folder of the classes, wherever the pom has it made: by its name the folder is found afterwards.
    f"-DoutputFile=${{project.build.outputDirectory}}{LISTING}",
    "-DappendOutput=true",
    "-DincludeScope=runtime",
    "-DoutputAbsoluteArtifactFilename=true",
    "-Dscope=runtime",
    "-Dverbose=true",
    "-Dproject.build.outputTimestamp=1980-01-01T00:00:02Z",
)
_ONLY_THIS = ("--non-recursive",)
_COMPILING = ("prepare-package", "-Dmaven.test.skip=true")
_NOT_RESOLVED = (
    *("DependencyResolution", "ArtifactResolution", "PluginResolution", "PluginVersionResolution"),
    *("ProjectBuilding", "UnresolvableModel", "DependencyCollection"),
)
_ADVICE = (
    *("To see the full stack trace", "Re-run Maven", "For more information", "[Help"),
    *("After correcting", "mvn <args>", "COMPILATION ERROR"),
)
_HELP = re.compile(r"(?:^| )-> \[Help \d+\]$")
_TOO_NEW = re.compile(r"release version \d+ not supported|invalid (?:target|source) release")
_DETAILS = 15

_LISTED = re.compile(r" {3}([^\s:]+(?::[^\s:]+){4,5}):(/.*?)(?: \(optional\) *)?(?: -- module .*)?")
"""A line of the list: coordinates with the scope, then the place, whether it is optional, and its module's name."""

_ROOT = re.compile(r"[^\s:]+(?::[^\s:]+){3,4}")
"""The first line of the tree: the project itself, whose coordinates have no scope."""

_NODE = re.compile(r"((?:[|] {2}| {3})*)[+\\]- \(?([^\s:()]+(?::[^\s:()]+){4,5})(?:[ )].*)?")
"""Another line of it: three characters for each level above; in brackets what is there already."""


class Work(NamedTuple):
    """What Maven is to do: where its files are, copied from ``original``, and in which folder it starts.

    ``pom`` is the name of the pom there; of a module that is built along with others, ``module`` is the path from
    ``top`` to its folder. With ``compiled`` the classes are wanted, else only the class path.
    """

    title: str
    copy: Path
    original: Path
    top: Path
    pom: str
    module: str
    compiled: bool
    policy: Policy


Runner = Callable[[Sequence[str]], Result]
"""Runs Maven with these arguments, in the folder of its work."""


class ClassPath(NamedTuple):
    """What Maven said of a project: where its classes will be, relative to the copy, the jars, and who needs whom."""

    classes: str
    jars: tuple[Resolved, ...]
    needs: Mapping[str, tuple[str, ...]]


def on_this_machine(maven: Program, work: Work, environ: Mapping[str, str]) -> Runner:
    """What runs Maven here."""
    return lambda arguments: run([maven.command, *arguments], folder=work.top, environ=environ)


def build(maven: Program, work: Work, runner: Runner) -> tuple[Output, ClassPath]:
    """Compile and resolve in the copy. ResolveError for what can't be had, ToolError for what does not compile."""
    _run(maven, work, _arguments(work), runner)
    listing = _listing(work)
    lines = listing.read_text(encoding="utf-8").splitlines()
    classes = listing.with_name(listing.name.removesuffix(LISTING)).relative_to(work.copy.resolve())
    path = ClassPath(classes.as_posix(), tuple(_jars(lines, work.copy)), _needs(lines))
    return _output(work, path), path


def compile_only(maven: Program, work: Work, path: ClassPath, runner: Runner) -> Output:
    """Compile in the copy of a project whose class path is known: asking for it takes longer than compiling."""
    _run(maven, work, [*_ONLY_THIS, *_COMPILING], runner)
    return _output(work, path)


def _run(maven: Program, work: Work, arguments: Sequence[str], runner: Runner) -> None:
    result = runner([*arguments, *_OPTIONS, f"--file={work.pom}"])
    if result.exit_code != 0:
        raise _failed(maven, work, result)


def _output(work: Work, path: ClassPath) -> Output:
    classes = work.copy / path.classes
    folders = (classes,) if work.compiled and classes.is_dir() else ()
    return Output(folders, path.jars, path.needs)


def _arguments(work: Work) -> list[str]:
    goals = [f"{_PLUGIN}:list", f"{_PLUGIN}:tree"]
    if work.policy == "upgrade":
        goals.append("--update-snapshots")
    if work.module:
        # The jars of the other modules are on the class path, and only packaging makes them.
        return [*goals, "package", f"--projects={work.module}", "--also-make", "-DskipTests"]
    return [*goals, *_ONLY_THIS, *(_COMPILING if work.compiled else ())]


def _listing(work: Work) -> Path:
    """The file in which the plugin lists the module's class path."""
    module = (work.top / work.module).resolve()
    inner = {pom.parent for pom in module.rglob("pom.xml")} - {module}
    found = [
        file for file in sorted(module.rglob(f"*{LISTING}")) if not any(file.is_relative_to(other) for other in inner)
    ]
    if len(found) != 1:
        raise ToolError(
            f"{work.title} does not say where its classes are",
            hint="`project.build.outputDirectory` must be a folder below the one of its pom.xml",
        )
    return found[0]


def _jars(lines: Iterable[str], copy: Path) -> Iterator[Resolved]:
    for line in lines:
        match = _LISTED.fullmatch(line)
        if match and match[2].endswith(".jar"):  # a pom can be a dependency too, and is nothing to load
            group, artifact, _, *classifier, version, _ = match[1].split(":")
            place = Path(match[2])
            own = place.is_relative_to(copy) or place.is_relative_to(copy.resolve())
            yield Resolved(group, artifact, version, "".join(classifier), place, own)


def _needs(lines: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Which packages need which, by the tree that follows the list."""
    needs: dict[str, dict[str, None]] = {}
    start = next((number for number, line in enumerate(lines) if _ROOT.fullmatch(line)), len(lines))
    above = [""]
    for line in lines[start + 1 :]:
        if match := _NODE.fullmatch(line):
            group, artifact, _, *classifier, _, _ = match[2].split(":")
            name = ":".join([group, artifact, *classifier])
            depth = len(match[1]) // 3
            needs.setdefault(above[depth], {})[name] = None
            above[depth + 1 :] = [name]
    return {name: tuple(sorted(others)) for name, others in needs.items()}


def _failed(maven: Program, work: Work, result: Result) -> LpackError:
    """The error, with what Maven marks as one."""
    text = without_colours(redacted(f"{result.stdout}\n{result.stderr}")).replace(str(work.copy), str(work.original))
    lines = text.splitlines()
    errors = [_HELP.sub("", line.removeprefix("[ERROR]")).strip() for line in lines if line.startswith("[ERROR]")]
    told = [line for line in errors if line and not line.startswith(_ADVICE)]
    details = list(dict.fromkeys(told))[:_DETAILS] or [line for line in lines if line.strip()][-_DETAILS:]
    if any(f"{kind}Exception" in text for kind in _NOT_RESOLVED):
        return ResolveError(
            f"the dependencies of {work.title} can't be had",
            hint="correct them in the pom.xml; mirrors, proxies and logins are taken from your settings.xml",
            details=details,
        )
    hint = f"Maven runs on Java {maven.java}: set JAVA_HOME to a newer JDK" if _TOO_NEW.search(text) else None
    return ToolError(f"Maven {maven.version} can't build {work.title}", hint=hint, details=details)
