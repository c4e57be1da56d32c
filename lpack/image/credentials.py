"""Who the user is to a registry: Docker's own configuration and helper programs, netrc, and AWS for its registries.

Docker's configuration: https://docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties
Its helpers: https://github.com/docker/docker-credential-helpers
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ToolError, UsageError
from ..model import Host
from ..network import Network
from ..processes import run
from . import ecr
from .reference import DOCKER_HUB

_HUB_KEY = "https://index.docker.io/v1/"
_HELPER = "docker-credential-"
_NOT_FOUND = "credentials not found"
_TOKEN_USER = "<token>"  # noqa: S105 -- by which helpers say that what follows is an identity token
_PATIENCE = 60.0
"""Seconds that a helper has: some ask the user to unlock a keychain."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user name and password, or else an ``identity_token`` or ``registry_token``; ``source`` is for messages.

    An identity token buys tokens for a registry, a registry token is one.
    """

    source: str
    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)


def identity_for(registry: str, *, host: Host, network: Network) -> Identity | None:
    """Who the user is to a registry (``host[:port]``), None for nobody in particular.

    UsageError for a configuration that can't be read, ToolError for a helper that fails, PublishError when AWS gives
    no token for its own registry.
    """
    config = _Configuration.of(host)
    found = config.identity(registry, host)
    if found:
        return found
    if login := network.login(f"https://{registry}/"):
        return Identity(login.source, login.username, login.password)
    if region := ecr.region_of(registry):
        return Identity("AWS", *ecr.login(registry, region))
    return None


@dataclass(frozen=True, slots=True)
class _Configuration:
    """Docker's config.json; ``document`` is empty when there is none."""

    path: Path
    document: Mapping[str, Any]

    @classmethod
    def of(cls, host: Host) -> _Configuration:
        folder, home = host.environ.get("DOCKER_CONFIG"), host.environ.get("HOME")
        if not folder and not home:
            return cls(Path("config.json"), {})
        path = Path(folder or Path(home or "", ".docker"), "config.json")
        try:
            document = json.loads(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return cls(path, {})
        except OSError as error:
            raise _unusable(path, f"can't be read: {error.strerror}") from error
        except (ValueError, RecursionError):  # its own text may quote a password
            raise _unusable(path, "is no JSON") from None
        if not isinstance(document, dict):
            raise _unusable(path, "is no JSON object")
        return cls(path, document)

    def identity(self, registry: str, host: Host) -> Identity | None:
        """Who the user is by a helper program, or else by what the file itself says."""
        helper = self._table("credHelpers").get(registry) or self.document.get("credsStore")
        if helper:
            if not isinstance(helper, str) or "/" in helper:
                raise _unusable(self.path, f"names a credential helper for `{registry}` that is none")
            if found := _of_helper(f"{_HELPER}{helper}", registry, host):
                return found
        for key, entry in self._table("auths").items():
            means_it = key == _key(registry) or _host_of(key) == registry
            if means_it and (found := self._of_entry(registry, entry)):
                return found
        return None

    def _table(self, key: str) -> Mapping[str, Any]:
        found = self.document.get(key) or {}
        if not isinstance(found, dict):
            raise _unusable(self.path, f"has a mistake: `{key}` is not an object")
        return found

    def _of_entry(self, registry: str, entry: Any) -> Identity | None:
        texts: dict[str, str] = {}
        for key in ("auth", "username", "password", "identitytoken", "registrytoken"):
            text = entry.get(key) or "" if isinstance(entry, dict) else None
            if not isinstance(text, str):
                raise _unusable(self.path, f"has a mistake in what it says about `{registry}`")
            texts[key] = text
        username, password = texts["username"], texts["password"]
        if texts["auth"]:
            try:
                username, colon, password = base64.b64decode(texts["auth"], validate=True).decode().partition(":")
            except ValueError:
                colon = ""
            if not colon:
                raise _unusable(self.path, f"has an `auth` for `{registry}` that is no user name and password")
        identity = Identity(
            str(self.path), username, password.rstrip("\0"), texts["identitytoken"], texts["registrytoken"]
        )
        return identity if any((username, identity.identity_token, identity.registry_token)) else None


def _of_helper(program: str, registry: str, host: Host) -> Identity | None:
    try:
        result = run([program, "get"], folder=Path.cwd(), environ=host.environ, timeout=_PATIENCE, given=_key(registry))
    except ToolError as error:
        hint = f"Docker's config.json names it for `{registry}`: install it, or take it out of there"
        raise ToolError(error.message, hint=hint) from error
    if result.exit_code != 0:
        if _NOT_FOUND in result.stdout:
            return None
        raise ToolError(
            f"`{program}` has no credentials for `{registry}`: it failed with exit code {result.exit_code}",
            hint=f"see what `echo {_key(registry)} | {program} get` says",
            details=result.last_lines(3),
        )
    try:
        document = json.loads(result.stdout)
        username, secret = document["Username"], document["Secret"]
    except (ValueError, KeyError, TypeError):
        username = secret = None
    if not isinstance(username, str) or not isinstance(secret, str):
        raise ToolError(f"`{program}` gave an answer for `{registry}` that is no user name and password")
    if username == _TOKEN_USER:
        return Identity(f"`{program}`", identity_token=secret)
    return Identity(f"`{program}`", username, secret) if username or secret else None


def _key(registry: str) -> str:
    """What Docker calls a registry in its configuration, and to helpers."""
    return _HUB_KEY if registry == DOCKER_HUB else registry


def _host_of(key: str) -> str:
    """The registry that a key means: old versions of Docker wrote whole addresses."""
    return key.partition("://")[2].partition("/")[0] if "://" in key else key.partition("/")[0]


def _unusable(path: Path, fact: str) -> UsageError:
    return UsageError(f"`{path}` {fact}", hint="correct the file, or set DOCKER_CONFIG to another folder")
