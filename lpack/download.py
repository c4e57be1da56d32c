"""Fetching files by their hash: in parallel, checked while they arrive, straight into the store."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from .errors import InputError, ResolveError
from .model import Host, Reporter
from .network import Credential, Network, network_of, origin, redacted
from .store import Store
from .transfers import Progress, Stopped, transfer_all
from .tree import unsafe

if TYPE_CHECKING:
    from .connections import Connections
    from .http_client import Answer

__all__ = ["Credential", "Download", "fetch", "redacted"]

_CHUNK = 1 << 18


class Download(NamedTuple):
    """A file to have: where it is (``https``, ``http`` or ``file``), its SHA-256, and its name in the store.

    The URL may carry a user name and password; they are sent to its host alone, and never shown.
    """

    url: str
    sha256: bytes
    name: str


Admit = Callable[[Path, Download], None]
"""Looks at a file whose hash is right before it enters the store, and raises if it must not."""


def fetch(  # noqa: PLR0913 -- what to have, where to keep it, whom to ask and whom to tell: none belongs to another
    kind: str,
    downloads: Sequence[Download],
    *,
    store: Store,
    host: Host,
    credentials: Sequence[Credential] = (),
    reporter: Reporter,
    admit: Admit,
) -> dict[bytes, Path]:
    """The places in the store of all ``downloads``, by their SHA-256; what the store lacks is fetched.

    The first failure ends it and leaves nothing half-made: ResolveError for what can't be had, InputError for a file
    with another hash, LpackError for a full disk, and whatever ``admit`` raises.
    """
    places: dict[bytes, Path] = {}
    missing: dict[bytes, Download] = {}
    for download in downloads:
        if "/" in download.name or unsafe(download.name):
            raise InputError(f"`{download.name}` is not the name of a file", hint="run `lpack lock --upgrade`")
        if place := store.find(kind, download.sha256, download.name):
            places[download.sha256] = place
        else:
            missing[download.sha256] = download
    if missing:
        network = network_of(host.environ, credentials=credentials)
        shelf = _Shelf(kind, store, admit)
        places |= _fetch_all(tuple(missing.values()), shelf, network=network, progress=Progress("fetching", reporter))
    return places


class _Shelf(NamedTuple):
    """Where fetched files are kept, and what lets them in."""

    kind: str
    store: Store
    admit: Admit


def _fetch_all(
    downloads: Sequence[Download], shelf: _Shelf, *, network: Network, progress: Progress
) -> dict[bytes, Path]:
    from .connections import Connections

    stop = threading.Event()
    with shelf.store.temporary_folder() as folder, Connections(network) as connections:
        fetcher = _Fetcher(connections, folder, shelf, progress, stop)
        places = transfer_all(downloads, fetcher.place_of, stop=stop, progress=progress)
    return {download.sha256: place for download, place in zip(downloads, places, strict=True)}


@dataclass(frozen=True, slots=True)
class _Fetcher:
    """Fetches one file, in each of several threads."""

    connections: Connections
    folder: Path
    shelf: _Shelf
    progress: Progress
    stop: threading.Event

    def place_of(self, download: Download) -> Path:
        """The file's place in the store; it is fetched once, however many processes want it."""
        kind, store, admit = self.shelf
        key = download.sha256.hex()
        partial = self.folder / key / download.name
        try:
            with store.lock(key):
                self.check_stop()
                if place := store.find(kind, download.sha256, download.name):
                    return place
                partial.parent.mkdir(exist_ok=True)
                self.transfer(download, partial)
                admit(partial, download)
                return store.keep(kind, download.sha256, download.name, partial)
        except OSError as error:
            raise store.unusable(error, "written") from error

    def transfer(self, download: Download, partial: Path) -> None:
        """Write the file to ``partial``, in as many tries as the user allows."""
        from .http_failures import RequestFailure, seconds_before

        for left in range(self.connections.network.retries, -1, -1):
            try:
                self.try_transfer(download, partial)
            except RequestFailure as failure:
                if not failure.passing or not left:
                    message = f"`{download.name}` can't be fetched from `{failure.origin}`: {failure.fact}"
                    raise ResolveError(message, hint=failure.hint) from failure
                self.stop.wait(seconds_before(self.connections.network.retries - left + 1, failure))
            else:
                return

    def try_transfer(self, download: Download, partial: Path) -> None:
        """Write the file to ``partial`` once; InputError if it is not what was asked for."""
        digest = hashlib.sha256()
        done = 0
        with self.opened(download.url) as answer, partial.open("wb") as file:
            for chunk in answer.chunks:
                self.check_stop()
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                self.progress.update(download.sha256, done=done, size=answer.size)
        if digest.digest() != download.sha256:
            raise InputError(
                f"`{download.name}` from `{origin(download.url)}` has SHA-256 {digest.hexdigest()}, "
                f"but the lock says {download.sha256.hex()}",
                hint="the answer is a web page: is there a login page or a proxy on the way?"
                if answer.content_type == "text/html"
                else "someone replaced the file: find out why before you run `lpack lock --upgrade`",
            )

    @contextmanager
    def opened(self, url: str) -> Iterator[Answer]:
        """The bytes at ``url``."""
        from urllib.request import url2pathname

        from .http_client import Answer, get

        self.check_stop()
        if not url.startswith("file:"):
            with get(url, connections=self.connections) as answer:
                yield answer
            return
        try:
            path = Path(url2pathname(urlsplit(url).path))
            file = path.open("rb")
        except OSError as error:
            raise ResolveError(f"`{path}` can't be read: {error.strerror}") from error
        except ValueError as error:  # no address, or not that of any file
            raise ResolveError(f"`{url}` can't be read: {error}") from error
        with file:
            yield Answer(path.stat().st_size, "", iter(lambda: file.read(_CHUNK), b""))

    def check_stop(self) -> None:
        if self.stop.is_set():
            raise Stopped
