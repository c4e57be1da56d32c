"""What a wheel unpacks to: what ``pip install --target`` lays down, less what differs from run to run.

Its root and its ``purelib``, ``platlib`` and ``data`` folders lie at the root, scripts and the launchers of entry
points in ``bin/``, headers in ``include/``.

Sources: https://packaging.python.org/en/latest/specifications/binary-distribution-format/ and
https://packaging.python.org/en/latest/specifications/entry-points/
"""

from __future__ import annotations

import base64
import csv
import io
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from ...errors import InputError
from ...tree import EXECUTABLE, REGULAR, Content, Entry, Source, Tree, unsafe

_INTERPRETER = b"#!/usr/bin/env python3"
"""What scripts start with: Lambda has its Python on PATH, and the host's place of it must not matter."""

_VARYING = ("INSTALLER", "REQUESTED", "direct_url.json")
"""What installers write, should a wheel bring it along."""

_LONGEST_TEXT = 64 << 20
"""More bytes than any file of metadata and any script that has to be read whole."""

_LAUNCHER_SUFFIXES = ("", ".exe", "-script.py", ".pya")
"""How setuptools names its own launchers of an entry point, which old wheels hold as scripts."""

_REFERENCE = re.compile(r"(?P<module>\w+(\.\w+)*)\s*:\s*(?P<attribute>\w+(\.\w+)*)\s*(\[.*\])?$")


class WheelFiles(NamedTuple):
    """A wheel's members by path, and the file name by which messages call it."""

    file_name: str
    members: Mapping[str, Entry]

    def read(self, path: str) -> bytes:
        """All bytes of a member; InputError when it is not there, or is too large to be what it should be."""
        if path not in self.members:
            raise InputError(f"`{self.file_name}` is not a wheel: it has no `{path}`")
        if self.members[path].source.size > _LONGEST_TEXT:
            raise InputError(f"`{self.file_name}` holds a `{path}` that is too large")
        return self.members[path].read()

    def text(self, path: str) -> str:
        """The text of a member."""
        return self.read(path).decode("utf-8", errors="replace")


def lay_out(wheel: WheelFiles, dist_info: str, name: str) -> tuple[Entry, ...]:
    """The entries that the wheel unpacks to, sorted; InputError for what must not be unpacked."""
    launchers = {entry.path: entry for entry in _launchers(wheel, dist_info, name)}
    left_out = {f"{dist_info}/{each}" for each in _VARYING}
    laid: dict[str, Entry] = {}
    for path in wheel.members:
        if path in left_out:
            continue
        entry = _placed(wheel, path, name)
        if entry.path != path and _is_launcher(entry.path, launchers):
            continue
        if laid.setdefault(entry.path, entry).source.sha256 != entry.source.sha256:
            raise InputError(f"`{wheel.file_name}` unpacks two different files to `{entry.path}`")
    laid |= launchers
    record = f"{dist_info}/RECORD"
    laid[record] = laid[record]._replace(mode=REGULAR)  # as pip writes it anew, whatever its mode was
    if laid.keys() != wheel.members.keys() or any(laid[path].source is not wheel.members[path].source for path in laid):
        laid[record] = Entry(record, REGULAR, Content.of(_record(laid.values(), record)), name)
    try:
        return Tree.of(laid.values()).entries
    except InputError as error:
        raise InputError(f"`{wheel.file_name}` can't be unpacked: {error.message}") from error


def digest_in_record(digest: bytes) -> str:
    """A digest as a RECORD writes it."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _placed(wheel: WheelFiles, path: str, name: str) -> Entry:
    """The member where pip puts it."""
    member = wheel.members[path]
    # pip writes a link as a file that holds the link's target, and so do we: wheels can't hold links.
    mode = EXECUTABLE if stat.S_ISREG(member.mode) and member.mode & 0o111 else REGULAR
    top, _, inside = path.partition("/")
    if not top.endswith(".data"):
        return Entry(path, mode, member.source, name)
    scheme, _, rest = inside.partition("/")
    if rest and not unsafe(rest):
        match scheme:
            case "purelib" | "platlib" | "data":
                return Entry(rest, mode, member.source, name)
            case "headers":
                return Entry(f"include/python/{name}/{rest}", mode, member.source, name)
            case "scripts":
                # Executable even where the wheel was packed on a system that has no such bit.
                return Entry(f"bin/{rest}", EXECUTABLE, _script(wheel, path), name)
    raise InputError(f"`{wheel.file_name}` holds `{path}`, which belongs to no known install scheme")


def _script(wheel: WheelFiles, path: str) -> Source:
    source = wheel.members[path].source
    if not next(source.chunks(), b"").startswith(b"#!python"):
        return source
    first, newline, others = wheel.read(path).partition(b"\n")
    _, space, arguments = first.rstrip(b"\r").partition(b" ")
    return Content.of(_INTERPRETER + space + arguments + newline + others)


def _is_launcher(path: str, launchers: Collection[str]) -> bool:
    return any(path.removesuffix(suffix) in launchers for suffix in _LAUNCHER_SUFFIXES)


def _launchers(wheel: WheelFiles, dist_info: str, name: str) -> Iterator[Entry]:
    """A script for each entry point that asks for one."""
    path = f"{dist_info}/entry_points.txt"
    section = ""
    for line in wheel.text(path).splitlines() if path in wheel.members else ():
        stripped = line.strip()
        if stripped.startswith("[") and stripped.endswith("]"):
            section = stripped[1:-1].strip()
        elif section in {"console_scripts", "gui_scripts"} and stripped and stripped[0] not in "#;":
            script, _, reference = (part.strip() for part in stripped.partition("="))
            yield _launcher(wheel.file_name, script, reference, name)


def _launcher(file_name: str, script: str, reference: str, name: str) -> Entry:
    match = _REFERENCE.match(reference)
    if not match or unsafe(script) or "/" in script:
        raise InputError(f"`{file_name}` has a broken entry point: `{script} = {reference}`")
    module, attribute = match["module"], match["attribute"]
    lines = (
        _INTERPRETER.decode(),
        "import sys",
        "",
        f"from {module} import {attribute.partition('.')[0]}",
        "",
        'if __name__ == "__main__":',
        f"    sys.exit({attribute}())",
        "",
    )
    return Entry(f"bin/{script}", EXECUTABLE, Content.of("\n".join(lines).encode()), name)


def _record(entries: Iterable[Entry], record: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for entry in sorted(entries, key=lambda each: each.path.encode()):
        if entry.path != record:
            writer.writerow((entry.path, f"sha256={digest_in_record(entry.source.sha256)}", entry.source.size))
    writer.writerow((record, "", ""))
    return text.getvalue().encode()
