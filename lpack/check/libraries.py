"""Is every shared library that the artifact's files need either in the artifact or in the target's system?"""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

from ..aws.runtimes import Runtime
from ..model import Finding, Severity
from ..tree import Tree
from .binaries import Binary, by_package
from .subject import Subject
from .wording import details, owner, quoted

FUNCTION_ROOT, LAYERS_ROOT = "/var/task", "/opt"
_SEARCHED = (FUNCTION_ROOT, f"{FUNCTION_ROOT}/lib", f"{LAYERS_ROOT}/lib")
"""The folders of functions and layers that stand in Lambda's LD_LIBRARY_PATH.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

_ALTERNATIVES = {
    "opencv-python": "opencv-python-headless",
    "opencv-contrib-python": "opencv-contrib-python-headless",
    "psycopg2": "psycopg2-binary",
}
"""Packages that want more than Lambda has, and those that don't."""

_OPTIONAL = {"numba": frozenset({"libtbb.so.12", "libgomp.so.1", "libgomp.so.1.0.0"})}
"""Libraries that a package tries, and does without.

Source: https://numba.readthedocs.io/en/stable/user/threading-layer.html
"""


class Place(NamedTuple):
    """Files as they lie when a function runs: a tree below ``root``, and those of its binaries that can be loaded."""

    root: str
    tree: Tree
    usable: Sequence[Binary]

    def holds(self, path: str) -> bool:
        """Whether an absolute path is that of one of the files."""
        return path.startswith(f"{self.root}/") and path[len(self.root) + 1 :] in self.tree.by_path


class Loaded(NamedTuple):
    """What is there when a function runs: the artifact in question, its known layers, the names of the others."""

    own: Place
    layers: Sequence[Place] = ()
    unknown: Sequence[str] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        """All whose files are known."""
        return (self.own, *self.layers)


class _Need(NamedTuple):
    """A file and a library that it needs."""

    binary: Binary
    library: str


class _Found(Enum):
    """Where a needed library is."""

    SURELY = auto()
    OUT_OF_REACH = auto()
    LIKELY = auto()
    OPTIONAL = auto()
    NOWHERE = auto()


def check_libraries(loaded: Loaded, subject: Subject, version_of: Mapping[str, str]) -> list[Finding]:
    """Errors for libraries that are nowhere, one for each package; notes for those that are only likely to be found."""
    system = subject.target.runtime.system
    given = system.libraries | subject.provided_libraries | _of_language(subject.target.runtime)
    inside = _all_inside(loaded)
    needs: dict[_Found, list[_Need]] = {found: [] for found in _Found}
    for binary in loaded.own.usable:
        for path in binary.facts.needed:
            library = path.rpartition("/")[2]
            if library in given:
                found = _Found.SURELY
            elif library in inside:
                # Packages load their libraries in their own ways (torch, the nvidia ones …), and test them.
                reachable = binary.package or _is_reachable(binary, library, loaded)
                found = _Found.SURELY if reachable else _Found.OUT_OF_REACH
            elif library in system.likely_libraries:
                found = _Found.LIKELY
            elif library in _OPTIONAL.get(binary.package, ()):
                found = _Found.OPTIONAL
            else:
                found = _Found.NOWHERE
            needs[found].append(_Need(binary, library))
    likely = f"expected in {system.name}, but AWS does not promise it"
    optional = f"neither in the artifact nor in {system.name}, but the package does without"
    return [
        *_nowhere(needs[_Found.NOWHERE], subject, version_of, loaded),
        *_note("elf-likely-libraries", needs[_Found.LIKELY], likely),
        *_note("elf-optional-libraries", needs[_Found.OPTIONAL], optional),
        *_out_of_reach(needs[_Found.OUT_OF_REACH], inside),
    ]


def _of_language(runtime: Runtime) -> frozenset[str]:
    if runtime.family != "python":
        return frozenset()
    return frozenset({f"libpython{runtime.version}.so.1.0", "libpython3.so"})


def _all_inside(loaded: Loaded) -> dict[str, str]:
    """The libraries of the artifact and its layers; those of the layers with the whole path."""
    inside: dict[str, str] = {}
    for place in loaded.layers:
        inside |= {library: f"{place.root}/{path}" for library, path in _inside(place).items()}
    return inside | _inside(loaded.own)


def _inside(place: Place) -> dict[str, str]:
    """The libraries there, by file name and by soname, with their path."""
    inside = {entry.path.rpartition("/")[2]: entry.path for entry in place.tree if stat.S_ISLNK(entry.mode)}
    for binary in place.usable:
        inside[binary.name] = binary.path
        if binary.facts.soname:
            inside.setdefault(binary.facts.soname, binary.path)
    return inside


def _is_reachable(binary: Binary, library: str, loaded: Loaded) -> bool:
    """Whether the loader finds the library by itself, because of run paths or LD_LIBRARY_PATH."""
    paths = [posixpath.join(folder, library) for folder in _folders(binary, loaded.own.root)]
    return any(place.holds(path) for path in paths for place in loaded.places)


def _folders(binary: Binary, root: str) -> Iterator[str]:
    yield from _SEARCHED
    origin = posixpath.join(root, posixpath.dirname(binary.path))
    for run_path in binary.facts.run_paths:
        yield posixpath.normpath(run_path.replace("${ORIGIN}", origin).replace("$ORIGIN", origin))


def _users(needs: Iterable[_Need]) -> dict[str, list[str]]:
    """The files that need a library, by the library."""
    users: dict[str, list[str]] = {}
    for binary, library in needs:
        users.setdefault(library, []).append(binary.path)
    return dict(sorted(users.items()))


def _is(users: Mapping[str, Sequence[str]]) -> str:
    return "is" if len(users) == 1 else "are"


def _line(library: str, users: Sequence[str], most: int = 3) -> str:
    more = f" and {len(users) - most} more" if len(users) > most else ""
    return f"{library}: needed by {', '.join(users[:most])}{more}"


def _nowhere(needs: Sequence[_Need], subject: Subject, version_of: Mapping[str, str], loaded: Loaded) -> list[Finding]:
    system = subject.target.runtime.system.name
    absent = f"neither in the artifact, nor in its layers, nor in {system}"
    if not loaded.layers:
        absent = f"neither in the artifact nor in {system}"
    perhaps = f", but may be in {quoted(loaded.unknown)}" if loaded.unknown else ""
    findings = []
    for package in by_package(need.binary for need in needs):
        users = _users(need for need in needs if need.binary.package == package)
        if package in _ALTERNATIVES:
            hint = f"use `{_ALTERNATIVES[package]}` instead"
        else:
            listed = ", ".join([*(f'"{library}"' for library in list(users)[:5]), *(["…"] if len(users) > 5 else [])])
            hint = (
                "put it into the folder `lib` of your source; if a layer provides it, or nothing loads it, say so: "
                f"`provided-libraries = [{listed}]`"
            )
        findings.append(
            Finding(
                Severity.WARNING if loaded.unknown else Severity.ERROR,
                "elf-libraries",
                f"{owner(package, version_of)} needs {quoted(users)}, which {_is(users)} {absent}{perhaps}",
                hint=hint,
                details=details([_line(library, paths) for library, paths in users.items()]),
            )
        )
    return findings


def _note(check: str, needs: Sequence[_Need], remark: str) -> list[Finding]:
    if not needs:
        return []
    users = _users(needs)
    listed = details([_line(library, paths) for library, paths in users.items()])
    return [Finding(Severity.NOTE, check, f"{quoted(users)} {_is(users)} {remark}", details=listed)]


def _out_of_reach(needs: Sequence[_Need], inside: Mapping[str, str]) -> list[Finding]:
    groups: dict[str, list[_Need]] = {}
    for need in needs:
        groups.setdefault("a layer" if inside[need.library].startswith("/") else "the artifact", []).append(need)
    findings = []
    for place, group in groups.items():
        users = _users(group)
        findings.append(
            Finding(
                Severity.NOTE,
                "elf-run-path",
                f"{quoted(users)} {_is(users)} in {place}, but not where the loader looks",
                hint="move it to the folder `lib`, link with `-Wl,-rpath,'$ORIGIN'`, or load it first",
                details=details([_line(inside[library], paths) for library, paths in users.items()]),
            )
        )
    return findings
