"""The Reporter of the command line: notes as lines, progress as bars, the bars on a terminal only."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..model import Severity
from .output import Output

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE = 0.5
"""Seconds after which people wonder. What is done by then needs no bars, and does not load the library for them."""


class TerminalReporter:
    """Prints notes and warnings to stderr, and draws a bar for each label that makes progress."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._lock = threading.RLock()
        self._reached: dict[str, tuple[int, int]] = {}
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and not self._output.quiet:
            self._timer = threading.Timer(_PATIENCE, self._draw)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer:
            self._timer.cancel()
        with self._lock:
            self._timer = None
            if self._bars:
                self._bars.stop()

    def note(self, message: str) -> None:
        """A line on stderr."""
        with self._lock:
            self._output.message(Severity.NOTE, message)

    def warning(self, message: str) -> None:
        """A line on stderr."""
        with self._lock:
            self._output.message(Severity.WARNING, message)

    def progress(self, label: str, done: int, total: int) -> None:
        """Move the label's bar, once there are bars."""
        with self._lock:
            self._reached[label] = (done, total)
            if self._bars:
                self._move(self._bars, label)

    def printed(self, line: str) -> None:
        """A line on stderr, for those who want to know all."""
        if self._output.verbose:
            with self._lock:
                self._output.remark(f"  {line}")

    def _draw(self) -> None:
        bars = _bars(self._output)
        with self._lock:
            if self._timer is None:  # all was done meanwhile
                return
            self._bars = bars
            bars.start()
            for label in self._reached:
                self._move(bars, label)

    def _move(self, bars: Progress, label: str) -> None:
        done, total = self._reached[label]
        countable = total > 1  # of a single step it can only be said that it goes on
        share = f"{100 * done / total:.0f} %" if countable else ""
        if label not in self._tasks:
            self._tasks[label] = bars.add_task(label, share=share)
        bars.update(self._tasks[label], completed=done, total=total if countable else None, share=share)


def _bars(output: Output) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[share]:>5}"),
        TimeElapsedColumn(),
        console=Console(stderr=True, no_color=not output.colour),
        transient=True,
    )
