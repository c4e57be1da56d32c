"""What is costly to make and only looked at: made by the first test that asks, for all workers of a run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


def once(folder: Path, fill: Callable[[Path], object]) -> Path:
    """The folder, which ``fill`` fills in another place when it is first asked for."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as place:
                made = Path(place, folder.name)
                made.mkdir()
                fill(made)
                made.rename(folder)
    return folder
