"""``lpack lock``, and what changed in locks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..build import lock_functions
from ..config import Function
from ..ecosystems import Locked, Policy
from ..errors import LpackError
from .output import Output, error_document, exit_code, finding_of
from .session import Session

_MOST_LINES = 10


def lock_named(session: Session, names: Sequence[str], *, upgrade: bool, check: bool) -> int:
    """Lock the named functions, or all, and print what changed."""
    project, output = session.project(), session.output
    functions = project.selected(names)
    policy: Policy = "frozen" if check else "upgrade" if upgrade else "keep"
    with session.reporting() as reporter:
        results = lock_functions(project, functions, policy, host=session.host, reporter=reporter)
    output.document(locks=[_document(*each) for each in zip(functions, results, strict=True)])
    locked = {function.name: result for function, result in zip(functions, results, strict=True)}
    if not output.quiet:
        for line in _lines({name: _said(result) for name, result in locked.items()}, output):
            output.result(line)
    failed = {name: [finding_of(result)] for name, result in locked.items() if isinstance(result, LpackError)}
    output.findings(failed)
    return exit_code(result if isinstance(result, LpackError) else None for result in results)


def print_changes(output: Output, changes: Mapping[str, Sequence[str]]) -> None:
    """What a build changed in the functions' locks, on stderr."""
    said = {name: (f"locked {_counted(each)}", each) for name, each in changes.items() if each}
    for line in _lines(said, output):
        output.remark(line)


def _said(result: Locked | LpackError) -> tuple[str, Sequence[str]] | None:
    """A headline and the changes; nothing about a failure, which is told as such."""
    if isinstance(result, LpackError):
        return None
    if result.changes:
        return f"locked {_counted(result.changes)}", result.changes
    return "up to date" if result.file else "no packages to lock, or another tool has locked them", ()


def _lines(said: Mapping[str, tuple[str, Sequence[str]] | None], output: Output) -> Iterator[str]:
    """The headlines with their changes; what is the same for several functions is said once, long lists are cut."""
    names: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name, each in said.items():
        if each:
            names.setdefault((each[0], tuple(each[1])), []).append(name)
    for (headline, changes), of in names.items():
        yield f"{output.row(of)}: {headline}"
        kept = changes if output.verbose or len(changes) <= _MOST_LINES else changes[: _MOST_LINES - 1]
        yield from (f"  {change}" for change in kept)
        if len(kept) < len(changes):
            yield f"  and {len(changes) - len(kept)} more (`-v` shows all)"


def _counted(changes: Sequence[str]) -> str:
    return "1 package" if len(changes) == 1 else f"{len(changes)} packages"


def _document(function: Function, result: Locked | LpackError) -> dict[str, Any]:
    if isinstance(result, LpackError):
        return {"name": function.name, "file": None, "changes": [], "error": error_document(result)}
    file = str(result.file) if result.file else None
    return {"name": function.name, "file": file, "changes": list(result.changes), "error": None}
