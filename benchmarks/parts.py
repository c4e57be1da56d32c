"""The parts of the measurement: what each of them builds, by which commands, and what happens before each run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import projects
import tools
from measure import Contender, Series, in_turns

WHOLE, CHANGED, NOTHING = "whole build", "one file changed", "nothing changed"
SAM, UV = "sam build, zip", "uv pip install --target, zip"
LAYERED = "10 functions on 2 layers"
HUGE = "260 MB function"
COUNTS = (10, 50, 100)
NODE = "Node.js, 5,400 files"
BUNDLE = "esbuild bundle"
JAVA = "Java"
MAVEN = "mvn -o -q package"


def measure_one(folder: Path, installed: tools.Tools, rounds: int) -> dict[str, Series]:
    """The pandas fixture: built whole by all three, and by lpack once more after a change and after none."""
    project = projects.pandas_project(folder)
    environ = installed.environ
    wheels = installed.folder / "wheels"
    tools.run(environ, installed.lpack, "lock", "-C", project)
    tools.prepare_peers(project, project / "pylock.report.toml", installed, wheels)
    tools.run(environ, installed.lpack, "lock", "-C", project)

    code = project / "src" / "app.py"
    lpack = (str(installed.lpack), "build", "--frozen")
    function = tools.SamFunction(projects.RUNTIME, "app.handler")
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    return in_turns(
        [
            Contender(WHOLE, lpack, lambda: _remove(project / "dist"), project, environ),
            _sam(SAM, project, function, installed, offline),
            Contender(
                UV, tools.uv_command(installed), lambda: _remove(project / "uv", project / "uv.zip"), project, environ
            ),
            Contender(CHANGED, lpack, lambda: _change(code), project, environ),
            Contender(NOTHING, lpack, lambda: None, project, environ),
        ],
        rounds,
    )


def measure_many(folder: Path, installed: tools.Tools, rounds: int) -> dict[str, Series]:
    """10, 50 and 100 functions of one project that share the packages of the pandas fixture."""
    project = projects.many_functions(folder, max(COUNTS))
    tools.run(installed.environ, installed.lpack, "lock", "-C", project)
    contenders = [
        Contender(
            f"{count} functions",
            (str(installed.lpack), "build", "--frozen", *projects.function_names(count)),
            lambda: _remove(project / "dist"),
            project,
            installed.environ,
        )
        for count in COUNTS
    ]
    return in_turns(contenders, rounds)


def measure_layered(folder: Path, installed: tools.Tools, rounds: int) -> dict[str, Series]:
    """Ten functions on two layers: all of it, then one function changed, then nothing."""
    project = projects.layered_functions(folder, 10)
    tools.run(installed.environ, installed.lpack, "lock", "-C", project)
    return in_turns(_builds(LAYERED, project, project / "functions" / "f003" / "app.py", installed), rounds)


def measure_huge(folder: Path, installed: tools.Tools, rounds: int) -> dict[str, Series]:
    """A function as large as Lambda takes, from an empty store, when memory is needed most, and with a filled one."""
    project = projects.huge_project(folder)
    tools.run(installed.environ, installed.lpack, "lock", "-C", project)
    lpack = (str(installed.lpack), "build", "--frozen")
    store = folder / "store"
    fresh = installed.environ | {"LPACK_CACHE_DIR": str(store)}
    return in_turns(
        [
            Contender(f"{HUGE}, empty store", lpack, lambda: _remove(project / "dist", store), project, fresh),
            Contender(HUGE, lpack, lambda: _remove(project / "dist"), project, fresh),
        ],
        rounds,
    )


def measure_node(folder: Path, installed: tools.Tools, rounds: int) -> dict[str, Series]:
    """A function with a large node_modules, and one with most of these packages in a bundle."""
    runtime = tools.node_runtime(installed)
    plain = projects.node_project(folder / "plain", runtime)
    bundled = projects.bundled_project(folder / "bundled", runtime)
    for project in (plain, bundled):
        tools.prepare_npm(project, installed)

    properties: dict[str, object] = {"UseNpmCi": True}
    offline = {"npm_config_offline": "true"}
    esbuild = tools.install_esbuild(installed.folder / "esbuild", installed)
    options = properties | {"Minify": True, "Target": runtime.removesuffix(".x").replace("nodejs", "node")}
    function = tools.SamFunction(runtime, "index.handler", {"BuildProperties": properties})
    bundling = function._replace(metadata={"BuildMethod": "esbuild", "BuildProperties": options})
    with_esbuild = offline | {"PATH": f"{esbuild}:{installed.environ['PATH']}"}
    return in_turns(
        [
            *_builds(NODE, plain, plain / "src" / "index.js", installed),
            _sam(f"{NODE}, {SAM}", plain, function, installed, offline),
            *_builds(BUNDLE, bundled, bundled / "src" / "index.js", installed),
            _sam(f"{BUNDLE}, {SAM}", bundled, bundling, installed, with_esbuild),
        ],
        rounds,
    )


def measure_java(folder: Path, installed: tools.Tools, rounds: int) -> dict[str, Series]:
    """The Maven fixture: from what Maven made before, after a change, and what Maven takes for the same change."""
    project = projects.java_project(folder / "lpack")
    alone = projects.java_project(folder / "maven") / "src"
    tools.run(installed.environ, "mvn", "-q", "package", folder=alone)  # fetches what it will need
    function = tools.SamFunction(projects.JAVA_RUNTIME, projects.JAVA_HANDLER)
    code = Path("src", "main", "java", "example", "Greeting.java")
    maven = tuple(MAVEN.split())
    return in_turns(
        [
            *_builds(JAVA, project, project / "src" / code, installed),
            Contender(f"{JAVA}, {MAVEN}", maven, lambda: _change(alone / code), alone, installed.environ),
            _sam(f"{JAVA}, {SAM}", project, function, installed, {}),
        ],
        rounds,
    )


def _builds(name: str, project: Path, code: Path, installed: tools.Tools) -> list[Contender]:
    """``lpack build`` with no artifact there yet, after a change of the code, and after none."""
    lpack = (str(installed.lpack), "build", "--frozen")
    environ = installed.environ
    return [
        Contender(name, lpack, lambda: _remove(project / "dist"), project, environ),
        Contender(f"{name}, {CHANGED}", lpack, lambda: _change(code), project, environ),
        Contender(f"{name}, {NOTHING}", lpack, lambda: None, project, environ),
    ]


def _sam(
    name: str, project: Path, function: tools.SamFunction, installed: tools.Tools, environ: Mapping[str, str]
) -> Contender:
    """``sam build`` and zip from nothing, with variables that are for it alone."""
    command = tools.sam_command(project, function, installed)
    outputs = (project / "sam", project / ".aws-sam", project / "sam.zip")
    return Contender(name, command, lambda: _remove(*outputs), project, installed.environ | environ)


def _change(code: Path) -> None:
    comment = "#" if code.suffix == ".py" else "//"
    code.write_text(f"{code.read_text()}{comment} changed\n")


def _remove(*paths: Path) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
