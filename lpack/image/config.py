"""The config of an image: for which machine it is, how it is started, and what its layers unpack to.

Docker: https://github.com/moby/docker-image-spec/blob/main/spec.md
OCI: https://github.com/opencontainers/image-spec/blob/main/config.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .documents import Document, parse, written
from .manifest import DIGEST, Platform


@dataclass(frozen=True, slots=True)
class Execution:
    """How a container of the image is started: the part of the document called ``config``.

    ``env`` are ``NAME=value`` in their order. ``others`` are further keys, as they came.
    """

    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    working_dir: str = ""
    user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The part as JSON holds it, without what is empty."""
        known = {
            "Env": list(self.env),
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.cmd),
            "WorkingDir": self.working_dir,
            "User": self.user,
            "Labels": dict(self.labels),
        }
        return {**self.others, **{key: value for key, value in known.items() if value}}


class History(NamedTuple):
    """How one layer came about, or, if ``empty_layer``, one setting of the config. ``created`` is an RFC 3339 time."""

    created: str = ""
    created_by: str = ""
    comment: str = ""
    author: str = ""
    empty_layer: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The entry as JSON holds it, without what is empty."""
        known = {
            "created": self.created,
            "created_by": self.created_by,
            "comment": self.comment,
            "author": self.author,
            "empty_layer": self.empty_layer,
        }
        return {key: value for key, value in known.items() if value}


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The whole config. ``diff_ids`` are the digests of the layers' tars, not compressed, the lowest first."""

    platform: Platform
    execution: Execution
    diff_ids: tuple[str, ...]
    history: tuple[History, ...] = ()
    created: str = ""
    author: str = ""
    others: Mapping[str, Any] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The config as registries keep it: the same bytes every time."""
        optional = {"variant": self.platform.variant, "created": self.created, "author": self.author}
        return written(
            {
                **self.others,
                **{key: value for key, value in optional.items() if value},
                "architecture": self.platform.architecture,
                "os": self.platform.os,
                "config": self.execution.as_dict(),
                "rootfs": {"type": "layers", "diff_ids": list(self.diff_ids)},
                "history": [entry.as_dict() for entry in self.history],
            },
            sort=True,
        )


def parse_config(data: bytes, subject: str) -> ImageConfig:
    """The config in ``data``; ``subject`` is for messages. InputError when it is not that of an image."""
    document = parse(data, subject)
    platform = Platform(document.required("os"), document.required("architecture"), document.text("variant"))
    layers = document.document("rootfs")
    if layers.required("type") != "layers":
        layers.refuse("type", f"is `{layers.text('type')}`, not `layers`")
    diff_ids = layers.texts("diff_ids")
    for index, each in enumerate(diff_ids):
        if not DIGEST.fullmatch(each):
            layers.refuse(f"diff_ids[{index}]", f"is `{each}`, which is no SHA-256 digest")
    return ImageConfig(
        platform,
        _execution(document.document("config")),
        diff_ids,
        tuple(_history(each) for each in document.documents("history")),
        document.text("created"),
        document.text("author"),
        document.others("os", "architecture", "variant", "rootfs", "config", "history", "created", "author"),
    )


def _execution(document: Document) -> Execution:
    return Execution(
        document.texts("Env"),
        document.texts("Entrypoint"),
        document.texts("Cmd"),
        document.text("WorkingDir"),
        document.text("User"),
        document.names("Labels"),
        document.others("Env", "Entrypoint", "Cmd", "WorkingDir", "User", "Labels"),
    )


def _history(document: Document) -> History:
    return History(
        document.text("created"),
        document.text("created_by"),
        document.text("comment"),
        document.text("author"),
        document.switch("empty_layer"),
    )
