"""What people and machines read: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from ..errors import LpackError, UsageError
from ..model import Finding, Severity

if TYPE_CHECKING:
    import typer

FORMAT = 1
"""The version of the JSON documents; it grows when a field goes or changes its meaning."""

_COLOURS = {
    Severity.ERROR: "1;31",
    Severity.WARNING: "1;33",
    Severity.NOTE: "1;36",
    "hint": "1;32",
    "good": "32",
    "bad": "31",
    "dim": "2",
}
_WORST_LAST = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.ERROR: 2}
_MOST_NOTES = 5
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Output:
    """How one command talks: to people or in JSON, how much, in colour or not."""

    json: bool = False
    verbose: bool = False
    quiet: bool = False
    colour: bool = True

    def styled(self, text: str, style: str) -> str:
        """The text for stdout, in a colour if that is a terminal which shows any."""
        return self._styled(text, style, sys.stdout)

    def _styled(self, text: str, style: str, stream: TextIO) -> str:
        if not (self.colour and stream.isatty()):
            return text
        return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m"

    def document(self, **fields: Any) -> None:
        """The command's one JSON document, if it was asked for."""
        if self.json:
            print(json.dumps({"format": FORMAT, **fields}, indent=2))

    def result(self, text: str = "") -> None:
        """A line of the result; JSON says it otherwise."""
        if not self.json:
            print(text)

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> None:
        """A table in plain columns, those of ``right`` aligned to the right; cells of the last may have colours."""
        lines = [headers, *rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        aligned = set(right)
        for line in lines:
            cells = [
                cell.rjust(width) if column in aligned else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            text = "  ".join(cells).rstrip()
            self.result(self.styled(text, "dim") if line is headers else text)

    def remark(self, text: str) -> None:
        """A line beside the result, on stderr."""
        if not self.quiet:
            _print_aside(text)

    def message(self, severity: Severity, text: str, *, hint: str | None = None, details: Iterable[str] = ()) -> None:
        """A finding or an error on stderr; errors are shown even when quiet."""
        if self.quiet and severity is not Severity.ERROR:
            return
        _print_aside(f"{self._styled(f'{severity}:', severity, sys.stderr)} {text}")
        for line in details:
            _print_aside(f"  {line}")
        if hint:
            _print_aside(f"{self._styled('hint:', 'hint', sys.stderr)} {hint}")

    def error(self, error: LpackError) -> None:
        """Why something failed, on stderr."""
        self.message(Severity.ERROR, error.message, hint=error.hint, details=error.details)

    def findings(self, found: Mapping[str, Iterable[Finding]]) -> None:
        """The findings about each subject; the worst come last, where eyes are when the command ends.

        What holds for several subjects is said once; of many subjects' notes, only how many there are.
        """
        subjects: dict[Finding, list[str]] = {}
        for subject, findings in found.items():
            for finding in dict.fromkeys(findings):
                subjects.setdefault(finding, []).append(subject)
        notes = sum(finding.severity is Severity.NOTE for finding in subjects)
        hidden = notes if len(found) > 1 and notes > _MOST_NOTES and not self.verbose else 0
        for each, names in sorted(subjects.items(), key=lambda item: _WORST_LAST[item[0].severity]):
            if hidden and each.severity is Severity.NOTE:
                continue
            named = len(found) == 1 or any(f"`{name}`" in each.message for name in names)
            text = each.message if named else f"{self.row(names)}: {each.message}"
            self.message(each.severity, text, hint=each.hint, details=each.details)
        if hidden:
            self.message(Severity.NOTE, f"{hidden} notes are not shown", hint="`-v` shows them")

    def row(self, names: Sequence[str]) -> str:
        """The names in a row; of many, the first ones."""
        if self.verbose or len(names) <= _MOST_NAMES + 1:
            return ", ".join(names)
        return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"


def _print_aside(text: str) -> None:
    sys.stdout.flush()  # where both streams end in one log, its lines are in the order in which they were said
    print(text, file=sys.stderr)


def output_of(*, json: bool, verbose: bool, quiet: bool, no_color: bool) -> Output:
    """The output that the common options ask for; NO_COLOR counts, see https://no-color.org."""
    plain = no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Output(json=json, verbose=verbose, quiet=quiet, colour=not plain)


def exit_code(errors: Iterable[LpackError | None]) -> int:
    """That of the first error: several functions may fail for several reasons, and the first is as good as any."""
    return next((error.exit_code for error in errors if error), 0)


def finding_of(error: LpackError) -> Finding:
    """The error, to be told among findings."""
    return Finding(Severity.ERROR, type(error).__name__, error.message, error.hint, error.details)


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding as JSON holds it."""
    return {**finding._asdict(), "severity": str(finding.severity)}


def error_document(error: LpackError) -> dict[str, Any]:
    """An error as JSON holds it."""
    return {
        "kind": type(error).__name__,
        "exit_code": error.exit_code,
        "message": error.message,
        "hint": error.hint,
        "details": list(error.details),
    }


def report_error(error: LpackError, output: Output) -> int:
    """Tell why the command failed, on stderr and as the JSON document where one was asked for; its exit code."""
    output.document(error=error_document(error))
    output.error(error)
    return error.exit_code


def report_misuse(error: typer.TyperException, output: Output) -> int:
    """Tell what the command line can't be understood for; its exit code. The help, where it was shown, says it all."""
    text = error.format_message().rstrip(".")
    if not text:
        return UsageError.exit_code
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "lpack"
    message = text[0].lower() + text[1:]
    return report_error(UsageError(message, hint=f"`{command} --help` tells what there is"), output)


def report_end(word: str, exit_code: int, output: Output) -> int:
    """Tell that the command was ended from outside; its exit code."""
    document = {"kind": word.title(), "exit_code": exit_code, "message": word, "hint": None, "details": []}
    output.document(error=document)
    _print_aside(f"lpack: {word}")
    return exit_code


def report_bug(error: Exception, output: Output) -> int:
    """Tell of an error that is lpack's own; its traceback is for those who ask. Its exit code."""
    if output.verbose:
        import traceback

        traceback.print_exception(error)
    hint = "this is a bug in lpack: please report it" + ("" if output.verbose else ", with what `-v` prints")
    return report_error(LpackError(f"lpack failed with {type(error).__name__}: {error}", hint=hint), output)
