"""What build tools write into jars about themselves, the machine and the time: taken out, so that bytes depend on code.

Only what a build makes itself is treated like this; jars of others stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...tree import EXECUTABLE, REGULAR, Content, Entry

_MANIFEST = "META-INF/MANIFEST.MF"
_POM_PROPERTIES = re.compile(r"META-INF/maven/.+/pom\.properties")
_SIGNATURE = re.compile(r"META-INF/[^/]+\.(?:SF|RSA|DSA|EC)", re.IGNORECASE)

_ABOUT_THE_BUILD = {
    *("archiver-version", "bnd-lastmodified", "build-date", "build-jdk", "build-jdk-spec", "build-time"),
    *("build-timestamp", "built-by", "created-by", "tool", "build-os", "build-host", "build-date-iso-8601"),
}
"""Headers of a manifest that tell where and when it was made; nothing at run time reads them."""


def normalised(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries of what was built here, without traces of the build; a signed jar stays as it was signed."""
    given = list(entries)
    signed = any(_SIGNATURE.fullmatch(entry.path) for entry in given)
    for entry in given:
        source = entry.source
        if not signed and entry.path == _MANIFEST:
            source = Content.of(_manifest(entry.read()))
        elif not signed and _POM_PROPERTIES.fullmatch(entry.path):
            source = Content.of(_properties(entry.read()))
        yield entry._replace(mode=EXECUTABLE if entry.mode & 0o100 else REGULAR, source=source)


def _manifest(data: bytes) -> bytes:
    """The manifest without headers about the build, sorted in each section.

    Source: https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html#jar-manifest
    """
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    main, *others = [_headers(section) for section in re.split(rb"\n{2,}", lines.strip(b"\n"))]
    kept = [header for header in main if _name(header) not in _ABOUT_THE_BUILD]
    # These come first, as whoever reads a manifest may rely on it.
    kept.sort(key=lambda header: (_name(header) != "manifest-version", _name(header)))
    sections = [kept, *sorted(others)]
    return b"".join(b"".join(line + b"\r\n" for line in section) + b"\r\n" for section in sections)


def _headers(section: bytes) -> list[bytes]:
    """The headers, each with its continuation lines, which begin with a space."""
    headers: list[bytes] = []
    for line in section.split(b"\n"):
        if line.startswith(b" ") and headers:
            headers[-1] += b"\r\n" + line
        elif line:
            headers.append(line)
    return headers


def _name(header: bytes) -> str:
    return header.partition(b":")[0].decode("latin-1").strip().lower()


def _properties(data: bytes) -> bytes:
    """The properties without comments, of which one is a date, sorted."""
    lines = [line for line in data.splitlines() if line.strip() and not line.startswith((b"#", b"!"))]
    return b"".join(line + b"\n" for line in sorted(lines))
