"""pip-tools as the resolver: pip's own view of the versions, where the target is this very machine's Python."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from ...download import redacted
from ...errors import ResolveError, UsageError
from ...model import Host, Target
from ...processes import run
from ...store import Store
from .pyproject import group_lines
from .requirement_lines import one_file
from .requirements import Requirements, read_toml
from .resolving import resolve
from .uv import Answer, Question

PINS = "pins.txt"
"""The file that pip-compile reads earlier pins from, and writes the new ones to."""

_LIMITS, _LISTED = "constraints.txt", "requirements.in"


def resolve_with_pip_tools(requirements: Requirements, question: Question, *, store: Store, host: Host) -> Answer:
    """The versions and hashes that pip-compile chooses, as a PEP 751 document.

    pip-compile writes a requirements file; uv adds to its pins where each file is, and resolves nothing anew.
    """
    _refuse_other_machines(question.target)
    with store.temporary_folder() as folder:
        options = write_inputs(requirements, question, folder)
        command = [sys.executable, "-m", "piptools", *options(folder)]
        result = run(command, folder=requirements.folder, environ=host.environ)
        if result.exit_code != 0:
            raise cannot_be_met(question, what_pip_says(result.stderr))
        text = (folder / PINS).read_text(encoding="utf-8")
    return resolve(pinned(question, text), store=store, host=host)


def write_inputs(requirements: Requirements, question: Question, folder: Path) -> Callable[[PurePath], list[str]]:
    """Write what pip-compile reads into a folder; the options, by the path that the folder has for pip-compile."""
    given = {PINS: _preferred(question), _LIMITS: question.constraints}
    if requirements.groups or not requirements.file:
        given[_LISTED] = _listed(requirements, question)
    for name, text in given.items():
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")

    def options(place: PurePath) -> list[str]:
        found = ["compile", "--quiet", "--generate-hashes", "--allow-unsafe", "--strip-extras", "--no-header"]
        found += ["--no-annotate", f"--output-file={place / PINS}"]
        found += [f"--extra={extra}" for extra in requirements.extras]
        if question.constraints:
            found.append(f"--constraint={place / _LIMITS}")
        if requirements.file and requirements.kind != "groups":
            found.append(requirements.file.name)
        if _LISTED in given:
            found.append(str(place / _LISTED))
        return found

    return options


def pinned(question: Question, text: str) -> Question:
    """The question where the files are that pip-compile chose."""
    return replace(question, text=text, arguments=(), constraints="", preferred=None, options=("--no-deps",))


def cannot_be_met(question: Question, said: Sequence[str]) -> ResolveError:
    """The error for requirements for which pip-compile finds no versions."""
    return ResolveError(
        f"the requirements of {question.subject} can't be met for {question.target}",
        hint="change the requirements so that they can be met together",
        details=said,
    )


def _preferred(question: Question) -> str | None:
    """The pins that are kept where they fit: pip-compile finds them in the file that it writes."""
    if not question.preferred:
        return None
    packages = read_toml(question.preferred)["packages"]
    return "\n".join(f"{each['name']}=={each['version']}" for each in packages if "version" in each)


def _listed(requirements: Requirements, question: Question) -> str:
    """What stands in no file that pip-compile could read: a list, or dependency groups, which it does not know."""
    if not requirements.groups:
        return question.text
    text, _ = one_file(group_lines(requirements.folder, requirements.groups))
    return text


def what_pip_says(text: str) -> list[str]:
    """What it says before its traceback, and the error that the traceback ends with."""
    said, traceback, rest = redacted(text.strip()).partition("Traceback (most recent call last):")
    last = rest.rpartition("\n")[2].partition(": ")[2]
    return [line.strip() for line in (*said.splitlines(), last if traceback else "") if line.strip()]


def _refuse_other_machines(target: Target) -> None:
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    machine = platform.machine()
    if sys.platform == "linux" and here == target.runtime.version and machine == target.architecture.machine:
        return
    raise UsageError(
        f"pip-tools resolves for the machine it runs on (Python {here} on {sys.platform}, {machine}), not for {target}",
        hint='set `resolver = "uv"` in [build], which resolves for any target',
    )
