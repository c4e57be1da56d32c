"""Verdicts as JUnit's XML, which CI systems read.

There is no specification; this is what Jenkins, GitLab and GitHub's actions take:
https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

from ..store import replacing
from . import Verdict

_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 can't hold, not even escaped: https://www.w3.org/TR/xml/#charsets."""


def write_junit(verdicts: Sequence[Verdict], file: Path) -> None:
    """Write the verdicts, those of one function as a suite; the file is replaced whole, its folder is made."""
    root = ET.Element("testsuites", _counts(verdicts))
    for function, group in groupby(verdicts, key=lambda verdict: verdict.function):
        _add_suite(root, function, list(group))
    ET.indent(root)
    with replacing(file) as stream:
        ET.ElementTree(root).write(stream, encoding="utf-8", xml_declaration=True)


def _add_suite(root: ET.Element, function: str, verdicts: Sequence[Verdict]) -> None:
    suite = ET.SubElement(root, "testsuite", {"name": _text(function), **_counts(verdicts)})
    for verdict in verdicts:
        attributes = {"classname": function, "name": verdict.test, "time": f"{verdict.seconds:.3f}"}
        case = ET.SubElement(suite, "testcase", {key: _text(value) for key, value in attributes.items()})
        if verdict.error:
            told = [
                verdict.error.message,
                *verdict.error.details,
                *([verdict.error.hint] if verdict.error.hint else []),
            ]
            _add_reason(case, "error", type(verdict.error).__name__, told)
        elif verdict.problems:
            failure = verdict.invocation and verdict.invocation.failure
            _add_reason(case, "failure", failure.kind if failure else "difference", verdict.problems)
        if verdict.invocation and verdict.invocation.logs:
            ET.SubElement(case, "system-out").text = _text(verdict.invocation.logs)


def _add_reason(case: ET.Element, tag: str, kind: str, lines: Sequence[str]) -> None:
    reason = ET.SubElement(case, tag, {"type": _text(kind), "message": _text(lines[0])})
    reason.text = _text("\n".join(lines))


def _counts(verdicts: Sequence[Verdict]) -> dict[str, str]:
    return {
        "tests": str(len(verdicts)),
        "failures": str(sum(verdict.error is None and bool(verdict.problems) for verdict in verdicts)),
        "errors": str(sum(verdict.error is not None for verdict in verdicts)),
        "skipped": "0",
        "time": f"{sum(verdict.seconds for verdict in verdicts):.3f}",
    }


def _text(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")  # which XML does, too, but not in attributes
    return _NOT_XML.sub(lambda match: f"\\x{ord(match[0]):02x}", lines)
