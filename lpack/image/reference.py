"""How images are named: ``public.ecr.aws/lambda/python:3.13``, ``localhost:5000/shop@sha256:…``, ``debian``.

As Docker reads them: https://pkg.go.dev/github.com/distribution/reference
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import UsageError
from .manifest import DIGEST

DOCKER_HUB = "docker.io"

_HOST = re.compile(
    r"(?:\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)"
    r"(?::[0-9]{1,5})?"
)
_PORT = re.compile(r":([0-9]+)$")
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LONGEST_NAME = 255
_EXAMPLES = "write it like `public.ecr.aws/lambda/python:3.13`"


@dataclass(frozen=True, slots=True, order=True)
class Repository:
    """A place for images in a registry; ``registry`` is ``host`` or ``host:port``."""

    registry: str
    name: str

    def __str__(self) -> str:
        return f"{self.registry}/{self.name}"

    @property
    def host(self) -> str:
        """Where the registry's API is; the Docker Hub's is not where its name says."""
        return "registry-1.docker.io" if self.registry == DOCKER_HUB else self.registry


class Reference(NamedTuple):
    """An image in a repository, by a tag, by a digest, or by both, of which the digest decides."""

    repository: Repository
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.repository}{self.tag and f':{self.tag}'}{self.digest and f'@{self.digest}'}"

    @property
    def asked_for(self) -> str:
        """What a registry is asked for."""
        return self.digest or self.tag or "latest"


def parse_reference(text: str) -> Reference:
    """The image that ``text`` names; UsageError if it names none. Without a tag and a digest, it has none."""
    rest, at, digest = text.partition("@")
    if at and not DIGEST.fullmatch(digest):
        raise _unusable(text, f"`{digest}` is no digest: `sha256:` and 64 hexadecimal digits, in lower case")
    # A colon before the last slash belongs to a port.
    folder, slash, last = rest.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise _unusable(text, f"`{tag}` is no tag: letters, digits, `_`, `.` and `-`, at most 128, the first no sign")
    return Reference(_repository(text, f"{folder}{slash}{last}"), tag, digest)


def parse_repository(text: str) -> Repository:
    """The repository that ``text`` names; UsageError if it names none, or an image in one."""
    reference = parse_reference(text)
    if reference.tag or reference.digest:
        raise _unusable(text, "it has a tag or a digest, and a repository's name was expected")
    return reference.repository


def _repository(text: str, path: str) -> Repository:
    registry, slash, name = path.partition("/")
    if not slash or not (set(registry) & set(".:") or registry == "localhost" or registry != registry.lower()):
        registry, name = DOCKER_HUB, path
    if registry in (DOCKER_HUB, f"index.{DOCKER_HUB}"):
        registry = DOCKER_HUB
        name = name if "/" in name else f"library/{name}"
    port = _PORT.search(registry)
    if not _HOST.fullmatch(registry) or (port and not 0 < int(port[1]) < 1 << 16):
        raise _unusable(text, f"`{registry}` is no host")
    if name != name.lower():
        raise _unusable(text, f"`{name}` has capital letters, which no repository has")
    if not _NAME.fullmatch(name):
        raise _unusable(text, f"`{name.removeprefix('library/')}` is no repository")
    if len(name) > _LONGEST_NAME:
        raise _unusable(text, f"its repository's name is longer than {_LONGEST_NAME} characters")
    if registry == DOCKER_HUB and re.fullmatch(r"library/[0-9a-f]{64}", name):
        raise _unusable(text, "64 hexadecimal digits are the id of an image in an engine, not its name")
    return Repository(registry, name)


def _unusable(text: str, fact: str) -> UsageError:
    return UsageError(f"`{text}` is not the name of an image: {fact}", hint=_EXAMPLES)
