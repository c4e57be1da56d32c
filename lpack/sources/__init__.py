"""The user's own files: which of a folder belong into the artifact, and why the others don't."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError, LpackError
from ..model import LeftOut
from ..tree import EXECUTABLE, LINK, REGULAR, Content, DiskFile, Entry, sort_key, unsafe
from .links import followed
from .rules import Kind, Rules, Selection

__all__ = ["OwnFiles", "Selection", "read_source"]

_SPECIAL = "neither a file nor a folder"


class OwnFiles(NamedTuple):
    """The entries of a source folder, and what was left out: a folder that was left out whole counts once."""

    entries: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...]


def read_source(folder: Path, selection: Selection, *, follow_links: bool = False) -> OwnFiles:
    """The files and links of the folder, or with ``follow_links`` what these lead to.

    InputError names links that are broken or leave the folder.
    """
    root = folder.resolve()
    entries: list[Entry] = []
    left_out: list[LeftOut] = []
    destinations: dict[str, str] = {}
    for path, kind, reason in _walk(folder, Rules.of(folder, selection)):
        if reason:
            left_out.append(LeftOut(_printable(path) + ("/" if kind == "folder" else ""), reason))
            continue
        problem = unsafe(path)
        if problem:
            raise InputError(
                f"`{_printable(folder / path)}` can't go into an artifact: its name {problem}", hint="rename it"
            )
        if kind == "link":
            entry, destinations[path] = _link(path, folder / path, root)
        else:
            entry = _file(path, folder / path)
        entries.append(entry)
    _refuse_links_to_left_out(destinations, entries)
    if follow_links:
        entries = followed(entries, destinations)
    return OwnFiles(tuple(sorted(entries, key=sort_key)), tuple(sorted(left_out, key=lambda each: each.path)))


class _Found(NamedTuple):
    path: str
    kind: Kind
    reason: str | None


def _walk(folder: Path, rules: Rules) -> Iterator[_Found]:
    """The files and links of the folder that are kept, and all that is left out with the reason."""
    # With each folder: the rule against it, whether it is included all the same, and whether it is left out.
    waiting: list[tuple[str, str | None, bool, bool]] = [("", None, False, False)]
    while waiting:
        parent, rule_above, included_above, left_out_above = waiting.pop()
        for child in _children(folder / parent):
            path = f"{parent}/{child.name}" if parent else child.name
            kind = _kind(child)
            rule = rule_above or rules.reason(path, child, kind)
            verdict = rules.include.verdict(path, is_folder=kind == "folder")
            included = included_above if verdict is None else verdict
            reason = _SPECIAL if kind == "other" else None if included else rule
            if reason:
                if not left_out_above:
                    yield _Found(path, kind, reason)
            elif kind != "folder":
                yield _Found(path, kind, None)
            if kind == "folder" and (not reason or rules.include):
                waiting.append((path, rule, included, reason is not None))


def _children(place: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as children:
            return sorted(children, key=lambda child: child.name)
    except OSError as error:
        raise LpackError(f"`{_printable(place)}` can't be read: {error.strerror}") from error


def _kind(child: os.DirEntry[str]) -> Kind:
    if child.is_symlink():
        return "link"
    if child.is_dir():
        return "folder"
    return "file" if child.is_file() else "other"


def _file(path: str, place: Path) -> Entry:
    try:
        with place.open("rb", buffering=0) as file:
            digest = hashlib.file_digest(file, "sha256").digest()
            size, mode = file.tell(), os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise LpackError(f"`{place}` can't be read: {error.strerror}") from error
    # Only the owner's right counts: group's and others' depend on the umask of whoever made the checkout.
    return Entry(path, EXECUTABLE if mode & 0o100 else REGULAR, DiskFile(place, size, digest))


def _link(path: str, place: Path, root: Path) -> tuple[Entry, str]:
    """The link, and where in the source it leads in the end; InputError when it is broken or leaves the source."""
    target = str(place.readlink())
    try:
        end = place.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"the link `{path}` is broken: it leads to `{_printable(target)}`",
            hint="mend or remove it, or exclude it",
        ) from error
    if not end.is_relative_to(root):
        raise InputError(
            f"the link `{path}` leaves the source: it leads to `{_printable(target)}`",
            hint="replace it by what it leads to, or exclude it",
        )
    destination, parent = end.relative_to(root).as_posix(), posixpath.dirname(path)
    way = posixpath.normpath(posixpath.join(parent, target))
    # In Lambda the source lies elsewhere: what goes by way of the folders above it has to go another way.
    if way.startswith(("/", "../")) or way == "..":
        target = posixpath.relpath(destination, parent or ".")
    try:
        return Entry(path, LINK, Content.of(target.encode())), destination
    except UnicodeEncodeError as error:
        raise InputError(
            f"the link `{path}` can't go into an artifact: its target `{_printable(target)}` is not valid Unicode",
            hint="rename the target",
        ) from error


def _refuse_links_to_left_out(destinations: Mapping[str, str], entries: Iterable[Entry]) -> None:
    """A link inside the source may still lead to something that is not in the artifact."""
    if not destinations:
        return
    there = {"."}
    for entry in entries:
        path = entry.path
        while path not in there and path:
            there.add(path)
            path = posixpath.dirname(path)
    for link, destination in destinations.items():
        if destination not in there:
            raise InputError(
                f"the link `{link}` leads to `{_printable(destination)}`, which is left out or empty",
                hint=f"exclude the link too, or `include` {_printable(destination)}",
            )


def _printable(path: str | Path) -> str:
    """A path of any bytes as text for messages and records."""
    return str(path).encode(errors="backslashreplace").decode()
