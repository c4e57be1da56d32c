"""What workers are asked to do in the tests: they import their task, so that it needs a module that they find."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from lpack.errors import ConfigError
from lpack.model import Reporter


def sleep(seconds: float, _: Reporter) -> tuple[float, int]:
    time.sleep(seconds)
    return seconds, os.getpid()


def report(thing: str, reporter: Reporter) -> str:
    print("this is no answer")
    reporter.note(f"note of {thing}")
    reporter.warning(f"warning of {thing}")
    reporter.progress(thing, 1, 2)
    return thing.upper()


def fail(thing: str, _: Reporter) -> str:
    if thing == "mistake":
        raise ConfigError("lpack.toml", ["one", "another"], hint="mend them")
    if thing == "missing":
        raise FileNotFoundError(2, "No such file or directory", "/nowhere")
    if thing == "bug":
        raise ZeroDivisionError(thing)
    return thing


def die(thing: str, _: Reporter) -> str:
    if thing == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if thing == "ended":
        os._exit(3)
    return thing


def leave_a_mark_or_not(place: Path, _: Reporter) -> None:
    """What is long says that it runs and, on its way out, that it was told to end."""
    if place.name == "long":
        place.with_suffix(".started").touch()
        try:
            time.sleep(60)
        finally:
            place.with_suffix(".ended").touch()


def tell_and_wait(place: Path, _: Reporter) -> None:
    place.write_text(str(os.getpid()))
    time.sleep(0.5)
