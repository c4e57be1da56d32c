"""``lpack inspect``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..examine import Inspection, inspect_artifact, inspect_function
from ..record import counted, read_record
from ..sizes import shown
from .session import Session

_SHOWN = 20


def inspect_subject(session: Session, name: str, output: Path) -> int:
    """Show a function as it would be built now, or an artifact as it is."""
    file = session.path(Path(name))
    if name.endswith(".zip") or file.is_file():
        if not file.is_file():
            raise UsageError(f"there is no file `{file}`")
        inspection = inspect_artifact(file)
    else:
        project = session.project()
        with session.reporting() as reporter:
            inspection = inspect_function(project, project.function(name), output, host=session.host, reporter=reporter)
    if session.output.json:
        session.output.document(**_document(inspection))
        return 0
    _print_packages(session, inspection)
    _print_own_files(session, inspection)
    _print_left_out(session, inspection)
    return 0


def _sizes(inspection: Inspection) -> tuple[Counter[str], Counter[str]]:
    sizes: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for entry in inspection.tree:
        sizes[entry.package] += entry.source.size
        files[entry.package] += 1
    return sizes, files


def _print_packages(session: Session, inspection: Inspection) -> None:
    sizes, files = _sizes(inspection)
    rows = [
        (
            each.name,
            each.version,
            str(files[each.name]),
            shown(sizes[each.name]),
            _why(each.name, inspection.required_by),
        )
        for each in sorted(inspection.packages, key=lambda package: -sizes[package.name])
    ]
    rows.append(("your own files", "", str(files[""]), shown(sizes[""]), ""))
    rows.append(("together", "", str(len(inspection.tree)), shown(inspection.tree.size), ""))
    session.output.table(("package", "version", "files", "unzipped", "needed by"), rows, right=(2, 3))


def _why(name: str, required_by: Mapping[str, Sequence[str]] | None) -> str:
    if required_by is None:
        return ""
    return ", ".join(required_by.get(name, ())) or "you"


def _print_own_files(session: Session, inspection: Inspection) -> None:
    own = [entry for entry in inspection.tree if session.output.verbose or not entry.package]
    session.output.result()
    kept = own if session.output.verbose else own[:_SHOWN]
    for entry in kept:
        session.output.result(f"{entry.source.size:>12,}  {entry.path}")
    if len(kept) < len(own):
        session.output.result(f"{'':12}  and {len(own) - len(kept)} more files (`-v` shows all)")


def _print_left_out(session: Session, inspection: Inspection) -> None:
    if inspection.left_out is None:
        return
    session.output.result()
    if not inspection.left_out:
        session.output.result("nothing was left out")
        return
    session.output.result("left out:")
    kept = inspection.left_out if session.output.verbose else inspection.left_out[:_SHOWN]
    for each in kept:
        session.output.result(f"  {each.path}  ({each.reason})")
    if len(kept) < len(inspection.left_out):
        session.output.result(f"  and {len(inspection.left_out) - len(kept)} more (`-v` shows all)")


def _document(inspection: Inspection) -> dict[str, Any]:
    sizes, files = _sizes(inspection)
    record = read_record(inspection.artifact)
    left_out = inspection.left_out
    return {
        "name": inspection.name,
        "unzipped_size": inspection.tree.size,
        "content": inspection.tree.content,
        "packages": [
            {
                "name": each.name,
                "version": each.version,
                "purl": each.purl,
                "files": files[each.name],
                "size": sizes[each.name],
                "required_by": list((inspection.required_by or {}).get(each.name, ())),
            }
            for each in inspection.packages
        ],
        "files": [
            {"path": entry.path, "mode": f"{entry.mode:o}", "size": entry.source.size, "package": entry.package}
            for entry in inspection.tree
        ],
        "left_out": None if left_out is None else [{"path": each.path, "reason": each.reason} for each in left_out],
        "left_out_counts": None if left_out is None else counted(left_out),
        "record": record.as_dict() if record else None,
    }
