from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import pytest

from lpack.model import Reporter, Silent
from lpack.side_by_side import side_by_side


@dataclass
class Listener:
    """A Reporter that remembers progress, and has had enough when so much was done."""

    stop_at: int | None = None
    progressed: list[tuple[str, int, int]] = field(default_factory=list)

    def note(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...

    def printed(self, line: str) -> None: ...

    def progress(self, label: str, done: int, total: int) -> None:
        self.progressed.append((label, done, total))
        if label == "all" and done == self.stop_at:
            raise KeyboardInterrupt


def test_results_are_in_the_order_of_the_things() -> None:
    def task(thing: int, _: Reporter) -> int:
        time.sleep(0.02 if thing == 1 else 0)
        return thing * 10

    assert side_by_side(task, [1, 2, 3], label="all", workers=3, reporter=Silent()) == [10, 20, 30]
    assert side_by_side(task, [3], label="all", workers=3, reporter=Silent()) == [30]
    assert side_by_side(task, [], label="all", workers=3, reporter=Silent()) == []


def test_progress_is_told_from_the_start_and_of_nothing_when_there_is_nothing() -> None:
    listener = Listener()
    side_by_side(lambda thing, _: thing, "abc", label="all", workers=2, reporter=listener)
    assert listener.progressed == [("all", done, 3) for done in range(4)]
    listener = Listener()
    side_by_side(lambda thing, _: thing, "", label="all", workers=2, reporter=listener)
    assert listener.progressed == []


def test_one_thing_is_done_right_here() -> None:
    threads = side_by_side(lambda *_: threading.current_thread(), ["a"], label="all", workers=2, reporter=Silent())
    assert threads == [threading.current_thread()]


def test_no_more_run_at_once_than_there_are_workers() -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def task(_: int, __: Reporter) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1

    side_by_side(task, range(8), label="all", workers=2, reporter=Silent())
    assert most <= 2


def test_an_error_of_one_comes_after_the_others_have_ended() -> None:
    done: list[int] = []

    def task(thing: int, _: Reporter) -> None:
        if thing == 0:
            raise ZeroDivisionError
        time.sleep(0.01)
        done.append(thing)

    with pytest.raises(ZeroDivisionError):
        side_by_side(task, [0, 1, 2], label="all", workers=3, reporter=Silent())
    assert sorted(done) == [1, 2]


def test_whoever_has_had_enough_waits_for_the_next_step_of_each_and_no_longer() -> None:
    started, ended = threading.Barrier(2), threading.Event()

    def task(thing: int, reporter: Reporter) -> None:
        if thing == 0:
            started.wait(10)
            return
        started.wait(10)
        try:
            while True:
                reporter.progress("steps", 0, 0)
                time.sleep(0.001)
        finally:
            ended.set()

    with pytest.raises(KeyboardInterrupt):
        side_by_side(task, range(2), label="all", workers=2, reporter=Listener(stop_at=1))
    assert ended.is_set()
