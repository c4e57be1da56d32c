"""``lpack inspect``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..aws.limits import UNZIPPED_BYTES
from ..examine import Inspection, inspect_artifact, inspect_function
from ..record import counted
from ..sizes import shown
from .checking import is_file
from .session import Session

_SHOWN = 20


def inspect_named(session: Session, name: str, output: Path) -> int:
    """Show a function as it would be built now, or an artifact as it is."""
    if is_file(name, session):
        inspection = inspect_artifact(session.path(name))
    else:
        project = session.project()
        function = project.function(name)
        with session.reporting() as reporter:
            inspection = inspect_function(project, function, output, host=session.host, reporter=reporter)
    session.output.document(**_document(inspection))
    session.output.result(_headline(inspection))
    session.output.result()
    _print_packages(session, inspection)
    _print_list(session, [f"{size:>12,}  {path}" for path, size in _files(session, inspection)])
    if inspection.left_out is not None:
        heading = "left out:" if inspection.left_out else "nothing was left out"
        _print_list(session, [f"  {each.path}  ({each.reason})" for each in inspection.left_out], heading)
    return 0


def _headline(inspection: Inspection) -> str:
    parts = [
        inspection.name,
        inspection.target,
        f"handler {inspection.handler}" if inspection.handler else None,
        f"{100 * inspection.tree.size / UNZIPPED_BYTES:.0f} % of the limit",
    ]
    return " · ".join(part for part in parts if part)


def _sizes(inspection: Inspection) -> tuple[Counter[str], Counter[str]]:
    """Bytes and numbers of files, by package."""
    sizes: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for entry in inspection.tree:
        sizes[entry.package] += entry.source.size
        files[entry.package] += 1
    return sizes, files


def _print_packages(session: Session, inspection: Inspection) -> None:
    sizes, files = _sizes(inspection)
    ordered = sorted(inspection.packages, key=lambda package: -sizes[package.name])
    rows = [
        (each.name, each.version, str(files[each.name]), shown(sizes[each.name]), _why(each.name, inspection))
        for each in ordered
    ]
    rows.append(("your own files", "", str(files[""]), shown(sizes[""]), ""))
    rows.append(("together", "", str(len(inspection.tree)), shown(inspection.tree.size), ""))
    headers = ("package", "version", "files", "unzipped", "needed by" if inspection.required_by is not None else "")
    session.output.table(headers, rows, right=(2, 3))


def _why(name: str, inspection: Inspection) -> str:
    if inspection.required_by is None:
        return ""
    return ", ".join(other or "you" for other in inspection.required_by.get(name, ()))


def _files(session: Session, inspection: Inspection) -> Iterator[tuple[str, int]]:
    """The user's own files, which no line of the table names; all files for those who want to know."""
    for entry in inspection.tree:
        if session.output.verbose or not entry.package:
            yield entry.path, entry.source.size


def _print_list(session: Session, lines: Sequence[str], heading: str = "") -> None:
    session.output.result()
    if heading:
        session.output.result(heading)
    kept = lines if session.output.verbose else lines[:_SHOWN]
    for line in kept:
        session.output.result(line)
    if len(kept) < len(lines):
        session.output.result(f"  and {len(lines) - len(kept)} more (`-v` shows all)")


def _document(inspection: Inspection) -> dict[str, Any]:
    sizes, files = _sizes(inspection)
    left_out, required_by = inspection.left_out, inspection.required_by
    return {
        "name": inspection.name,
        "target": inspection.target,
        "handler": inspection.handler,
        "unzipped_size": inspection.tree.size,
        "content": inspection.tree.content,
        "packages": [
            {
                "name": each.name,
                "version": each.version,
                "purl": each.purl,
                "files": files[each.name],
                "size": sizes[each.name],
                "required_by": None if required_by is None else [name for name in required_by[each.name] if name],
                "asked_for": None if required_by is None else "" in required_by[each.name],
            }
            for each in inspection.packages
        ],
        "files": [
            {"path": entry.path, "mode": f"{entry.mode:o}", "size": entry.source.size, "package": entry.package}
            for entry in inspection.tree
        ],
        "left_out": None if left_out is None else [{"path": each.path, "reason": each.reason} for each in left_out],
        "left_out_counts": None if left_out is None else counted(left_out),
        "record": inspection.record.as_dict() if inspection.record else None,
    }
