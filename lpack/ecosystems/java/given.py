"""A jar or zip that the user's own build makes: run, read with suspicion, and its members taken as they are."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from ...download import redacted
from ...errors import InputError, LpackError, ToolError, UsageError
from ...model import Host, Reporter
from ...processes import run, shown
from ...store import Store, damaged, sha256_of
from .kept import Made, key_of, made
from .output import Output


def run_build(command: Sequence[str], folder: Path, *, name: str, host: Host, reporter: Reporter) -> None:
    """Run the user's build command in the folder; ToolError, with the end of what it printed, when it fails."""
    reporter.note(f"running `{shown(command)}` for `{name}`")
    program = shutil.which(command[0], path=host.environ.get("PATH")) or command[0]
    if not Path(program).is_absolute() and (folder / program).is_file():
        program = str(folder / program)
    result = run([program, *command[1:]], folder=folder, environ=host.environ)
    if result.exit_code != 0:
        raise ToolError(
            f"`build` of `{name}` failed: `{shown(command)}` ended with {result.exit_code}",
            details=[redacted(line) for line in result.last_lines()],
        )


def unpacked(file: Path, *, name: str, store: Store) -> Made:
    """The members of a jar or zip, at the root of the artifact; InputError when it is not there, or not sound.

    They are kept by the content of the file, which may be built anew while their bytes are still being copied.
    """
    if file.suffix not in {".jar", ".zip"}:
        raise UsageError(f"`artifact` of `{name}` is `{file.name}`", hint="name the jar, or zip, that your build makes")
    if not file.is_file():
        raise InputError(
            f"`{file}`, the artifact of `{name}`, is not there",
            hint='build it first, or let lpack do that: `build = ["mvn", "-q", "package"]`, say',
        )
    try:
        digest = sha256_of(file)
    except OSError as error:
        raise LpackError(f"`{file}` can't be read: {error.strerror}") from error

    def make(folder: Path) -> Output:
        copy = folder / file.name
        shutil.copyfile(file, copy)
        if sha256_of(copy) != digest:
            raise LpackError(f"`{file}` changed while it was being read", hint="run the command again")
        return Output((), (), {}, archive=copy)

    key = key_of("artifact", digest)
    there = made(key, make, store)
    if there.archive and damaged(*there.archive):  # nobody else looks, as this is not what is installed
        store.discard(there.archive[0])
        there = made(key, make, store)
    return there
