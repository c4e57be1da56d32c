"""Checks: what Lambda would refuse, or could not load, found in the finished artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..model import Finding, Package
from ..tree import Tree
from .configuration import check_configuration
from .elf import ElfFacts, elf_facts
from .lifecycle import check_lifecycle
from .limits import check_limits, check_upload
from .native import check_native
from .permissions import check_permissions
from .subject import Subject

__all__ = ["ElfFacts", "Subject", "check", "check_upload", "elf_facts"]


def check(tree: Tree, subject: Subject, *, packages: Sequence[Package], elf: Mapping[str, ElfFacts]) -> list[Finding]:
    """All that is wrong or worth a remark, whatever the language; ``elf`` are the tree's own ``elf_facts``."""
    return [
        *check_lifecycle(subject),
        *check_configuration(subject),
        *check_limits(tree, subject, packages),
        *check_permissions(tree, subject, packages),
        *check_native(tree, subject, packages, elf),
    ]
