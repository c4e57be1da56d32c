"""Gradle: run in a copy of the project with an init script of lpack's own, which lists the run-time class path.

Source: https://docs.gradle.org/current/userguide/init_scripts.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...download import redacted
from ...errors import LpackError, ResolveError, ToolError, UsageError
from ...processes import Result, run
from .. import Policy
from .output import Output, Resolved

BUILD_FILES = ("build.gradle", "build.gradle.kts")
SETTINGS_FILES = ("settings.gradle", "settings.gradle.kts")

_TASK = "lpackRuntimeClassPath"
_LISTING = ".lpack-runtime.json"
_DETAILS = 15

_INIT_SCRIPT = """
gradle.allprojects { project ->
    project.afterEvaluate {
        if (project.plugins.hasPlugin('java')) {
            project.tasks.create('TASK') { task ->
                def classPath = project.configurations.getByName('runtimeClasspath')
                def output = project.sourceSets.main.output
                task.dependsOn(output, classPath)
                task.outputs.upToDateWhen { false }
                task.doLast {
                    def name = { id -> id.group + ':' + id.name }
                    def resolved = classPath.resolvedConfiguration
                    def jars = resolved.resolvedArtifacts.collect { artifact ->
                        def id = artifact.moduleVersion.id
                        [group: id.group, artifact: artifact.name, version: id.version,
                         classifier: artifact.classifier ?: '', place: artifact.file.path]
                    }
                    def known = jars.collect { it.place } as Set
                    def others = classPath.files.findAll { !known.contains(it.path) }
                    def needs = [:]
                    def seen = [] as Set
                    def walk
                    walk = { dependency ->
                        def own = name(dependency.module.id)
                        if (seen.add(own)) {
                            needs[own] = dependency.children.collect { name(it.module.id) }
                            dependency.children.each(walk)
                        }
                    }
                    needs[''] = resolved.firstLevelModuleDependencies.collect { name(it.module.id) }
                    resolved.firstLevelModuleDependencies.each(walk)
                    def listing = [folders: output.files.collect { it.path }, jars: jars,
                                   files: others.collect { it.path }, needs: needs]
                    project.file('LISTING').text = groovy.json.JsonOutput.toJson(listing)
                }
            }
        }
    }
}
""".replace("TASK", _TASK).replace("LISTING", _LISTING)


class Work(NamedTuple):
    """What Gradle is to do: where its files are, copied from ``original``, and in which folder its project lies."""

    title: str
    copy: Path
    original: Path
    project: Path
    policy: Policy


def settings_folder(folder: Path) -> Path:
    """The folder of the build that a project belongs to: the nearest with settings, else its own."""
    return next((each for each in (folder, *folder.parents) if has_any(each, SETTINGS_FILES)), folder)


def has_any(folder: Path, names: tuple[str, ...]) -> bool:
    """Whether the folder holds a file of one of the names."""
    return any((folder / name).is_file() for name in names)


def build(command: Path, work: Work, environ: Mapping[str, str]) -> Output:
    """Compile and resolve in the copy. ResolveError for what can't be had, ToolError for what does not compile."""
    script = work.copy.parent / "lpack.init.gradle"
    script.write_text(_INIT_SCRIPT, encoding="utf-8")
    arguments = [
        *("--quiet", "--console=plain", "--no-daemon", f"--init-script={script}"),
        *("-Dorg.gradle.configuration-cache=false", "-Dorg.gradle.unsafe.configuration-cache=false"),
        *(["--refresh-dependencies"] if work.policy == "upgrade" else []),
        _TASK,
    ]
    result = run([command, *arguments], folder=work.project, environ=environ)
    if result.exit_code != 0:
        raise _failed(work, result)
    listing = work.project / _LISTING
    if not listing.is_file():
        raise UsageError(
            f"{work.title} is a Gradle project without the plugin `java`",
            hint="set `source` to the folder of the project that holds the handler",
        )
    return _output(json.loads(listing.read_text(encoding="utf-8")), work.copy)


def _output(listing: Any, copy: Path) -> Output:
    def own(place: Path) -> bool:
        return place.is_relative_to(copy) or place.is_relative_to(copy.resolve())

    jars = [
        Resolved(each["group"], each["artifact"], each["version"], each["classifier"], place, own(place))
        for each in listing["jars"]
        if (place := Path(each["place"])).suffix == ".jar"
    ]
    jars += [Resolved("", place.stem, "", "", place) for place in map(Path, listing["files"]) if place.suffix == ".jar"]
    folders = tuple(place for place in map(Path, listing["folders"]) if place.is_dir())
    needs = {name: tuple(sorted(set(others))) for name, others in listing["needs"].items()}
    return Output(folders, tuple(jars), needs)


def _failed(work: Work, result: Result) -> LpackError:
    text = redacted(result.stderr.strip() or result.stdout).replace(str(work.copy), str(work.original))
    lines = [line for line in text.split("* Try:")[0].splitlines() if line.strip()]
    if re.search(r"Could not (?:resolve|find|download)", text):
        return ResolveError(
            f"the dependencies of {work.title} can't be had",
            hint="correct them in the build file; repositories and proxies are those of the project and of Gradle",
            details=lines[:_DETAILS],
        )
    return ToolError(
        f"Gradle can't build {work.title}",
        details=[f"gradle {_TASK} ended with {result.exit_code}", *lines[:_DETAILS]],
    )
