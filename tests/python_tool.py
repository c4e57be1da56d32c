"""Programs of PyPI that want other packages than lpack and its tests do."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

from emulator import kept


def python_with(requirement: str) -> Path:
    """A Python that has the package, in an environment of its own that is kept for the next run.

    The environment was renamed, so that first lines of its programs lead nowhere: it is the Python that starts them.
    """

    def install(folder: Path) -> None:
        venv.create(folder / "environment", with_pip=True, symlinks=True)
        command = [folder / "environment/bin/python", "-m", "pip", "install", "--quiet", requirement]
        subprocess.run(command, check=True)

    return kept(requirement, install) / "environment/bin/python"
