"""AWS's runtime interface clients: what calls a handler where there is no base image of AWS that brings one.

They are the official ones, pinned by version and hash, made once and kept in the store. A client lies at /var/runtime,
as Lambda's own does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..errors import UsageError
from ..means import Means
from ..model import Target
from ..tree import Tree

FOLDER = "/var/runtime"
"""Where the client's files lie."""

Interpreter = Literal["python", "node", "java"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A runtime interface client for one target.

    ``interpreter`` runs it with ``arguments``, which the handler follows; ``environ`` is what it needs to find its own
    files. ``content`` is the digest (hex) of these, by which they are known when nobody has to read them.
    """

    name: str
    version: str
    interpreter: Interpreter
    arguments: tuple[str, ...]
    content: str
    read: Callable[[], Tree] = field(repr=False, compare=False)
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def tree(self) -> Tree:
        """What lies in FOLDER."""
        return self.read()

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def client_for(target: Target, means: Means) -> Client | None:
    """The client for the target; None for custom runtimes, whose ``bootstrap`` speaks for itself.

    ResolveError when it can't be had, ToolError when it can't be made here, UsageError when there is none.
    """
    match target.runtime.family:
        case "python":
            from .python import python_client

            return python_client(target, means)
        case "nodejs":
            from .node import node_client

            return node_client(target, means)
        case "java":
            from .java import java_client

            return java_client(target, means)
        case "provided":
            return None
        case family:
            raise UsageError(f"lpack has no runtime interface client for {family} runtimes yet")
