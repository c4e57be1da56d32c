"""The door to AWS: clients, made once and shared by all threads, and calls that only ask or that change something.

A dry run asks, and notes what it would change.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import __version__
from ..config.publish import Destination
from ..errors import UsageError
from .refusals import understanding
from .streaming import Body, FileContent, files_in

_TRIES = 5
"""How often a call is made that AWS throttles or fails to answer, with growing pauses."""

_CONNECTIONS = 16
_CONNECTING_SECONDS = 10
_ANSWERING_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a dry run would have made; ``parameters`` as they are shown, with data by its size."""

    service: str
    operation: str
    parameters: Mapping[str, Any]


class Account:
    """One account of AWS, as the user's own settings open it; functions and layers are in its ``region``."""

    def __init__(self, session: Any, region: str, *, dry_run: bool = False) -> None:
        self.region = region
        self._session = session
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._contents: dict[bytes, FileContent] = {}
        self.dry_run = dry_run
        self.planned: list[Call] = []

    @property
    def partition(self) -> str:
        """The first part of its ARNs: "aws", or that of China or the government's clouds."""
        return str(self._session.get_partition_for_region(self.region))

    def ask(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """AWS's answer to a call that changes nothing; AwsError says why there is none."""
        return self._call(service, operation, parameters)

    def change(self, service: str, operation: str, *, instead: Mapping[str, Any], **parameters: Any) -> dict[str, Any]:
        """AWS's answer to a call that changes something; in a dry run, what is given ``instead`` of one."""
        if self.dry_run:
            shown = {key: _shown(value) for key, value in parameters.items()}
            self.planned.append(Call(service, operation, shown))
            return dict(instead)
        return self._call(service, operation, parameters)

    def identity(self) -> tuple[str, str]:
        """The account's number and the ARN of whom the credentials belong to."""
        answer = self.ask("sts", "GetCallerIdentity")
        return answer["Account"], answer["Arn"]

    def client(self, service: str) -> Any:
        """The client of that service; all threads share it."""
        from botocore.config import Config

        with self._lock:
            if service not in self._clients:
                config = Config(
                    retries={"mode": "standard", "total_max_attempts": _TRIES},
                    connect_timeout=_CONNECTING_SECONDS,
                    read_timeout=_ANSWERING_SECONDS,
                    max_pool_connections=_CONNECTIONS,
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                    user_agent_extra=f"lpack/{__version__}",
                )
                self._clients[service] = self._session.create_client(service, self.region, config=config)
                if service == "lambda":
                    self._clients[service].meta.events.register("before-call.lambda", self._fill_in)
            return self._clients[service]

    def _call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        contents = {each.mark: each for each in files_in(parameters)}
        self._contents |= contents
        try:
            with understanding(service, operation, parameters):
                answer: dict[str, Any] = getattr(self.client(service), _method(operation))(**parameters)
        finally:
            for mark in contents:
                del self._contents[mark]
        return answer

    def _fill_in(self, params: dict[str, Any], **_: Any) -> None:
        """Put the files into the body of a request, which its marks stand for."""
        for mark, content in list(self._contents.items()):
            if isinstance(params["body"], bytes) and mark in params["body"]:
                params["body"] = Body(params["body"], content)


def connect(destination: Destination, environ: Mapping[str, str], *, dry_run: bool = False) -> Account:
    """The account that the user's settings lead to; UsageError when they name no region or no such profile.

    AWS's own library finds the credentials. Unlike those for other languages it does not look at AWS_REGION.
    """
    # Below boto3 lies all that is needed here; importing that would take as long as asking for twenty objects.
    from botocore.exceptions import ProfileNotFound
    from botocore.session import Session

    session = Session(profile=destination.profile)
    try:
        session.get_scoped_config()  # which is where a profile is first looked for
        region = destination.region or environ.get("AWS_REGION") or session.get_config_variable("region")
    except ProfileNotFound as error:
        hint = "`aws configure list-profiles` tells which there are"
        raise UsageError(f"there is no AWS profile `{session.profile}`", hint=hint) from error
    if not region:
        fact = "no AWS region is set"
        raise UsageError(fact, hint="set `region` in [publish], give `--region`, or set AWS_REGION")
    return Account(session, region, dry_run=dry_run)


def _method(operation: str) -> str:
    """The client's method for an operation."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", operation).lower()


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return f"<{value.size if isinstance(value, FileContent) else len(value):,} bytes>"
    return value
