"""``lpack init``, ``lpack cache`` and ``lpack doctor``."""

from __future__ import annotations

from collections.abc import Iterable

from ..aws.runtimes import runtime as runtime_named
from ..machine import Tool, tools
from ..sizes import shown
from ..store import Usage
from .checking import target_named
from .session import Session


def make_project(session: Session, *, runtime: str | None, architecture: str, name: str | None) -> int:
    """Write a first lpack.toml, and a handler where there is none."""
    from ..starters import create, default_runtime, name_for

    chosen = runtime_named(runtime) if runtime else default_runtime()
    target = target_named(chosen.name, architecture)
    function = name or name_for(session.folder)
    made = create(session.folder, name=function, runtime=target.runtime, architecture=target.architecture)
    paths = [str(path.relative_to(session.folder)) for path in made]
    if session.output.json:
        session.output.document(name=function, runtime=chosen.name, architecture=architecture, files=paths)
    for path in paths:
        session.output.result(f"made {path}")
    session.output.result(f"`{function}` is ready: `lpack build` makes dist/{function}.zip")
    return 0


def print_folder(session: Session) -> int:
    """Where the store is."""
    if session.output.json:
        session.output.document(folder=str(session.host.cache))
    session.output.result(str(session.host.cache))
    return 0


def print_usage(session: Session) -> int:
    """What the store holds."""
    usage = session.store.usage()
    if session.output.json:
        session.output.document(usage=[_usage_document(each) for each in usage])
    rows = [(each.kind, str(each.files), shown(each.size)) for each in [*usage, _together(usage)]]
    session.output.table(("kind", "files", "size"), rows, right=(1, 2))
    return 0


def _together(usage: Iterable[Usage]) -> Usage:
    each = list(usage)
    return Usage("together", sum(part.files for part in each), sum(part.size for part in each))


def _usage_document(usage: Usage) -> dict[str, object]:
    return {"kind": usage.kind, "files": usage.files, "size": usage.size}


def prune(session: Session, *, days: float) -> int:
    """Remove what was not used for so many days."""
    return _removed(session, session.store.prune(days))


def clear(session: Session) -> int:
    """Remove everything."""
    return _removed(session, session.store.clear())


def _removed(session: Session, usage: Usage) -> int:
    if session.output.json:
        session.output.document(removed=_usage_document(usage))
    session.output.result(f"removed {usage.files} files, {shown(usage.size)}")
    return 0


def examine_machine(session: Session) -> int:
    """Which tools this machine has; 0 as long as what lpack can't do without is there."""
    found = tools(session.host)
    if session.output.json:
        session.output.document(
            tools=[
                {"name": each.name, "found": each.found, "needed_for": each.needed_for, "required": each.required}
                for each in found
            ]
        )
    rows = [(_mark(each), each.name, each.found or "not found", each.needed_for) for each in found]
    session.output.table(("", "tool", "found", "needed for"), rows)
    return 1 if any(each.required and not each.found for each in found) else 0


def _mark(tool: Tool) -> str:
    return "ok" if tool.found else "!!" if tool.required else "-"
