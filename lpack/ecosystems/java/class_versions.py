"""Whether the runtime's Java can load the classes: each class file says which release it needs."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ...archive.zip_format import LOCAL_HEADER, STORED
from ...aws.runtimes import RUNTIMES
from ...model import Finding, Severity, Target
from ...store import Store
from ...tree import Entry, Tree
from .class_files import java_version
from .class_path import CLASS, VERSIONED, ClassPath, opened

_CHECK = "java-version"
_NOTE = "java-class-versions-1"
_ENOUGH = 512
"""Of so many deflated bytes the first eight can be inflated, whatever their tables are."""

_MODULE = "module-info.class"
"""For the module path, which Lambda does not use: it may be newer than the rest of a jar."""


class _Releases(NamedTuple):
    """The oldest and the newest release of Java that a group of classes is compiled for, and one of the newest."""

    oldest: int
    newest: int
    example: str


def check_code(tree: Tree, target: Target, store: Store) -> list[Finding]:
    """The classes that are compiled for a newer Java than the target's.

    An error, unless it is only some classes of a jar: libraries hold such for whoever has a newer Java. What the
    classes of a jar need is noted in the store.
    """
    runs = int(target.runtime.version)
    findings = []
    own = [entry for entry in tree if _counts(entry.path) and not entry.path.startswith("java/")]
    releases = _own_releases(own, store)
    if releases and releases.newest > runs:
        findings.append(_finding(f"`{releases.example}`", releases.newest, target, severity=Severity.ERROR))
    for jar in ClassPath(tree).jars:
        releases = _jar_releases(jar, store)
        if releases and releases.newest > runs:
            all_of_it = releases.oldest > runs
            subject = f"`{jar.path}`" if all_of_it else f"`{releases.example}` in `{jar.path}`"
            severity = Severity.ERROR if all_of_it else Severity.WARNING
            findings.append(_finding(subject, releases.newest, target, severity=severity))
    return findings


def _finding(subject: str, needs: int, target: Target, *, severity: Severity) -> Finding:
    runs = target.runtime.version
    able = sorted({f"java{needs}"} & RUNTIMES.keys())
    other = f", or use the runtime `{able[0]}`" if able else ""
    hint = (
        f"compile for Java {runs} (`maven.compiler.release` in a pom.xml, `options.release` in Gradle) and take "
        f"libraries that are made for it{other}"
    )
    if severity is Severity.WARNING:
        hint = f"this is fine where the library uses it with a newer Java only{other}"
    message = f"{subject} is compiled for Java {needs}, and {target.runtime} runs Java {runs}"
    return Finding(severity, _CHECK, message, hint)


def _counts(path: str) -> bool:
    return path.endswith(CLASS) and not path.endswith(_MODULE) and not path.startswith(VERSIONED)


def _own_releases(entries: Iterable[Entry], store: Store) -> _Releases | None:
    classes = list(entries)
    key = hashlib.sha256(b"".join(b"%b\0%b" % (each.path.encode(), each.source.sha256) for each in classes)).hexdigest()
    noted = store.note(_NOTE, key)
    if noted is None:
        noted = _summary((entry.path, next(entry.source.chunks(), b"")) for entry in classes)
        store.make_note(_NOTE, key, noted)
    return _Releases(*noted) if noted else None


def _jar_releases(jar: Entry, store: Store) -> _Releases | None:
    key = jar.source.sha256.hex()
    noted = store.note(_NOTE, key)
    if noted is None:
        noted = _summary(_starts(jar))
        store.make_note(_NOTE, key, noted)
    return _Releases(*noted) if noted else None


def _starts(jar: Entry) -> Iterator[tuple[str, bytes]]:
    """The classes of a jar that count, and how each begins."""
    with opened(jar) as zipped:
        classes = [info for info in zipped.infolist() if _counts(info.filename)] if zipped else []
    # Read like this, and not one by one: a large library has thousands of classes.
    data = jar.read() if classes else b""
    for info in classes:
        lengths = info.header_offset + LOCAL_HEADER.size - 4
        name_and_extra = sum(int.from_bytes(data[at : at + 2], "little") for at in (lengths, lengths + 2))
        start = info.header_offset + LOCAL_HEADER.size + name_and_extra
        packed = data[start : start + min(info.compress_size, _ENOUGH)]
        yield info.filename, packed if info.compress_type == STORED else _inflated(packed)


def _inflated(packed: bytes) -> bytes:
    """The first bytes; none where they can't be had."""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, 8)
    except zlib.error:
        return b""


def _summary(starts: Iterable[tuple[str, bytes]]) -> list[object]:
    """The fields of _Releases; empty when there is no class."""
    releases = [(release, name) for name, start in starts if (release := java_version(start[:8]))]
    if not releases:
        return []
    newest = max(release for release, _ in releases)
    return [min(releases)[0], newest, min(name for release, name in releases if release == newest)]
