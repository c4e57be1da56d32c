"""Is every shared library that the artifact's files need either in the artifact or in the target's system?"""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..aws.runtimes import Runtime
from ..model import Finding, Severity
from ..tree import Tree
from .binaries import Binary, by_package
from .subject import Subject
from .wording import details, owner, quoted

_ROOT = "/var/task"
_SEARCHED = ("", "lib")
"""The folders of a function that stand in Lambda's LD_LIBRARY_PATH.

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


def check_libraries(
    tree: Tree, usable: Sequence[Binary], subject: Subject, version_of: Mapping[str, str]
) -> list[Finding]:
    """Errors for libraries that are nowhere, one for each package; notes for those that are only likely to be found."""
    system = subject.target.runtime.system
    given = system.libraries | subject.provided_libraries | _of_language(subject.target.runtime)
    inside = _inside(tree, usable)
    missing: list[tuple[Binary, str]] = []
    likely: list[tuple[Binary, str]] = []
    optional: list[tuple[Binary, str]] = []
    unreachable: list[tuple[Binary, str]] = []
    for binary in usable:
        for library in binary.facts.needed:
            name = library.rpartition("/")[2]
            if name in given:
                continue
            if name in inside:
                # Packages load their libraries in their own ways (torch, the nvidia ones …), and test them.
                if not binary.package and not _is_reachable(binary, name, tree):
                    unreachable.append((binary, name))
            elif name in system.likely_libraries:
                likely.append((binary, name))
            elif name in _OPTIONAL.get(binary.package, ()):
                optional.append((binary, name))
            else:
                missing.append((binary, name))
    return [
        *_missing(missing, subject, version_of),
        *_note("elf-likely-libraries", likely, f"expected in {system.name}, but AWS does not promise it"),
        *_note(
            "elf-optional-libraries",
            optional,
            "neither in the artifact nor in the system, but the package does without",
        ),
        *_unreachable(unreachable, inside),
    ]


def _of_language(runtime: Runtime) -> frozenset[str]:
    if runtime.family != "python":
        return frozenset()
    return frozenset({f"libpython{runtime.version}.so.1.0", "libpython3.so"})


def _inside(tree: Tree, usable: Iterable[Binary]) -> dict[str, str]:
    """The libraries in the artifact, by file name and by soname, with their path."""
    inside = {entry.path.rpartition("/")[2]: entry.path for entry in tree if stat.S_ISLNK(entry.mode)}
    for binary in usable:
        inside[binary.name] = binary.path
        if binary.facts.soname:
            inside.setdefault(binary.facts.soname, binary.path)
    return inside


def _is_reachable(binary: Binary, library: str, tree: Tree) -> bool:
    """Whether the loader finds the library by itself, because of run paths or LD_LIBRARY_PATH."""
    return any(posixpath.join(folder, library) in tree.by_path for folder in _folders(binary))


def _folders(binary: Binary) -> Iterator[str]:
    yield from _SEARCHED
    origin = posixpath.join(_ROOT, posixpath.dirname(binary.path))
    for run_path in binary.facts.run_paths:
        folder = posixpath.normpath(run_path.replace("${ORIGIN}", origin).replace("$ORIGIN", origin))
        if folder == _ROOT or folder.startswith(_ROOT + "/"):
            yield folder[len(_ROOT) + 1 :]


def _users(needs: Iterable[tuple[Binary, str]]) -> dict[str, list[str]]:
    """The files that need a library, by the library."""
    users: dict[str, list[str]] = {}
    for binary, library in needs:
        users.setdefault(library, []).append(binary.path)
    return dict(sorted(users.items()))


def _is(users: Mapping[str, Sequence[str]]) -> str:
    return "is" if len(users) == 1 else "are"


def _lines(users: Mapping[str, Sequence[str]], most: int = 3) -> tuple[str, ...]:
    def line(library: str, paths: Sequence[str]) -> str:
        more = f" and {len(paths) - most} more" if len(paths) > most else ""
        return f"{library}: needed by {', '.join(paths[:most])}{more}"

    return details([line(library, paths) for library, paths in users.items()])


def _missing(missing: Sequence[tuple[Binary, str]], subject: Subject, version_of: Mapping[str, str]) -> list[Finding]:
    findings = []
    for package in by_package(binary for binary, _ in missing):
        users = _users((binary, library) for binary, library in missing if binary.package == package)
        if package in _ALTERNATIVES:
            hint = f"use `{_ALTERNATIVES[package]}` instead"
        else:
            listed = ", ".join(f'"{library}"' for library in users)
            hint = (
                "put it into the folder `lib` of your source; if a layer provides it, or nothing loads them, say "
                f"so: `provided-libraries = [{listed}]`"
            )
        findings.append(
            Finding(
                Severity.ERROR,
                "elf-libraries",
                f"{owner(package, version_of)} needs {quoted(users)}, which {_is(users)} "
                f"neither in the artifact nor in {subject.target.runtime.system.name}",
                hint=hint,
                details=_lines(users),
            )
        )
    return findings


def _note(check: str, needs: Sequence[tuple[Binary, str]], remark: str) -> list[Finding]:
    if not needs:
        return []
    users = _users(needs)
    return [Finding(Severity.NOTE, check, f"{quoted(users)} {_is(users)} {remark}", details=_lines(users))]


def _unreachable(unreachable: Sequence[tuple[Binary, str]], inside: Mapping[str, str]) -> list[Finding]:
    if not unreachable:
        return []
    users = _users(unreachable)
    return [
        Finding(
            Severity.NOTE,
            "elf-run-path",
            f"{quoted(users)} {_is(users)} in the artifact, but not where the loader looks for the files that need it",
            hint="load it first, move it to the folder `lib`, or link with `-Wl,-rpath,'$ORIGIN'`",
            details=details(
                [f"{inside[library]}: needed by {', '.join(paths[:3])}" for library, paths in users.items()]
            ),
        )
    ]
