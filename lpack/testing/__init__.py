"""``[function.NAME.tests.TEST]``, run: each in an environment of its own, on the finished artifacts.

An environment is called once: no test sees what another one left behind, and each begins with a cold start.
"""

from __future__ import annotations

import difflib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..config import SHARED_FILE, Function, Project
from ..config.tests import FunctionTest
from ..emulator import Invocation, Runnable, Settings, checked_event, environment, runnable_of
from ..errors import ConfigError, FunctionError, LpackError, UsageError
from ..locks import understood
from ..means import Means
from ..model import Host, Reporter
from ..side_by_side import side_by_side
from ..store import Store
from ..values import Place, alternatives, quoted
from .judging import problems_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How to test: where the artifacts are, how environments are made, and how many may run at once."""

    output: Path
    settings: Settings = field(default_factory=Settings)
    workers: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a test: ``problems`` are what is not as it should be, in words.

    ``error`` says why the test could not be run, in which case there may be no ``invocation``. ``seconds`` is how long
    all took, with the start of the environment.
    """

    function: str
    test: str
    problems: tuple[str, ...] = ()
    invocation: Invocation | None = None
    error: LpackError | None = None
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """The test as one would name it on the command line."""
        return f"{self.function}:{self.test}"

    @property
    def failure(self) -> LpackError | None:
        """Why it did not pass; None when it did."""
        if self.error or not self.problems:
            return self.error
        return FunctionError(f"`{self.name}` failed", details=self.problems)


class _Selected(NamedTuple):
    function: Function
    test: FunctionTest

    @property
    def name(self) -> str:
        return f"{self.function.name}:{self.test.name}"


def run_tests(
    project: Project, names: Sequence[str], options: RunOptions, *, host: Host, reporter: Reporter
) -> list[Verdict]:
    """Run the tests of the functions named, or those named ``function:test``, or all; in the order of the file.

    UsageError for names that there are not, and when there is nothing to test; ConfigError for every event that is
    not JSON. Whatever else goes wrong is in the verdicts.
    """
    selected = _selected(project, names)
    events = _events(project, selected)
    sent = list(zip(selected, events, strict=True))
    runnables = {each.function.name: _runnable(each.function, options.output) for each in selected}

    def run(pair: tuple[_Selected, bytes], reporter: Reporter) -> Verdict:
        each, event = pair
        runnable = runnables[each.function.name]
        if isinstance(runnable, LpackError):
            return Verdict(function=each.function.name, test=each.test.name, error=runnable)
        return _run(each, runnable, event, options.settings, Means(Store(host.cache), host, reporter))

    return side_by_side(run, sent, label="testing", workers=options.workers, reporter=reporter)


def _run(each: _Selected, runnable: Runnable, event: bytes, settings: Settings, means: Means) -> Verdict:
    started = time.monotonic()
    invocation: Invocation | None = None
    error: LpackError | None = None
    problems: tuple[str, ...] = ()
    try:
        with environment(runnable, settings, means) as running:
            invocation = running.invoke(event)
    except (LpackError, OSError) as raised:
        error = understood(raised)
    else:
        problems = problems_of(each.test, invocation)
    return Verdict(
        function=each.function.name,
        test=each.test.name,
        problems=problems,
        invocation=invocation,
        error=error,
        seconds=time.monotonic() - started,
    )


def _runnable(function: Function, output: Path) -> Runnable | LpackError:
    try:
        return runnable_of(function, output)
    except LpackError as error:
        return error


def _selected(project: Project, names: Sequence[str]) -> tuple[_Selected, ...]:
    every = tuple(_Selected(function, test) for function in project.functions for test in function.tests)
    if not every:
        raise UsageError(
            f"`{project.file}` has no tests", hint="add one: [function.NAME.tests.TEST], with `event` and `expect`"
        )
    if not names:
        return every
    tests = [each.name for each in every]
    functions = {function.name: function for function in project.functions}
    unknown = [name for name in dict.fromkeys(names) if name not in functions and name not in tests]
    if unknown:
        they_are = "are no functions or tests" if unknown[1:] else "is no function or test"
        there = (*functions, *tests)
        near = [match for name in unknown for match in difflib.get_close_matches(name, there, n=1)]
        hint = f"did you mean {alternatives(near)}?" if near else f"its tests are {alternatives(tests, 'and')}"
        raise UsageError(f"{alternatives(unknown, 'and')} {they_are} of `{project.file}`", hint=hint)
    idle = [name for name in dict.fromkeys(names) if name in functions and not functions[name].tests]
    if idle:
        raise UsageError(
            f"{alternatives(idle, 'and')} {'have' if idle[1:] else 'has'} no tests in `{project.file}`",
            hint=f"add one: [function.{idle[0]}.tests.TEST], with `event` and `expect`",
        )
    return tuple(each for each in every if {each.name, each.function.name} & set(names))


def _events(project: Project, selected: Sequence[_Selected]) -> list[bytes]:
    """The events of the tests as they are sent; those of files are read."""
    place = Place("tool.lpack" if project.file.name == SHARED_FILE else "", project.folder, [])
    events = []
    for each in selected:
        here = place.key("function").key(each.function.name).key("tests").key(each.test.name).key("event")
        event = each.test.event
        events.append(_read(event, here) if isinstance(event, Path) else json.dumps(event).encode())
    if place.problems:
        raise ConfigError(str(project.file), list(dict.fromkeys(place.problems)))
    return events


def _read(file: Path, place: Place) -> bytes:
    try:
        return checked_event(file.read_bytes())
    except OSError as error:
        place.problem(f"names {quoted(file)}, which can't be read: {error.strerror}")
    except ValueError as error:
        place.problem(f"names {quoted(file)}, which is not JSON: {error}")
    return b""
