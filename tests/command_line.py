"""lpack as a user runs it: a process of its own, with an exit code and two streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """What a run of lpack left behind."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.stdout)


def lpack(
    *arguments: str | Path, folder: Path | None = None, environ: Mapping[str, str] | None = None, stdin: str = ""
) -> Run:
    """Run lpack in ``folder`` with the test's own environment and the variables of ``environ``."""
    process = subprocess.run(
        [sys.executable, "-m", "lpack", *arguments],
        cwd=folder,
        env={**os.environ, **(environ or {})},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "this is a bug in lpack" not in process.stderr, process.stderr
    return Run(process.returncode, process.stdout, process.stderr)
