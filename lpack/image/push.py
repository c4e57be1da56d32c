"""Sending an image to a registry: only the blobs that it lacks, side by side, and its name when all are there.

The order keeps promises: a tag never leads to an image of which something is missing, and what has arrived is not
sent again by the next try. Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import quote, urljoin

from ..errors import InputError, PublishError
from ..http_client import Body, Reply
from ..http_failures import RequestFailure
from ..transfers import Progress, Stopped, transfer_all
from . import ecr
from .manifest import LARGEST_DOCUMENT, Descriptor, digest_of
from .model import Image
from .reference import Reference, Repository
from .registry import ANY_MANIFEST, DIGEST_HEADER, Access, Refused, Registries

_BYTES = {"Content-Type": "application/octet-stream"}
_NO_MOUNT = frozenset({400, 401, 403, 404, 405})
"""Statuses of registries that don't know mounts, or don't want this one, where 202 would have been the answer."""


class Pushed(NamedTuple):
    """What became of a push: the image's place, and the bytes that were ``uploaded`` of its ``size``.

    ``reference`` has the first of the tags, if there are any, and the digest.
    """

    reference: Reference
    size: int
    uploaded: int
    mounted: int

    @property
    def digest(self) -> str:
        """The digest of the manifest."""
        return self.reference.digest


def push(image: Image, repository: Repository, tags: Sequence[str], *, registries: Registries) -> Pushed:
    """Send the image, and let the tags lead to it, which are put last; without tags, it is found by its digest.

    PublishError when it can't be sent; the tags are then as they were.
    """
    reference = Reference(repository, tags[0] if tags else "", image.digest)
    progress = Progress("pushing", registries.reporter)
    stop = threading.Event()
    sender = _Sender(registries, repository, progress)
    try:
        to_move = [tag for tag in tags if sender.digest_at(tag) != image.digest]
        if tags and not to_move:  # a registry has a manifest only with all that belongs to it
            return Pushed(reference, image.size, 0, 0)
        one_of_many = replace(sender, registries=replace(registries, stop=stop))
        sent = transfer_all(_blobs(image), one_of_many.send, stop=stop, progress=progress)
        sender.put_manifest(image, image.digest)
        if sender.digest_at(image.digest) != image.digest:
            raise PublishError(f"`{repository}` does not have the image that it has just taken, {image.digest}")
        for tag in to_move:
            sender.put_manifest(image, tag)
    except RequestFailure as failure:
        raise _unsent(repository, failure) from failure
    except InputError as error:
        raise PublishError(f"the image can't be pushed: {error.message}", hint=error.hint) from error
    return Pushed(reference, image.size, sum(each.uploaded for each in sent), sum(each.mounted for each in sent))


@dataclass(frozen=True, slots=True)
class _Blob:
    """A blob to send, and where it may be mounted from."""

    descriptor: Descriptor
    chunks: Callable[[], Iterator[bytes]] = field(repr=False)
    origin: Repository | None = None


class _Sent(NamedTuple):
    uploaded: int = 0
    mounted: int = 0


def _blobs(image: Image) -> list[_Blob]:
    """All of the image's blobs, each once, the largest first: it takes the longest."""
    blobs = {layer.descriptor.digest: _Blob(layer.descriptor, layer.chunks, layer.origin) for layer in image.layers}
    blobs[image.manifest.config.digest] = _Blob(image.manifest.config, lambda: iter([image.config_bytes]))
    return sorted(blobs.values(), key=lambda blob: -blob.descriptor.size)


@dataclass(frozen=True, slots=True)
class _Sender:
    """Sends to one repository, in each of several threads."""

    registries: Registries
    repository: Repository
    progress: Progress

    def send(self, blob: _Blob) -> _Sent:
        """Have the blob in the repository: it is there, or it is mounted, or it is uploaded."""
        # Each try looks anew, and begins anew: the last one may have arrived, and only its answer was lost.
        return self.registries.persistently(lambda: self._try_to_send(blob))

    def _try_to_send(self, blob: _Blob) -> _Sent:
        digest, size = blob.descriptor.digest, blob.descriptor.size
        with self._exchange("HEAD", f"blobs/{digest}", (200, 404)) as reply:
            if reply.status == 200:
                return _Sent()
        place = self._place_for(blob)
        if place is None:
            return _Sent(mounted=size)
        self.progress.update(digest, done=0, size=size)
        url = f"{place}{'&' if '?' in place else '?'}digest={digest}"
        # One request for all of it: of several, some registries lose what comes after the first.
        body = Body(size, lambda: self._counted(blob)) if size else b""
        with self._exchange("PUT", url, (201, 204), _BYTES, body) as reply:
            _check_digest(reply, digest)
        return _Sent(uploaded=size)

    def _place_for(self, blob: _Blob) -> str | None:
        """Where to upload the blob; None when the registry took it from another of its repositories."""
        origin, own = blob.origin, self.repository
        if origin and origin.registry == own.registry and origin != own:
            path = f"blobs/uploads/?mount={blob.descriptor.digest}&from={quote(origin.name, safe='')}"
            access = Access(own, push=True, sources=(origin.name,))
            try:
                with self.registries.exchange(access, "POST", path, expected=(201, 202)) as reply:
                    return _location(reply) if reply.status == 202 else None
            except Refused as refusal:
                if refusal.status not in _NO_MOUNT:
                    raise
        with self._exchange("POST", "blobs/uploads/", (202,)) as reply:
            return _location(reply)

    def _counted(self, blob: _Blob) -> Iterator[bytes]:
        done = 0
        for chunk in blob.chunks():
            if self.registries.stop.is_set():
                raise Stopped
            yield chunk
            done += len(chunk)
            self.progress.update(blob.descriptor.digest, done=done, size=blob.descriptor.size)

    def digest_at(self, name: str) -> str:
        """The digest of the manifest at a tag or a digest; "" when there is none."""

        def look() -> str:
            path = f"manifests/{name}"
            with self._exchange("HEAD", path, (200, 404), ANY_MANIFEST) as reply:
                if reply.status == 404 or DIGEST_HEADER in reply.headers:
                    return reply.headers[DIGEST_HEADER] if reply.status == 200 else ""
            with self._exchange("GET", path, (200, 404), ANY_MANIFEST) as reply:
                return digest_of(reply.read(LARGEST_DOCUMENT)) if reply.status == 200 else ""

        return self.registries.persistently(look)

    def put_manifest(self, image: Image, name: str) -> None:
        """Let a tag, or the digest, lead to the image."""
        headers = {"Content-Type": image.manifest.media_type}

        def put() -> None:
            with self._exchange("PUT", f"manifests/{name}", (200, 201), headers, image.manifest_bytes) as reply:
                _check_digest(reply, image.digest)

        try:
            self.registries.persistently(put)
        except Refused as refusal:
            if name != image.digest and _is_about_immutable_tags(refusal):
                raise PublishError(
                    f"the tag `{name}` of `{self.repository}` can't be moved from another image: {refusal.fact}",
                    hint=f"push to another tag; the image itself is there, as `{self.repository}@{image.digest}`",
                ) from refusal
            raise

    def _exchange(
        self,
        method: str,
        url: str,
        expected: tuple[int, ...],
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
    ) -> AbstractContextManager[Reply]:
        access = Access(self.repository, push=True)
        return self.registries.exchange(access, method, url, expected=expected, headers=headers, body=body)


def _location(reply: Reply) -> str:
    """Where the registry wants the blob; it may say so relative to where it was asked."""
    location = reply.headers.get("Location")
    if not location:
        raise RequestFailure(reply.url, "it does not say where to upload to")
    return urljoin(reply.url, location)


def _check_digest(reply: Reply, digest: str) -> None:
    said = reply.headers.get(DIGEST_HEADER, digest)
    if said != digest:
        raise RequestFailure(reply.url, f"it has kept {said}, where {digest} was sent")


def _is_about_immutable_tags(refusal: Refused) -> bool:
    """Whether a tag can't be moved: ECR's TAG_INVALID, or what other registries say in words."""
    return "TAG_INVALID" in refusal.codes or "immutable" in refusal.fact.lower()


def _unsent(repository: Repository, failure: RequestFailure) -> PublishError:
    if isinstance(failure, Refused) and failure.status == 404:
        hint = "create it, or correct its name"
        if region := ecr.region_of(repository.registry):
            hint = f"run `aws ecr create-repository --region {region} --repository-name {repository.name}`"
        return PublishError(f"`{repository}` does not exist: {failure.fact}", hint=hint)
    # A token or a blob's place may be another server's matter.
    who = "" if failure.origin.endswith(f"://{repository.host}") else f"`{failure.origin}`: "
    return PublishError(f"the image can't be pushed to `{repository}`: {who}{failure.fact}", hint=failure.hint)
