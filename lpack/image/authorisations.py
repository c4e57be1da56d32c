"""What is sent along so that a registry answers: Basic credentials, or a token that they buy.

Sources: https://distribution.github.io/distribution/spec/auth/token/ and …/auth/oauth/
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from ..connections import Connections, basic
from ..http_client import Reply, Request, send
from ..http_failures import RequestFailure
from ..model import Host
from .challenges import Challenge, parse_challenges
from .credentials import Identity, identity_for

_LIFETIME = 60.0
"""Seconds that a token is good for when nobody says: https://distribution.github.io/distribution/spec/auth/token/"""

_MARGIN = 10.0
"""Seconds before its end from which on a token is not used any more."""

_LARGEST_ANSWER = 1 << 20


class Scope(NamedTuple):
    """What a registry (``host[:port]``) is asked for: ``repository:shop:pull,push``, say, in its own words."""

    registry: str
    resources: tuple[str, ...]


class Authorisation(NamedTuple):
    """What is sent along, and whose it is, for messages: "" for nobody in particular."""

    header: str
    source: str


class _Token(NamedTuple):
    authorisation: Authorisation
    until: float


@dataclass(frozen=True, slots=True)
class Authorisations:
    """What was learned of registries so far; threads share it."""

    connections: Connections
    host: Host
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _challenges: dict[str, Challenge] = field(default_factory=dict)
    _identities: dict[str, Identity | None] = field(default_factory=dict)
    _tokens: dict[tuple[Scope, str], _Token] = field(default_factory=dict)

    def known(self, scope: Scope) -> Authorisation | None:
        """What to send without being asked: a body would go over the wire twice otherwise.

        None when the registry has not asked yet, or doesn't want to know. RequestFailure as from ``answer``.
        """
        with self._lock:
            challenge = self._challenges.get(scope.registry)
            return self._authorisation(scope, challenge) if challenge else None

    def answer(self, scope: Scope, header: str, *, refused: Authorisation | None) -> Authorisation | None:
        """What to send when the registry asks by its ``WWW-Authenticate`` header; None when there is nothing to send.

        ``refused`` was sent, and did not do: a token may have ended early. RequestFailure when a token can't be had.
        """
        with self._lock:
            challenge = _chosen(parse_challenges(header))
            if challenge is None:
                return None
            self._challenges[scope.registry] = challenge
            key = (scope, _identifier(challenge))
            token = self._tokens.get(key)
            if token and token.authorisation == refused:
                del self._tokens[key]
            found = self._authorisation(scope, challenge)
            return None if found == refused else found

    def source(self, registry: str) -> str:
        """Where the user's credentials for a registry come from, for messages; "" when there are none."""
        with self._lock:
            identity = self._identities.get(registry)
            return identity.source if identity else ""

    def _authorisation(self, scope: Scope, challenge: Challenge) -> Authorisation | None:
        identity = self._identity(scope.registry)
        if challenge.scheme == "basic":
            if not identity or not identity.username:
                return None
            return Authorisation(basic(identity.username, identity.password), identity.source)
        if identity and identity.registry_token:
            return Authorisation(f"Bearer {identity.registry_token}", identity.source)
        key = (scope, _identifier(challenge))
        token = self._tokens.get(key)
        if token is None or token.until <= time.monotonic():
            token = self._tokens[key] = self._buy(scope, challenge, identity)
        return token.authorisation

    def _identity(self, registry: str) -> Identity | None:
        if registry not in self._identities:
            self._identities[registry] = identity_for(registry, host=self.host, network=self.connections.network)
        return self._identities[registry]

    def _buy(self, scope: Scope, challenge: Challenge, identity: Identity | None) -> _Token:
        request = _token_request(scope, challenge, identity)
        with send(request, connections=self.connections) as reply:
            body = reply.read(_LARGEST_ANSWER)
            if reply.status != 200:
                raise _refusal(reply, scope.registry, identity)
        try:
            document = json.loads(body)
            token = document.get("token") or document.get("access_token")
            lifetime = document.get("expires_in") or _LIFETIME
            until = time.monotonic() + float(lifetime) - _MARGIN
        except (ValueError, TypeError, AttributeError):
            token = None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise RequestFailure(request.url, f"the token for `{scope.registry}` that it gives is none")
        return _Token(Authorisation(f"Bearer {token}", identity.source if identity else ""), until)


def _chosen(challenges: tuple[Challenge, ...]) -> Challenge | None:
    """The challenge to answer: a token says less to whoever reads it than a password."""
    for scheme in ("bearer", "basic"):
        for challenge in challenges:
            if challenge.scheme == scheme and (scheme == "basic" or challenge.parameters.get("realm")):
                return challenge
    return None


def _identifier(challenge: Challenge) -> str:
    """What tells challenges apart: not the scope, which is asked for by what is wanted."""
    return f"{challenge.parameters.get('realm')} {challenge.parameters.get('service')}"


def _token_request(scope: Scope, challenge: Challenge, identity: Identity | None) -> Request:
    realm = challenge.parameters["realm"]
    asked: list[tuple[str, str]] = []
    if service := challenge.parameters.get("service"):
        asked.append(("service", service))
    if identity and identity.identity_token:
        form = {
            **dict(asked),
            "grant_type": "refresh_token",
            "client_id": "lpack",
            "scope": " ".join(scope.resources),
            "refresh_token": identity.identity_token,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Request("POST", realm, headers, urlencode(form).encode(), confidential=True)
    asked += [("scope", resource) for resource in scope.resources]
    if identity and identity.username:
        asked.append(("account", identity.username))
    joint = "&" if urlsplit(realm).query else "?"
    return Request(
        "GET",
        f"{realm}{joint}{urlencode(asked)}",
        authorization=basic(identity.username, identity.password) if identity and identity.username else None,
        confidential=True,
    )


def _refusal(reply: Reply, registry: str, identity: Identity | None) -> RequestFailure:
    fact = f"it gives no token for `{registry}` (status {reply.status})"
    if reply.status in (401, 403):
        fact = (
            f"it refuses the credentials for `{registry}` from {identity.source} (status {reply.status})"
            if identity
            else f"it gives nobody a token for `{registry}` without credentials (status {reply.status})"
        )
        return RequestFailure(reply.url, fact, hint=login_hint(registry, known=identity is not None))
    return RequestFailure(reply.url, fact, passing=reply.passing, pause=reply.pause)


def login_hint(registry: str, *, known: bool) -> str:
    """What to do about credentials that are missing, or not good enough."""
    if known:
        return f"they may have expired: run `docker login {registry}` again, or correct them"
    return f"run `docker login {registry}`, or put credentials for it into ~/.docker/config.json"
