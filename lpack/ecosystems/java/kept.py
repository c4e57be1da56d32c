"""What a build tool made, kept in the store: classes in one archive, jars by their content, and a note about them."""

from __future__ import annotations

import hashlib
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ...archive.zip_format import STORED
from ...archive.zip_reader import read_directory, read_zip
from ...archive.zip_writer import write_zip
from ...errors import InputError, LpackError
from ...sources import Selection, read_source
from ...store import Store
from ...tree import EXECUTABLE, REGULAR, Entry, Member, Tree
from .normalising import normalised
from .output import Output, Resolved

_NOTE = "java-1"
JARS = "jars"
_CLASSES = "java-classes"


class Jar(NamedTuple):
    """A jar of the store: the package it is (see ``Resolved.name``), its own file name, and what its bytes are."""

    name: str
    group: str
    artifact: str
    version: str
    classifier: str
    file_name: str
    sha256: str
    size: int
    crc32: int

    def source(self, store: Store) -> Member:
        """The whole jar as bytes that go into an artifact as they are."""
        digest = bytes.fromhex(self.sha256)
        place = store.path(JARS, digest, self.file_name)
        return Member(place, 0, self.size, self.size, STORED, self.crc32, digest)


@dataclass(frozen=True, slots=True)
class Made:
    """What was made: the function's own files with the archive that they lie in, the jars, and who needs whom."""

    entries: tuple[Entry, ...]
    archive: tuple[Path, bytes] | None
    jars: tuple[Jar, ...]
    needs: Mapping[str, tuple[str, ...]]


def made(key: bytes, make: Callable[[Path], Output], store: Store, *, anew: bool = False) -> Made:
    """What the store keeps under the key, or what ``make`` makes in an empty folder; ``anew`` forgets what is kept."""
    found = None if anew else _noted(key, store)
    if found is None:
        with store.lock(key.hex()):
            found = None if anew else _noted(key, store)
            if found is None:
                found = _keep(key, make, store)
    return found


def _noted(key: bytes, store: Store) -> Made | None:
    """What is noted, if the store still has all of it."""
    note = store.note(_NOTE, key.hex())
    if note is None:
        return None
    jars = tuple(Jar(*each) for each in note["jars"])
    if not all(store.find(JARS, bytes.fromhex(jar.sha256), jar.file_name) for jar in jars):
        return None
    entries: tuple[Entry, ...] = ()
    archive = None
    if note["classes"]:
        digest = bytes.fromhex(note["classes"])
        place = store.find(_CLASSES, digest, "classes.zip")
        if place is None:
            return None
        archive = (place, digest)
        entries = tuple(_entries(note["entries"], place))
    needs = {name: tuple(others) for name, others in note["needs"].items()}
    return Made(entries, archive, jars, needs)


def _entries(noted: Iterable[Any], archive: Path) -> Iterator[Entry]:
    for path, executable, offset, packed_size, size, method, crc32, digest in noted:
        member = Member(archive, offset, packed_size, size, method, crc32, bytes.fromhex(digest))
        yield Entry(path, EXECUTABLE if executable else REGULAR, member)


def _keep(key: bytes, make: Callable[[Path], Output], store: Store) -> Made:
    try:
        with store.temporary_folder() as folder:
            output = make(folder)
            jars = [_keep_jar(jar, folder, store) for jar in output.jars]
            tree = Tree.of(normalised(_own(output)))
            classes, entries = _keep_classes(tree, folder, store) if tree else (None, ())
    except OSError as error:
        raise LpackError(f"what was built can't be kept: {error.strerror or error}") from error
    note = {
        "classes": classes[1].hex() if classes else "",
        "entries": [
            (each.path, each.mode == EXECUTABLE, *each.source[1:6], each.source.sha256.hex())
            for each in entries
            if isinstance(each.source, Member)
        ],
        "jars": jars,
        "needs": output.needs,
    }
    store.make_note(_NOTE, key.hex(), note)
    return Made(entries, classes, tuple(jars), output.needs)


def _own(output: Output) -> Iterator[Entry]:
    """The project's own files; of two at one path the first counts, as it does on a class path."""
    seen: dict[str, Entry] = {}
    for folder in output.folders:
        for entry in read_source(folder, Selection(include=("**",)), follow_links=True).entries:
            seen.setdefault(entry.path, entry)
    if output.archive:
        for entry in read_zip(output.archive):
            if stat.S_ISLNK(entry.mode):
                raise InputError(f"`{output.archive.name}` holds a link, `{entry.path}`")
            seen[entry.path] = entry
    yield from seen.values()


def _keep_classes(tree: Tree, folder: Path, store: Store) -> tuple[tuple[Path, bytes], tuple[Entry, ...]]:
    """Keep a tree as an archive, packed once; the archive with its SHA-256, and the entries as its members."""
    written = write_zip(tree, folder / "packed" / "classes.zip", store=store)
    digest = bytes.fromhex(written.sha256)
    records = {record.path: record for record in read_directory(written.path)}
    place = store.keep(_CLASSES, digest, "classes.zip", written.path)
    entries = []
    for entry in tree:
        record = records[entry.path]
        member = Member(
            place, record.offset, record.packed_size, record.size, record.method, record.crc32, entry.source.sha256
        )
        entries.append(entry._replace(source=member))
    return (place, digest), tuple(entries)


def _keep_jar(jar: Resolved, folder: Path, store: Store) -> Jar:
    """Keep a jar: one of others as it is, one that was built here without traces of the build."""
    title = f"{jar.artifact}-{jar.version}" if jar.version else jar.artifact
    file_name = f"{title}-{jar.classifier}.jar" if jar.classifier else f"{title}.jar"
    partial = folder / "jars" / file_name
    partial.parent.mkdir(exist_ok=True)
    if jar.own:
        write_zip(Tree.of(normalised(read_zip(jar.place))), partial, store=store)
    else:
        try:
            shutil.copyfile(jar.place, partial)
        except OSError as error:
            raise InputError(f"`{jar.place}` can't be read: {error.strerror}") from error
        if not zipfile.is_zipfile(partial):
            raise InputError(f"`{jar.place}` is not a jar, or it is cut off", hint="remove it, so that it is had again")
    digest, crc, size = _digests(partial)
    store.keep(JARS, digest, file_name, partial)
    return Jar(jar.name, jar.group, jar.artifact, jar.version, jar.classifier, file_name, digest.hex(), size, crc)


def _digests(file: Path) -> tuple[bytes, int, int]:
    """The SHA-256 of a file, its CRC-32 as a zip has it, and its size."""
    digest, crc, size = hashlib.sha256(), 0, 0
    with file.open("rb") as opened:
        while data := opened.read(1 << 20):
            digest.update(data)
            crc = zlib.crc32(data, crc)
            size += len(data)
    return digest.digest(), crc, size


def key_of(*parts: object) -> bytes:
    """A digest over everything that decides about what is made."""
    return hashlib.sha256(repr(parts).encode()).digest()
