"""Measures lpack beside `sam build` and uv in one run, and prints what came out as Markdown tables.

Everything is kept in .cache/bench: the tools, the projects, and all figures in result.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import projects
import tools
from measure import Contender, Series, in_turns

FOLDER = tools.CHECKOUT / ".cache" / "bench"

WHOLE, CHANGED, NOTHING = "whole build", "one file changed", "nothing changed"
SAM, UV = "sam build, zip", "uv pip install --target, zip"
LAYERED = "10 functions on 2 layers"
HUGE = "260 MB function"
COUNTS = (10, 50, 100)


def main() -> None:
    """Install, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each command runs (default: 5)")
    rounds: int = parser.parse_args().rounds
    if not shutil.which("zip"):
        sys.exit("`zip` is missing: install it with your system's packages")

    FOLDER.mkdir(parents=True, exist_ok=True)
    installed = tools.install(FOLDER)
    work = FOLDER / "projects"
    shutil.rmtree(work, ignore_errors=True)
    single = measure_one(work / "pandas", installed, rounds)
    many = measure_many(work / "many", installed, rounds)
    layered = measure_layered(work / "layered", installed, rounds)
    huge = measure_huge(work / "huge", installed, rounds)
    results = single | many | layered | huge
    document = {"machine": machine(installed), "runs": {name: asdict(series) for name, series in results.items()}}
    (FOLDER / "result.json").write_text(json.dumps(document, indent=2))
    print("\n".join(report(results, machine(installed), rounds)))
    shutil.rmtree(work)


def measure_one(folder: Path, installed: tools.Tools, rounds: int) -> dict[str, Series]:
    """The pandas fixture: built whole by all three, and by lpack once more after a change and after none."""
    project = projects.pandas_project(folder)
    environ = installed.environ
    wheels = FOLDER / "wheels"
    tools.run(environ, installed.lpack, "lock", "-C", project)
    tools.prepare_peers(project, project / "pylock.report.toml", installed, wheels)
    tools.run(environ, installed.lpack, "lock", "-C", project)

    code = project / "src" / "app.py"
    lpack = (str(installed.lpack), "build", "--frozen")
    return in_turns(
        [
            Contender(WHOLE, lpack, lambda: _remove(project / "dist"), project, environ),
            Contender(
                SAM,
                tools.sam_command(project, installed, wheels),
                lambda: _remove(project / "sam", project / ".aws-sam", project / "sam.zip"),
                project,
                environ,
            ),
            Contender(
                UV, tools.uv_command(installed), lambda: _remove(project / "uv", project / "uv.zip"), project, environ
            ),
            Contender(CHANGED, lpack, lambda: _append(code, "# changed\n"), project, environ),
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
    code = project / "functions" / "f003" / "app.py"
    lpack = (str(installed.lpack), "build", "--frozen")
    environ = installed.environ
    return in_turns(
        [
            Contender(LAYERED, lpack, lambda: _remove(project / "dist"), project, environ),
            Contender(f"{LAYERED}, {CHANGED}", lpack, lambda: _append(code, "# changed\n"), project, environ),
            Contender(f"{LAYERED}, {NOTHING}", lpack, lambda: None, project, environ),
        ],
        rounds,
    )


def _append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


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


def report(results: dict[str, Series], environment: str, rounds: int) -> list[str]:
    """The tables: lpack beside its peers, and every figure beside its goal."""
    whole, sam, uv = results[WHOLE], results[SAM], results[UV]
    ten, hundred = results["10 functions"], results["100 functions"]
    peak = max(series.peak for name, series in results.items() if name not in {SAM, UV})
    goals = [
        (f"{WHOLE}, from lock and store", _time(whole), "≤ 0.5 s", whole.time <= 0.5),
        (f"… beside `{SAM}`", _ratio(sam, whole), "≥ 30 times", sam.time >= 30 * whole.time),
        (f"… beside `{UV}`", _ratio(uv, whole), "≥ 8 times", uv.time >= 8 * whole.time),
        (CHANGED, _time(results[CHANGED]), "≤ 0.4 s", results[CHANGED].time <= 0.4),
        (NOTHING, _time(results[NOTHING]), "≤ 0.25 s", results[NOTHING].time <= 0.25),
        ("100 functions with those packages", _time(hundred), "< 10 s", hundred.time < 10),
        ("… beside ten times 10 functions", _ratio(hundred, ten, times=10), "≤ 1 times", hundred.time <= 10 * ten.time),
        (
            f"{LAYERED}, {CHANGED}",
            _time(on_layers := results[f"{LAYERED}, {CHANGED}"]),
            "≤ 0.4 s",
            on_layers.time <= 0.4,
        ),
        ("peak memory of all these, and of a 260 MB function", _memory(peak), "< 150 MB", peak < 150e6),
    ]
    lines = [f"Medians of {rounds} runs in turns, on {environment}.", ""]
    lines += ["| command | time | peak memory |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {_time(series)} | {_memory(series.peak)} |" for name, series in results.items()]
    lines += ["", "| goal | measured | wanted | met |", "| --- | ---: | ---: | --- |"]
    return lines + [f"| {name} | {got} | {wanted} | {'yes' if met else 'no'} |" for name, got, wanted, met in goals]


def machine(installed: tools.Tools) -> str:
    """What it was measured on, and with."""
    programs = (installed.sam, installed.uv)
    sam, uv = (tools.run(installed.environ, program, "--version").strip() for program in programs)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}, {sam}, {uv}"


def _remove(*paths: Path) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _time(series: Series) -> str:
    return f"{series.time:.2f} s"


def _memory(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def _ratio(slow: Series, fast: Series, *, times: int = 1) -> str:
    return f"{slow.time / (times * fast.time):.{0 if times == 1 else 2}f} times"


if __name__ == "__main__":
    main()
