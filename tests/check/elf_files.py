"""Writes small, true ELF files: what a linker would make of an empty program, with the dynamic section of one's choice.

Layout: ELF header, program headers, strings, versions needed, dynamic section, section headers; one segment loads all.
Source: https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import Struct, pack

X86_64, AARCH64, I386, CUDA = 62, 183, 3, 190
LIBRARY, PROGRAM, OBJECT = 3, 2, 1

_HEADER = Struct("<4s5B7x2HI3QI6H")
_PROGRAM_HEADER = Struct("<2I6Q")
_SECTION_HEADER = Struct("<2I4Q2I2Q")
_DYNAMIC_ENTRY = Struct("<2Q")
_NEED = Struct("<2H3I")
_NEED_VERSION = Struct("<I2H2I")

_NULL, _NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 0, 1, 5, 10, 14, 15, 29
_VERNEED, _VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
_LOAD, _DYNAMIC, _INTERP = 1, 2, 3
_SHT_STRTAB, _SHT_DYNAMIC, _SHT_VERNEED = 3, 6, 0x6FFFFFFE
_PAGE = 0x1000


class _Strings:
    """A string table that grows."""

    def __init__(self) -> None:
        self.data = bytearray(1)

    def add(self, text: str) -> int:
        offset = len(self.data)
        self.data += text.encode() + b"\0"
        return offset


def elf_file(
    *,
    machine: int = X86_64,
    kind: int = LIBRARY,
    needed: Sequence[str] = (),
    soname: str = "",
    rpath: str = "",
    runpath: str = "",
    interpreter: str = "",
    versions: Mapping[str, Sequence[str]] | None = None,
    weak: Sequence[str] = (),
    alignment: int = _PAGE,
    skew: int = 0,
    sections: bool = True,
) -> bytes:
    """A 64-bit file. ``versions`` are symbol versions by library; ``skew`` moves its segment's address off the page."""
    strings = _Strings()
    tags = [(_NEEDED, strings.add(name)) for name in needed]
    for tag, text in ((_SONAME, soname), (_RPATH, rpath), (_RUNPATH, runpath)):
        if text:
            tags.append((tag, strings.add(text)))
    needs = _version_needs(versions or {}, weak, strings)
    interpreter_at = strings.add(interpreter)

    segments = 2 + bool(interpreter)
    strings_at = _HEADER.size + segments * _PROGRAM_HEADER.size
    needs_at = _aligned(strings_at + len(strings.data))
    dynamic_at = _aligned(needs_at + len(needs))
    tags += [(_STRTAB, strings_at + skew), (_STRSZ, len(strings.data))]
    if needs:
        tags += [(_VERNEED, needs_at + skew), (_VERNEEDNUM, len(versions or ()))]
    dynamic = b"".join(_DYNAMIC_ENTRY.pack(*tag) for tag in [*tags, (_NULL, 0)])
    size = dynamic_at + len(dynamic)

    headers = [
        _PROGRAM_HEADER.pack(_LOAD, 5, 0, skew, skew, size, size, alignment),
        _PROGRAM_HEADER.pack(
            _DYNAMIC, 6, dynamic_at, dynamic_at + skew, dynamic_at + skew, len(dynamic), len(dynamic), 8
        ),
    ]
    if interpreter:
        at, length = strings_at + interpreter_at, len(interpreter) + 1
        headers.append(_PROGRAM_HEADER.pack(_INTERP, 4, at, at + skew, at + skew, length, length, 1))

    parts = {strings_at: bytes(strings.data), needs_at: needs, dynamic_at: dynamic}
    if not sections:
        return _file(machine, kind, headers, parts, [])
    names = _Strings()
    table = [
        _SECTION_HEADER.pack(*[0] * 10),
        _section(names, ".dynstr", _SHT_STRTAB, strings_at, len(strings.data)),
        _section(names, ".gnu.version_r", _SHT_VERNEED, needs_at, len(needs), info=len(versions or ())),
        _section(names, ".dynamic", _SHT_DYNAMIC, dynamic_at, len(dynamic), entry=_DYNAMIC_ENTRY.size),
    ]
    at = names.add(".shstrtab")
    table.append(_SECTION_HEADER.pack(at, _SHT_STRTAB, 0, 0, _aligned(size), len(names.data), 0, 0, 1, 0))
    return _file(machine, kind, headers, {**parts, _aligned(size): bytes(names.data)}, table)


def elf_header(machine: int, *, bits: int = 64, kind: int = LIBRARY) -> bytes:
    """A file that is all header: enough to say for which machine it is."""
    if bits == 64:
        return _HEADER.pack(b"\x7fELF", 2, 1, 1, 0, 0, kind, machine, 1, 0, 0, 0, 0, 64, 56, 0, 64, 0, 0)
    return pack("<4s5B7x2H5I6H", b"\x7fELF", 1, 1, 1, 0, 0, kind, machine, 1, 0, 0, 0, 0, 52, 32, 0, 40, 0, 0)


def _aligned(offset: int) -> int:
    return (offset + 7) & ~7


def _version_needs(versions: Mapping[str, Sequence[str]], weak: Sequence[str], strings: _Strings) -> bytes:
    table = b""
    index = 2
    for position, (library, names) in enumerate(versions.items()):
        auxiliary = b""
        for number, name in enumerate(names):
            more = _NEED_VERSION.size if number + 1 < len(names) else 0
            auxiliary += _NEED_VERSION.pack(_hash(name), 2 if name in weak else 0, index, strings.add(name), more)
            index += 1
        more = _NEED.size + len(auxiliary) if position + 1 < len(versions) else 0
        table += _NEED.pack(1, len(names), strings.add(library), _NEED.size, more) + auxiliary
    return table


def _hash(name: str) -> int:
    value = 0
    for byte in name.encode():
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high
    return value


def _section(names: _Strings, name: str, kind: int, at: int, size: int, *, info: int = 0, entry: int = 0) -> bytes:
    link = 0 if kind == _SHT_STRTAB else 1  # .dynstr
    return _SECTION_HEADER.pack(names.add(name), kind, 2, at, at, size, link, info, 8, entry)


def _file(
    machine: int, kind: int, headers: Sequence[bytes], parts: Mapping[int, bytes], sections: Sequence[bytes]
) -> bytes:
    body = bytearray(max(at + len(part) for at, part in parts.items()))
    for at, part in parts.items():
        body[at : at + len(part)] = part
    body += bytes(-len(body) % 8)
    at = len(body) if sections else 0
    body[: _HEADER.size] = _HEADER.pack(
        *(b"\x7fELF", 2, 1, 1, 0, 0, kind, machine, 1, 0, _HEADER.size, at, 0, _HEADER.size),
        *(_PROGRAM_HEADER.size, len(headers), _SECTION_HEADER.size, len(sections), max(len(sections) - 1, 0)),
    )
    body[_HEADER.size : _HEADER.size + len(headers) * _PROGRAM_HEADER.size] = b"".join(headers)
    return bytes(body) + b"".join(sections)
