"""What people and machines read: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TextIO

from ..errors import LpackError
from ..model import Finding, Severity

FORMAT = 1
"""The version of the JSON documents; it grows when a field goes or changes its meaning."""

_COLOURS = {"error": "1;31", "warning": "1;33", "note": "1;36", "hint": "1;32", "good": "32", "dim": "2", "bold": "1"}


@dataclass(frozen=True, slots=True)
class Output:
    """How one command talks: to people or in JSON, how much, in colour or not."""

    json: bool = False
    verbose: bool = False
    quiet: bool = False
    colour: bool = True

    def styled(self, text: str, style: str, stream: TextIO) -> str:
        """The text in a colour, on a terminal that shows any."""
        if not (self.colour and stream.isatty()):
            return text
        return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m"

    def document(self, **fields: Any) -> None:
        """The command's one JSON document."""
        print(json.dumps({"format": FORMAT, **fields}, indent=2, ensure_ascii=False))

    def result(self, text: str = "") -> None:
        """A line of the result."""
        if not (self.json or self.quiet):
            print(text)

    def remark(self, text: str) -> None:
        """A line beside the result, on stderr."""
        if not self.quiet:
            print(text, file=sys.stderr)

    def message(self, severity: str, text: str, *, hint: str | None = None, details: Iterable[str] = ()) -> None:
        """A finding or an error on stderr; errors are shown even when quiet."""
        if self.quiet and severity != Severity.ERROR:
            return
        stream = sys.stderr
        print(f"{self.styled(f'{severity}:', severity, stream)} {text}", file=stream)
        for line in details:
            print(f"  {line}", file=stream)
        if hint:
            print(f"{self.styled('hint:', 'hint', stream)} {hint}", file=stream)

    def findings(self, findings: Iterable[Finding]) -> None:
        """Findings, the worst last, where eyes are when the command ends."""
        order = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.ERROR: 2}
        for each in sorted(findings, key=lambda finding: order[finding.severity]):
            self.message(each.severity, each.message, hint=each.hint, details=each.details)

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> None:
        """A table in plain columns, which a terminal shows and a shell can cut; ``right`` are aligned to the right."""
        if self.json or self.quiet:
            return
        lines = [list(headers), *(list(row) for row in rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
        aligned = set(right)
        for number, line in enumerate(lines):
            cells = [
                cell.rjust(width) if column in aligned else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            text = "  ".join(cells).rstrip()
            print(self.styled(text, "dim", sys.stdout) if number == 0 else text)


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding as JSON holds it."""
    return {**asdict(finding), "severity": str(finding.severity)}


def error_document(error: LpackError) -> dict[str, Any]:
    """An error as JSON holds it."""
    return {
        "kind": type(error).__name__,
        "exit_code": error.exit_code,
        "message": error.message,
        "hint": error.hint,
        "details": list(error.details),
    }


def report_error(error: LpackError, *, as_json: bool) -> None:
    """Tell why the command failed: on stderr, and as the JSON document where one was asked for."""
    output = Output(json=as_json)
    if as_json:
        output.document(error=error_document(error))
    output.message("error", error.message, hint=error.hint, details=error.details)


def report_bug(error: Exception, *, as_json: bool, verbose: bool) -> int:
    """Tell of an error that is lpack's own; its traceback is for those who ask."""
    if verbose:
        import traceback

        traceback.print_exception(error)
    hint = "this is a bug in lpack: please report it" + ("" if verbose else ", with what `-v` prints")
    wrapped = LpackError(f"lpack failed with {type(error).__name__}: {error}", hint=hint)
    report_error(wrapped, as_json=as_json)
    return wrapped.exit_code
