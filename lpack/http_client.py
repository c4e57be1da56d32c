"""One HTTP request: along redirects, by the right proxy, with the right credentials, and with a fact when it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from .connections import Connections, MissingSocks, basic
from .http_failures import RequestFailure, explained
from .network import Login, is_loopback, origin

if TYPE_CHECKING:
    from urllib3 import HTTPResponse

_CHUNK = 1 << 18
_REDIRECTS = 10
_PASSING_STATUSES = frozenset({408, 429, *range(500, 600)})


class Body:
    """What is sent and does not fit into memory: ``size`` bytes, which ``chunks()`` gives anew for every try."""

    def __init__(self, size: int, chunks: Callable[[], Iterator[bytes]]) -> None:
        self._size = size
        self._chunks = chunks

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._chunks()
        except OSError as error:  # which would look as if the connection had broken
            raise _Unreadable(error) from error


class _Unreadable(Exception):  # noqa: N818 -- on its way through urllib3, which must not take it for its own
    def __init__(self, cause: OSError) -> None:
        super().__init__()
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Request:
    """A request; ``authorization`` is for the server in ``url`` alone, and stays behind when that sends elsewhere.

    A ``confidential`` one is sent over TLS alone, except to this machine itself, to which it takes no proxy.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Body | None = field(default=None, repr=False)
    authorization: str | None = field(default=None, repr=False)
    confidential: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, from ``url``, whatever its ``status``; the body is read from the network."""

    status: int
    reason: str
    headers: Mapping[str, str]
    url: str
    chunks: Iterator[bytes]

    def read(self, most: int) -> bytes:
        """The whole body; RequestFailure when it is longer than ``most`` bytes."""
        data = bytearray()
        for chunk in self.chunks:
            data += chunk
            if len(data) > most:
                raise RequestFailure(self.url, f"its answer is longer than {most} bytes")
        return bytes(data)

    @property
    def pause(self) -> float | None:
        """Seconds to wait before the next try, if it says so."""
        return _seconds(self.headers.get("Retry-After", ""))

    @property
    def passing(self) -> bool:
        """Whether another try may have another answer."""
        return self.status in _PASSING_STATUSES


class Answer(NamedTuple):
    """A good answer: its length in bytes (0 if unknown), content type and body, which is read from the network."""

    size: int
    content_type: str
    chunks: Iterator[bytes]


@contextmanager
def get(url: str, *, connections: Connections) -> Iterator[Answer]:
    """The answer to a GET request; RequestFailure also from reading its body."""
    encrypted = url.startswith("https:")

    def login(at: str) -> Login | None:
        # Credentials don't leave an encrypted connection for an open one.
        return None if encrypted and not at.startswith("https:") else connections.network.login(at)

    def authorization(at: str) -> str | None:
        found = login(at)
        return basic(found.username, found.password) if found else None

    response, final_url = _follow(Request("GET", url), authorization, connections)
    with response:
        if response.status != HTTPStatus.OK:
            raise _refusal(response, final_url, login(final_url))
        length = response.headers.get("Content-Length", "")
        content_type = response.headers.get("Content-Type", "").partition(";")[0]
        yield Answer(int(length) if length.isdecimal() else 0, content_type, _body(response, final_url))


@contextmanager
def send(request: Request, *, connections: Connections) -> Iterator[Reply]:
    """The reply to a request, whatever its status; RequestFailure when there is none, also from reading its body."""

    def authorization(at: str) -> str | None:
        return request.authorization if same_server(at, request.url) else None

    response, final_url = _follow(request, authorization, connections)
    with response:
        reason = response.reason or ""
        body = _body(response, final_url)
        yield Reply(response.status, reason, response.headers, final_url, body)
        # A connection can be used again when its answer was read; a new one costs more than a few bytes.
        left = response.length_remaining
        if left is not None and left <= _CHUNK:
            for _ in body:
                pass


def _follow(
    request: Request, authorization: Callable[[str], str | None], connections: Connections
) -> tuple[HTTPResponse, str]:
    """The response at the end of the redirects, and its URL.

    Redirects are followed here and not by urllib3, as every address has its own proxy and its own credentials: what
    is meant for one host is never sent to another.
    """
    url = request.url
    for _ in range(_REDIRECTS):
        if not _usable(url):
            raise RequestFailure(url, "that is no https or http address")
        if request.confidential and not url.startswith("https:") and not is_loopback(url):
            raise RequestFailure(url, "its connection would not be encrypted")
        response = _ask(request, url, authorization(url), connections)
        location = response.get_redirect_location()
        if not location or not _may_be_repeated(request, response.status):
            return response, url
        response.close()
        try:
            url = urljoin(url, location)
        except ValueError as error:
            raise RequestFailure(url, "it redirects to something that is no address") from error
    raise RequestFailure(url, f"it redirects more than {_REDIRECTS} times")


def _may_be_repeated(request: Request, status: int) -> bool:
    """Whether the request means the same elsewhere: https://www.rfc-editor.org/rfc/rfc9110#name-redirection-3xx."""
    return request.method in {"GET", "HEAD"} or status in {
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }


def _ask(request: Request, url: str, authorization: str | None, connections: Connections) -> HTTPResponse:
    """The response of one server."""
    from urllib3.exceptions import HTTPError

    network = connections.network
    proxy = None if request.confidential and is_loopback(url) else network.proxy(url)
    headers = dict(request.headers)
    if authorization:
        headers["Authorization"] = authorization
    if isinstance(request.body, Body):
        headers["Content-Length"] = str(len(request.body))
    try:
        return connections.ask(request.method, url, headers=headers, body=request.body, proxy=proxy)
    except _Unreadable as error:
        raise error.cause from None
    except MissingSocks as error:
        hint = "install PySocks beside lpack, or name another proxy"
        raise RequestFailure(url, f"the proxy `{origin(proxy or '')}` speaks SOCKS", hint=hint) from error
    except (HTTPError, OSError, ValueError) as error:
        raise explained(error, url, proxy) from error


def same_server(one: str, other: str) -> bool:
    """Whether two URLs lead to one server: what is meant for one of them may be sent to the other."""
    first, second = urlsplit(one), urlsplit(other)
    return (first.scheme, first.hostname, first.port) == (second.scheme, second.hostname, second.port)


def _usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _body(response: HTTPResponse, url: str) -> Iterator[bytes]:
    from urllib3.exceptions import HTTPError

    try:
        yield from response.stream(_CHUNK, decode_content=False)
    except (HTTPError, OSError) as error:
        raise explained(error, url, None) from error


def _refusal(response: HTTPResponse, url: str, login: Login | None) -> RequestFailure:
    """What a status other than 200 means."""
    status = response.status
    host = urlsplit(url).hostname
    if status in (401, 403):
        if login:
            fact = f"it refuses the user name and password from {login.source} (status {status})"
            return RequestFailure(url, fact, hint=f"correct the credentials for `{host}`; they may have expired")
        return RequestFailure(
            url,
            f"it wants a user name and password (status {status})",
            hint=f"put them into ~/.netrc (`machine {host} login … password …`), or into the index's URL by an "
            "environment variable",
        )
    if status in (404, 410):
        hint = "the file was removed or renamed: run `lpack lock --upgrade`, or correct the URL"
        return RequestFailure(url, f"it does not have that file (status {status})", hint=hint)
    fact = f"it answers with status {status} {response.reason or ''}".rstrip()
    if status not in _PASSING_STATUSES:
        return RequestFailure(url, fact)
    pause = _seconds(response.headers.get("Retry-After", ""))
    return RequestFailure(url, fact, hint="try again later", passing=True, pause=pause)


def _seconds(retry_after: str) -> float | None:
    """Seconds to wait by a Retry-After header: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after."""
    if retry_after.isdecimal():
        return float(retry_after)
    import email.utils

    try:
        moment = email.utils.parsedate_to_datetime(retry_after).astimezone(UTC)
    except (ValueError, OverflowError):  # no date, or one at the end of time
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
