"""Talking to registries: what any request to one needs, and reading manifests and blobs.

The API: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import difflib
import json
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from ..connections import Connections
from ..errors import InputError, PublishError, UsageError
from ..http_client import (
    Body,
    Reply,
    Request,
    same_server,
    send,
)
from ..http_failures import RequestFailure, seconds_before
from ..model import Host, Reporter
from ..network import is_loopback, network_of
from ..transfers import Stopped
from .authorisations import Authorisations, Scope, login_hint
from .manifest import LARGEST_DOCUMENT, Descriptor, digest_of
from .media_types import INDEXES, MANIFESTS
from .model import verified
from .reference import Reference, Repository

_LARGEST_ERROR = 1 << 16
_LONGEST_WORDS = 300

ANY_MANIFEST = {"Accept": ", ".join(sorted(MANIFESTS | INDEXES))}
DIGEST_HEADER = "Docker-Content-Digest"

T = TypeVar("T")


class Access(NamedTuple):
    """A repository, and what is to be done there: ``sources`` are others of its registry to mount blobs from."""

    repository: Repository
    push: bool = False
    sources: tuple[str, ...] = ()

    @property
    def scope(self) -> Scope:
        """What a token has to be good for: https://distribution.github.io/distribution/spec/auth/scope/."""
        own = f"repository:{self.repository.name}:{'pull,push' if self.push else 'pull'}"
        return Scope(self.repository.registry, (own, *(f"repository:{each}:pull" for each in self.sources)))


class Refused(RequestFailure):
    """A registry that says no: its ``status``, and the ``codes`` of its errors, in its own capitals."""

    def __init__(self, reply: Reply, fact: str, codes: tuple[str, ...], hint: str | None) -> None:
        super().__init__(reply.url, fact, hint=hint, passing=reply.passing, pause=reply.pause)
        self.status = reply.status
        self.codes = codes


@dataclass(frozen=True, slots=True)
class Registries:
    """The registries that one command talks to: the connections, tokens and facts that its threads share."""

    connections: Connections
    authorisations: Authorisations
    reporter: Reporter
    stop: threading.Event
    _schemes: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def exchange(  # noqa: PLR0913 -- the parts of a request
        self,
        access: Access,
        method: str,
        url: str,
        *,
        expected: tuple[int, ...],
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
    ) -> Iterator[Reply]:
        """The reply of an expected status to one request; ``url`` is a path in the repository, or a whole address.

        RequestFailure when there is none, and Refused when it is another. Credentials are for the registry alone, and
        are asked for once.
        """
        start = self.address(access.repository)
        url = url if "://" in url else f"{start}/{url}"
        own = same_server(url, start)
        sent = self.authorisations.known(access.scope) if own else None
        for again in (False, True):
            if self.stop.is_set():
                raise Stopped
            request = Request(method, url, headers or {}, body, sent.header if sent else None, confidential=True)
            with send(request, connections=self.connections) as reply:
                if reply.status in expected:
                    yield reply
                    return
                question = reply.headers.get("WWW-Authenticate", "")
                errors = _errors_of(reply)
                answer = None
                if reply.status == 401 and own and not again:
                    answer = self.authorisations.answer(access.scope, question, refused=sent)
                if answer is None:
                    raise self._refusal(access, reply, errors)
                sent = answer

    def persistently(self, task: Callable[[], T]) -> T:
        """What the task gives, in as many tries as the user allows; RequestFailure of the last."""
        tries = 1
        while True:
            try:
                return task()
            except RequestFailure as failure:
                if not failure.passing or tries > self.connections.network.retries:
                    raise
                if self.stop.wait(seconds_before(tries, failure)):
                    raise Stopped from failure
                tries += 1

    def address(self, repository: Repository) -> str:
        """The start of a repository's addresses; RequestFailure when a registry of this machine does not answer."""
        host = repository.host
        if not is_loopback(f"https://{host}"):
            return f"https://{host}/v2/{repository.name}"
        if host not in self._schemes:
            self._schemes[host] = "http" if self._speaks_plain_http(host) else "https"
        return f"{self._schemes[host]}://{host}/v2/{repository.name}"

    def _speaks_plain_http(self, host: str) -> bool:
        request = Request("GET", f"http://{host}/v2/", confidential=True)
        try:
            with send(request, connections=self.connections) as reply:
                reply.read(LARGEST_DOCUMENT)
                return reply.status != 400  # with which Go's servers answer who speaks without TLS
        except RequestFailure as failure:
            if "refused" in failure.fact:
                raise
            return False

    def _refusal(self, access: Access, reply: Reply, errors: tuple[tuple[str, str], ...]) -> Refused:
        codes = tuple(code for code, _ in errors)
        registry = access.repository.registry
        source = self.authorisations.source(registry)
        hint: str | None = None
        if reply.status in (401, 403) and same_server(reply.url, self.address(access.repository)):
            doing = "pushing to" if access.push else "reading from"
            who = f"the credentials from {source} don't allow" if source else "it wants credentials for"
            fact = f"{who} {doing} `{access.repository}` (status {reply.status})"
            hint = login_hint(registry, known=bool(source))
        else:
            fact = f"it answers with status {reply.status} {reply.reason}".rstrip()
            hint = "try again later" if reply.passing else None
        words = "; ".join(": ".join(part for part in each if part) for each in errors)
        return Refused(reply, f"{fact}: {words}" if words else fact, codes, hint)


@contextmanager
def open_registries(host: Host, reporter: Reporter) -> Iterator[Registries]:
    """The registries, for one command: connections are closed when the block ends, and what still runs is stopped."""
    stop = threading.Event()
    with Connections(network_of(host.environ)) as connections:
        try:
            yield Registries(connections, Authorisations(connections, host), reporter, stop)
        finally:
            stop.set()


class Document(NamedTuple):
    """A manifest or index as a registry gave it, and what it says that it is."""

    data: bytes
    media_type: str

    @property
    def digest(self) -> str:
        """Its digest, counted here."""
        return digest_of(self.data)


def read_manifest(registries: Registries, reference: Reference) -> Document:
    """The manifest or index of an image.

    UsageError when the registry has none, PublishError when it can't be had, or isn't what its digest says.
    """

    def read() -> Document:
        path, access = f"manifests/{reference.asked_for}", Access(reference.repository)
        with registries.exchange(access, "GET", path, headers=ANY_MANIFEST, expected=(200,)) as reply:
            media_type = reply.headers.get("Content-Type", "").partition(";")[0].strip()
            document = Document(reply.read(LARGEST_DOCUMENT), media_type)
            said = reference.digest or reply.headers.get(DIGEST_HEADER) or document.digest
            if document.digest != said:
                raise RequestFailure(reply.url, f"its manifest has the digest {document.digest}, not {said}")
            return document

    try:
        return registries.persistently(read)
    except Refused as refusal:
        if refusal.status == 404:
            raise _absent(registries, reference, refusal) from refusal
        raise unreadable(f"`{reference}`", refusal) from refusal
    except RequestFailure as failure:
        raise unreadable(f"`{reference}`", failure) from failure


def read_blob(registries: Registries, repository: Repository, descriptor: Descriptor) -> bytes:
    """A small blob, whole; PublishError when it can't be had, or isn't what its descriptor says."""
    subject = f"`{repository}@{descriptor.digest}`"
    if descriptor.size > LARGEST_DOCUMENT:
        raise PublishError(f"{subject} has {descriptor.size} bytes, and a config at most {LARGEST_DOCUMENT}")
    return b"".join(blob_chunks(registries, repository, descriptor))


def blob_chunks(registries: Registries, repository: Repository, descriptor: Descriptor) -> Iterator[bytes]:
    """The bytes of a blob as they come, going on where a connection broke.

    PublishError when they can't be had; or, before the last of them, when they are not what the descriptor says.
    """
    subject = f"`{repository}@{descriptor.digest}`"
    try:
        yield from verified(_resumed(registries, repository, descriptor), descriptor, subject)
    except RequestFailure as failure:
        raise unreadable(subject, failure) from failure
    except InputError as error:
        raise PublishError(error.message, hint="its registry, or something on the way, changed it") from error


def _resumed(registries: Registries, repository: Repository, descriptor: Descriptor) -> Iterator[bytes]:
    done = 0
    tries = 1
    while True:
        try:
            with closing(_from(registries, repository, descriptor, done)) as chunks:
                for chunk in chunks:
                    yield chunk
                    done += len(chunk)
                    tries = 1
        except RequestFailure as failure:
            if not failure.passing or tries > registries.connections.network.retries:
                raise
            if registries.stop.wait(seconds_before(tries, failure)):
                raise Stopped from failure
            tries += 1
        else:
            return


def _from(registries: Registries, repository: Repository, descriptor: Descriptor, start: int) -> Generator[bytes]:
    """The bytes of a blob from ``start`` on, also from a server that only gives the whole."""
    headers = {"Range": f"bytes={start}-"} if start else {}
    path, access = f"blobs/{descriptor.digest}", Access(repository)
    with registries.exchange(access, "GET", path, headers=headers, expected=(200, 206)) as reply:
        unwanted = start if reply.status == 200 else 0
        for chunk in reply.chunks:
            if registries.stop.is_set():
                raise Stopped
            if len(chunk) > unwanted:
                yield chunk[unwanted:]
            unwanted = max(0, unwanted - len(chunk))


def _absent(registries: Registries, reference: Reference, refusal: Refused) -> UsageError:
    """What to say of an image that its registry does not have."""
    lacking = "repository" if "NAME_UNKNOWN" in refusal.codes else "image"
    near = (
        difflib.get_close_matches(reference.tag, _tags(registries, reference.repository), n=3) if reference.tag else []
    )
    return UsageError(
        f"`{reference}` does not exist: `{reference.repository.registry}` has no such {lacking}",
        hint=f"did you mean {' or '.join(f'`{tag}`' for tag in near)}?" if near else None,
    )


def _tags(registries: Registries, repository: Repository) -> list[str]:
    """The first thousand tags of a repository; none when it does not tell, since they are for a hint alone."""
    try:
        with registries.exchange(Access(repository), "GET", "tags/list?n=1000", expected=(200,)) as reply:
            found = json.loads(reply.read(LARGEST_DOCUMENT))["tags"]
        return [tag for tag in found if isinstance(tag, str)]
    except (RequestFailure, ValueError, LookupError, TypeError, RecursionError):
        return []


def unreadable(subject: str, failure: RequestFailure) -> PublishError:
    """What to say of something that can't be read from a registry."""
    return PublishError(f"{subject} can't be read from `{failure.origin}`: {failure.fact}", hint=failure.hint)


def _errors_of(reply: Reply) -> tuple[tuple[str, str], ...]:
    """The codes and messages of a reply that is an error, as far as it has any, fit to be shown."""
    try:
        found = json.loads(reply.read(_LARGEST_ERROR))["errors"]
        return tuple((_shown(each.get("code")), _shown(each.get("message"))) for each in found[:3])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, RequestFailure):
        return ()  # its status has to do


def _shown(text: object) -> str:
    words = "".join(letter if letter.isprintable() else " " for letter in str(text or ""))
    return words if len(words) <= _LONGEST_WORDS else f"{words[:_LONGEST_WORDS]}…"
