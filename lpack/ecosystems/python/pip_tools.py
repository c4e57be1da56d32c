"""pip-tools as the resolver: pip's own view of the versions, where the target is this very machine's Python."""

from __future__ import annotations

import platform
import sys
from dataclasses import replace

from ...download import redacted
from ...errors import ResolveError, UsageError
from ...model import Host, Target
from ...processes import Result, run
from ...store import Store
from .pyproject import group_lines
from .requirement_lines import one_file
from .requirements import Requirements, read_toml
from .resolving import resolve
from .uv import Answer, Question


def resolve_with_pip_tools(requirements: Requirements, question: Question, *, store: Store, host: Host) -> Answer:
    """The versions and hashes that pip-compile chooses, as a PEP 751 document.

    pip-compile writes a requirements file; uv adds to its pins where each file is, and resolves nothing anew.
    """
    _refuse_other_machines(question.target)
    with store.temporary_folder() as folder:
        pins = folder / "pins.txt"
        if question.preferred:
            packages = read_toml(question.preferred)["packages"]
            lines = [f"{each['name']}=={each['version']}" for each in packages if "version" in each]
            pins.write_text("\n".join(lines), encoding="utf-8")
        command = [sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes", "--allow-unsafe"]
        command += ["--strip-extras", "--no-header", "--no-annotate", f"--output-file={pins}"]
        command += [f"--extra={extra}" for extra in requirements.extras]
        if question.constraints:
            limits = folder / "constraints.txt"
            limits.write_text(question.constraints, encoding="utf-8")
            command.append(f"--constraint={limits}")
        if requirements.file and requirements.kind != "groups":
            command.append(requirements.file.name)
        if requirements.groups or not requirements.file:
            listed = folder / "requirements.in"
            listed.write_text(_listed(requirements, question), encoding="utf-8")
            command.append(str(listed))
        result = run(command, folder=requirements.folder, environ=host.environ)
        if result.exit_code != 0:
            raise ResolveError(
                f"the requirements of {question.subject} can't be met for {question.target}",
                hint="change the requirements so that they can be met together",
                details=_what_pip_says(result),
            )
        text = pins.read_text(encoding="utf-8")
    pinned = replace(question, text=text, arguments=(), constraints="", preferred=None, options=("--no-deps",))
    return resolve(pinned, store=store, host=host)


def _listed(requirements: Requirements, question: Question) -> str:
    """What stands in no file that pip-compile could read: a list, or dependency groups, which it does not know."""
    if not requirements.groups:
        return question.text
    text, _ = one_file(group_lines(requirements.folder, requirements.groups))
    return text


def _what_pip_says(result: Result) -> list[str]:
    """What it says before its traceback, and the error that the traceback ends with."""
    said, traceback, rest = redacted(result.stderr.strip()).partition("Traceback (most recent call last):")
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
