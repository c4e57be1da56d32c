"""What ELF files (programs and shared libraries) say about themselves, read once for each content."""

from __future__ import annotations

import hashlib
import io
import re
import stat
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

from ..store import Store
from ..tree import DiskFile, Member, Source, Tree
from .wording import printable

if TYPE_CHECKING:
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile

_MAGIC = b"\x7fELF"
_SMALLEST = 52  # the header of a 32-bit file

_NOTES = "elf"
_FORMAT = b"2"
"""Part of every note's key: another number when ElfFacts changes."""

_IN_MEMORY = 8 << 20
"""Larger files are inflated into a temporary file."""

_MOST_READS = 50_000
"""A large library takes a thousand. Every loop in pyelftools reads, so this bounds what a file that was made to confuse
it can cost."""

_CUT = "it is cut short"

_LONGEST = 4095
"""PATH_MAX of Linux, less its closing zero: a longer name is nobody's."""

_PAGE = 4096
"""The smallest page of both architectures; larger alignments are multiples of it."""

_VERSION = re.compile(r"(GLIBC|GLIBCXX|CXXABI)_(\d+(?:\.\d+)*)")
_WEAK = 0x2  # VER_FLG_WEAK: the loader goes on when such a version is missing

_VERSIONS_WITHOUT_NUMBER = {"GLIBC_ABI_DT_RELR": (2, 36)}
"""Marks of things that need a newer loader. Source: https://sourceware.org/glibc/wiki/Release/2.36"""


class ElfFacts(NamedTuple):
    """What the dynamic loader reads in a program or shared library.

    ``machine`` is the ELF specification's name ("EM_X86_64"), ``bits`` 32 or 64. ``glibc``, ``glibcxx`` and ``cxxabi``
    are the highest symbol versions needed, () when there are none. ``run_paths`` is where the file says its libraries
    are. ``aligned`` tells whether its segments can be mapped into memory. ``broken`` says why there is nothing else.
    Every text is fit to be printed.
    """

    machine: str = ""
    bits: int = 0
    interpreter: str = ""
    soname: str = ""
    needed: tuple[str, ...] = ()
    run_paths: tuple[str, ...] = ()
    glibc: tuple[int, ...] = ()
    glibcxx: tuple[int, ...] = ()
    cxxabi: tuple[int, ...] = ()
    aligned: bool = True
    broken: str = ""


def elf_facts(tree: Tree, store: Store) -> dict[str, ElfFacts]:
    """The facts of every program and shared library in the tree, by path.

    Which members of an archive are ELF files, and what they say, is noted in the store, so that it is inflated once.
    """
    groups: dict[Path | bytes, dict[bytes, Source]] = {}
    for _, mode, source, _ in tree:
        if source.size < _SMALLEST or stat.S_ISLNK(mode):
            continue
        if isinstance(source, Member):
            groups.setdefault(source.archive, {})[source.sha256] = source
        elif _start(source) == _MAGIC:
            # Loose files change one by one: each is a group of its own.
            groups[source.sha256] = {source.sha256: source}
    known: dict[bytes, ElfFacts] = {}
    for group in groups.values():
        known |= _facts_of_group(group, store)
    return {entry.path: facts for entry in tree if (facts := known.get(entry.source.sha256))}


def _facts_of_group(group: dict[bytes, Source], store: Store) -> dict[bytes, ElfFacts]:
    key = hashlib.sha256(_FORMAT + b"".join(sorted(group))).hexdigest()
    noted = store.note(_NOTES, key)
    if noted is None:
        facts = dict(_read_all(_candidates(group.values()), store))
        store.make_note(_NOTES, key, {digest.hex(): found for digest, found in facts.items()})
        return facts
    return {
        bytes.fromhex(digest): ElfFacts._make(tuple(value) if isinstance(value, list) else value for value in values)
        for digest, values in noted.items()
    }


def _candidates(sources: Iterable[Source]) -> list[Source]:
    """Those that are ELF files, and the few that can't be told without reading more."""
    members = [source for source in sources if isinstance(source, Member)]
    if not members:
        return list(sources)
    found: list[Source] = []
    with members[0].archive.open("rb") as file:
        for member in sorted(members, key=lambda member: member.offset):
            file.seek(member.offset)
            # A deflated block begins with its code tables, which take some 300 bytes at most.
            start = file.read(min(512, member.packed_size))
            if member.method == 8:
                try:
                    start = zlib.decompressobj(-zlib.MAX_WBITS).decompress(start, len(_MAGIC))
                except zlib.error:
                    start = b""
            if start.startswith(_MAGIC) or len(start) < len(_MAGIC):
                found.append(member)
    return found


def _start(source: Source) -> bytes:
    if isinstance(source, DiskFile):
        with source.path.open("rb", buffering=0) as file:
            return file.read(len(_MAGIC))
    return next(iter(source.chunks()), b"")[: len(_MAGIC)]


def _read_all(sources: Iterable[Source], store: Store) -> Iterator[tuple[bytes, ElfFacts]]:
    with store.temporary_folder() as folder:
        for source in sources:
            with tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(folder)) as file:
                for chunk in source.chunks():
                    file.write(chunk)
                facts = read_elf(file)
            if facts:
                yield source.sha256, facts


class _BrokenError(Exception):
    """A file's tables lead out of it, or nowhere."""


def read_elf(file: IO[bytes]) -> ElfFacts | None:
    """The facts of an open file; None when it is nothing that the loader loads: an object file, or no ELF file."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    file.seek(0)
    if file.read(len(_MAGIC)) != _MAGIC:
        return None
    try:
        elf = ELFFile(cast("IO[bytes]", _BoundedFile(file)))
        if elf["e_type"] not in ("ET_DYN", "ET_EXEC"):
            return None
        return _read(elf)
    except _BrokenError as error:
        return ElfFacts(broken=str(error))
    # pyelftools takes files at their word: what they say may be no number, text or place that Python could use.
    except (ELFError, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError):
        return ElfFacts(broken="its headers make no sense")


class _BoundedFile:
    """A file as pyelftools sees it: nothing outside its bytes can be asked for, and only so often."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = file.seek(0, io.SEEK_END)
        self._reads = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET and not 0 <= offset <= self._size:
            raise _BrokenError(_CUT)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int) -> bytes:
        self._reads += 1
        if self._reads > _MOST_READS:
            raise _BrokenError("its tables are endless")
        return self._file.read(min(size, _PAGE))


def _read(elf: ELFFile) -> ElfFacts:
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.segments import InterpSegment

    _refuse_cut(elf, elf["e_phoff"], elf["e_phnum"] * elf["e_phentsize"])
    _refuse_cut(elf, elf["e_shoff"], elf["e_shnum"] * elf["e_shentsize"])
    # The loader never looks at sections, which may be stripped; pyelftools would read them all, hash tables included.
    elf.header["e_shoff"] = 0
    machine = elf["e_machine"]
    facts: dict[str, Any] = {"machine": machine if isinstance(machine, str) else f"EM_{machine}", "bits": elf.elfclass}
    loaded = []
    for segment in elf.iter_segments():
        if isinstance(segment, InterpSegment):
            facts["interpreter"] = _text(segment.get_interp_name())
        elif isinstance(segment, DynamicSegment):
            facts |= _read_dynamic(segment, elf)
        elif segment["p_type"] == "PT_LOAD":
            _refuse_cut(elf, segment["p_offset"], segment["p_filesz"])
            loaded.append(segment.header)
    is_program = elf["e_type"] == "ET_EXEC" or "interpreter" in facts
    return ElfFacts(**facts, aligned=all(_is_aligned(each, is_program=is_program) for each in loaded))


def _refuse_cut(elf: ELFFile, offset: int, size: int) -> None:
    if offset + size > elf.stream_len:
        raise _BrokenError(_CUT)


def _is_aligned(segment: Any, *, is_program: bool) -> bool:
    distance = segment.p_vaddr - segment.p_offset
    if is_program:
        return bool(distance % _PAGE == 0)
    # Libraries are mapped not by the kernel but by glibc, which is stricter: elf/dl-load.c, in 2.26 and 2.34 alike.
    return bool(segment.p_align % _PAGE == 0 and distance % (segment.p_align or _PAGE) == 0)


def _read_dynamic(segment: DynamicSegment, elf: ELFFile) -> dict[str, Any]:
    needed, rpath, runpath, soname, tables = [], "", "", "", 0
    tags: Iterator[Any] = segment.iter_tags()  # their attributes come with their kind
    for tag in tags:
        match tag.entry.d_tag:
            case "DT_NEEDED":
                needed.append(_text(tag.needed))
            case "DT_RPATH":
                rpath = tag.rpath
            case "DT_RUNPATH":
                runpath = tag.runpath
            case "DT_SONAME":
                soname = _text(tag.soname)
            case "DT_VERNEEDNUM":
                tables = tag.entry.d_val
    # The loader reads RPATH only where there is no RUNPATH.
    run_paths = tuple(_text(path) for path in (runpath or rpath).split(":") if path)
    facts = {"needed": tuple(dict.fromkeys(needed)), "run_paths": run_paths, "soname": soname}
    return facts | _symbol_versions(segment, elf, tables)


def _text(name: str) -> str:
    if len(name) > _LONGEST:
        raise _BrokenError("it has names that are too long for any file")
    return printable(name)


def _symbol_versions(segment: DynamicSegment, elf: ELFFile, tables: int) -> dict[str, tuple[int, ...]]:
    from elftools.construct.lib.container import Container
    from elftools.elf.gnuversions import GNUVerNeedSection
    from elftools.elf.sections import StringTableSection

    _, strings = segment.get_table_offset("DT_STRTAB")
    _, needs = segment.get_table_offset("DT_VERNEED")
    if strings is None or needs is None:
        return {}

    def section(offset: int) -> Container:
        # What pyelftools wants to see of a section's header.
        return Container(sh_flags=0, sh_size=0, sh_addralign=0, sh_offset=offset, sh_info=tables)

    names = StringTableSection(section(strings), ".dynstr", elf)
    highest: dict[str, tuple[int, ...]] = {}
    for _, versions in GNUVerNeedSection(section(needs), ".gnu.version_r", elf, names).iter_versions():
        for version in versions:
            if version["vna_flags"] & _WEAK:
                continue
            family, numbers = _parsed(version.name)
            highest[family] = max(highest.get(family, ()), numbers)
    return {family: highest[family] for family in ("glibc", "glibcxx", "cxxabi") if family in highest}


def _parsed(name: str) -> tuple[str, tuple[int, ...]]:
    if name in _VERSIONS_WITHOUT_NUMBER:
        return "glibc", _VERSIONS_WITHOUT_NUMBER[name]
    match = _VERSION.fullmatch(name)
    if not match:
        return "", ()
    return match[1].lower(), tuple(int(number) for number in match[2].split("."))
