"""The sizes that Lambda allows."""

from __future__ import annotations

from collections.abc import Sequence

from ..aws.limits import DIRECT_UPLOAD_BYTES, IMAGE_BYTES, UNZIPPED_BYTES
from ..model import Finding, Package, Severity
from ..sizes import shown
from ..tree import Tree
from ..weights import sizes_by_package
from .advice import Part, advice
from .subject import LayerPart, Subject
from .wording import MOST_DETAILS, quoted

_LEAVE_OUT = "leave out packages (`exclude-packages`), files of packages (`trim`) or of your own (`exclude`)"
_WORTH = UNZIPPED_BYTES // 100
"""Advice is about what saves as many bytes, unless fewer are enough."""


def check_sizes(
    tree: Tree, subject: Subject, packages: Sequence[Package], layers: Sequence[LayerPart]
) -> list[Finding]:
    """Errors, with what takes most and what would help, when the artifact, its layers, or both are too large unzipped.

    Layers of which nobody knows the size are not counted, and a note says so.
    """
    own = Part("the function", tree, packages)
    known = [Part(_named(layer), layer.tree, layer.packages) for layer in layers if layer.tree is not None]
    sizes = [(_named(layer), layer.size) for layer in layers if layer.size is not None]
    in_layers = sum(size for _, size in sizes)
    together = tree.size + in_layers
    findings = []
    if tree.size >= UNZIPPED_BYTES:
        findings.append(_too_large_alone(own, subject))
    if in_layers > UNZIPPED_BYTES:
        message = f"`{subject.name}`: Layers consume more than the available size of {UNZIPPED_BYTES} bytes"
        findings.append(_too_large_together("layers-size", message, sizes, known, subject))
    if not findings and together > UNZIPPED_BYTES:
        message = (
            f"`{subject.name}`: Function code combined with layers exceeds the maximum allowed size of "
            f"{UNZIPPED_BYTES} bytes. The actual size is {together} bytes."
        )
        sizes = [(own.label, tree.size), *sizes]
        findings.append(_too_large_together("unzipped-size", message, sizes, [own, *known], subject))
    return [*findings, *_not_counted(subject, layers)]


def check_layer_size(tree: Tree, subject: Subject, packages: Sequence[Package]) -> list[Finding]:
    """An error when a layer alone is too large unzipped."""
    if tree.size < UNZIPPED_BYTES:
        return []
    return [_too_large_alone(Part("the layer", tree, packages), subject)]


def check_upload(name: str, zip_size: int) -> list[Finding]:
    """A note when an artifact of ``zip_size`` bytes is too large to be uploaded in the request itself."""
    if zip_size <= DIRECT_UPLOAD_BYTES:
        return []
    message = (
        f"`{name}` is {shown(zip_size)} zipped: more than {shown(DIRECT_UPLOAD_BYTES)} can't be uploaded to Lambda "
        "directly, so it goes by S3"
    )
    return [Finding(Severity.NOTE, "direct-upload", message)]


def _named(layer: LayerPart) -> str:
    return f"the layer `{layer.name}`"


def _too_large_alone(part: Part, subject: Subject) -> Finding:
    # Lambda says "must be smaller than", and nobody has tried exactly that many bytes: a byte less is always possible,
    # a deployment that fails is not what was asked for.
    size = part.tree.size
    message = (
        f"`{subject.name}` is {size:,} bytes unzipped ({shown(size)}): Unzipped size must be smaller than "
        f"{UNZIPPED_BYTES} bytes ({shown(UNZIPPED_BYTES)})"
    )
    lines = (*_biggest([part]), *_advice([part], subject, excess=size - UNZIPPED_BYTES + 1))
    return Finding(Severity.ERROR, "unzipped-size", message, _hint(size), lines)


def _too_large_together(
    check: str, message: str, sizes: Sequence[tuple[str, int]], parts: Sequence[Part], subject: Subject
) -> Finding:
    """The finding about a function's parts of these sizes; ``parts`` are those whose files are known."""
    total = sum(size for _, size in sizes)
    lines = (
        *_table([(label, f"{size:,} bytes") for label, size in (*sizes, ("together", total))]),
        *(("takes most:", *_biggest(parts)) if parts else ()),
        *_advice(parts, subject, excess=total - UNZIPPED_BYTES),
    )
    return Finding(Severity.ERROR, check, message, _hint(total), lines)


def _hint(size: int) -> str:
    return (
        f"{_LEAVE_OUT}; more layers don't help, as the limit is for a function with all of them; a container image "
        f'(`package = "image"`) may take {shown(IMAGE_BYTES)}, of which this is {100 * size / IMAGE_BYTES:.1f} %'
    )


def _biggest(parts: Sequence[Part]) -> tuple[str, ...]:
    """The packages that take most, with the part that they are in if there are several; a part's own files are one."""
    rows = []
    for part in parts:
        place = f" in {part.label}" if parts[1:] else ""
        for package, weight in sizes_by_package(part.tree, part.packages).items():
            label = f"{package.name} {package.version}".strip() if package else "your own files"
            if weight.files:
                rows.append((weight.size, f"{label}{place}"))
    rows.sort(key=lambda row: (-row[0], row[1]))
    return _table([(label, shown(size)) for size, label in rows[:MOST_DETAILS]])


def _advice(parts: Sequence[Part], subject: Subject, *, excess: int) -> tuple[str, ...]:
    tips = advice(parts, subject.target.runtime.family, worth=min(_WORTH, excess))
    return ("what helps (try the result):", *tips) if tips else ()


def _table(rows: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return tuple(f"{label:<{widths[0]}}  {amount:>{widths[1]}}" for label, amount in rows)


def _not_counted(subject: Subject, layers: Sequence[LayerPart]) -> list[Finding]:
    names = [layer.name for layer in layers if layer.size is None]
    if not names:
        return []
    message = f"`{subject.name}` uses {quoted(names)}, whose size is not known: it is not counted"
    hint = f'tell it, in bytes: `layers = [{{ arn = "{names[0]}", unzipped-size = … }}]`'
    return [Finding(Severity.NOTE, "layer-size-unknown", message, hint)]
