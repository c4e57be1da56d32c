"""``lpack lock``, and what changed in locks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..ecosystems import Locked, Policy
from ..errors import LpackError
from ..locks import lock_parts
from .output import Output, error_document, exit_code, finding_of
from .session import Session

_MOST_LINES = 10


def lock_named(session: Session, names: Sequence[str], *, upgrade: bool, check: bool, in_container: bool) -> int:
    """Lock the named functions and layers, or all, and print what changed."""
    project, output = session.project(), session.output
    if in_container:
        project = project.in_container()
    policy: Policy = "frozen" if check else "upgrade" if upgrade else "keep"
    with session.reporting() as reporter:
        locked = lock_parts(project, project.selected(names), policy, host=session.host, reporter=reporter)
    output.document(locks=[_document(*each) for each in locked.items()])
    if not output.quiet:
        for line in _lines({name: _said(result) for name, result in locked.items()}, output):
            output.result(line)
    output.findings({name: [finding_of(each)] for name, each in locked.items() if isinstance(each, LpackError)})
    return exit_code(each if isinstance(each, LpackError) else None for each in locked.values())


def print_changes(output: Output, changes: Mapping[str, Sequence[str]]) -> None:
    """What a build changed in the functions' locks, on stderr."""
    said = {name: (f"locked {_counted(each)}", each) for name, each in changes.items() if each}
    for line in _lines(said, output):
        output.remark(line)


def _said(result: Locked | LpackError | None) -> tuple[str, Sequence[str]] | None:
    """A headline and the changes; nothing about a failure, which is told as such."""
    if isinstance(result, LpackError):
        return None
    if result and result.changes:
        return f"locked {_counted(result.changes)}", result.changes
    return "up to date" if result and result.file else "no packages to lock, or another tool has locked them", ()


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
    """How many packages changed, and whether the base of an image did: that alone has a digest."""
    packages = [change for change in changes if " sha256:" not in change]
    counted = "1 package" if len(packages) == 1 else f"{len(packages)} packages"
    if len(packages) == len(changes):
        return counted
    return f"{counted} and the base" if packages else "the base"


def _document(name: str, result: Locked | LpackError | None) -> dict[str, Any]:
    if isinstance(result, LpackError):
        return {"name": name, "file": None, "changes": [], "error": error_document(result)}
    file = str(result.file) if result and result.file else None
    return {"name": name, "file": file, "changes": list(result.changes) if result else [], "error": None}
