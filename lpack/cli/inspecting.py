"""``lpack inspect``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..artifacts import artifact_of_function
from ..aws.layer_paths import package_folders
from ..aws.limits import IMAGE_BYTES, UNZIPPED_BYTES
from ..aws.runtimes import RUNTIMES, span
from ..check import LayerPart
from ..config import Function
from ..errors import UsageError
from ..examine import Inspection, inspect_artifact, inspect_function, inspect_layer
from ..model import Package
from ..record import counted
from ..sizes import shown
from ..tree import Tree
from ..weights import sizes_by_package
from .checking import is_file
from .images import is_image
from .session import Session, short

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
    if is_image(name, session):
        return [_of_image(_archive(name, session), session)]
    if is_file(name, session):
        return [inspect_artifact(session.path(name))]
    project = session.project()
    (part,) = project.selected([name])
    if isinstance(part, Function) and part.image and part.image.dockerfile:
        # What the engine would make of it, only the engine can tell.
        artifact = artifact_of_function(part, output)
        if not artifact.is_file():
            raise UsageError(
                f"`{name}` was not built: there is no `{short(artifact)}`", hint=f"run `lpack build {name}` first"
            )
        return [_of_image(artifact, session)]
    with session.reporting() as reporter:
        if isinstance(part, Function):
            return [inspect_function(project, part, output, host=session.host, reporter=reporter)]
        return inspect_layer(project, part, output, host=session.host, reporter=reporter)


def _of_image(archive: Path, session: Session) -> Inspection:
    from ..examine_images import inspect_image  # with all that knows images, which zips need not wait for

    return inspect_image(archive, host=session.host)


def _archive(name: str, session: Session) -> Path:
    """The file or folder of an image; UsageError for one that is elsewhere."""
    path = session.path(name)
    if not path.exists():
        raise UsageError(f"`{name}` is not on this machine", hint="save it first: `docker save -o image.tar NAME`")
    return path


def _print(session: Session, inspection: Inspection) -> None:
    session.output.result(_headline(inspection))
    session.output.result()
    _print_packages(session, inspection)
    _print_list(session, [f"{size:>12,}  {path}" for path, size in _files(session, inspection)])
    if inspection.left_out is not None:
        heading = "left out:" if inspection.left_out else "nothing was left out"
        _print_list(session, [f"  {each.path}  ({each.reason})" for each in inspection.left_out], heading)


def _headline(inspection: Inspection) -> str:
    layers = " with its layers" if inspection.layers else ""
    if inspection.record and inspection.record.layers:
        layers = " without its layers"  # a file is shown as it is
    parts = [
        inspection.name,
        f"{span(inspection.runtimes)} on {', '.join(inspection.architectures)}" if inspection.runtimes else None,
        f"handler {inspection.handler}" if inspection.handler else None,
        _share(inspection, layers),
    ]
    return " · ".join(part for part in parts if part)


def _share(inspection: Inspection, layers: str) -> str:
    """How much of what Lambda allows it takes; of an image, with its base as far as the record knows that."""
    if not inspection.is_image:
        return f"{100 * inspection.size / UNZIPPED_BYTES:.0f} % of the limit{layers}"
    built = inspection.record.image if inspection.record else None
    size, base = (built.unzipped_size, "with") if built else (inspection.size, "without")
    return f"{100 * size / IMAGE_BYTES:.0f} % of the limit {base} its base"


def _print_packages(session: Session, inspection: Inspection) -> None:
    """A table of packages, the largest first; with layers, or several folders, it says where each of them is."""
    lines = [*_rows(inspection), _Row("together", files=_files_in(inspection), size=inspection.size)]
    columns = [
        ("package", [line.name for line in lines]),
        ("version", [line.version for line in lines]),
        ("files", ["" if line.files is None else str(line.files) for line in lines]),
        ("unzipped", ["not known" if line.size is None else shown(line.size) for line in lines]),
    ]
    if inspection.layers or len({each.root for each in inspection.packages}) > 1:
        columns.append(("from" if inspection.layers else "in", [line.place for line in lines]))
    needed_by = "needed by" if inspection.required_by is not None else ""
    columns.append((needed_by, [_why(line.package, inspection) for line in lines]))
    headers, cells = zip(*columns, strict=True)
    session.output.table(headers, zip(*cells, strict=True), right=(2, 3))


class _Row(NamedTuple):
    """A package, or the files of nobody's, and where it is; ``package`` is None for what is not the artifact's own."""

    name: str
    version: str = ""
    files: int | None = None
    size: int | None = None
    place: str = ""
    package: Package | None = None


def _rows(inspection: Inspection) -> list[_Row]:
    """The packages and what else the layers hold, the largest first; the user's own files are the last."""
    here = inspection.name if inspection.layers else ""
    sizes = sizes_by_package(inspection.tree, inspection.packages)
    own = [
        _Row(package.name, package.version, weight.files, weight.size, here or package.root, package)
        for package, weight in sizes.items()
        if package
    ]
    in_layers = [row for layer in inspection.layers for row in _rows_of_layer(layer)]
    yours = sizes[None]
    return [
        *sorted((*own, *in_layers), key=lambda row: -(row.size or 0)),
        *([_Row("your own files", "", yours.files, yours.size, here)] if yours.files else []),
    ]


def _rows_of_layer(layer: LayerPart) -> Iterator[_Row]:
    place = f"layer {layer.name}"
    if layer.tree is None:
        yield _Row("everything in it", size=layer.size, place=place)
        return
    folders = {folder: name for name in layer.runtimes for folder in package_folders(RUNTIMES[name])[:1]}
    copies = Counter(package.name for package in layer.packages)
    for package, weight in sizes_by_package(layer.tree, layer.packages).items():
        if package:
            # Of a package for several versions of the language, each copy is told by its own.
            copy = f", {folders.get(package.root, package.root)}" if copies[package.name] > 1 else ""
            yield _Row(package.name, package.version, weight.files, weight.size, f"{place}{copy}")
        elif weight.files:
            yield _Row("its own files", "", weight.files, weight.size, place)


def _files_in(inspection: Inspection) -> int:
    return len(inspection.tree) + sum(len(layer.tree) for layer in inspection.layers if layer.tree)


def _why(package: Package | None, inspection: Inspection) -> str:
    if package is None or inspection.required_by is None:
        return ""
    return ", ".join(other or "you" for other in inspection.required_by.get(package.name, ()))


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
