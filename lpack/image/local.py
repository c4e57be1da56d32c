"""Images in files: OCI layouts, as folders or tars, and what ``docker save`` writes.

OCI: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
Docker: https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
"""

from __future__ import annotations

import functools
import hashlib
import posixpath
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..archive.tar_reader import Opened, read_members
from ..errors import InputError, UsageError
from .config import parse_config
from .documents import Document, parse_list
from .manifest import (
    LARGEST_DOCUMENT,
    Descriptor,
    Index,
    Manifest,
    Platform,
    descriptor_of,
    manifest_of,
    parse_manifest,
)
from .media_types import DOCKER, INDEXES
from .model import Image, Layer, file_chunks, read_image, verified
from .platforms import is_for, none_for

_GZIP = b"\x1f\x8b"
_DEEPEST = 4
"""Indexes within indexes; nobody makes more than two."""

LayerOf = Callable[[Descriptor, str], Layer]


class _Part(NamedTuple):
    """A range of a file."""

    file: Path
    offset: int
    size: int

    def chunks(self) -> Iterator[bytes]:
        return file_chunks(self.file, offset=self.offset, size=self.size)

    def read(self, subject: str) -> bytes:
        if self.size > LARGEST_DOCUMENT:
            raise InputError(f"{subject} has {self.size:,} bytes, and at most {LARGEST_DOCUMENT:,} are read")
        return b"".join(self.chunks())


class _Parts(NamedTuple):
    """What lies in a folder or a tar, by name; ``subject`` is for messages."""

    subject: str
    find: Callable[[str], _Part | None]

    def blob(self, digest: str) -> _Part | None:
        return self.find(f"blobs/{digest.replace(':', '/')}")

    def document(self, name: str, subject: str) -> bytes:
        found = self.find(name)
        if found is None:
            raise InputError(f"{self.subject} has no `{name}`")
        return found.read(subject)


def is_local(text: str, folder: Path) -> bool:
    """Whether ``text`` means a file or a folder, seen from ``folder``, and not an image in a registry."""
    path = folder / text
    looks_like_a_path = text.startswith(("/", "./", "../", "~")) or text.endswith((".tar", ".tgz", ".tar.gz"))
    return looks_like_a_path or path.is_file() or (path / "oci-layout").is_file()


def read_local(path: Path, wanted: Platform | None, *, elsewhere: LayerOf | None = None) -> Image:
    """The image in a file or a folder, for a platform if there are several.

    Layers that are not there are those that ``elsewhere`` gives. InputError for what is no image, UsageError when there
    is nothing at ``path``, or no image for the platform.
    """
    subject = f"`{path}`"
    if path.is_dir():
        parts = _Parts(subject, functools.partial(_in_folder, path))
        if not (path / "index.json").is_file():
            raise UsageError(f"{subject} is no OCI layout: it has no `index.json`")
        return _of_layout(parts, wanted, elsewhere)
    if not path.is_file():
        raise UsageError(f"{subject} does not exist", hint="correct the path, or name an image of a registry")
    parts = _Parts(subject, _tar_index(path).get)
    if parts.find("index.json"):
        return _of_layout(parts, wanted, elsewhere)
    if parts.find("manifest.json"):
        return _of_docker(parts, wanted)
    raise InputError(f"{subject} is no image: it has neither `index.json` nor `manifest.json`")


def _in_folder(folder: Path, name: str) -> _Part | None:
    path = folder / name
    return _Part(path, 0, path.stat().st_size) if path.is_file() else None


def _tar_index(path: Path) -> dict[str, _Part]:
    """Where the files of a tar are; links, which old versions of Docker write for layers, lead to other files."""
    found: dict[str, _Part] = {}
    links: dict[str, str] = {}
    with path.open("rb") as file:
        if file.read(2) == _GZIP:
            raise InputError(f"`{path}` is compressed", hint=f"unpack it: `gunzip --keep {path}`")
        file.seek(0)
        for member, _ in read_members(Opened(file), f"`{path}`"):
            name = posixpath.normpath(member.path)
            if name in found or name in links:
                raise InputError(f"`{path}` has `{name}` twice")
            if member.kind == "file":
                found[name] = _Part(path, member.offset, member.size)
            elif member.kind == "link":
                links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.target))
            elif member.kind == "hard link":
                links[name] = posixpath.normpath(member.target)
    return {**found, **{name: found[target] for name, target in links.items() if target in found}}


def _of_layout(parts: _Parts, wanted: Platform | None, elsewhere: LayerOf | None) -> Image:
    name = f"the index of {parts.subject}"
    index = parse_manifest(parts.document("index.json", name), name)
    if isinstance(index, Manifest):
        raise InputError(f"{name} is no index")
    images = {image.digest: image for image in _images(parts, index, elsewhere, _DEEPEST)}
    fitting = [each for each in images.values() if wanted is None or is_for(each.config.platform, wanted)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting and wanted:
        raise UsageError(
            f"{parts.subject} has {len(fitting)} images for {wanted}", hint="name a file that has one: export it alone"
        )
    raise none_for(wanted, [each.config.platform for each in images.values()], parts.subject)


def _images(parts: _Parts, index: Index, elsewhere: LayerOf | None, deepest: int) -> Iterator[Image]:
    """The images of an index and those below, without attestations and others of unknown kinds."""
    for descriptor, platform in index.manifests:
        found = parts.blob(descriptor.digest)
        if (platform and platform.os == "unknown") or found is None:
            continue  # an index may tell of images that were not copied with it
        data = b"".join(verified(found.chunks(), descriptor, f"`{descriptor.digest}` of {parts.subject}"))
        if descriptor.media_type not in INDEXES:
            yield _image(parts, data, elsewhere)
        elif deepest:
            inner = parse_manifest(data, f"an index of {parts.subject}", media_type=descriptor.media_type)
            if isinstance(inner, Index):
                yield from _images(parts, inner, elsewhere, deepest - 1)


def _image(parts: _Parts, data: bytes, elsewhere: LayerOf | None) -> Image:
    manifest = parse_manifest(data, f"the manifest of {parts.subject}")
    if isinstance(manifest, Index):
        raise InputError(f"{parts.subject} has an index in the place of an image")
    config = parts.blob(manifest.config.digest)
    if config is None:
        raise InputError(f"{parts.subject} lacks the config of its image, `{manifest.config.digest}`")

    def layer(descriptor: Descriptor, diff_id: str) -> Layer:
        found = parts.blob(descriptor.digest)
        if found is not None:
            chunks = functools.partial(_verified, found, descriptor, parts.subject)
        elif elsewhere is not None:
            return elsewhere(descriptor, diff_id)
        else:
            chunks = functools.partial(_lacking, descriptor, parts.subject)
        return Layer(descriptor, diff_id, chunks)

    return read_image(data, config.read(f"the config of {parts.subject}"), layer, subject=parts.subject)


def _verified(part: _Part, descriptor: Descriptor, subject: str) -> Iterator[bytes]:
    return verified(part.chunks(), descriptor, f"layer `{descriptor.digest}` of {subject}")


def _lacking(descriptor: Descriptor, subject: str) -> Iterator[bytes]:
    raise InputError(
        f"{subject} lacks layer `{descriptor.digest}`", hint="the layers of its base are in the base's own registry"
    )


def _of_docker(parts: _Parts, wanted: Platform | None) -> Image:
    """The image of an archive without an OCI layout; its manifest is made here, since it has none."""
    name = f"`manifest.json` of {parts.subject}"
    documents = parse_list(parts.document("manifest.json", name), name)
    if len(documents) != 1:
        names = sorted(tag for each in documents for tag in each.texts("RepoTags"))
        raise UsageError(
            f"{parts.subject} has {len(documents)} images: {', '.join(names) or 'without names'}",
            hint="save the one that you want alone: `docker save -o image.tar NAME`",
        )
    (document,) = documents
    config_bytes = parts.document(document.required("Config"), f"the config of {parts.subject}")
    config = parse_config(config_bytes, f"the config of {parts.subject}")
    if wanted is not None and not is_for(config.platform, wanted):
        raise none_for(wanted, [config.platform], parts.subject)
    layers = document.texts("Layers")
    diff_ids = (*config.diff_ids, *[""] * len(layers))  # that there are as many of them is seen below
    found = [_found_layer(parts, *each, document) for each in zip(layers, diff_ids, strict=False)]
    by_digest = {descriptor.digest: part for descriptor, part in found}
    manifest = manifest_of(descriptor_of(config_bytes, DOCKER.config), [descriptor for descriptor, _ in found])

    def layer(descriptor: Descriptor, diff_id: str) -> Layer:
        part = by_digest[descriptor.digest]
        return Layer(descriptor, diff_id, functools.partial(_verified, part, descriptor, parts.subject))

    return read_image(manifest.to_bytes(), config_bytes, layer, subject=parts.subject)


def _found_layer(parts: _Parts, name: str, diff_id: str, document: Document) -> tuple[Descriptor, _Part]:
    part = parts.find(posixpath.normpath(name))
    if part is None:
        document.refuse("Layers", f"names `{name}`, which is not there")
    if not next(part.chunks(), b"").startswith(_GZIP):
        return Descriptor(DOCKER.layer, diff_id, part.size), part  # which is verified when its bytes are read
    digest = hashlib.sha256()
    for chunk in part.chunks():
        digest.update(chunk)
    return Descriptor(DOCKER.gzip_layer, f"sha256:{digest.hexdigest()}", part.size), part
