"""Programs are run to their end, one after the other in turns, and their time and memory read from the kernel."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Contender:
    """A command with what has to be done before each of its runs, which is not measured."""

    name: str
    command: tuple[str, ...]
    prepare: Callable[[], object]
    folder: Path
    environ: dict[str, str]


@dataclass(slots=True)
class Series:
    """The runs of a contender: seconds from start to end, and the largest of its processes' peak memory in bytes."""

    seconds: list[float] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)

    @property
    def time(self) -> float:
        """The median time in seconds."""
        return statistics.median(self.seconds)

    @property
    def peak(self) -> int:
        """The largest peak in bytes: memory is a promise about every run."""
        return max(self.peaks)


def in_turns(contenders: Sequence[Contender], rounds: int) -> dict[str, Series]:
    """Run A B C A B C …, so that a machine that gets slower slows all; a first round warms the caches."""
    results = {contender.name: Series() for contender in contenders}
    for turn in range(rounds + 1):
        for contender in contenders:
            contender.prepare()
            os.sync()  # what the one before left to be written must not slow this one
            seconds, peak = _run(contender)
            print(f"{contender.name}: {seconds:.2f} s{'' if turn else ' (not counted)'}", file=sys.stderr)
            if turn:
                results[contender.name].seconds.append(seconds)
                results[contender.name].peaks.append(peak)
    return results


def once(contender: Contender) -> dict[str, Series]:
    """Run one that takes long, and whose memory is of interest, a single time."""
    contender.prepare()
    seconds, peak = _run(contender)
    print(f"{contender.name}: {seconds:.2f} s", file=sys.stderr)
    return {contender.name: Series([seconds], [peak])}


def _run(contender: Contender) -> tuple[float, int]:
    started = time.perf_counter()
    process = subprocess.Popen(
        contender.command,
        cwd=contender.folder,
        env=contender.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{contender.name} failed: {' '.join(contender.command)}\n{output.decode(errors='replace')}")
    # Linux counts in KiB, macOS in bytes.
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
