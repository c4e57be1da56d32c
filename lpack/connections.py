"""Connections to servers: kept open, shared by threads, and made by the user's proxies and certificates."""

from __future__ import annotations

import base64
import importlib.util
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import unquote, urlsplit

from . import __version__
from .network import Network, redacted

if TYPE_CHECKING:
    from urllib3 import HTTPResponse, PoolManager

_EACH_HOST = 10
"""Connections to a host that are kept open: more than there are threads that transfer something."""

# Files are hashed as they are stored, so they are asked for as they are stored.
_HEADERS = {"User-Agent": f"lpack/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}


class MissingSocks(Exception):  # noqa: N818 -- it is told as the fact that it is
    """The user's proxy speaks SOCKS, for which urllib3 needs another package."""


class Connections:
    """Pools of connections that know nothing of this process's environment but what ``network`` says."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, str, bool], PoolManager] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pool in self._pools.values():
            pool.clear()

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None,
        proxy: str | None,
    ) -> HTTPResponse:
        """The response to one request, whatever it is; its body is not read yet, and must be closed.

        A body that is no bytes comes with its ``Content-Length`` in the headers. The errors are urllib3's; ValueError
        for an address that can't be used; MissingSocks.
        """
        from urllib3 import Timeout

        connect, read = self.network.timeout
        response = self._pool(url, proxy).urlopen(
            method,
            redacted(url),
            headers=_HEADERS | dict(headers),
            body=body,
            timeout=Timeout(connect=connect, read=read),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        return cast("HTTPResponse", response)  # what a pool gives that was not told another class

    def _pool(self, url: str, proxy: str | None) -> PoolManager:
        scheme, verifies = urlsplit(url).scheme, self.network.verifies(url)
        way = (scheme, proxy or "", verifies)
        with self._lock:
            if way not in self._pools:
                self._pools[way] = self._new_pool(scheme, proxy or "", verifies=verifies)
            return self._pools[way]

    def _new_pool(self, scheme: str, proxy: str, *, verifies: bool) -> PoolManager:
        import urllib3

        settings: dict[str, Any] = {"maxsize": _EACH_HOST}
        if not verifies:
            # It would warn of each connection, in the middle of lpack's own words, of what the user has asked for.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            settings["cert_reqs"] = "CERT_NONE"
        elif scheme == "https" or proxy.startswith("https:"):
            settings |= _trusted(self.network.certificates)
        if not proxy:
            return urllib3.PoolManager(**settings)
        if "://" not in proxy:
            proxy = f"http://{proxy}"
        if proxy.startswith("socks"):
            if importlib.util.find_spec("socks") is None:  # urllib3 would warn of it besides
                raise MissingSocks
            from urllib3.contrib.socks import SOCKSProxyManager

            return SOCKSProxyManager(proxy, **settings)
        return urllib3.ProxyManager(redacted(proxy), proxy_headers=_introduction(proxy), **settings)


def _trusted(certificates: Path | None) -> dict[str, str]:
    """Whom to trust: the user's file or folder of certificates, else Mozilla's, as pip does."""
    if certificates is None:
        import certifi

        return {"ca_certs": certifi.where()}
    return {"ca_cert_dir" if certificates.is_dir() else "ca_certs": str(certificates)}


def _introduction(proxy: str) -> dict[str, str]:
    """What tells a proxy who is asking: the user name and password in its URL."""
    parts = urlsplit(proxy)
    if not parts.username:
        return {}
    return {"Proxy-Authorization": basic(unquote(parts.username), unquote(parts.password or ""))}


def basic(username: str, password: str) -> str:
    """Basic authentication in UTF-8: https://www.rfc-editor.org/rfc/rfc7617#section-2.1."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
