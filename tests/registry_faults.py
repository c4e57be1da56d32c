"""A proxy in front of a registry that misbehaves when told to: what a real registry won't do on demand.

::

    with in_front_of(registry) as proxy:
        proxy.faults.append(Fault("PUT", "/blobs/uploads/", cut_off_upload(1000)))  # once; then as it should be
        … proxy.host … proxy.asked …
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from local_registry import LocalRegistry, running

_CHUNK = 1 << 16
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass
class Asked:
    """A request as it came in, with the bytes of its body that were read so far."""

    method: str
    path: str
    headers: dict[str, str]
    size: int = 0


Answer = Callable[["Handler"], None]


@dataclass(frozen=True, eq=False)
class Fault:
    """How to answer requests of a method whose paths hold a text: ``times`` times, 0 for always."""

    method: str
    text: str
    answer: Answer
    times: int = 1


@dataclass
class Proxy:
    """A running proxy, what it was asked, and how it is to misbehave."""

    host: str
    upstream: str
    asked: list[Asked] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    used: list[Fault] = field(default_factory=list)
    connections: int = 0

    def fault_for(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                left = not fault.times or self.used.count(fault) < fault.times
                if fault.method == method and fault.text in path and left:
                    self.used.append(fault)
                    return fault
        return None

    def count(self, method: str, text: str) -> int:
        """How often something was asked for."""
        return sum(each.method == method and text in each.path for each in self.asked)

    def fails(self, method: str, text: str, *answers: Answer) -> None:
        """Misbehave so many times, one way after the other."""
        self.faults += [Fault(method, text, answer) for answer in answers]

    def always(self, method: str, text: str, answer: Answer) -> None:
        """Misbehave for ever."""
        self.faults.append(Fault(method, text, answer, 0))


@contextlib.contextmanager
def in_front_of(registry: LocalRegistry) -> Iterator[Proxy]:
    """A proxy in front of the registry, until the block ends."""

    class Own(Handler):
        pass

    with running(Own) as port:
        Own.proxy = Proxy(f"127.0.0.1:{port}", registry.host)
        yield Own.proxy


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy
    asked: Asked

    def setup(self) -> None:
        super().setup()
        with self.proxy.lock:
            self.proxy.connections += 1

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name is the library's
        pass

    def handle_any(self) -> None:
        self.asked = Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
        self.proxy.asked.append(self.asked)
        try:
            fault = self.proxy.fault_for(self.command, self.path)
            if fault:
                fault.answer(self)
            else:
                self.pass_on()
        except OSError:  # the client has gone, which some tests are about
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 -- the library's names

    def body(self) -> Iterator[bytes]:
        left = int(self.headers.get("Content-Length", 0)) - self.asked.size
        while left and (data := self.rfile.read(min(_CHUNK, left))):
            left -= len(data)
            self.asked.size += len(data)
            yield data

    @contextlib.contextmanager
    def ask(self) -> Iterator[http.client.HTTPResponse]:
        """The registry's own answer."""
        with contextlib.closing(http.client.HTTPConnection(self.proxy.upstream, timeout=30)) as connection:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "connection":
                    connection.putheader(name, value)
            connection.endheaders()
            for data in self.body():
                connection.send(data)
            with connection.getresponse() as response:
                yield response

    def pass_on(self, change: Callable[[dict[str, str]], None] = lambda _: None, cut: int | None = None) -> None:
        """The registry's answer, with other headers, or cut off after some bytes."""
        with self.ask() as response:
            headers = {name: value for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP}
            headers["Content-Length"] = response.getheader("Content-Length", "0")
            change(headers)
            self.send_response(response.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            left = int(headers["Content-Length"]) if cut is None else cut
            while self.command != "HEAD" and left and (data := response.read(min(_CHUNK, left))):
                self.wfile.write(data)
                left -= len(data)
        if cut is not None:
            self.close_connection = True  # at once, with what was sent still on its way

    def send(self, status: int, document: Any = None, headers: dict[str, str] | None = None) -> None:
        data = b"" if document is None else json.dumps(document).encode()
        for _ in self.body():
            pass
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def hang_up(self) -> None:
        """End the connection as a machine does that loses power."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


# Answers


def status(code: int, error: str = "", message: str = "", **headers: str) -> Answer:
    """An error of a registry; ``retry_after="0"`` becomes the header Retry-After."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    document = {"errors": [{"code": error, "message": message}]} if error else None
    return lambda handler: handler.send(code, document, named)


def redirect(url: str) -> Answer:
    """Look there."""
    return lambda handler: handler.send(307, None, {"Location": url})


def here_again(handler: Handler) -> None:
    """The same address, as the one to go to."""
    handler.send(307, None, {"Location": handler.path})


def cut_off_upload(after: int) -> Answer:
    """Some bytes of the body read, and the connection gone."""

    def answer(handler: Handler) -> None:
        for _ in handler.body():
            if handler.asked.size >= after:
                break
        handler.hang_up()

    return answer


def cut_off_download(after: int) -> Answer:
    """The registry's answer, and the connection gone after some bytes of it."""
    return lambda handler: handler.pass_on(cut=after)


def lost_answer(handler: Handler) -> None:
    """The registry does as it is asked, and nobody hears of it."""
    with handler.ask() as response:
        response.read()
    handler.hang_up()


def header(name: str, value: str) -> Answer:
    """The registry's answer with another header."""
    return lambda handler: handler.pass_on(lambda headers: headers.update({name: value}))


def without_header(name: str) -> Answer:
    """The registry's answer without a header."""
    return lambda handler: handler.pass_on(lambda headers: (headers.pop(name, None), None)[1])


def replaced(data: bytes, content_type: str = "application/octet-stream") -> Answer:
    """Other bytes, as if nothing were wrong."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer
