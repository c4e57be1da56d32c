"""One GET request: along redirects, by the right proxy, with the right credentials, and with a fact when it fails."""

from __future__ import annotations

import base64
import email.utils
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from . import __version__
from .network import Login, Network, origin, redacted

if TYPE_CHECKING:
    import requests

_CHUNK = 1 << 18
_REDIRECTS = 10
_PASSING_STATUSES = frozenset({408, 429, *range(500, 600)})
_TIMEOUT_HINT = "set PIP_DEFAULT_TIMEOUT to more seconds"
_NETWORK_HINT = "check the network; if this machine needs a proxy, set HTTPS_PROXY"


class RequestFailure(Exception):  # noqa: N818 -- what it means is for the caller to say
    """A request that got no good answer: from which ``origin``, the ``fact``, and the next step.

    ``passing`` says whether another try may help, after ``pause`` seconds if the server asked for that.
    """

    def __init__(
        self, url: str, fact: str, *, hint: str | None = None, passing: bool = False, pause: float | None = None
    ) -> None:
        super().__init__(fact)
        self.origin = origin(url)
        self.fact = fact
        self.hint = hint
        self.passing = passing
        self.pause = pause


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
    response, final_url = _follow(url, session, network)
    with response:
        length = response.headers.get("Content-Length", "")
        content_type = response.headers.get("Content-Type", "").partition(";")[0]
        yield Answer(int(length) if length.isdecimal() else 0, content_type, _body(response, final_url))


def _follow(url: str, session: requests.Session, network: Network) -> tuple[requests.Response, str]:
    """The response at the end of the redirects, and its URL.

    Redirects are followed here and not by requests, as every address has its own proxy and its own credentials: what
    is meant for one host is never sent to another.
    """
    import requests

    encrypted = url.startswith("https:")
    for _ in range(_REDIRECTS):
        if not _usable(url):
            raise RequestFailure(url, "that is no https or http address")
        # Credentials don't leave an encrypted connection for an open one.
        login = None if encrypted and not url.startswith("https:") else network.login(url)
        proxy = network.proxy(url)
        try:
            response = session.get(
                redacted(url),
                auth=_basic(login) if login else None,
                proxies={urlsplit(url).scheme: proxy} if proxy else {},
                verify=network.verifies(url) and (str(network.certificates) if network.certificates else True),
                timeout=network.timeout,
                allow_redirects=False,
                stream=True,
            )
        except (requests.RequestException, OSError, ValueError) as error:
            raise _explained(error, url, proxy) from error
        if not response.is_redirect:
            if response.status_code == requests.codes.ok:
                return response, url
            response.close()
            raise _refusal(response, url, login)
        response.close()
        url = urljoin(url, response.headers["Location"])
    raise RequestFailure(url, f"it redirects more than {_REDIRECTS} times")


def _usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _basic(login: Login) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    """Basic authentication in UTF-8 (requests' own takes Latin-1): https://www.rfc-editor.org/rfc/rfc7617#section-2.1."""
    token = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()

    def authorise(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Basic {token}"
        return request

    return authorise


def _body(response: requests.Response, url: str) -> Iterator[bytes]:
    from urllib3.exceptions import HTTPError

    try:
        yield from response.raw.stream(_CHUNK, decode_content=False)
    except (HTTPError, OSError) as error:
        raise _explained(error, url, None) from error


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


def _explained(error: BaseException, url: str, proxy: str | None) -> RequestFailure:
    """What an exception of the libraries below means; their own texts may hold URLs with passwords."""
    from urllib3.exceptions import ProxyError

    if isinstance(error, ValueError):
        return RequestFailure(url, "its address, or that of the proxy or the next redirect, can't be used")
    causes = tuple(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return RequestFailure(
                url,
                f"its certificate is not trusted: {cause.verify_message}",
                hint="behind a proxy of a company, set SSL_CERT_FILE to a file that holds its certificate",
            )
    via = ""
    if proxy and any(isinstance(cause, ProxyError) for cause in causes):
        via = f"the proxy `{origin(proxy)}`: "
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return RequestFailure(url, f"{via}the name can't be resolved", hint=_NETWORK_HINT, passing=True)
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return RequestFailure(url, f"{via}no answer in time", hint=_TIMEOUT_HINT, passing=True)
    for cause in causes:
        # http.client says only in words what a proxy answered to CONNECT.
        if isinstance(cause, OSError) and str(cause).startswith("Tunnel connection failed: "):
            status = str(cause).partition(": ")[2]
            return RequestFailure(url, f"{via}status {status}", hint="correct the proxy's URL in HTTPS_PROXY")
        if isinstance(cause, OSError) and cause.strerror:
            return RequestFailure(url, f"{via}{cause.strerror.lower()}", hint=_NETWORK_HINT, passing=True)
    return RequestFailure(url, f"{via}the connection broke", hint=_NETWORK_HINT, passing=True)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and those that led to it, outermost first."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
