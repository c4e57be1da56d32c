"""``lpack init``, ``lpack cache`` and ``lpack doctor``."""

from __future__ import annotations

from ..machine import Tool, tools
from ..sizes import shown
from ..store import Usage
from .options import target_of
from .session import Session, short


def make_project(session: Session, *, runtime: str | None, architecture: str, name: str | None) -> int:
    """Write a first lpack.toml, and a handler where there is none."""
    from ..starters import create, default_runtime, name_for

    target = target_of(runtime or default_runtime().name, architecture)
    function = name or name_for(session.folder)
    made = create(session.folder, name=function, runtime=target.runtime, architecture=target.architecture)
    output = session.output
    output.document(
        name=function,
        runtime=target.runtime.name,
        architecture=target.architecture.name,
        files=[str(path) for path in made],
    )
    if not output.quiet:
        for path in made:
            output.result(f"made {short(path)}")
        output.result(f"`{function}` is ready for {target}: run `lpack build`")
    return 0


def print_folder(session: Session) -> int:
    """Where the store is."""
    session.output.document(folder=str(session.host.cache))
    session.output.result(str(session.host.cache))
    return 0


def print_usage(session: Session) -> int:
    """What the store holds."""
    usage = session.store.usage()
    session.output.document(usage=[each._asdict() for each in usage])
    together = Usage("together", sum(each.files for each in usage), sum(each.size for each in usage))
    rows = [(each.kind, str(each.files), shown(each.size)) for each in (*usage, together)]
    session.output.table(("kind", "files", "size"), rows, right=(1, 2))
    return 0


def prune(session: Session, *, days: float) -> int:
    """Remove what was not used for so many days."""
    return _removed(session, session.store.prune(days))


def clear(session: Session) -> int:
    """Remove everything."""
    return _removed(session, session.store.clear())


def _removed(session: Session, usage: Usage) -> int:
    session.output.document(removed={"files": usage.files, "size": usage.size})
    if not session.output.quiet:
        files = "1 file" if usage.files == 1 else f"{usage.files} files"
        session.output.result(f"removed {files}, {shown(usage.size)}")
    return 0


def examine_machine(session: Session) -> int:
    """Which tools this machine has; 0 as long as what lpack can't do without is there."""
    found = tools(session.host)
    session.output.document(
        tools=[
            {"name": each.name, "found": each.found or None, "needed_for": each.needed_for, "required": each.required}
            for each in found
        ]
    )
    rows = [(_mark(each), each.name, each.found or each.absent, each.needed_for) for each in found]
    session.output.table(("", "tool", "found", "needed for"), rows)
    return 1 if any(each.required and not each.found for each in found) else 0


def _mark(tool: Tool) -> str:
    return "ok" if tool.found else "!!" if tool.required else "-"
