"""A real registry on this machine: docker-registry, with and without authentication, and what issues its tokens.

::

    with serving(folder, login=LOGIN) as registry:
        … f"{registry.host}/shop:v1" …
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PROGRAMS = ("docker-registry",)
"""What a test that uses a registry needs; skopeo comes on top where another tool is to agree."""

LOGIN = ("ann", "open sesame")
AWS_LOGIN = ("AWS", "123456789012-auth-token")
"""What moto gives for a token of ECR."""

_BCRYPT = {
    LOGIN: "$2y$05$hk7T9252uaNw7P9fWH4dq.Z7xqPtWJZFAZXKKvq/OVqaEKECRrIei",
    AWS_LOGIN: "$2y$05$GCR2hbCYgOaL0z26K9wlO.uinSq8YuZ6Mi8uadcdyzmAeEsjaUuUe",
}
"""The passwords as ``htpasswd -nbB`` writes them: docker-registry takes no other algorithm."""

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
) -> Iterator[LocalRegistry]:
    """A registry on a free port, its storage in ``folder``, until the block ends.

    With ``login``, one of those in _BCRYPT, it asks everybody for that; with ``token``, docker-registry's
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
        (folder / "htpasswd").write_text(f"{login[0]}:{_BCRYPT[login]}\n")
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


# Tokens: docker-registry takes those of a server that it trusts by a certificate.
# https://distribution.github.io/distribution/spec/auth/jwt/


@dataclass
class TokenServer:
    """What sells tokens to LOGIN, and to nobody in particular tokens that only read; and how often it was asked."""

    realm: str
    settings: dict[str, Any]
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    lifetime: int = 300
    identity_token: str = "one that buys tokens"


@contextlib.contextmanager
def serving_tokens(folder: Path) -> Iterator[TokenServer]:
    """A token server on a free port until the block ends; its ``settings`` are for ``serving``."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(key, "tokens")
    folder.mkdir(parents=True, exist_ok=True)
    bundle = folder / "tokens.pem"
    bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    chain = [base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()]

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name is the library's
            pass

        def do_GET(self) -> None:
            self.sell(parse_qs(urlsplit(self.path).query), self.headers.get("Authorization", ""))

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            known = form.get("refresh_token") == [server.identity_token] and form["grant_type"] == ["refresh_token"]
            form["scope"] = form["scope"][0].split()
            self.sell(form, _basic(LOGIN) if known else "unknown")

        def sell(self, asked: dict[str, list[str]], authorization: str) -> None:
            server.asked.append(asked)
            server.logins.append(authorization)
            if authorization not in ("", _basic(LOGIN)):
                self.answer(401, {"details": "incorrect username or password"})
                return
            access = []
            for resource in asked.get("scope", []):
                kind, name, actions = resource.split(":")
                allowed = [each for each in actions.split(",") if each == "pull" or authorization]
                access.append({"type": kind, "name": name, "actions": allowed})
            now = int(time.time())
            claims = {
                "iss": "lpack",
                "sub": "",
                "aud": asked["service"][0],
                "jti": secrets.token_hex(8),
                "nbf": now - 10,
                "iat": now,
                "exp": now + server.lifetime,
                "access": access,
            }
            token = jwt.encode(claims, key, algorithm="ES256", headers={"x5c": chain})
            self.answer(200, {"token": token, "expires_in": server.lifetime})

        def answer(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with running(Handler) as port:
        realm = f"http://127.0.0.1:{port}/token"
        settings = {"realm": realm, "service": "registry", "issuer": "lpack", "rootcertbundle": str(bundle)}
        server = TokenServer(realm, settings)
        yield server


@contextlib.contextmanager
def tunnels_to(registry: LocalRegistry) -> Iterator[str]:
    """A proxy for CONNECT, behind which every host is the registry."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name is the library's
            pass

        def do_CONNECT(self) -> None:
            host, _, port = registry.host.partition(":")
            with socket.create_connection((host, int(port))) as upstream:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=pump, args=(upstream, self.connection))
                back.start()
                pump(self.connection, upstream)
                back.join()
            self.close_connection = True

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    with running(Handler) as port:
        yield f"http://127.0.0.1:{port}"


def _basic(login: tuple[str, str]) -> str:
    return f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"


def certificate_for(name: str, folder: Path) -> Path:
    """A PEM file with a key and a certificate for a host, which signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = folder / f"{name}.pem"
    file.write_bytes(key.private_bytes(*pem) + _certificate(key, name).public_bytes(serialization.Encoding.PEM))
    return file


def _certificate(key: ec.EllipticCurvePrivateKey, host: str) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


@contextlib.contextmanager
def running(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """The port of an HTTP server of this machine, until the block ends."""
    httpd = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield httpd.server_port
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away in the middle are what some tests are about; a traceback would not help."""
