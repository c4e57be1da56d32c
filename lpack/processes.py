"""The one door to other programs."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .errors import ToolError


@dataclass(frozen=True, slots=True)
class Result:
    """What a program that ended left behind."""

    exit_code: int
    stdout: str
    stderr: str

    def last_lines(self, count: int = 15) -> tuple[str, ...]:
        """The end of what it printed, standard error first choice: where programs say what went wrong."""
        text = self.stderr.strip() or self.stdout.strip()
        return tuple(text.splitlines()[-count:])


def run(
    command: Sequence[str | Path],
    *,
    folder: Path,
    environ: Mapping[str, str],
    timeout: float | None = None,
    given: str = "",
) -> Result:
    """Run a program to its end without a terminal; ToolError when it can't be started, or takes ``timeout`` seconds.

    It finds ``given`` at its standard input.
    """
    arguments = [str(part) for part in command]
    try:
        process = subprocess.run(
            arguments,
            cwd=folder,
            env=dict(environ),
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except OSError as error:
        raise ToolError(f"`{arguments[0]}` can't be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"`{shown(command)}` took more than {timeout:g} seconds") from error
    return Result(process.returncode, process.stdout, process.stderr)


def listen(
    command: Sequence[str | Path], *, folder: Path, environ: Mapping[str, str], heard: Callable[[str], None]
) -> Result:
    """Run a program to its end, and let ``heard`` have each line that it prints, to either stream, as it comes.

    The lines of both streams are the result's ``stdout``. When it is left early, by Ctrl-C say, all that the program
    has started ends with it.
    """
    lines = []
    with running(command, folder=folder, environ=environ, stderr=subprocess.STDOUT) as process:
        for raw in _open(process.stdout):
            line = raw.decode("utf-8", errors="replace")
            lines.append(line)
            heard(line.rstrip())
        process.wait()
    return Result(process.returncode, "".join(lines), "")


@contextlib.contextmanager
def running(  # noqa: PLR0913 -- what a program is started with
    command: Sequence[str | Path],
    *,
    folder: Path,
    environ: Mapping[str, str],
    pass_fds: Sequence[int] = (),
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs beside lpack until the block ends; ToolError when it can't be started.

    It is in a session of its own, so that Ctrl-C is lpack's to deal with; all of its session ends with the block.
    """
    arguments = [str(part) for part in command]
    try:
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=dict(environ),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=pass_fds,
            start_new_session=True,
        )
    except OSError as error:
        raise ToolError(f"`{arguments[0]}` can't be run: {error.strerror}") from error
    try:
        yield process
    finally:
        end(process)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream  # noqa: S101 -- a pipe was asked for
    return stream


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program that ``running`` started, and its session, and wait for it; nothing if it has ended."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def shown(command: Sequence[str | Path]) -> str:
    """The command as one would type it."""
    return shlex.join(str(part) for part in command)
