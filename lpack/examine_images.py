"""Looking at container images: those that lpack built, and those that others did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from .aws.limits import IMAGE_BYTES
from .check import LayerPart, Subject
from .ecosystems import packages_in
from .examine import Checked, Inspection, against_record
from .image.local import read_local
from .image.model import Image
from .image_checks import Looked, check_kept, check_whole, facts_of, files_of, handler_of, is_own, task_tree
from .model import Host
from .record import read_record


def check_own_image(artifact: Path, subject: Subject, *, host: Host) -> Checked:
    """The checks of an image that lpack built: its own layers are read, those of the base need not be there."""
    image, record = read_local(artifact, None), read_record(artifact)
    built = record.image if record else None
    if built is None or not built.base_layers:
        looked = check_whole(image, subject, host=host)
    else:
        sizes = [(each.name, each.unzipped_size or each.size) for each in built.layers]
        own = replace(image, layers=image.layers[built.base_layers :])
        with files_of(own, lambda _: True, host) as kept:
            base = LayerPart(name=built.base)
            looked = check_kept(kept, replace(subject, image=facts_of(image, sizes)), [base], host=host)
    checked = _checked(artifact, looked)
    return replace(checked, findings=(*checked.findings, *against_record(artifact, looked.tree)))


def check_foreign_image(name: str, image: Image, subject: Subject, *, host: Host) -> Checked:
    """The checks of an image that any tool built, with all of its layers."""
    return _checked(Path(name), check_whole(image, subject, host=host))


def inspect_image(artifact: Path, *, host: Host) -> Inspection:
    """What an image's archive holds where the function lies."""
    image, record = read_local(artifact, None), read_record(artifact)
    own = image.layers[record.image.base_layers :] if record and record.image else image.layers
    execution = image.config.execution
    with files_of(replace(image, layers=own), is_own(execution), host) as kept:
        tree, packages = packages_in(task_tree(kept.tree, execution))
    return Inspection(
        name=artifact.name,
        tree=tree,
        packages=packages,
        runtimes=record.runtimes if record else (),
        architectures=record.architectures if record else (),
        handler=(record.handler if record else handler_of(execution)) or None,
        record=record,
        is_image=True,
    )


def _checked(artifact: Path, looked: Looked) -> Checked:
    return Checked(
        artifact,
        looked.tree,
        looked.packages,
        looked.findings,
        max(0, looked.size - looked.tree.size),
        IMAGE_BYTES,
    )
