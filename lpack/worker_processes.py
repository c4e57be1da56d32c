"""The same as ``side_by_side``, in processes of their own: threads of much Python wait for each other's interpreter.

A worker is another Python that gets the task once and then one thing after another; what it reports is passed on.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Any, BinaryIO, NoReturn, TypeVar

from .errors import LpackError
from .model import Reporter
from .side_by_side import side_by_side

_START = "import sys; sys.path[:] = sys.argv[1:]; from lpack.worker_processes import serve; serve()"
_GRACE = 1.0
"""Seconds that workers have to put things away when they are told to end."""

_T = TypeVar("_T")
_Thing = TypeVar("_Thing")


class _Lost(Exception):  # noqa: N818 -- what it means is for the caller to say
    """A worker ended before its time; ``error`` says how."""

    def __init__(self, error: LpackError) -> None:
        super().__init__(error)
        self.error = error


def in_processes(
    task: Callable[[_Thing, Reporter], _T], things: Sequence[_Thing], *, label: str, workers: int, reporter: Reporter
) -> list[_T | LpackError]:
    """What the task gives for each thing, in their order; the task, the things and the results must be picklable.

    Where a worker ended before its time, there is an error instead: the system may have killed it for want of memory.
    """
    pool = _Pool(pickle.dumps(task), min(workers, len(things)))

    def hand_over(thing: _Thing, reporter: Reporter) -> _T | LpackError:
        try:
            result: _T = pool.run(thing, reporter)
        except _Lost as end:
            return end.error
        return result

    try:
        return side_by_side(
            hand_over, things, label=label, workers=pool.count, reporter=reporter, when_stopped=pool.terminate
        )
    finally:
        pool.end()


class _Pool:
    """Worker processes, which are started when they are first needed."""

    def __init__(self, task: bytes, count: int) -> None:
        self.count = count
        self._task = task
        self._started: list[subprocess.Popen[bytes]] = []
        self._free: queue.SimpleQueue[subprocess.Popen[bytes] | None] = queue.SimpleQueue()
        for _ in range(count):
            self._free.put(None)

    def run(self, thing: object, reporter: Reporter) -> Any:
        """The task's result for the thing, from the next worker that is free; _Lost when that ends meanwhile."""
        process = self._free.get()
        try:
            process = process or self._start()
            pickle.dump(thing, _open(process.stdin))
            _open(process.stdin).flush()
            word, answer = _answer(_open(process.stdout), reporter)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            ended, process = process, None  # the next thing starts another
            raise _Lost(_gone(ended)) from error
        except BaseException:
            process = None  # it is in the middle of something
            raise
        finally:
            self._free.put(process)
        if word == "error":
            raise answer
        return answer

    def terminate(self) -> None:
        """Tell all to end."""
        for process in self._started:
            process.terminate()

    def end(self) -> None:
        """End all, and wait until they are gone."""
        self.terminate()
        for process in self._started:
            try:
                process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            with contextlib.suppress(BrokenPipeError):  # what it did not read any more is still in the buffer
                _open(process.stdin).close()
            _open(process.stdout).close()

    def _start(self) -> subprocess.Popen[bytes]:
        # In a session of its own, so that Ctrl-C is this process's alone, which ends the workers in good order.
        process = subprocess.Popen(
            [sys.executable, "-c", _START, *_search_path()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._started.append(process)
        _open(process.stdin).write(self._task)
        return process


def _search_path() -> list[str]:
    """Where this Python finds modules; "" stands for the folder that it runs in."""
    return [path or str(Path.cwd()) for path in sys.path]


def _answer(answers: IO[bytes], reporter: Reporter) -> tuple[str, Any]:
    """What a worker says at last, "result" or "error" and which; what it reports before that is passed on."""
    while True:
        word, content = pickle.load(answers)  # noqa: S301 -- from a process that runs this very code
        if word in {"result", "error"}:
            return word, content
        getattr(reporter, word)(*content)


def _gone(process: subprocess.Popen[bytes] | None) -> LpackError:
    if process is None:
        return LpackError("a worker process can't be started", hint="close other programs, and run the command again")
    code = process.wait()
    end = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
    hint = "if the system ended it for want of memory, build fewer functions at once"
    return LpackError(f"a worker process ended before its work was done, with {end}", hint=hint)


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream  # noqa: S101 -- a pipe was asked for
    return stream


class _Ended(BaseException):
    pass


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Ended


@dataclass(frozen=True, slots=True)
class _Relay:
    """A Reporter that tells the process which started this one."""

    answers: BinaryIO
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, message: str) -> None:
        self.send("note", (message,))

    def warning(self, message: str) -> None:
        self.send("warning", (message,))

    def progress(self, label: str, done: int, total: int) -> None:
        self.send("progress", (label, done, total))

    def printed(self, line: str) -> None:
        self.send("printed", (line,))

    def send(self, word: str, content: object) -> None:
        message = pickle.dumps((word, content))
        with self.lock:
            self.answers.write(message)
            self.answers.flush()


def serve() -> None:
    """Be a worker: read a task and then things from standard input, until there are no more of them."""
    signal.signal(signal.SIGTERM, _end)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed here is no answer
    relay = _Relay(answers)
    # When whoever started this process has ended, there is nobody to answer, and nothing more to do.
    with contextlib.suppress(_Ended, EOFError, BrokenPipeError), os.fdopen(0, "rb", closefd=False) as requests:
        task = pickle.load(requests)  # noqa: S301 -- from the process that started this one
        while True:
            _serve_one(task, pickle.load(requests), relay)  # noqa: S301


def _serve_one(task: Callable[[Any, Reporter], Any], thing: object, relay: _Relay) -> None:
    try:
        result = task(thing, relay)
    except Exception as error:  # noqa: BLE001 -- it is raised again where the task was given
        error.add_note("".join(traceback.format_exception(error)))
        relay.send("error", error)
    else:
        relay.send("result", result)
