"""What a `bootstrap` comes from, and what is known about the target by every compiler."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...aws.layer_paths import BOOTSTRAP

__all__ = ["BOOTSTRAP", "Origin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The files of a function or layer, called ``name``, and what its configuration says about building them.

    ``artifact`` is the program, or a folder with one, relative to the source; ``build`` is the command that makes it.
    With ``follow_links`` there are files in place of links, as layers need it.
    """

    name: str
    source: Path
    artifact: str | None = None
    build: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    follow_links: bool = False
