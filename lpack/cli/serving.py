"""``lpack invoke --keep``."""

from __future__ import annotations

import functools
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from ..emulator import Invocation, Settings, environment
from ..emulator.invoke_api import HOST, Api, report, served
from ..emulator.pool import Pool
from ..means import Means
from .invoking import runnable_named, write_log
from .session import Session


@dataclass(frozen=True, slots=True)
class Serving:
    """How a function is served: where it was built to, on which port, and how often at the same time."""

    output: Path
    port: int
    concurrency: int
    timeout: int | None


def serve_named(session: Session, name: str, serving: Serving, settings: Settings) -> int:
    """Serve the Invoke API for a function until the user ends it."""
    runnable = runnable_named(session, name, serving.output, serving.timeout)
    lock = threading.Lock()

    def told(invocation: Invocation) -> None:
        if not session.output.quiet:
            with lock:  # invocations side by side, one after the other
                write_log(report(invocation, runnable))

    with session.reporting() as reporter:
        means = Means(session.store, session.host, reporter)
        start = functools.partial(environment, runnable, settings, means)
        with Pool.of(start, serving.concurrency) as pool, served(Api(runnable, pool, told), serving.port) as server:
            url = f"http://{HOST}:{server.server_port}"
            session.output.document(name=name, url=url, port=server.server_port)
            session.output.result(f"`{name}` answers at {url}; Ctrl-C ends it")
            sys.stdout.flush()
            server.serve_forever()
    return 0
