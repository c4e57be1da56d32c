"""Compiled code is proved before its wheel enters the store, by the checks of the finished artifact.

Whether its shared libraries are there is not among them: other packages, layers and the user may bring these, so that
only the artifact can tell.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ...archive.zip_reader import read_zip
from ...check import Subject, elf_facts
from ...check.native import check_native
from ...errors import CheckError
from ...model import Severity, Target
from ...store import Store
from ...tree import Tree

_LIBRARIES = "elf-libraries"


def prove(wheel: Path, *, name: str, title: str, target: Target, store: Store) -> None:
    """CheckError when the target can't load what is compiled in a wheel that was built for it."""
    tree = Tree.of(entry._replace(package=name) for entry in read_zip(wheel))
    subject = Subject(name=name, target=target, today=date.min)  # these checks ask for no day
    findings = check_native(tree, subject, (), elf_facts(tree, store))
    errors = [each for each in findings if each.severity is Severity.ERROR and each.check != _LIBRARIES]
    if errors:
        first = errors[0]
        raise CheckError(
            f"{title} was built, and can't be loaded: {first.message}",
            hint=first.hint,
            details=[line for each in errors for line in (each.message, *each.details)],
        )
