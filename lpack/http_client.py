"""One HTTP request: along redirects, by the right proxy, with the right credentials, and with a fact when it fails."""

from __future__ import annotations

import base64
import email.utils
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from . import __version__
from .http_failures import RequestFailure, explained
from .network import Login, Network, is_loopback, redacted

if TYPE_CHECKING:
    import requests

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


class _Unreadable(Exception):  # noqa: N818 -- on its way through requests, which must not take it for its own
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


def new_session(network: Network) -> requests.Session:
    """A pool of connections that several threads can share, and that knows nothing of this process's environment."""
    import requests

    if network.trusted_hosts:
        import urllib3

        # It would warn of each connection, in the middle of lpack's own words, of what the user has asked for.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    session = requests.Session()
    session.trust_env = False
    # Files are hashed as they are stored, so they are asked for as they are stored.
    session.headers.update({"User-Agent": f"lpack/{__version__}", "Accept-Encoding": "identity"})
    return session


@contextmanager
def get(url: str, *, session: requests.Session, network: Network) -> Iterator[Answer]:
    """The answer to a GET request; RequestFailure also from reading its body."""
    encrypted = url.startswith("https:")

    def login(at: str) -> Login | None:
        # Credentials don't leave an encrypted connection for an open one.
        return None if encrypted and not at.startswith("https:") else network.login(at)

    def authorization(at: str) -> str | None:
        found = login(at)
        return basic(found.username, found.password) if found else None

    response, final_url = _follow(Request("GET", url), authorization, session, network)
    with response:
        if response.status_code != HTTPStatus.OK:
            raise _refusal(response, final_url, login(final_url))
        length = response.headers.get("Content-Length", "")
        content_type = response.headers.get("Content-Type", "").partition(";")[0]
        yield Answer(int(length) if length.isdecimal() else 0, content_type, _body(response, final_url))


@contextmanager
def send(request: Request, *, session: requests.Session, network: Network) -> Iterator[Reply]:
    """The reply to a request, whatever its status; RequestFailure when there is none, also from reading its body."""

    def authorization(at: str) -> str | None:
        return request.authorization if same_server(at, request.url) else None

    response, final_url = _follow(request, authorization, session, network)
    with response:
        reason = response.reason or ""
        body = _body(response, final_url)
        yield Reply(response.status_code, reason, response.headers, final_url, body)
        # A connection can be used again when its answer was read; a new one costs more than a few bytes.
        left = response.raw.length_remaining
        if left is not None and left <= _CHUNK:
            for _ in body:
                pass


def _follow(
    request: Request, authorization: Callable[[str], str | None], session: requests.Session, network: Network
) -> tuple[requests.Response, str]:
    """The response at the end of the redirects, and its URL.

    Redirects are followed here and not by requests, as every address has its own proxy and its own credentials: what
    is meant for one host is never sent to another.
    """
    url = request.url
    for _ in range(_REDIRECTS):
        if not _usable(url):
            raise RequestFailure(url, "that is no https or http address")
        if request.confidential and not url.startswith("https:") and not is_loopback(url):
            raise RequestFailure(url, "its connection would not be encrypted")
        response = _ask(request, url, authorization(url), session, network)
        if not response.is_redirect or not _may_be_repeated(request, response.status_code):
            return response, url
        response.close()
        url = urljoin(url, response.headers["Location"])
    raise RequestFailure(url, f"it redirects more than {_REDIRECTS} times")


def _may_be_repeated(request: Request, status: int) -> bool:
    """Whether the request means the same elsewhere: https://www.rfc-editor.org/rfc/rfc9110#name-redirection-3xx."""
    return request.method in {"GET", "HEAD"} or status in {
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }


def _ask(
    request: Request, url: str, authorization: str | None, session: requests.Session, network: Network
) -> requests.Response:
    """The response of one server."""
    import requests

    proxy = None if request.confidential and is_loopback(url) else network.proxy(url)
    try:
        return session.request(
            request.method,
            redacted(url),
            headers={**request.headers, **({"Authorization": authorization} if authorization else {})},
            # What is streamed is given as requests knows it: an iterable, with a length.
            data=request.body,
            proxies={urlsplit(url).scheme: proxy} if proxy else {},
            verify=network.verifies(url) and (str(network.certificates) if network.certificates else True),
            timeout=network.timeout,
            allow_redirects=False,
            stream=True,
        )
    except _Unreadable as error:
        raise error.cause from None
    except (requests.RequestException, OSError, ValueError) as error:
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


def basic(username: str, password: str) -> str:
    """Basic authentication in UTF-8 (requests' own takes Latin-1): https://www.rfc-editor.org/rfc/rfc7617#section-2.1."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def _body(response: requests.Response, url: str) -> Iterator[bytes]:
    from urllib3.exceptions import HTTPError

    try:
        yield from response.raw.stream(_CHUNK, decode_content=False)
    except (HTTPError, OSError) as error:
        raise explained(error, url, None) from error


def _refusal(response: requests.Response, url: str, login: Login | None) -> RequestFailure:
    """What a status other than 200 means."""
    status = response.status_code
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
    try:
        moment = email.utils.parsedate_to_datetime(retry_after).astimezone(UTC)
    except (ValueError, OverflowError):  # no date, or one at the end of time
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
