"""AWS on this machine: moto's server, and in front of it what S3 and Lambda do and moto does not.

The front passes requests on over the wire. It adds conditional writes, the check of SHA-256 checksums, bucket owners,
Lambda's revisions and the size of its requests; and it can fail on purpose, in ways in which AWS fails.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ACCOUNT = "123456789012"
PATIENCE = 60.0
LARGEST_LAMBDA_REQUEST = 70_167_211
"""Bytes of a request that Lambda takes: its own message names the number."""


@dataclass(frozen=True)
class Request:
    """A request as it came: the service by which it was signed, and all of its body."""

    service: str
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def call(self) -> str:
        """What it is, in short: ``s3 PUT /bucket/key``."""
        return f"{self.service} {self.method} {self.path}"


@dataclass(frozen=True)
class Answer:
    """What goes back; ``cut`` hangs up after so many bytes of the request instead."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Fault = Callable[[Request], Answer | None]


def aws_error(status: int, code: str, message: str = "no", *, service: str = "lambda") -> Answer:
    """An error as the service words it: S3 in XML, the others in JSON."""
    if service == "s3":
        text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        return Answer(status, text.encode(), {"Content-Type": "application/xml"})
    text = json.dumps({"message": message, "Message": message, "Type": "User"})
    return Answer(status, text.encode(), {"x-amzn-ErrorType": code, "Content-Type": "application/json"})


class Front:
    """What tests see: the address, the requests that came, and faults to have."""

    def __init__(self, moto: int) -> None:
        self.moto = moto
        self.address = ""
        self.forget()

    def forget(self) -> None:
        """Be as new, with nothing in it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.moto, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("POST", "/moto-api/reset")
            assert connection.getresponse().status == 200
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.cut_after: Callable[[str], int | None] = lambda _call: None
        self.seen: Callable[[Request], object] = lambda _request: None
        self.revisions: dict[str, str] = {}
        self.pending: dict[str, int] = {}
        self.published: dict[str, tuple[str, Answer]] = {}
        self.images: dict[str, str] = {}
        self.lock = threading.RLock()

    def calls(self, *services: str, changing: bool = False) -> list[str]:
        """The requests in short; with ``changing``, those that are no questions."""
        return [
            each.call
            for each in self.requests
            if (not services or each.service in services) and not (changing and each.method in {"GET", "HEAD"})
        ]

    def fail(self, pattern: str, answer: Answer, times: int = 1) -> None:
        """Answer so to the next requests whose ``call`` the pattern fits."""
        left = [times]

        def fault(request: Request) -> Answer | None:
            if left[0] and re.search(pattern, request.call):
                left[0] -= 1
                return answer
            return None

        self.faults.append(fault)

    def answer(self, request: Request) -> Answer:
        """What AWS would say, after ``seen`` has seen the request, for as long as that takes."""
        self.seen(request)
        with self.lock:
            self.requests.append(request)
            for fault in self.faults:
                answer = fault(request)
                if answer:
                    return answer
        if request.service == "s3":
            with self.lock:  # a condition and what it is about are one step
                return _refused_by_s3(self, request) or self.passed_on(request)
        if request.service == "lambda":
            return self._of_lambda(request)
        return self.passed_on(request)

    def passed_on(self, request: Request, method: str | None = None) -> Answer:
        """What moto says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.moto, timeout=PATIENCE)
        query = urllib.parse.urlencode(request.query, doseq=True)
        headers = {name: value for name, value in request.headers.items() if name not in {"host", "expect"}}
        with contextlib.closing(connection):
            connection.request(
                method or request.method,
                urllib.parse.quote(request.path) + (f"?{query}" if query else ""),
                b"" if method else request.body,
                headers if not method else {**headers, "content-length": "0"},
            )
            response = connection.getresponse()
            body = response.read()
            kept = {name: value for name, value in response.getheaders() if name.lower() not in _OWN_HEADERS}
            if request.method == "HEAD":
                kept["Content-Length"] = response.getheader("Content-Length") or "0"
            return Answer(response.status, body, kept)

    def _of_lambda(self, request: Request) -> Answer:
        if len(request.body) > LARGEST_LAMBDA_REQUEST:
            text = f"Request must be smaller than {LARGEST_LAMBDA_REQUEST} bytes for the UpdateFunctionCode operation"
            return aws_error(413, "RequestEntityTooLargeException", text)
        match = re.fullmatch(r"/2015-03-31/functions/([^/]+)/(code|configuration|versions)", request.path)
        if not match:
            return self.passed_on(request)
        name = urllib.parse.unquote(match[1]).rpartition(":")[2]
        with self.lock:
            revision = self.revisions.setdefault(name, str(uuid.uuid4()))
            if request.method != "GET":
                wanted = json.loads(request.body or b"{}").get("RevisionId")
                if self.pending.get(name):
                    return aws_error(409, "ResourceConflictException", "The operation cannot be performed at this time")
                if wanted and wanted != revision:
                    text = "The Revision Id provided does not match the latest Revision Id."
                    return aws_error(412, "PreconditionFailedException", text)
            if request.method == "POST" and self.published.get(name, ("",))[0] == revision:
                return self.published[name][1]  # nothing changed since, so that Lambda makes no other version
            answer = self.passed_on(request)
            if answer.status >= 300:
                return answer
            if request.method == "PUT" and "ImageUri" in (sent := json.loads(request.body)):
                self.images[name] = sent["ImageUri"].rpartition(":")[2]
            if request.method == "POST":
                self.published[name] = (revision, answer)
                return answer
            if request.method == "PUT":
                self.revisions[name] = str(uuid.uuid4())
                self.pending[name] = 1
            document = json.loads(answer.body)
            document["CodeSha256"] = self.images.get(name, document["CodeSha256"])  # moto makes one up
            if "Qualifier" not in request.query:
                document["RevisionId"] = self.revisions[name]
                document["LastUpdateStatus"] = "InProgress" if self.pending.get(name) else "Successful"
                if request.method == "GET" and self.pending.get(name):
                    self.pending[name] -= 1
                    self.revisions[name] = str(uuid.uuid4())
        return Answer(answer.status, json.dumps(document).encode(), answer.headers)


_OWN_HEADERS = {"content-length", "transfer-encoding", "connection", "date", "server"}


def _refused_by_s3(front: Front, request: Request) -> Answer | None:
    owner = request.headers.get("x-amz-expected-bucket-owner")
    if owner not in {None, ACCOUNT}:
        return aws_error(403, "AccessDenied", "Access Denied", service="s3")
    checksum = request.headers.get("x-amz-checksum-sha256")
    is_so = base64.b64encode(hashlib.sha256(request.body).digest()).decode() == checksum
    if request.method == "PUT" and checksum and not is_so:
        return aws_error(400, "BadDigest", "The SHA256 you specified did not match", service="s3")
    there = None
    if "if-none-match" in request.headers or "if-match" in request.headers:
        bare = Request("s3", "HEAD", request.path, {}, request.headers, b"")
        there = front.passed_on(bare, "HEAD")
    if request.headers.get("if-none-match") == "*" and there and there.status == 200:
        return aws_error(412, "PreconditionFailed", "At least one of the pre-conditions did not hold", service="s3")
    tag = request.headers.get("if-match")
    if tag and (there is None or {name.lower(): value for name, value in there.headers.items()}.get("etag") != tag):
        return aws_error(412, "PreconditionFailed", "At least one of the pre-conditions did not hold", service="s3")
    return None


@contextlib.contextmanager
def moto_server(log: Path) -> Iterator[int]:
    """moto's server in a process of its own; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as stream, subprocess.Popen(command, stdout=stream, stderr=stream) as process:
        try:
            end = time.monotonic() + PATIENCE
            while True:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()


@contextlib.contextmanager
def fronting(moto: int) -> Iterator[Front]:
    """The front before moto's server."""
    front = Front(moto)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Every answer is one packet: Nagle's algorithm would hold the second back.
        wbufsize = -1
        disable_nagle_algorithm = True

        def handle_expect_100(self) -> bool:
            super().handle_expect_100()
            self.wfile.flush()  # or a client waits for a second, and goes on without
            return True

        def answer(self) -> None:
            split = urllib.parse.urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            match = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", headers.get("authorization", ""))
            service = match[1] if match else "?"
            path = urllib.parse.unquote(split.path)
            length = int(headers.get("content-length", 0))
            most = front.cut_after(f"{service} {self.command} {path}")
            if most is not None and length > most:
                self.rfile.read(most)
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            body = self.rfile.read(length)
            query = urllib.parse.parse_qs(split.query, keep_blank_values=True)
            answer = front.answer(Request(service, self.command, path, query, headers, body))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in answer.headers:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 -- as http.server wants them

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 64

        def handle_error(self, *_: Any) -> None:
            pass  # who hung up, hung up

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        front.address = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield front
        finally:
            server.shutdown()
