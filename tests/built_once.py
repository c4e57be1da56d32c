"""What a fixture makes in a test's own folders, made by the first test that asks for it and copied for the others."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path


def built_once(shelf: Path, tmp_path: Path, make: Callable[[], Path]) -> Path:
    """The folder below ``tmp_path`` that ``make`` returns, with all that it leaves there and in the test's store.

    ``shelf`` is where copies are kept: a folder of the module, say, which does not exist before.
    """
    store = Path(os.environ["LPACK_CACHE_DIR"])
    if not shelf.exists():
        made = make()
        shutil.copytree(store, shelf / "store")
        shutil.copytree(tmp_path, shelf / "files")
        (shelf / "made").write_text(str(made.relative_to(tmp_path)))
    else:
        shutil.copytree(shelf / "store", store)
        shutil.copytree(shelf / "files", tmp_path, dirs_exist_ok=True)
    return tmp_path / (shelf / "made").read_text()
