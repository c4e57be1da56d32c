"""What functions and layers are called in templates, whose names allow less than Lambda's."""

from __future__ import annotations

import re
from collections.abc import Iterable


def logical_names(names: Iterable[str], kind: str) -> dict[str, str]:
    """CloudFormation's logical identifiers, letters and digits alone, for names; no two are the same."""
    found: dict[str, str] = {}
    for each in names:
        words = re.findall(r"[A-Za-z0-9]+", each)
        joined = "".join(word[0].upper() + word[1:] for word in words)
        wanted = f"{joined if joined and joined[0].isalpha() else f'Lambda{joined}'}{kind}"
        unique, number = wanted, 1
        while unique in found.values():
            number += 1
            unique = f"{wanted}{number}"
        found[each] = unique
    return found


def identifier(name: str) -> str:
    """Terraform's name of a resource, which does not start with a digit."""
    return f"_{name}" if name[0].isdigit() else name
