"""What was measured as Markdown tables: every command, and every figure beside its goal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from compiling import BY_PIP, COMPILED
from compiling import KEPT as COMPILED_BEFORE
from container import KEPT, PLAIN, UNCHANGED, WHEEL
from images import BUILD, DOCKER_BUILD, DOCKER_EDIT, EDIT, UPLOADED
from invoking import ANEW, BY_HAND, IMPORTS, PANDAS, SMALL, WARM
from measure import Series
from parts import BUNDLE, CHANGED, JAVA, LAYERED, MAVEN, NODE, NOTHING, SAM, UV, WHOLE
from publishing import AWS, PUBLISH, PUBLISH_LARGE, SAM_PACKAGE

Results = Mapping[str, Series]

_OF_OTHERS = (
    *(UV, SAM, MAVEN, PLAIN, AWS, SAM_PACKAGE, DOCKER_BUILD, DOCKER_EDIT, f"{BUNDLE}, {CHANGED}", f"{JAVA}, {CHANGED}"),
    *(BY_HAND, PANDAS, ANEW, IMPORTS, COMPILED, BY_PIP),
)
"""How the names end of runs whose memory is not lpack's own: peers, and those in which another does the work."""


class Goal(NamedTuple):
    """A line of the table: what it is about, what was measured, what is wanted, and whether that was met."""

    name: str
    measured: str
    wanted: str
    met: bool


def report(results: Results, environment: str, rounds: int) -> list[str]:
    """The tables: lpack beside its peers, and every figure beside its goal."""
    lines = [f"Medians of {rounds} runs in turns, on {environment}.", ""]
    lines += ["| command | time | peak memory |", "| --- | ---: | ---: |"]
    timed = [(name, series) for name, series in results.items() if name not in (UPLOADED, WARM)]
    lines += [f"| {name} | {_seconds(series.time)} | {_memory(series.peak)} |" for name, series in timed]
    lines += ["", "| goal | measured | wanted | met |", "| --- | ---: | ---: | --- |"]
    goals = [goal for name, of in _GOALS.items() if name in results for goal in of(results)]
    goals.append(_of_memory(results))
    return lines + [f"| {name} | {got} | {wanted} | {'yes' if met else 'no'} |" for name, got, wanted, met in goals]


def _of_one(results: Results) -> list[Goal]:
    whole, changed, nothing, sam, uv = (results[name].time for name in (WHOLE, CHANGED, NOTHING, SAM, UV))
    return [
        Goal(f"{WHOLE}, from lock and store", _seconds(whole), "≤ 0.5 s", whole <= 0.5),
        Goal(f"… beside `{SAM}`", _times(sam / whole), "≥ 30 times", sam >= 30 * whole),
        Goal(f"… beside `{UV}`", _times(uv / whole), "≥ 8 times", uv >= 8 * whole),
        Goal(CHANGED, _seconds(changed), "≤ 0.4 s", changed <= 0.4),
        Goal(NOTHING, _seconds(nothing), "≤ 0.25 s", nothing <= 0.25),
    ]


def _of_many(results: Results) -> list[Goal]:
    ten, hundred = results["10 functions"].time, results["100 functions"].time
    return [
        Goal("100 functions with those packages", _seconds(hundred), "< 10 s", hundred < 10),
        Goal("… beside ten times 10 functions", f"{hundred / (10 * ten):.2f} times", "≤ 1 times", hundred <= 10 * ten),
    ]


def _of_layered(results: Results) -> list[Goal]:
    changed = results[f"{LAYERED}, {CHANGED}"].time
    return [Goal(f"{LAYERED}, {CHANGED}", _seconds(changed), "≤ 0.4 s", changed <= 0.4)]


def _of_node(results: Results) -> list[Goal]:
    whole, sam = results[NODE].time, results[f"{NODE}, {SAM}"].time
    return [Goal(f"{NODE}, beside `{SAM}`", _times(sam / whole), "≥ 5 times", sam >= 5 * whole)]


def _of_bundle(results: Results) -> list[Goal]:
    # A bundle is kept like packages are: only after a change has esbuild work to do, as it has under sam each time.
    changed, sam = results[f"{BUNDLE}, {CHANGED}"].time, results[f"{BUNDLE}, {SAM}"].time
    return [Goal(f"{BUNDLE}, {CHANGED}, beside `{SAM}`", _times(sam / changed), "> 1 times", sam > changed)]


def _of_java(results: Results) -> list[Goal]:
    kept, changed, maven = (results[name].time for name in (JAVA, f"{JAVA}, {CHANGED}", f"{JAVA}, {MAVEN}"))
    beyond = changed - maven
    return [
        Goal(f"{JAVA}, from what Maven made before", _seconds(kept), "< 0.3 s", kept < 0.3),
        Goal(f"{JAVA}, {CHANGED}, beyond `{MAVEN}`", _seconds(beyond), "< 0.3 s", beyond < 0.3),
    ]


def _of_publish(results: Results) -> list[Goal]:
    changed, aws, sam = (results[name].time for name in (PUBLISH, AWS, SAM_PACKAGE))
    large = results[PUBLISH_LARGE].peak
    return [
        Goal(
            f"{PUBLISH}, beside `aws cloudformation package`", _times(aws / changed), "≥ 10 times", aws >= 10 * changed
        ),
        Goal("… beside `sam package`", _times(sam / changed), "≥ 10 times", sam >= 10 * changed),
        Goal(f"{PUBLISH_LARGE}, peak memory", _memory(large), "< 150 MB", large < 150e6),
    ]


def _of_images(results: Results) -> list[Goal]:
    build, edit, uploaded = (results[name].time for name in (BUILD, EDIT, UPLOADED))
    docker_build, docker_edit = results[DOCKER_BUILD].time, results[DOCKER_EDIT].time
    return [
        Goal(f"{BUILD}, beside `docker build`", _times(docker_build / build), "≥ 5 times", docker_build >= 5 * build),
        Goal(f"{EDIT}, beside Docker", _times(docker_edit / edit), "≥ 20 times", docker_edit >= 20 * edit),
        Goal(f"{EDIT}, uploaded", f"{uploaded / 1e3:.1f} kB", "< 100 kB", uploaded < 100e3),
    ]


def _of_invoking(results: Results) -> list[Goal]:
    small, pandas, imports, warm = (results[name].time for name in (SMALL, PANDAS, IMPORTS, WARM))
    beyond = pandas - imports
    goals = [
        Goal(SMALL, _seconds(small), "< 1 s", small < 1),
        Goal(f"{PANDAS}, beyond its imports", _seconds(beyond), "< 0.3 s", beyond < 0.3),
        Goal(f"{WARM}, median", f"{1000 * warm:.1f} ms", "< 5 ms", warm < 0.005),
    ]
    if BY_HAND in results:
        by_hand = results[BY_HAND].time
        goals.append(Goal(BY_HAND, _seconds(by_hand), "slower than lpack", by_hand > small))
    return goals


def _of_container(results: Results) -> list[Goal]:
    wheel, plain, kept, unchanged = (results[name].time for name in (WHEEL, PLAIN, KEPT, UNCHANGED))
    return [
        Goal(f"{WHEEL}, more than `docker run … pip wheel`", _seconds(wheel - plain), "≤ 1 s", wheel - plain <= 1),
        Goal(KEPT, _seconds(kept), "≤ 0.5 s", kept <= 0.5),
        Goal(UNCHANGED, _seconds(unchanged), "≤ 0.25 s", unchanged <= 0.25),
    ]


def _of_compiling(results: Results) -> list[Goal]:
    compiled, by_pip, kept = (results[name].time for name in (COMPILED, BY_PIP, COMPILED_BEFORE))
    return [
        Goal(f"{COMPILED}, beside `pip wheel`", _times(by_pip / compiled), "≥ 1 times", compiled <= by_pip),
        Goal(COMPILED_BEFORE, _seconds(kept), "≤ 0.5 s", kept <= 0.5),
    ]


_GOALS = {
    COMPILED: _of_compiling,
    WHOLE: _of_one,
    "100 functions": _of_many,
    LAYERED: _of_layered,
    NODE: _of_node,
    BUNDLE: _of_bundle,
    JAVA: _of_java,
    BUILD: _of_images,
    SMALL: _of_invoking,
    WHEEL: _of_container,
    PUBLISH: _of_publish,
}
"""By a name that the results have when the part was measured."""


def _of_memory(results: Results) -> Goal:
    peak = max(series.peak for name, series in results.items() if not name.endswith(_OF_OTHERS))
    return Goal("peak memory of lpack in all these", _memory(peak), "< 150 MB", peak < 150e6)


def _seconds(time: float) -> str:
    return f"{time:.2f} s"


def _memory(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def _times(ratio: float) -> str:
    return f"{ratio:.0f} times"
