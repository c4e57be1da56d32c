"""The options that all commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[
    Path, typer.Option("-C", "--directory", metavar="DIR", help="The project's folder.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Tell more: every file, every finding in full.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colour (NO_COLOR does the same).")]

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Functions; all when none is named.")]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where artifacts go.")]
AllowDeprecated = Annotated[
    bool, typer.Option("--allow-deprecated", help="Build for runtimes that Lambda no longer accepts.")
]

HERE = Path()
DIST = Path("dist")
