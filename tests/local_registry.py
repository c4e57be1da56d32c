"""A real registry on this machine: docker-registry, with and without authentication, and what issues its tokens.

::

    with serving(folder, login=LOGIN) as registry:
        … f"{registry.host}/shop:v1" …
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAMS = ("docker-registry",)
"""What a test that uses a registry needs; skopeo comes on top where another tool is to agree."""

LOGIN = ("ann", "open sesame")
_BCRYPT = "$2y$05$hk7T9252uaNw7P9fWH4dq.Z7xqPtWJZFAZXKKvq/OVqaEKECRrIei"
"""LOGIN's password, as ``htpasswd -nbB`` writes it: docker-registry takes no other algorithm."""

PATIENCE = 20.0
"""Seconds for a registry to listen."""

_LISTENING = re.compile(r"listening on (127\.0\.0\.1:\d+)")


@dataclass(frozen=True)
class LocalRegistry:
    """A running registry: its ``host:port``, and the folder in which it keeps everything."""

    host: str
    folder: Path
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}"

    def blobs(self) -> set[str]:
        """The digests of all blobs that it holds, manifests included."""
        places = self.folder.glob("docker/registry/v2/blobs/sha256/*/*/data")
        return {f"sha256:{place.parent.name}" for place in places}

    def size(self, digest: str) -> int:
        """The bytes of a blob that it holds."""
        return self.place(digest).stat().st_size

    def place(self, digest: str) -> Path:
        """The file of a blob that it holds: to damage it, say."""
        hexadecimal = digest.removeprefix("sha256:")
        return self.folder / "docker/registry/v2/blobs/sha256" / hexadecimal[:2] / hexadecimal / "data"

    def tags(self, repository: str) -> dict[str, str]:
        """The tags of a repository, with the digests that they lead to."""
        folder = self.folder / "docker/registry/v2/repositories" / repository / "_manifests/tags"
        return {place.parent.parent.name: place.read_text() for place in folder.glob("*/current/link")}

    def manifest(self, repository: str, tag: str) -> dict[str, Any]:
        """The manifest of a tag, as it lies there."""
        document: dict[str, Any] = json.loads(self.place(self.tags(repository)[tag]).read_bytes())
        return document


@contextlib.contextmanager
def serving(
    folder: Path,
    *,
    login: tuple[str, str] | None = None,
    token: Mapping[str, Any] | None = None,
    tls: Path | None = None,
    bcrypt: str = _BCRYPT,
) -> Iterator[LocalRegistry]:
    """A registry on a free port, its storage in ``folder``, until the block ends.

    With ``login``, whose password ``bcrypt`` stands for, it asks everybody for that; with ``token``, docker-registry's
    own settings, for a token of the server there. ``tls`` is a PEM file with a certificate and its key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": "127.0.0.1:0", "secret": "lpack"},
    }
    if login:
        (folder / "htpasswd").write_text(f"{login[0]}:{bcrypt}\n")
        config["auth"] = {"htpasswd": {"realm": "lpack", "path": str(folder / "htpasswd")}}
    if token:
        config["auth"] = {"token": dict(token)}
    if tls:
        config["http"]["tls"] = {"certificate": str(tls), "key": str(tls)}
    (folder / "config.yml").write_text(json.dumps(config))  # which is YAML, too
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["docker-registry", "serve", folder / "config.yml"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": "/usr/bin:/bin", "OTEL_TRACES_EXPORTER": "none"},
        )
    try:
        yield LocalRegistry(_listening(process, log), folder / "data", "https" if tls else "http")
    finally:
        process.terminate()
        process.wait()


def _listening(process: subprocess.Popen[bytes], log: Path) -> str:
    """The host and port that the registry chose."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if found := _LISTENING.search(log.read_text()):
            return found[1]
        time.sleep(0.01)
    raise AssertionError(f"docker-registry does not listen: {log.read_text()}")
