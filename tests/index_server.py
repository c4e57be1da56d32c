"""A real package index on this machine, over a folder of wheels and source distributions; it misbehaves when told to.

It speaks PEP 503 (HTML) and PEP 691 (JSON), offers metadata by PEP 658, and works as an HTTP proxy, too::

    with serving(folder, login=("ann", "secret")) as server:
        server.answers["demo-1.0-py3-none-any.whl"] = iter([status(503), cut_off(100)])  # then as it should be
        … server.index_url …
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import ssl
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.parser import HeaderParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

CERTIFICATES = Path(__file__).parent / "certificates"
AUTHORITY = CERTIFICATES / "authority.pem"
"""The certificate that signed the server's own, which is for localhost and 127.0.0.1."""

_JSON = "application/vnd.pypi.simple.v1+json"
_VERSION = {"api-version": "1.0"}


@dataclass(frozen=True)
class Asked:
    """A request as it came in; ``target`` is a whole URL when it came to a proxy."""

    target: str
    headers: dict[str, str]

    @property
    def login(self) -> tuple[str, str] | None:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        if scheme != "Basic":
            return None
        username, _, password = base64.b64decode(token).decode().partition(":")
        return username, password


@dataclass
class IndexServer:
    """A running server: where it is, what it was asked, and how it is to answer for some files."""

    folder: Path
    url: str
    login: tuple[str, str] | None = None
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, Iterator[Answer]] = field(default_factory=dict)

    @property
    def index_url(self) -> str:
        return f"{self.url}/simple/"

    def file_url(self, name: str) -> str:
        return f"{self.url}/files/{name}"

    def asked_for(self, name: str) -> list[Asked]:
        return [each for each in self.asked if each.target.endswith(f"/{name}")]


@contextmanager
def serving(
    folder: Path, *, login: tuple[str, str] | None = None, host: str = "127.0.0.1", encrypted: bool = False
) -> Iterator[IndexServer]:
    """Serve the folder's files on a free port until the block ends; with ``login``, to those who know it."""
    httpd = _Server(("127.0.0.1", 0), _Handler)
    if encrypted:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / "server.pem")
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    scheme = "https" if encrypted else "http"
    server = httpd.index = IndexServer(folder, f"{scheme}://{host}:{httpd.server_port}", login)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    index: IndexServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away in the middle are what some tests are about; a traceback would not help."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    server: _Server

    @property
    def index(self) -> IndexServer:
        return self.server.index

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name is the library's
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()})
        self.index.asked.append(asked)
        if self.index.login and asked.login != self.index.login:
            self.send(401, b"who are you?", {"WWW-Authenticate": 'Basic realm="index"'})
            return
        kind, *rest = unquote(urlsplit(self.path).path).strip("/").split("/")
        if kind == "simple" and len(rest) <= 1:
            self.send_index(rest[0] if rest else "")
        elif kind == "files" and len(rest) == 1:
            self.send_file(rest[0])
        else:
            self.send(404, b"no such page")

    def send_index(self, project: str) -> None:
        files = _files_of(self.index.folder)
        if project and project not in files:
            self.send(404, b"no such project")
            return
        as_json = _JSON in self.headers.get("Accept", "")
        if project:
            body = _project_json(project, files[project]) if as_json else _project_html(files[project])
        else:
            body = _projects_json(files) if as_json else _projects_html(files)
        self.send(200, body, {"Content-Type": _JSON if as_json else "text/html"})

    def send_file(self, name: str) -> None:
        answer = next(self.index.answers.get(name, iter(())), None)
        path = self.index.folder / name
        if answer:
            answer(self, path.read_bytes() if path.is_file() else b"")
        elif path.is_file():
            self.send(200, path.read_bytes(), {"Content-Type": "application/octet-stream"})
        elif name.endswith(".whl.metadata") and (path := path.with_suffix("")).is_file():
            self.send(200, _metadata(path), {"Content-Type": "text/plain"})
        else:
            self.send(404, b"no such file")

    def send(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


# Answers: each writes one response, given the bytes of the file that was asked for.

Answer = Callable[[_Handler, bytes], None]


def status(code: int, **headers: str) -> Answer:
    """Only a status; ``retry_after="0"`` becomes the header Retry-After."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return lambda handler, _: handler.send(code, b"not now", named)


def redirect(url: str) -> Answer:
    """Look there."""
    return lambda handler, _: handler.send(302, b"elsewhere", {"Location": url})


def replaced(data: bytes, content_type: str = "application/octet-stream") -> Answer:
    """Other bytes, as if nothing were wrong."""
    return lambda handler, _: handler.send(200, data, {"Content-Type": content_type})


def cut_off(after: int) -> Answer:
    """The whole length announced, some bytes sent, and the connection closed."""

    def answer(handler: _Handler, data: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:after])
        handler.close_connection = True

    return answer


def stalled(after: int, until: threading.Event) -> Answer:
    """Some bytes, then silence until the event, then the rest."""

    def answer(handler: _Handler, data: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:after])
        handler.wfile.flush()
        until.wait(60)
        with suppress(OSError):  # nobody listens any more: that is what the test was about
            handler.wfile.write(data[after:])

    return answer


# The index's pages


def _files_of(folder: Path) -> dict[str, list[Path]]:
    projects: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        try:
            name = parse_wheel_filename(path.name)[0] if path.suffix == ".whl" else parse_sdist_filename(path.name)[0]
        except (InvalidSdistFilename, InvalidWheelFilename):
            continue
        projects.setdefault(name, []).append(path)
    return projects


def _metadata(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))


def _details(path: Path) -> dict[str, Any]:
    """What PEP 691 tells about a file."""
    details: dict[str, Any] = {
        "filename": path.name,
        "url": f"../../files/{path.name}",
        "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
        "size": path.stat().st_size,
    }
    if path.suffix == ".whl":
        metadata = _metadata(path)
        details["core-metadata"] = {"sha256": hashlib.sha256(metadata).hexdigest()}
        if wanted := HeaderParser().parsestr(metadata.decode()).get("Requires-Python"):
            details["requires-python"] = wanted
    return details


def _project_json(project: str, files: list[Path]) -> bytes:
    return json.dumps({"meta": _VERSION, "name": project, "files": [_details(path) for path in files]}).encode()


def _projects_json(projects: dict[str, list[Path]]) -> bytes:
    return json.dumps({"meta": _VERSION, "projects": [{"name": name} for name in projects]}).encode()


def _project_html(files: list[Path]) -> bytes:
    lines = []
    for each in map(_details, files):
        wanted = html.escape(each.get("requires-python", ""))
        link = f"{each['url']}#sha256={each['hashes']['sha256']}"
        lines.append(f'<a href="{link}" data-requires-python="{wanted}">{each["filename"]}</a><br>')
    return _page(lines)


def _projects_html(projects: dict[str, list[Path]]) -> bytes:
    return _page([f'<a href="{name}/">{name}</a><br>' for name in projects])


def _page(lines: list[str]) -> bytes:
    return "\n".join(["<!DOCTYPE html>", "<html><body>", *lines, "</body></html>"]).encode()
