"""Checks: what Lambda would refuse, or could not load, found in the finished artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..model import Finding, Package
from ..tree import Tree
from .configuration import check_configuration
from .elf import ElfFacts, elf_facts
from .layer_artifact import check_layer
from .layer_stack import check_layers
from .lifecycle import check_lifecycle
from .limits import check_sizes, check_upload
from .native import check_native
from .permissions import check_permissions
from .subject import ImageFacts, LayerPart, Subject

__all__ = [
    "ElfFacts",
    "ImageFacts",
    "LayerPart",
    "Subject",
    "check",
    "check_layer",
    "check_layers",
    "check_upload",
    "elf_facts",
]


def check(
    tree: Tree,
    subject: Subject,
    *,
    packages: Sequence[Package],
    elf: Mapping[str, ElfFacts],
    layers: Sequence[LayerPart] = (),
) -> list[Finding]:
    """All that is wrong or worth a remark about a function on top of its layers, whatever the language.

    ``elf`` are the tree's own ``elf_facts``. How the layers go with each other and the target is the matter of
    ``check_layers``: many functions may have the same. Of an image, the tree is what lies in its task folder.
    """
    return [
        *check_lifecycle(subject),
        *check_configuration(subject),
        *(_of_image(subject) if subject.image else check_sizes(tree, subject, packages, layers)),
        *check_permissions(tree, subject, packages),
        *check_native(tree, subject, packages, elf, layers),
    ]


def _of_image(subject: Subject) -> list[Finding]:
    from .image import check_image  # which knows what images consist of, and zips need not wait for that

    return check_image(subject.image, subject) if subject.image else []
