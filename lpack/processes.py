"""The one door to other programs."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    command: Sequence[str | Path], *, folder: Path, environ: Mapping[str, str], timeout: float | None = None
) -> Result:
    """Run a program to its end without a terminal; ToolError when it can't be started, or takes ``timeout`` seconds."""
    arguments = [str(part) for part in command]
    try:
        process = subprocess.run(
            arguments,
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
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


def shown(command: Sequence[str | Path]) -> str:
    """The command as one would type it."""
    return shlex.join(str(part) for part in command)
