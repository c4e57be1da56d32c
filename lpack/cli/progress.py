"""The Reporter of the command line: notes as lines, progress as bars, the bars on a terminal only."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .output import Output

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class TerminalReporter:
    """Prints notes and warnings to stderr, and draws a bar for each label that makes progress."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._lock = threading.Lock()
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._draws = sys.stderr.isatty() and not output.quiet

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def note(self, message: str) -> None:
        """A line on stderr."""
        with self._lock:
            self._output.message("note", message)

    def warning(self, message: str) -> None:
        """A line on stderr."""
        with self._lock:
            self._output.message("warning", message)

    def progress(self, label: str, done: int, total: int) -> None:
        """Move the label's bar, on a terminal."""
        if not self._draws:
            return
        with self._lock:
            if self._bars is None:
                self._bars = _started(self._output)
            if label not in self._tasks:
                self._tasks[label] = self._bars.add_task(label, total=total)
            self._bars.update(self._tasks[label], completed=done, total=total)


def _started(output: Output) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=Console(stderr=True, no_color=not output.colour),
        transient=True,
    )
    progress.start()
    return progress
