"""Why a request got no good answer, in words for users, and whether another try may help."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Iterator

from .network import origin

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 30.0
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})
"""What OpenSSL says of an answer that is none."""

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


def seconds_before(next_try: int, failure: RequestFailure) -> float:
    """Seconds to wait before try 1, 2, … after the first. Jitter, so that many machines don't come back at once."""
    if failure.pause is not None:
        return min(failure.pause, _LONGEST_PAUSE)
    grown = _FIRST_PAUSE * (1 << next_try - 1) * random.uniform(0.5, 1)  # noqa: S311 -- hides nothing
    return min(grown, _LONGEST_PAUSE)


def explained(error: BaseException, url: str, proxy: str | None) -> RequestFailure:
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
        if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
            return RequestFailure(
                url,
                "it does not speak TLS",
                hint="correct the address, or have the server speak TLS: nothing goes there in the open",
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


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and those that led to it, outermost first; urllib3 keeps some of them as arguments alone."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            before = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
            waiting += [before, *each.args]
