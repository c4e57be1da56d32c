"""lpack's command line in this process: quick, for what needs no terminal, signals or streams of its own."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from command_line import Run

from lpack.cli import run


def lpack(*arguments: str | Path, folder: Path) -> Run:
    """Run lpack's command in the folder, with the test's own environment."""
    with contextlib.redirect_stdout(io.StringIO()) as stdout, contextlib.redirect_stderr(io.StringIO()) as stderr:
        exit_code = run([*map(str, arguments), "-C", str(folder)])
    return Run(exit_code, stdout.getvalue(), stderr.getvalue())
