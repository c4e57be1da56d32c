"""Links replaced by what they lead to: layers are merged by Lambda, and links in them are known to make that fail.

Source: https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..errors import InputError
from ..tree import LINK, Entry


def followed(entries: Iterable[Entry], destinations: Mapping[str, str]) -> list[Entry]:
    """The entries with files in place of links, whose ``destinations`` are paths of entries or folders of them.

    InputError for a link to a folder that it lies in, which would hold itself without end.
    """
    given = list(entries)
    found = [entry for entry in given if entry.mode != LINK]
    for link in destinations:
        found += _behind(link, destinations[link], given, destinations, (link,))
    return found


def _behind(
    place: str, destination: str, given: list[Entry], destinations: Mapping[str, str], way: tuple[str, ...]
) -> Iterator[Entry]:
    """The files at the destination and in it, moved to ``place``; ``way`` are the links that led there."""
    inside = "" if destination == "." else f"{destination}/"
    if any(f"{link}/".startswith(inside) for link in way):
        raise InputError(
            f"the link `{way[-1]}` leads to a folder that it lies in, so that a layer with its files would have no end",
            hint="remove the link, or exclude it",
        )
    for entry in given:
        if entry.path != destination and not entry.path.startswith(inside):
            continue
        moved = place + entry.path[len(destination) :]
        if entry.mode == LINK:
            yield from _behind(moved, destinations[entry.path], given, destinations, (*way, entry.path))
        else:
            yield entry._replace(path=moved)
