"""``lpack inspect``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..aws.limits import UNZIPPED_BYTES
from ..config import Function
from ..examine import Inspection, inspect_artifact, inspect_function, inspect_layer
from ..model import Package
from ..record import counted
from ..sizes import shown
from ..tree import Tree
from ..weights import Weight, sizes_by_package
from .checking import is_file
from .session import Session

_SHOWN = 20


def inspect_named(session: Session, name: str, output: Path) -> int:
    """Show a function or layer as it would be built now, or an artifact as it is."""
    inspections = _inspections(session, name, output)
    if len(inspections) == 1:
        session.output.document(**_document(inspections[0]))
    else:
        session.output.document(artifacts=[_document(each) for each in inspections])
    for number, inspection in enumerate(inspections):
        if number:
            session.output.result()
        _print(session, inspection)
    return 0


def _inspections(session: Session, name: str, output: Path) -> list[Inspection]:
    if is_file(name, session):
        return [inspect_artifact(session.path(name))]
    project = session.project()
    (part,) = project.selected([name])
    with session.reporting() as reporter:
        if isinstance(part, Function):
            return [inspect_function(project, part, output, host=session.host, reporter=reporter)]
        return inspect_layer(project, part, output, host=session.host, reporter=reporter)


def _print(session: Session, inspection: Inspection) -> None:
    session.output.result(_headline(inspection))
    session.output.result()
    _print_packages(session, inspection)
    _print_list(session, [f"{size:>12,}  {path}" for path, size in _files(session, inspection)])
    if inspection.left_out is not None:
        heading = "left out:" if inspection.left_out else "nothing was left out"
        _print_list(session, [f"  {each.path}  ({each.reason})" for each in inspection.left_out], heading)


def _headline(inspection: Inspection) -> str:
    with_layers = " with its layers" if inspection.layers else ""
    parts = [
        inspection.name,
        ", ".join(inspection.targets),
        f"handler {inspection.handler}" if inspection.handler else None,
        f"{100 * _size(inspection) / UNZIPPED_BYTES:.0f} % of the limit{with_layers}",
    ]
    return " · ".join(part for part in parts if part)


def _size(inspection: Inspection) -> int:
    """The bytes unzipped, with those of its layers as far as they are known."""
    return inspection.tree.size + sum(layer.size or 0 for layer in inspection.layers)


def _print_packages(session: Session, inspection: Inspection) -> None:
    """A table of packages, the largest first; with layers, or several folders, it says where each of them is."""
    several = bool(inspection.layers) or len({each.root for each in inspection.packages}) > 1
    lines = [
        (row.name, row.version, row.weight, row.place, _why(row.name, inspection) if row.own else "")
        for row in _rows(inspection)
    ]
    lines.append(("together", "", Weight(_size(inspection), _files_in(inspection)), "", ""))
    headers = ("package", "version", "files", "unzipped", *(["from"] if several else []))
    rows = [
        (name, version, str(weight.files), shown(weight.size), *([place] if several else []), why)
        for name, version, weight, place, why in lines
    ]
    last = "needed by" if inspection.required_by is not None else ""
    session.output.table((*headers, last), rows, right=(2, 3))


class _Row(NamedTuple):
    """A package, or the files of nobody's, in the function itself (``own``) or in a layer."""

    name: str
    version: str
    weight: Weight
    place: str
    own: bool


def _rows(inspection: Inspection) -> list[_Row]:
    rows = []
    for package, weight in sizes_by_package(inspection.tree, inspection.packages).items():
        name, version = (package.name, package.version) if package else ("your own files", "")
        place = inspection.name if inspection.layers else package.root if package else ""
        rows.append(_Row(name, version, weight, place, package is not None))
    for layer in inspection.layers:
        place = f"layer {layer.name}"
        if layer.tree is None:
            rows.append(_Row("everything in it", "", Weight(layer.size or 0, 0), place, own=False))
            continue
        for package, weight in sizes_by_package(layer.tree, layer.packages).items():
            if package or weight.files:
                name, version = (package.name, package.version) if package else ("its own files", "")
                rows.append(_Row(name, version, weight, place, own=False))
    own_files = [row for row in rows if row.name == "your own files"]
    return [*sorted((row for row in rows if row not in own_files), key=lambda row: -row.weight.size), *own_files]


def _files_in(inspection: Inspection) -> int:
    return len(inspection.tree) + sum(len(layer.tree) for layer in inspection.layers if layer.tree)


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
    left_out, required_by = inspection.left_out, inspection.required_by
    return {
        "name": inspection.name,
        "targets": list(inspection.targets),
        "handler": inspection.handler,
        "unzipped_size": inspection.tree.size,
        "content": inspection.tree.content,
        "packages": [
            {
                **each,
                "required_by": None if required_by is None else list(filter(None, required_by.get(each["name"], ()))),
                "asked_for": None if required_by is None else "" in required_by.get(each["name"], ()),
            }
            for each in _package_documents(inspection.tree, inspection.packages)
        ],
        "layers": [
            {
                "name": layer.name,
                "unzipped_size": layer.size,
                "packages": _package_documents(layer.tree, layer.packages) if layer.tree else None,
            }
            for layer in inspection.layers
        ],
        "files": [
            {"path": entry.path, "mode": f"{entry.mode:o}", "size": entry.source.size, "package": entry.package}
            for entry in inspection.tree
        ],
        "left_out": None if left_out is None else [{"path": each.path, "reason": each.reason} for each in left_out],
        "left_out_counts": None if left_out is None else counted(left_out),
        "record": inspection.record.as_dict() if inspection.record else None,
    }


def _package_documents(tree: Tree, packages: Sequence[Package]) -> list[dict[str, Any]]:
    return [
        {
            "name": package.name,
            "version": package.version,
            "purl": package.purl,
            "folder": package.root,
            "files": weight.files,
            "size": weight.size,
        }
        for package, weight in sizes_by_package(tree, packages).items()
        if package
    ]
