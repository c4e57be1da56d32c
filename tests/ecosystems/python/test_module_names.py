from __future__ import annotations

import subprocess
import sys

import pytest

# Threads change in the middle of what Python does, as they may when it collects garbage. In a process of its own, as
# it is Python itself that is disturbed.
PARSING = """
import gc
from concurrent.futures import ThreadPoolExecutor
from lpack.ecosystems.python.module_names import names_in

gc.callbacks.append(lambda *_: sum(range(2000)))
module = b"x = 1\\n" + b"def f(a):\\n    return [a * (b + c) - d for b in a if (c := b)]\\n" * 200
with ThreadPoolExecutor(4) as pool:
    found = list(pool.map(lambda _: names_in(module, (3, 11)), range(30)))
assert found == [{"x", "f"}] * 30
"""


@pytest.mark.slow
def test_threads_that_parse_do_not_disturb_each_other() -> None:
    subprocess.run([sys.executable, "-c", PARSING], check=True, timeout=60)
