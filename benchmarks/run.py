"""Measures lpack beside `sam build`, uv and Maven in one run, and prints what came out as Markdown tables.

Everything is kept in .cache/bench: the tools, the projects, and the figures of the last run in result.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import compiling
import container
import images
import invoking
import parts
import publishing
import tools
from goals import report
from measure import Series

FOLDER = tools.CHECKOUT / ".cache" / "bench"


class Part(NamedTuple):
    """What can be measured alone, and the programs that have to be on the machine for it."""

    measure: Callable[[Path, tools.Tools, int], dict[str, Series]]
    needs: tuple[str, ...] = ()


PARTS = {
    "python": Part(parts.measure_one, ("zip",)),
    "many": Part(parts.measure_many),
    "layers": Part(parts.measure_layered),
    "huge": Part(parts.measure_huge),
    "node": Part(parts.measure_node, ("zip", "node", "npm")),
    "java": Part(parts.measure_java, ("zip", "mvn")),
    "invoke": Part(invoking.measure_invoking, ("bwrap",)),
    "container": Part(container.measure_container, ("docker", "mmdebstrap")),
    "zig": Part(compiling.measure_zig),
    "publish": Part(publishing.measure_publish),
    "images": Part(images.measure_images, ("docker", "docker-registry")),
}


def main() -> None:
    """Install, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each command runs (default: 5)")
    parser.add_argument("--only", type=_names, default=[*PARTS], help=f"some of the parts: {','.join(PARTS)}")
    options = parser.parse_args()
    rounds: int = options.rounds
    chosen = _possible(options.only)

    FOLDER.mkdir(parents=True, exist_ok=True)
    installed = tools.install(FOLDER)
    work = FOLDER / "projects"
    shutil.rmtree(work, ignore_errors=True)
    results: dict[str, Series] = {}
    for name, part in chosen.items():
        results |= part.measure(work / name, installed, rounds)
    environment = machine(installed, chosen.values())
    document = {"machine": environment, "runs": {name: asdict(series) for name, series in results.items()}}
    (FOLDER / "result.json").write_text(json.dumps(document, indent=2))
    print("\n".join(report(results, environment, rounds)))
    shutil.rmtree(work)


def machine(installed: tools.Tools, chosen: Iterable[Part]) -> str:
    """What it was measured on, and with."""
    needed = dict.fromkeys(need for part in chosen for need in part.needs if need != "zip")
    programs = {"sam": installed.sam, "uv": installed.uv, **{name: Path(name) for name in needed}}
    versions = [f"{name} {tools.version_of(program, installed)}" for name, program in programs.items()]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = f"{platform.system()} {platform.machine()}"
    return ", ".join([f"{cores} cores", system, f"Python {platform.python_version()}", *versions])


def _names(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in PARTS:
            raise argparse.ArgumentTypeError(f"`{name}` is none of {', '.join(PARTS)}")
    return names


def _possible(names: Iterable[str]) -> dict[str, Part]:
    """The parts of those names for which this machine has the programs; the others are told."""
    possible = {}
    for name in names:
        missing = [program for program in PARTS[name].needs if not shutil.which(program)]
        if missing:
            print(f"{name} is left out: {', '.join(missing)} not found on the PATH", file=sys.stderr)
        else:
            possible[name] = PARTS[name]
    if not possible:
        sys.exit("nothing is left to measure")
    return possible


if __name__ == "__main__":
    main()
