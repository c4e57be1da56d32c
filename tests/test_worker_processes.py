"""Things done in processes of their own, as they would be done here."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import worker_tasks

from lpack.errors import ConfigError, LpackError, UnsafeArchiveError
from lpack.model import Reporter, Silent
from lpack.worker_processes import in_processes


@dataclass
class Listener:
    """A Reporter that remembers what it was told."""

    told: list[tuple[Any, ...]] = field(default_factory=list)

    def note(self, message: str) -> None:
        self.told.append(("note", message))

    def warning(self, message: str) -> None:
        self.told.append(("warning", message))

    def progress(self, label: str, done: int, total: int) -> None:
        self.told.append((label, done, total))

    def printed(self, line: str) -> None:
        self.told.append(("printed", line))


def run(task: Callable[[Any, Reporter], Any], things: Sequence[Any], reporter: Reporter | None = None) -> list[Any]:
    return in_processes(task, things, label="all", workers=2, reporter=reporter or Silent())


def _wait_until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_results_are_in_the_order_of_the_things_and_come_from_other_processes() -> None:
    found = run(worker_tasks.sleep, [0.05, 0, 0.01, 0])
    assert [thing for thing, _ in found] == [0.05, 0, 0.01, 0]
    assert os.getpid() not in {process for _, process in found}
    assert len({process for _, process in found}) <= 2


def test_what_workers_report_is_passed_on_and_what_they_print_is_not_mistaken_for_it() -> None:
    listener = Listener()
    assert run(worker_tasks.report, ["a", "b"], listener) == ["A", "B"]
    for thing in "ab":
        own = [("note", f"note of {thing}"), ("warning", f"warning of {thing}"), (thing, 1, 2)]
        assert [each for each in listener.told if each in own] == own
    assert [each for each in listener.told if each[0] == "all"] == [("all", done, 2) for done in range(3)]


def test_errors_are_raised_as_they_were() -> None:
    with pytest.raises(ConfigError) as mistake:
        run(worker_tasks.fail, ["fine", "mistake"])
    assert (mistake.value.problems, mistake.value.hint) == (("one", "another"), "mend them")
    with pytest.raises(FileNotFoundError, match="/nowhere"):
        run(worker_tasks.fail, ["missing", "fine"])
    with pytest.raises(ZeroDivisionError) as bug:
        run(worker_tasks.fail, ["bug", "fine"])
    assert any("in fail" in note for note in bug.value.__notes__), "where it happened is told"


@pytest.mark.parametrize(("death", "end"), [("killed", "SIGKILL"), ("ended", "exit code 3")])
def test_a_worker_that_dies_costs_its_own_thing_alone(death: str, end: str) -> None:
    first, lost, *others = run(worker_tasks.die, ["a", death, "b", "c"])
    assert [first, *others] == ["a", "b", "c"]
    assert lost.message == f"a worker process ended before its work was done, with {end}"


def test_workers_put_things_away_when_the_user_has_had_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("side_by_side", "worker_processes"):
        monkeypatch.setattr(f"lpack.{module}._GRACE", 20.0)  # as they may be slow here

    class Impatient(Listener):
        def progress(self, label: str, done: int, total: int) -> None:  # noqa: ARG002 -- the Protocol's
            if (label, done) == ("all", 1):
                _wait_until((tmp_path / "long.started").exists)
                raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(worker_tasks.leave_a_mark_or_not, [tmp_path / "short", tmp_path / "long"], Impatient())
    assert (tmp_path / "long.ended").exists()
    assert time.monotonic() - started < 30


@pytest.mark.slow
def test_workers_end_when_the_process_that_started_them_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from lpack.worker_processes import in_processes; import worker_tasks\n"
        "from lpack.model import Silent\n"
        "in_processes(worker_tasks.tell_and_wait, [Path(each) for each in sys.argv[1:]], label='all', workers=2,"
        " reporter=Silent())"
    )
    places = [tmp_path / name for name in ("a", "b", "c", "d")]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", code, *map(str, places)], env=environ) as process:
        _wait_until(lambda: all(place.exists() and place.read_text() for place in places[:2]))
        process.kill()
    for place in places[:2]:
        _wait_until(lambda place=place: not Path("/proc", place.read_text()).exists())
    assert not places[2].exists()


@pytest.mark.parametrize(
    "error",
    [
        LpackError("it failed", hint="do better", details=["a", "b"]),
        ConfigError("lpack.toml", ["one"], hint="mend it"),
        UnsafeArchiveError("an archive"),
    ],
)
def test_errors_survive_the_way_between_processes(error: LpackError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (copy.args, vars(copy)) == (error.args, vars(error))
