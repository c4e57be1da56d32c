"""Wheels: read once with suspicion, then known by an index in the store.

Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import base64
import csv
import functools
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...archive.zip_reader import read_zip
from ...errors import InputError
from ...store import Store
from ...tree import EXECUTABLE, REGULAR, Content, Entry, Member, sort_key
from .requirements import normalised
from .wheel_layout import WheelFiles, digest_in_record, lay_out

if TYPE_CHECKING:
    from email.message import Message

    from packaging.version import Version

_NOTE = "wheel-3"
"""The kind of the index notes; a new number when what they hold changes."""

_UNHASHED = ("RECORD", "RECORD.jws", "RECORD.p7s")
_STRONGER = ("sha384", "sha512")
"""The algorithms besides SHA-256 that a RECORD may use: weaker ones prove nothing."""


class Wheel(NamedTuple):
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
    contents = WheelFiles(file_name, read_zip(file).by_path)
    dist_info = _dist_info(contents, name)
    _check_format(contents, dist_info)
    _check_record(contents, dist_info)
    metadata = headers(contents.text(f"{dist_info}/METADATA"))
    _check_identity(metadata, name, version, file_name)
    requires = tuple(str(each) for each in metadata.get_all("Requires-Dist") or ())
    return Wheel(name, str(version), file, sha256, requires, lay_out(contents, dist_info, name))


def headers(text: str) -> Message:
    """The fields of METADATA or WHEEL, which are written like the head of a mail."""
    from email.parser import HeaderParser

    return HeaderParser().parsestr(text)


def _named(file_name: str) -> tuple[str, Version]:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        name, version, _, _ = parse_wheel_filename(file_name)
    except InvalidWheelFilename as error:
        raise InputError(f"`{file_name}` is not the name of a wheel: {error}") from error
    return name, version


def _dist_info(contents: WheelFiles, name: str) -> str:
    folders = {path.partition("/")[0] for path in contents.members}
    candidates = [folder for folder in folders if folder.endswith(".dist-info")]
    if len(candidates) != 1:
        raise InputError(f"`{contents.file_name}` has {len(candidates) or 'no'} `.dist-info` folders; a wheel has one")
    if normalised(candidates[0].partition("-")[0]) != name:
        raise InputError(f"`{contents.file_name}` holds another project: `{candidates[0]}`")
    return candidates[0]


def _check_format(contents: WheelFiles, dist_info: str) -> None:
    version = str(headers(contents.text(f"{dist_info}/WHEEL")).get("Wheel-Version", "")).strip()
    if version.partition(".")[0] != "1":
        raise InputError(f"`{contents.file_name}` is a wheel of version `{version}`; lpack knows version 1")


def _check_identity(metadata: Message, name: str, version: Version, file_name: str) -> None:
    from packaging.version import InvalidVersion, Version

    said_name, said_version = str(metadata.get("Name", "")), str(metadata.get("Version", ""))
    try:
        same = normalised(said_name) == name and Version(said_version) == version
    except InvalidVersion:
        same = False
    if not same:
        raise InputError(f"`{file_name}` holds another project: `{said_name}` {said_version}".rstrip())


def _check_record(contents: WheelFiles, dist_info: str) -> None:
    hashes = _recorded(contents, f"{dist_info}/RECORD")
    exempt = {f"{dist_info}/{each}" for each in _UNHASHED}
    for path, entry in contents.members.items():
        if path in exempt:
            continue
        if path not in hashes:
            raise InputError(f"`{contents.file_name}` holds `{path}`, which its RECORD does not list")
        if not _matches(hashes[path], entry):
            raise InputError(f"`{contents.file_name}` holds a `{path}` that is not the one of its RECORD")


def _recorded(contents: WheelFiles, record: str) -> Mapping[str, str]:
    """What RECORD says of each path: an algorithm and a digest."""
    hashes: dict[str, str] = {}
    try:
        for path, *rest in filter(None, csv.reader(io.StringIO(contents.text(record)))):
            hashes[path.replace("\\", "/")] = rest[0] if rest else ""
    except csv.Error as error:
        raise InputError(f"`{contents.file_name}` has a broken RECORD: {error}") from error
    return hashes


def _matches(expected: str, entry: Entry) -> bool:
    algorithm, _, value = expected.partition("=")
    if algorithm == "sha256":
        return digest_in_record(entry.source.sha256) == value.rstrip("=")
    if algorithm not in _STRONGER:
        return False
    digest = hashlib.new(algorithm)
    for chunk in entry.source.chunks():
        digest.update(chunk)
    return digest_in_record(digest.digest()) == value.rstrip("=")


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
    entries.sort(key=sort_key)
    return Wheel(name, index["version"], file, sha256, tuple(index["requires"]), tuple(entries))
