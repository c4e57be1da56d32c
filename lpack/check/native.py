"""Will the target's loader take the artifact's programs and shared libraries: machine, C library, symbol versions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from ..aws.runtimes import RUNTIMES, Runtime
from ..model import Finding, Package, Severity
from ..tree import Tree
from .binaries import Binary, by_package
from .elf import ElfFacts
from .extensions import check_extensions, is_for_another_python
from .libraries import FUNCTION_ROOT, LAYERS_ROOT, Loaded, Place, check_libraries
from .subject import LayerPart, Subject
from .visibility import visible
from .wording import details, files, owner, versions

_MACHINES = {
    ("EM_X86_64", 64): "x86_64",
    ("EM_X86_64", 32): "x32",
    ("EM_386", 32): "32-bit x86",
    ("EM_AARCH64", 64): "arm64",
    ("EM_ARM", 32): "32-bit ARM",
    ("EM_PPC64", 64): "PowerPC",
    ("EM_S390", 64): "s390x",
    ("EM_S390", 32): "s390",
    ("EM_RISCV", 64): "RISC-V",
    ("EM_LOONGARCH", 64): "LoongArch",
    ("EM_MIPS", 32): "MIPS",
    ("EM_MIPS", 64): "MIPS",
}
"""Processors that run Linux, in users' words. Code for anything else (a graphics card, say) is data to the loader."""

# Other systems' C libraries: musl, Android (both `libc.so`), the BSDs (`libc.so.7`).
_FOREIGN_LIBC = re.compile(r"libc\.(so|musl-.+|so\.(?!6$)\d+)")
_INTERPRETERS = re.compile(r"(/usr)?/lib(64)?/ld-linux-(x86-64\.so\.2|aarch64\.so\.1)")

_PLATFORM_WORDS = re.compile(
    r"x86[-_]64|x64|amd64|i[3-6]86|x86|ia32|aarch64|arm64|armv\d\w*|armhf|arm|ppc64(le)?|s390x?|riscv64|loong\w*"
    r"|manylinux|musllinux|linuxmusl|linux|android|freebsd|musl|glibc|gnu",
    re.IGNORECASE,
)


def check_native(
    tree: Tree,
    subject: Subject,
    packages: Sequence[Package],
    elf: Mapping[str, ElfFacts],
    layers: Sequence[LayerPart] = (),
) -> list[Finding]:
    """Findings about a function's ELF files, one for each rule and package; the layers may bring what they need.

    What the target never loads is judged no further.
    """
    if not elf:
        return []  # as with most functions on layers, whose files need not be looked at then
    kinds = _sorted(tree, subject, elf)
    below = [_in_layer(layer, subject) for layer in layers if layer.tree is not None]
    unknown = [layer.name for layer in layers if layer.tree is None]
    loaded = Loaded(Place(FUNCTION_ROOT, tree, kinds.usable), below, unknown)
    return _judged(kinds, loaded, subject, versions(packages))


def check_layer_native(
    tree: Tree, subject: Subject, packages: Sequence[Package], elf: Mapping[str, ElfFacts]
) -> list[Finding]:
    """The same about a layer, of which the tree is what the target sees."""
    kinds = _sorted(tree, subject, elf)
    return _judged(kinds, Loaded(Place(LAYERS_ROOT, tree, kinds.usable)), subject, versions(packages))


class _Kinds(NamedTuple):
    """Binaries by what the target can do with them."""

    broken: Sequence[Binary]
    foreign_machine: Sequence[Binary]
    foreign_libc: Sequence[Binary]
    other_python: Sequence[Binary]
    usable: Sequence[Binary]


def _in_layer(layer: LayerPart, subject: Subject) -> Place:
    tree = visible(layer.tree or Tree(()), subject.target.runtime, layer.families)
    elf = {path: facts for path, facts in layer.elf.items() if path in tree.by_path}
    return Place(LAYERS_ROOT, tree, _sorted(tree, subject, elf).usable)


def _sorted(tree: Tree, subject: Subject, elf: Mapping[str, ElfFacts]) -> _Kinds:
    broken, foreign_machine, foreign_libc, other_python, usable = [], [], [], [], []
    for path, facts in elf.items():
        binary = Binary(path, tree.by_path[path].package, facts)
        if facts.broken:
            broken.append(binary)
        elif (facts.machine, facts.bits) not in _MACHINES:
            continue
        elif (facts.machine, facts.bits) != (subject.target.architecture.elf_machine, 64):
            foreign_machine.append(binary)
        elif _uses_foreign_libc(facts):
            foreign_libc.append(binary)
        elif is_for_another_python(binary, subject.target):
            other_python.append(binary)
        else:
            usable.append(binary)
    return _Kinds(broken, foreign_machine, foreign_libc, other_python, usable)


def _judged(kinds: _Kinds, loaded: Loaded, subject: Subject, version_of: Mapping[str, str]) -> list[Finding]:
    tree = loaded.own.tree
    spare = _spare([*kinds.foreign_machine, *kinds.foreign_libc], kinds.usable, tree)
    return [
        *_unreadable(kinds.broken, version_of),
        *_wrong_machine(kinds.foreign_machine, subject, version_of, spare),
        *_wrong_libc(kinds.foreign_libc, subject, version_of, spare),
        *check_extensions(tree, kinds.other_python, subject, version_of),
        *_symbol_versions(loaded, subject, version_of),
        *_misaligned(kinds.usable, version_of),
        *check_libraries(loaded, subject, version_of),
    ]


def _uses_foreign_libc(facts: ElfFacts) -> bool:
    if facts.interpreter and not _INTERPRETERS.fullmatch(facts.interpreter):
        return True
    return any(_FOREIGN_LIBC.fullmatch(library) for library in facts.needed)


def _unreadable(broken: Iterable[Binary], version_of: Mapping[str, str]) -> list[Finding]:
    return [
        Finding(
            Severity.WARNING,
            "elf-unreadable",
            f"{owner(package, version_of)} has {files([each.path for each in group])} that begins like a program or "
            "library, but can't be read",
            details=details([f"{each.path}: {each.facts.broken}" for each in group]),
        )
        for package, group in by_package(broken).items()
    ]


def _spare(foreign: Sequence[Binary], usable: Sequence[Binary], tree: Tree) -> set[str]:
    """The paths of files for other platforms that come in sets, from which the right one is chosen at run time."""
    packages = {binary.package for binary in usable} | {
        package for package in by_package(foreign) if package and _is_for_any_platform(package, tree)
    }
    # The user's own files are many things: only what takes the place of a usable file is spare.
    roles = {_role(binary.path) for binary in usable if not binary.package}
    return {
        binary.path
        for binary in foreign
        if (binary.package in packages if binary.package else _role(binary.path) in roles)
    }


def _role(path: str) -> str:
    """The path without the words that tell platforms apart: `bin/linux-arm64/tool` and `bin/linux-x64/tool` are one."""
    return _PLATFORM_WORDS.sub("*", path)


def _is_for_any_platform(package: str, tree: Tree) -> bool:
    """Whether the package's wheel says so in its tags, as in `py3-none-any`."""
    for entry in tree:
        if entry.package == package and entry.path.endswith(".dist-info/WHEEL"):
            tags = [line.rstrip() for line in entry.read().splitlines() if line.startswith(b"Tag:")]
            return bool(tags) and all(tag.endswith(b"-any") for tag in tags)
    return False


def _wrong_machine(
    foreign: Iterable[Binary], subject: Subject, version_of: Mapping[str, str], spare: set[str]
) -> list[Finding]:
    def text(package: str, group: Sequence[Binary]) -> str:
        machines = sorted({_MACHINES[each.facts.machine, each.facts.bits] for each in group})
        paths = [each.path for each in group]
        return (
            f"{owner(package, version_of)} has {files(paths)} for {' and '.join(machines)}, and the target is "
            f"{subject.target.architecture}"
        )

    hint = f"build or install it for {subject.target.architecture}, or set `architecture` to what it was built for"
    return _foreign("elf-architecture", foreign, spare, text, hint)


def _wrong_libc(
    foreign: Iterable[Binary], subject: Subject, version_of: Mapping[str, str], spare: set[str]
) -> list[Finding]:
    def text(package: str, group: Sequence[Binary]) -> str:
        paths = [each.path for each in group]
        return (
            f"{owner(package, version_of)} has {files(paths)} for a C library other than glibc, and "
            f"`{subject.target.runtime}` runs on {subject.target.runtime.system.name}"
        )

    hint = "use its manylinux wheel, or build it on Amazon Linux: Alpine's musl is another system"
    return _foreign("elf-libc", foreign, spare, text, hint)


def _foreign(
    check: str,
    foreign: Iterable[Binary],
    spare: set[str],
    text: Callable[[str, Sequence[Binary]], str],
    hint: str,
) -> list[Finding]:
    findings = []
    for package, group in by_package(foreign).items():
        fatal = [each for each in group if each.path not in spare]
        harmless = [each for each in group if each.path in spare]
        if fatal:
            listed = details([_described(each) for each in fatal])
            findings.append(Finding(Severity.ERROR, check, text(package, fatal), hint=hint, details=listed))
        if harmless:
            listed = details([_described(each) for each in harmless])
            why = "it has others that fit, or is meant for all platforms; these only take room"
            findings.append(Finding(Severity.WARNING, check, text(package, harmless), hint=why, details=listed))
    return findings


def _described(binary: Binary) -> str:
    facts = binary.facts
    reasons = [facts.interpreter] if facts.interpreter and not _INTERPRETERS.fullmatch(facts.interpreter) else []
    reasons += [library for library in facts.needed if _FOREIGN_LIBC.fullmatch(library)]
    needs = f", needs {' and '.join(reasons)}" if reasons else ""
    return f"{binary.path}: {_MACHINES[facts.machine, facts.bits]}{needs}"


def _symbol_versions(loaded: Loaded, subject: Subject, version_of: Mapping[str, str]) -> list[Finding]:
    system = subject.target.runtime.system
    usable = loaded.own.usable
    brings_libstdcxx = any(
        "libstdc++.so.6" in (each.facts.soname, each.name) for place in loaded.places for each in place.usable
    )
    findings = []
    for family, there in (("glibc", system.glibc), ("glibcxx", system.glibcxx), ("cxxabi", system.cxxabi)):
        needs = {each.path: getattr(each.facts, family) for each in usable}
        label = family.upper()
        for package, group in by_package(each for each in usable if needs[each.path] > there).items():
            most = max(needs[each.path] for each in group)
            findings.append(
                Finding(
                    # A libstdc++ of its own can be loaded before the system's; whether it is can't be seen from here.
                    Severity.WARNING if brings_libstdcxx and family != "glibc" else Severity.ERROR,
                    f"elf-{family}",
                    f"{owner(package, version_of)} needs {label}_{_dotted(most)}, and {system.name}, under "
                    f"`{subject.target.runtime}`, has {label}_{_dotted(there)}",
                    hint=_older_or_newer(package, subject, family, most),
                    details=details([f"{each.path}: {label}_{_dotted(needs[each.path])}" for each in group]),
                )
            )
    return findings


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _older_or_newer(package: str, subject: Subject, family: str, needed: tuple[int, ...]) -> str:
    system = subject.target.runtime.system
    glibc = _dotted(system.glibc)
    ways = [f"pin an older version of `{package}`" if package else f"build it on {system.name}, with glibc {glibc}"]
    newer = _newer_runtime(subject.target.runtime, family, needed)
    if newer:
        ways.append(f"use `{newer}` or another runtime on {newer.system.name}")
    return ", or ".join(ways)


def _newer_runtime(runtime: Runtime, family: str, needed: tuple[int, ...]) -> Runtime | None:
    for known in reversed(RUNTIMES.values()):  # oldest first
        if known.family == runtime.family and getattr(known.system, family) >= needed and known.lifecycle.deprecated:
            return known
    return None


def _misaligned(usable: Iterable[Binary], version_of: Mapping[str, str]) -> list[Finding]:
    return [
        Finding(
            Severity.ERROR,
            "elf-alignment",
            f"{owner(package, version_of)} has {files([each.path for each in group])} with segments that are not "
            "page-aligned, so the loader refuses it",
            hint="take the file as it was before `strip` or another tool changed it",
            details=details([each.path for each in group]),
        )
        for package, group in by_package(each for each in usable if not each.facts.aligned).items()
    ]
