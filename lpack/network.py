"""How to reach a server: its credentials, the proxy on the way, the certificates to trust, and for how long to wait.

All of it comes from values: nothing here reads this process's environment, and nothing prints a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from .errors import UsageError

if TYPE_CHECKING:
    from netrc import netrc

_USERINFO = re.compile(r"(?<=://)[^/?#\s\"']*@")
_ORIGIN = re.compile(r"file:.*|([a-z][a-z0-9+.-]*://)?[^/?#]*", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_CERTIFICATE_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class Credential:
    """A user name and password for all URLs under ``prefix`` (``scheme://host[:port][/path]``)."""

    prefix: str
    username: str
    password: str = field(repr=False)


class Login(NamedTuple):
    """What to authenticate with, and where it came from, for messages."""

    username: str
    password: str
    source: str


@dataclass(frozen=True, slots=True)
class Network:
    """The user's network settings; ``timeout`` is (connect, read) in seconds."""

    proxies: Mapping[str, str] = field(repr=False)
    no_proxy: tuple[str, ...]
    trusted_hosts: tuple[str, ...]
    certificates: Path | None
    timeout: tuple[float, float]
    retries: int
    credentials: tuple[Credential, ...]
    logins: netrc | None = field(repr=False)

    def proxy(self, url: str) -> str | None:
        """The proxy to reach ``url`` by, or None for the direct way."""
        parts = urlsplit(url)
        if _bypassed(parts.hostname or "", _port(url), self.no_proxy):
            return None
        return self.proxies.get(parts.scheme) or self.proxies.get("all")

    def verifies(self, url: str) -> bool:
        """Whether the server has to prove who it is; not those that the user trusts without (``host`` or its port)."""
        parts = urlsplit(url)
        names = {parts.hostname, f"{parts.hostname}:{_port(url)}"}
        return names.isdisjoint(each.lower().removeprefix("https://") for each in self.trusted_hosts)

    def login(self, url: str) -> Login | None:
        """What ``url`` is to be asked with: its own userinfo, else the longest matching prefix, else netrc."""
        parts = urlsplit(url)
        if parts.username:
            return Login(unquote(parts.username), unquote(parts.password or ""), "the URL")
        matching = [each for each in self.credentials if _covers(each.prefix, url)]
        if matching:
            best = max(matching, key=lambda each: len(each.prefix))
            return Login(best.username, best.password, "the index's settings")
        found = self.logins.authenticators(parts.hostname or "") if self.logins else None
        return Login(found[0], found[2] or "", "netrc") if found else None


def network_of(environ: Mapping[str, str], *, credentials: Sequence[Credential] = ()) -> Network:
    """The settings that the environment asks for, in the words of curl and pip; UsageError for one that can't be.

    They are ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY`` (lower case first), ``PIP_CERT``,
    ``REQUESTS_CA_BUNDLE``, ``CURL_CA_BUNDLE``, ``SSL_CERT_FILE``, ``UV_INSECURE_HOST`` or else ``PIP_TRUSTED_HOST``,
    ``PIP_DEFAULT_TIMEOUT`` (seconds), ``PIP_RETRIES`` and ``NETRC``.
    """

    def either(name: str) -> str:
        return environ.get(name) or environ.get(name.upper()) or ""

    timeout = _number(environ, "PIP_DEFAULT_TIMEOUT", least=0.001)
    retries = _number(environ, "PIP_RETRIES")
    return Network(
        proxies={scheme: either(f"{scheme}_proxy") for scheme in ("http", "https", "all")},
        no_proxy=tuple(entry for entry in re.split(r"[,\s]+", either("no_proxy")) if entry),
        trusted_hosts=tuple((environ.get("UV_INSECURE_HOST") or environ.get("PIP_TRUSTED_HOST") or "").split()),
        certificates=_certificates(environ),
        timeout=(15.0, 60.0) if timeout is None else (timeout, timeout),
        retries=4 if retries is None else int(retries),
        credentials=tuple(credentials),
        logins=_logins(environ),
    )


def redacted(text: str) -> str:
    """The URL, or any text with URLs in it, without their user names and passwords."""
    return _USERINFO.sub("", text)


def origin(url: str) -> str:
    """Scheme, host and port of a URL, for messages: the rest of it may hold a token. Of a local file, all."""
    found = _ORIGIN.match(redacted(url))
    return found[0] if found else ""


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine itself, where nobody can listen on the way."""
    import ipaddress

    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def _number(environ: Mapping[str, str], name: str, *, least: float = 0) -> float | None:
    text = environ.get(name)
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not least <= number < 1e6:
        raise UsageError(
            f"`{name}` is `{text}`, which is not possible",
            hint=f"set `{name}` to a number from {least:g} on, or unset it",
        )
    return number


def _certificates(environ: Mapping[str, str]) -> Path | None:
    for name in _CERTIFICATE_VARIABLES:
        if text := environ.get(name):
            path = Path(text)
            if not path.exists():
                raise UsageError(
                    f"`{name}` names `{path}`, which does not exist",
                    hint=f"set `{name}` to a file with the certificates to trust, or unset it",
                )
            return path
    return None


def _logins(environ: Mapping[str, str]) -> netrc | None:
    from netrc import NetrcParseError, netrc

    named = environ.get("NETRC")
    if not named and not environ.get("HOME"):
        return None
    path = Path(named) if named else Path(environ["HOME"], ".netrc")
    try:
        return netrc(path)
    except FileNotFoundError:
        return None
    except NetrcParseError as error:
        # Its own text quotes the file, and may quote a password.
        fact = f"has a mistake in line {error.lineno}"
    except UnicodeDecodeError:
        fact = "is not UTF-8 text"
    except OSError as error:
        fact = f"can't be read: {error.strerror}"
    raise UsageError(f"`{path}` {fact}", hint="correct the file, or set NETRC to another one") from None


def _port(url: str) -> int | None:
    parts = urlsplit(url)
    return parts.port or _DEFAULT_PORTS.get(parts.scheme)


def _covers(prefix: str, url: str) -> bool:
    ours, theirs = urlsplit(prefix), urlsplit(url)
    if (ours.scheme, ours.hostname, _port(prefix)) != (theirs.scheme, theirs.hostname, _port(url)):
        return False
    folder = ours.path.rstrip("/") + "/"
    return f"{theirs.path}/".startswith(folder)


def _bypassed(host: str, port: int | None, exceptions: Iterable[str]) -> bool:
    """Whether NO_PROXY names the host: ``*``, a domain and what is below it, ``host:port``, an address or a network."""
    for exception in exceptions:
        if exception == "*":
            return True
        name, _, wanted = exception.partition(":") if exception.count(":") == 1 else (exception, "", "")
        domain = name.lower().removeprefix("*").removeprefix(".")
        matches = host == domain or host.endswith(f".{domain}") or _in_network(host, exception)
        if domain and matches and wanted in ("", str(port)):
            return True
    return False


def _in_network(host: str, network: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:  # one of them is a name
        return False
