"""What is ready: what the checks said of an artifact is known again, in any process, until something is different."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_projects import ORDERS, SETTINGS

LIBRARIES = 'provided-libraries = ["liba.so", "libb.so", "libc.so"]\nenvironment = { FIRST = "1", SECOND = "2" }\n'


def verdicts(store: Path) -> int:
    """How many there are in the store."""
    return len([path for path in (store / "notes/verdicts").rglob("*") if path.is_file()])


@pytest.mark.usefixtures("aws")
def test_verdicts_are_noted_once_for_all_processes(built: Any, store_folder: Path) -> None:
    folder = built(toml=ORDERS + LIBRARIES + SETTINGS)
    for seed in "123":
        environ = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-m", "lpack", "publish", "-q"], cwd=folder, env=environ, check=True)
        assert verdicts(store_folder) == 1
    (folder / "lpack.toml").write_text(ORDERS + LIBRARIES + "timeout = 30\n" + SETTINGS)
    subprocess.run([sys.executable, "-m", "lpack", "publish", "-q"], cwd=folder, check=True)
    assert verdicts(store_folder) == 2
