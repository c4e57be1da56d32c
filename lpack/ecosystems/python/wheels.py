"""Wheels: read once with suspicion, then known by an index in the store.

What a wheel unpacks to is what ``pip install --target`` lays down: its root and ``purelib``, ``platlib`` and ``data``
folders at the root, scripts and entry points in ``bin/``, headers in ``include/``; less what differs from run to run.

Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import base64
import csv
import functools
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...archive.zip_reader import read_zip
from ...errors import InputError, UnsafeArchiveError
from ...store import Store
from ...tree import EXECUTABLE, REGULAR, Content, Entry, Member, Tree, unsafe

if TYPE_CHECKING:
    from email.message import Message

_NOTE = "wheel-1"
"""The kind of the index notes; a new number when what they hold changes."""

_INTERPRETER = b"#!/usr/bin/env python3"
"""What scripts start with: Lambda has its Python on PATH, and the host's place of it must not matter."""

_UNHASHED = ("RECORD", "RECORD.jws", "RECORD.p7s")
_VARYING = ("INSTALLER", "REQUESTED", "direct_url.json")


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel of the store: what it is, what it requires (PEP 508), and the entries that it unpacks to."""

    name: str
    version: str
    file: Path
    sha256: bytes
    requires: tuple[str, ...]
    entries: tuple[Entry, ...]


def admit(path: Path, file_name: str, sha256: bytes, store: Store) -> Wheel:
    """Read a wheel that is to enter the store under ``file_name``, and note its index; InputError if it is bad."""
    wheel = read_wheel(path, file_name, sha256)
    store.make_note(_NOTE, sha256.hex(), _to_index(wheel))
    return wheel


def open_wheel(file: Path, sha256: bytes, store: Store) -> Wheel:
    """The wheel in the store; it was read and proved once, since then its index is enough."""
    return _opened(file, sha256, store)


@functools.lru_cache(maxsize=1024)  # functions of one project share most of their wheels
def _opened(file: Path, sha256: bytes, store: Store) -> Wheel:
    index = store.note(_NOTE, sha256.hex())
    if index is None:
        return admit(file, file.name, sha256, store)
    return _from_index(index, file, sha256)


def read_wheel(file: Path, file_name: str, sha256: bytes) -> Wheel:
    """Read a wheel: members held against its RECORD, laid out as pip does; InputError says what is wrong with it."""
    name, version = _named(file_name)
    contents = _Contents(file_name, read_zip(file).by_path)
    dist_info = _dist_info(contents, name)
    _check_format(contents, dist_info)
    _check_record(contents, dist_info)
    metadata = headers(contents.text(f"{dist_info}/METADATA"))
    entries = _lay_out(contents, dist_info, name)
    requires = tuple(str(each) for each in metadata.get_all("Requires-Dist") or ())
    return Wheel(name, version, file, sha256, requires, entries)


class _Contents(NamedTuple):
    """A wheel's members, and the file name by which messages call it."""

    file_name: str
    members: Mapping[str, Entry]

    def text(self, path: str) -> str:
        if path not in self.members:
            raise InputError(f"`{self.file_name}` is not a wheel: it has no `{path}`")
        return self.members[path].read().decode("utf-8", errors="replace")


def _named(file_name: str) -> tuple[str, str]:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        name, version, _, _ = parse_wheel_filename(file_name)
    except InvalidWheelFilename as error:
        raise InputError(f"`{file_name}` is not the name of a wheel: {error}") from error
    return name, str(version)


def _dist_info(contents: _Contents, name: str) -> str:
    folders = {path.partition("/")[0] for path in contents.members}
    candidates = [folder for folder in folders if folder.endswith(".dist-info")]
    if len(candidates) != 1:
        raise InputError(f"`{contents.file_name}` has {len(candidates) or 'no'} `.dist-info` folders; a wheel has one")
    if _normalised(candidates[0].partition("-")[0]) != name:
        raise InputError(f"`{contents.file_name}` holds another project: `{candidates[0]}`")
    return candidates[0]


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def headers(text: str) -> Message:
    """The fields of METADATA or WHEEL, which are written like the head of a mail."""
    from email.parser import HeaderParser

    return HeaderParser().parsestr(text)


def _check_format(contents: _Contents, dist_info: str) -> None:
    version = headers(contents.text(f"{dist_info}/WHEEL")).get("Wheel-Version", "").strip()
    if version.partition(".")[0] != "1":
        raise InputError(f"`{contents.file_name}` is a wheel of version `{version}`; lpack knows version 1")


def _check_record(contents: _Contents, dist_info: str) -> None:
    record = f"{dist_info}/RECORD"
    hashes: dict[str, str] = {}
    try:
        for row in csv.reader(io.StringIO(contents.text(record))):
            if row:
                hashes[row[0].replace("\\", "/")] = row[1] if len(row) > 1 else ""
    except csv.Error as error:
        raise InputError(f"`{contents.file_name}` has a broken RECORD: {error}") from error
    exempt = {f"{dist_info}/{each}" for each in _UNHASHED}
    for path, entry in contents.members.items():
        if path in exempt:
            continue
        if path not in hashes:
            raise InputError(f"`{contents.file_name}` holds `{path}`, which its RECORD does not list")
        if not _matches(hashes[path], entry):
            raise InputError(f"`{contents.file_name}` holds a `{path}` that is not the one of its RECORD")


def _matches(expected: str, entry: Entry) -> bool:
    algorithm, _, value = expected.partition("=")
    if algorithm == "sha256":
        return _urlsafe(entry.source.sha256) == value.rstrip("=")
    if algorithm not in {"sha384", "sha512"}:
        return False
    digest = hashlib.new(algorithm)
    for chunk in entry.source.chunks():
        digest.update(chunk)
    return _urlsafe(digest.digest()) == value.rstrip("=")


def _urlsafe(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


# Laying out


def _lay_out(contents: _Contents, dist_info: str, name: str) -> tuple[Entry, ...]:
    data_folder = dist_info.removesuffix(".dist-info") + ".data/"
    left_out = {f"{dist_info}/{each}" for each in _VARYING}
    laid: dict[str, Entry] = {}
    moved = False
    for path, entry in contents.members.items():
        if path in left_out:
            continue
        placed = _place(entry, path, data_folder, name)
        if placed is None:
            raise InputError(f"`{contents.file_name}` holds `{path}`, which belongs to no known install scheme")
        moved = moved or placed.path != path
        if placed.path in laid and laid[placed.path].source.sha256 != placed.source.sha256:
            raise UnsafeArchiveError(f"`{contents.file_name}` unpacks two different files to `{placed.path}`")
        laid[placed.path] = placed
    for script in _entry_points(contents, dist_info, name):
        laid[script.path] = script
        moved = True
    record = f"{dist_info}/RECORD"
    if moved or left_out & contents.members.keys():
        laid[record] = Entry(record, REGULAR, Content.of(_record(laid.values(), record)), name)
    return Tree.of(laid.values()).entries


def _place(entry: Entry, path: str, data_folder: str, name: str) -> Entry | None:
    """The entry where pip puts it; None for a `.data` folder of unknown meaning."""
    mode = EXECUTABLE if entry.mode & 0o111 else REGULAR
    if not path.startswith(data_folder):
        return Entry(path, mode, entry.source, name)
    scheme, _, rest = path.removeprefix(data_folder).partition("/")
    match scheme:
        case "purelib" | "platlib" | "data":
            return Entry(rest, mode, entry.source, name)
        case "headers":
            return Entry(f"include/python/{name}/{rest}", mode, entry.source, name)
        case "scripts":
            data = entry.read() if entry.source.size < 1 << 20 else b""
            if data.startswith(b"#!python"):
                first, newline, others = data.partition(b"\n")
                arguments = first.partition(b" ")[2]
                line = _INTERPRETER + (b" " + arguments.rstrip(b"\r") if arguments else b"")
                return Entry(f"bin/{rest}", EXECUTABLE, Content.of(line + newline + others), name)
            return Entry(f"bin/{rest}", EXECUTABLE, entry.source, name)
        case _:
            return None


def _entry_points(contents: _Contents, dist_info: str, name: str) -> Iterator[Entry]:
    path = f"{dist_info}/entry_points.txt"
    if path not in contents.members:
        return
    section = ""
    for line in contents.text(path).splitlines():
        stripped = line.strip()
        if stripped.startswith("[") and stripped.endswith("]"):
            section = stripped[1:-1].strip()
        elif section in {"console_scripts", "gui_scripts"} and stripped and stripped[0] not in "#;":
            script, _, reference = (part.strip() for part in stripped.partition("="))
            yield _launcher(contents.file_name, script, reference, name)


_REFERENCE = re.compile(r"(?P<module>\w+(\.\w+)*)\s*:\s*(?P<attribute>\w+(\.\w+)*)\s*(\[.*\])?$")


def _launcher(file_name: str, script: str, reference: str, name: str) -> Entry:
    match = _REFERENCE.match(reference)
    reason = unsafe(script)
    if not match or reason or "/" in script:
        raise InputError(f"`{file_name}` has a broken entry point: `{script} = {reference}`")
    module, attribute = match["module"], match["attribute"]
    root = attribute.partition(".")[0]
    lines = (
        _INTERPRETER.decode(),
        "import sys",
        "",
        f"from {module} import {root}",
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
            writer.writerow((entry.path, f"sha256={_urlsafe(entry.source.sha256)}", entry.source.size))
    writer.writerow((record, "", ""))
    return text.getvalue().encode()


# The index


def _to_index(wheel: Wheel) -> dict[str, Any]:
    members = []
    made = []
    for path, mode, source, _ in wheel.entries:
        if isinstance(source, Member):
            members.append((path, mode == EXECUTABLE, *source[1:6], source.sha256.hex()))
        else:
            made.append((path, mode == EXECUTABLE, base64.b64encode(b"".join(source.chunks())).decode()))
    return {
        "name": wheel.name,
        "version": wheel.version,
        "requires": wheel.requires,
        "members": members,
        "made": made,
    }


def _from_index(index: Any, file: Path, sha256: bytes) -> Wheel:
    name = index["name"]
    entries = [
        Entry(
            path,
            EXECUTABLE if executable else REGULAR,
            Member(file, offset, packed_size, size, method, crc32, bytes.fromhex(digest)),
            name,
        )
        for path, executable, offset, packed_size, size, method, crc32, digest in index["members"]
    ]
    entries += [
        Entry(path, EXECUTABLE if executable else REGULAR, Content.of(base64.b64decode(data)), name)
        for path, executable, data in index["made"]
    ]
    return Wheel(name, index["version"], file, sha256, tuple(index["requires"]), tuple(entries))
