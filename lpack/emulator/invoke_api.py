"""Lambda's Invoke API on a port of this machine, for one function.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors import LpackError, UsageError
from .environment import PAYLOAD_BYTES, checked_event
from .invocations import Invocation
from .pool import Busy, Pool
from .runnable import Runnable

HOST = "127.0.0.1"

ASYNCHRONOUS_BYTES = 1 << 20
"""The largest event that is not waited for.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

_PATH = re.compile(r"/2015-03-31/functions/(?P<function>[^/]+)/invocations/?")
_NAME = re.compile(
    r"(?:arn:[\w-]+:lambda:[\w-]+:\d{12}:function:|\d{12}:function:|function:)?(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?"
)
_TAIL_BYTES = 4096
_VERSION = "$LATEST"
_RETRIES = 2
_PASSED_ON = ("X-Amz-Client-Context", "X-Amz-Tenant-Id")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to a request."""

    status: HTTPStatus
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def _refusal(status: HTTPStatus, kind: str, message: str, **more: str) -> Answer:
    body = json.dumps({"Type": "User", "message": message, "Message": message, **more}).encode()
    return Answer(status, body, {"X-Amzn-ErrorType": kind})


Told = Callable[[Invocation], None]
"""Is told of each invocation that ends."""


@dataclass(frozen=True, slots=True)
class Api:
    """The API of one function; ``pause`` are the seconds before an event that failed is tried again."""

    runnable: Runnable
    pool: Pool
    told: Told
    pause: float = 1.0

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What Lambda answers to a POST request."""
        match = _PATH.fullmatch(urlsplit(path).path)
        if not match:
            return _refusal(HTTPStatus.NOT_FOUND, "UnknownOperationException", f"there is no operation at {path}")
        function = _NAME.fullmatch(unquote(match["function"]))
        if not function or function["name"] != self.runnable.name:
            message = f"Function not found: {unquote(match['function'])}; this is {self.runnable.name}"
            return _refusal(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", message)
        try:
            body = checked_event(body) if body else body
        except ValueError as error:
            message = f"Could not parse request body into json: {error}"
            return _refusal(HTTPStatus.BAD_REQUEST, "InvalidRequestContentException", message)
        match headers.get("X-Amz-Invocation-Type") or "RequestResponse":
            case "RequestResponse":
                return self._waited_for(headers, body)
            case "Event":
                return self._accepted(headers, body)
            case "DryRun":
                return Answer(HTTPStatus.NO_CONTENT)
            case other:
                message = f"{other} is no invocation type: RequestResponse, Event or DryRun"
                return _refusal(HTTPStatus.BAD_REQUEST, "InvalidParameterValueException", message)

    def _waited_for(self, headers: Mapping[str, str], body: bytes) -> Answer:
        if len(body) > PAYLOAD_BYTES:
            return _too_large(PAYLOAD_BYTES)
        try:
            invocation = self.pool.invoke(body or b"{}", _passed_on(headers))
        except Busy:
            return _refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                "TooManyRequestsException",
                "Rate Exceeded.",
                Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
            )
        except LpackError as error:
            return Answer(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                json.dumps({"Type": "Service", "Message": error.message}).encode(),
                {"X-Amzn-ErrorType": "ServiceException"},
            )
        self.told(invocation)
        answered = {"X-Amz-Executed-Version": _VERSION, "X-Amzn-RequestId": invocation.request_id}
        if headers.get("X-Amz-Log-Type") == "Tail":
            tail = report(invocation, self.runnable).encode()[-_TAIL_BYTES:]
            answered["X-Amz-Log-Result"] = base64.b64encode(tail).decode()
        if invocation.failure:
            answered["X-Amz-Function-Error"] = "Unhandled"
            return Answer(HTTPStatus.OK, invocation.failure.payload, answered)
        return Answer(HTTPStatus.OK, invocation.response, answered)

    def _accepted(self, headers: Mapping[str, str], body: bytes) -> Answer:
        if len(body) > ASYNCHRONOUS_BYTES:
            return _too_large(ASYNCHRONOUS_BYTES)
        threading.Thread(target=self._retried, args=(_passed_on(headers), body or b"{}"), daemon=True).start()
        return Answer(HTTPStatus.ACCEPTED)

    def _retried(self, headers: dict[str, str], body: bytes) -> None:
        """Invoke the function for nobody who waits, and twice again if it fails."""
        for left in range(_RETRIES, -1, -1):
            try:
                invocation = self.pool.invoke(body, headers, wait=True)
            except LpackError:  # the environment broke, which whoever looks at lpack's output is told by the next call
                return
            self.told(invocation)
            if invocation.failure is None or not left:
                return
            time.sleep(self.pause)


def _too_large(limit: int) -> Answer:
    message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestTooLargeException", message)


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name in _PASSED_ON if (value := headers.get(name))}


def report(invocation: Invocation, runnable: Runnable) -> str:
    """The log of an invocation as Lambda writes it, with its first and last lines."""
    request = f"RequestId: {invocation.request_id}"
    milliseconds = 1000 * (invocation.seconds - (invocation.init_seconds or 0))
    parts = [f"Duration: {milliseconds:.2f} ms", f"Billed Duration: {int(milliseconds) + 1} ms"]
    parts.append(f"Memory Size: {runnable.memory} MB")
    if invocation.peak_memory:
        parts.append(f"Max Memory Used: {-(-invocation.peak_memory >> 20)} MB")
    if invocation.init_seconds is not None:
        parts.append(f"Init Duration: {1000 * invocation.init_seconds:.2f} ms")
    logs = invocation.logs if invocation.logs.endswith("\n") or not invocation.logs else f"{invocation.logs}\n"
    return f"START {request} Version: {_VERSION}\n{logs}END {request}\nREPORT {request}\t" + "\t".join(parts) + "\n"


@contextlib.contextmanager
def served(api: Api, port: int) -> Iterator[ThreadingHTTPServer]:
    """A server of the API on a port (0: any that is free), not serving yet; UsageError when the port is in use."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length") or "0"
            if "Transfer-Encoding" in self.headers or not length.isdecimal():
                self.close_connection = True  # where the body ends, and the next request begins, can't be known
                message = "the request's body needs a Content-Length"
                self._send(_refusal(HTTPStatus.LENGTH_REQUIRED, "InvalidRequestContentException", message))
                return
            body = self.rfile.read(int(length))
            self._send(api.answer(self.path, self.headers, body))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            self._send(_refusal(HTTPStatus.NOT_FOUND, "UnknownOperationException", "lpack serves the Invoke API alone"))

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            headers = {"X-Amzn-RequestId": str(uuid.uuid4()), **answer.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None:
            """Say nothing: what functions print is all that there is to see."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    try:
        server = Server((HOST, port), Handler)
    except OSError as error:
        raise UsageError(
            f"the port {port} can't be used: {error.strerror}", hint="choose another one with `--port`; 0 takes any"
        ) from error
    with server:
        yield server
