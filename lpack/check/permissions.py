"""File modes and links, as archives of other tools have them: lpack's own are right by construction."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..model import Finding, Package, Severity
from ..tree import Entry, Tree
from .subject import Subject
from .wording import details, files, owner, printable, versions

_READABLE = 0o444
_EXECUTABLE = 0o111

_LONGEST_TARGET = 4095  # PATH_MAX of Linux, less its closing zero
_MOST_HOPS = 40  # as many links as Linux follows for one path, see path_resolution(7)


def check_permissions(tree: Tree, subject: Subject, packages: Sequence[Package]) -> list[Finding]:
    """Findings about files that Lambda's user can't read or run, and about links that lead nowhere."""
    version_of = versions(packages)
    return [
        *_unreadable(tree, version_of),
        *_bootstrap(tree, subject),
        *_bad_links(tree, _broken_links(tree), version_of),
    ]


def check_layer_permissions(tree: Tree, subject: Subject, packages: Sequence[Package]) -> list[Finding]:
    """The same about a layer, in which any link is worth a warning."""
    version_of = versions(packages)
    broken = _broken_links(tree)
    return [
        *_unreadable(tree, version_of),
        *_bootstrap(tree, subject),
        *_bad_links(tree, broken, version_of),
        *_other_links(tree, broken, version_of),
    ]


def _unreadable(tree: Tree, version_of: Mapping[str, str]) -> list[Finding]:
    # Lambda unpacks as root and runs as somebody else: https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
    bad = [entry for entry in tree if not stat.S_ISLNK(entry.mode) and entry.mode & _READABLE != _READABLE]
    return [
        Finding(
            Severity.ERROR,
            "permissions",
            f"{owner(package, version_of)} has {files([entry.path for entry in group])} which Lambda's user can't read",
            hint="give files mode 644 and programs 755 before zipping them: `chmod -R a+rX .`",
            details=details([f"{entry.path}: {stat.S_IMODE(entry.mode):04o}" for entry in group]),
        )
        for package, group in _by_package(bad).items()
    ]


def _bootstrap(tree: Tree, subject: Subject) -> list[Finding]:
    entry = tree.by_path.get("bootstrap")
    if subject.target.runtime.family != "provided" or entry is None or entry.mode & _EXECUTABLE == _EXECUTABLE:
        return []
    fact = f"`bootstrap` has mode {stat.S_IMODE(entry.mode):04o}, so Lambda can't run it"
    return [Finding(Severity.ERROR, "permissions", fact, hint="run `chmod 755 bootstrap`")]


def _links(tree: Tree) -> list[Entry]:
    return [entry for entry in tree if stat.S_ISLNK(entry.mode)]


def _broken_links(tree: Tree) -> dict[str, str]:
    """Why links can't be followed, by their path; those that can are not in it."""
    links = _links(tree)
    if not links:
        return {}
    resolver = _Resolver(
        targets={entry.path: _target(entry) for entry in links},
        places={place for entry in tree for place in _place_and_parents(entry.path)},
    )
    return {entry.path: problem for entry in links if (problem := resolver.problem(entry.path))}


def _bad_links(tree: Tree, problems: Mapping[str, str], version_of: Mapping[str, str]) -> list[Finding]:
    bad = [tree.by_path[path] for path in problems]
    return [
        Finding(
            Severity.ERROR,
            "links",
            f"{owner(package, version_of)} has {_count(len(group))} Lambda can't follow",
            hint="make links relative, and their targets part of the artifact",
            details=details([f"{entry.path} {problems[entry.path]}" for entry in group]),
        )
        for package, group in _by_package(bad).items()
    ]


def _other_links(tree: Tree, broken: Mapping[str, str], version_of: Mapping[str, str]) -> list[Finding]:
    # Source: https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html, "layer conversion failed".
    links = [entry for entry in _links(tree) if entry.path not in broken]
    return [
        Finding(
            Severity.WARNING,
            "layer-links",
            f"{owner(package, version_of)} has {_count(len(group))} Lambda may refuse in a layer",
            hint="put what links lead to in their place",
            details=details([f"{entry.path} -> {printable(_target(entry))}" for entry in group]),
        )
        for package, group in _by_package(links).items()
    ]


def _count(number: int) -> str:
    return "a link that" if number == 1 else f"{number} links that"


def _by_package(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.package, []).append(entry)
    return groups


def _target(entry: Entry) -> str:
    if entry.source.size > _LONGEST_TARGET:
        return ""
    return entry.read().decode(errors="backslashreplace")


def _place_and_parents(path: str) -> Iterable[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]


class _Resolver(NamedTuple):
    """The links of a tree by their path, and every file, link and folder that is in it."""

    targets: Mapping[str, str]
    places: set[str]

    def problem(self, path: str) -> str:
        """Why the link can't be followed; "" when it can. Links on the way are followed as the kernel does."""
        target = self.targets[path]
        if not target or "\0" in target:
            return "has no path as its target"
        end = self._end(path)
        return f"-> {printable(target)} {end}" if end else ""

    def _end(self, path: str) -> str:
        waiting = path.split("/")[::-1]
        done: list[str] = []
        hops = 0
        while waiting:
            segment = waiting.pop()
            if segment in ("", "."):
                continue
            if segment == "..":
                if not done:
                    return "leaves the artifact"
                done.pop()
                continue
            done.append(segment)
            here = "/".join(done)
            if here in self.targets:
                hops += 1
                if hops > _MOST_HOPS:
                    return "goes round in circles"
                if self.targets[here].startswith("/"):
                    return "leaves the artifact"
                waiting += self.targets[here].split("/")[::-1]
                done.pop()
            elif here not in self.places:
                return "is broken"
        return ""
