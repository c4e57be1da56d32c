"""What images stand on: found once, written down by digest, and kept, so that the next build needs no network.

Of a base in a registry only the manifest and the config are fetched; its layers are read when something wants their
bytes, which a build does not.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from ..errors import InputError, ResolveError, UsageError
from ..model import Host, Reporter, Silent
from ..store import Store, replacing
from .documents import parse
from .local import is_local, read_local
from .manifest import DIGEST, Descriptor, Index, Platform, digest_of, parse_manifest
from .media_types import GZIP_LAYERS, PLAIN_LAYERS
from .model import Image, Layer, read_image, with_layers
from .packing import packed
from .platforms import choose, is_for, none_for
from .reference import Reference, Repository, parse_reference
from .registry import Registries, blob_chunks, open_registries, read_blob, read_manifest
from .unpacked_sizes import size_of_local, sizes_in_registry

Policy = Literal["keep", "upgrade", "frozen"]
"""For what is written down: keep what fits, look anew, or fail rather than change anything."""

_FORMAT = 1
_KIND = "images"


class Base(NamedTuple):
    """What an image stands on.

    ``name`` has its digest in it; ``sizes`` are the bytes that its layers unpack to, None where that isn't known.
    ``changes`` are those of the lock, in words.
    """

    name: str
    image: Image
    sizes: tuple[int | None, ...]
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The base of the image called ``image``: as it is written, from ``folder``, in which its lock is kept, too."""

    image: str
    base: str
    platform: Platform
    folder: Path

    @property
    def lock(self) -> Path:
        """The file that says which base was found."""
        return self.folder / f"image-lock.{self.image}.json"


class _Locked(NamedTuple):
    """What a lock says: the digest of a manifest in a registry, or of a config in a file."""

    base: str
    platform: str
    digest: str
    sizes: tuple[int | None, ...]


def resolve_base(wanted: Wanted, policy: Policy, *, store: Store, host: Host, reporter: Reporter) -> Base:
    """The base that the lock names, or else one that is looked for and written down there.

    UsageError when there is none, or none for the platform; PublishError when its registry can't be asked; ResolveError
    when the lock would have to be changed and may not be.
    """
    before = _read_lock(wanted.lock)
    fits = before is not None and (before.base, before.platform) == (wanted.base, str(wanted.platform))
    if is_local(wanted.base, wanted.folder):
        image = _packed(_of_file(wanted), store=store, host=host, reporter=reporter)
        digest = image.manifest.config.digest  # of a manifest that may have been made just now
        if before and fits and before.digest == digest:
            return _checked(Base(f"{wanted.base}@{digest}", image, before.sizes))
        _refuse_if_frozen(wanted, before, policy)
        sizes: tuple[int | None, ...] = tuple(map(size_of_local, image.layers))
    else:
        reference = parse_reference(wanted.base)
        if before and fits and policy != "upgrade":
            image = _locked_image(replace(reference, digest=before.digest), wanted, store=store, host=host)
            packed_image = _packed(image, store=store, host=host, reporter=reporter)
            return _checked(Base(str(replace(reference, digest=before.digest)), packed_image, before.sizes))
        _refuse_if_frozen(wanted, before, policy)
        with open_registries(host, reporter) as registries:
            found = _find(reference, wanted.platform, registries)
            image = _of_registry(found, wanted.platform, store=store, host=host, registries=registries)
            sizes = sizes_in_registry(registries, found.repository, image.manifest.layers)
        digest = found.digest
        image = _packed(image, store=store, host=host, reporter=reporter)
    base = _checked(Base(f"{wanted.base.partition('@')[0]}@{digest}", image, sizes))
    made = _Locked(wanted.base, str(wanted.platform), digest, sizes)
    if made != before:
        _write_lock(wanted.lock, made)
    if before is None:
        reporter.note(f"`{wanted.image}` has no lock of its base: made `{wanted.lock.name}`, keep it with your code")
    return base._replace(changes=tuple(_changes(before, made)))


def _of_file(wanted: Wanted) -> Image:
    try:
        return read_local(wanted.folder / wanted.base, wanted.platform)
    except InputError as error:
        raise UsageError(f"the base of `{wanted.image}` can't be used: {error.message}", hint=error.hint) from error


def _locked_image(reference: Reference, wanted: Wanted, *, store: Store, host: Host) -> Image:
    try:
        return _of_registry(reference, wanted.platform, store=store, host=host)
    except UsageError as error:
        hint = f"see what its name leads to now: run `lpack lock {wanted.image} --upgrade`"
        raise UsageError(f"{error.message}; `{wanted.lock.name}` names it", hint=hint) from error


def image_in_registry(
    reference: Reference, platform: Platform | None, *, store: Store, host: Host, reporter: Reporter
) -> Image:
    """The image that a reference leads to now, for a platform if there are several."""
    with open_registries(host, reporter) as registries:
        found = _find(reference, platform, registries)
        return _of_registry(found, platform, store=store, host=host, registries=registries)


def _find(reference: Reference, platform: Platform | None, registries: Registries) -> Reference:
    """The image for the platform, by its digest."""
    document = read_manifest(registries, reference)
    manifest = parse_manifest(document.data, f"the manifest of `{reference}`", media_type=document.media_type)
    if isinstance(manifest, Index):
        return replace(reference, digest=choose(manifest, platform, f"`{reference}`").digest)
    return replace(reference, digest=document.digest)


def _of_registry(
    reference: Reference, platform: Platform | None, *, store: Store, host: Host, registries: Registries | None = None
) -> Image:
    """The image of a digest; what the store lacks of its manifest and config is fetched."""
    with contextlib.ExitStack() as stack:

        def connected() -> Registries:
            return registries or stack.enter_context(open_registries(host, Silent()))

        def fetch_manifest() -> bytes:
            return read_manifest(connected(), reference).data

        subject = f"`{reference}`"
        manifest_bytes = _kept(reference.digest, "manifest.json", fetch_manifest, store)
        manifest = parse_manifest(manifest_bytes, f"the manifest of {subject}")
        if isinstance(manifest, Index):
            raise UsageError(f"{subject} is an index of several images, and the lock names one image")

        def fetch_config() -> bytes:
            return read_blob(connected(), reference.repository, manifest.config)

        config_bytes = _kept(manifest.config.digest, "config.json", fetch_config, store)

    def layer(descriptor: Descriptor, diff_id: str) -> Layer:
        chunks = functools.partial(read_layer, reference.repository, descriptor, host)
        return Layer(descriptor, diff_id, chunks, reference.repository)

    image = read_image(manifest_bytes, config_bytes, layer, subject=subject)
    if platform and not is_for(image.config.platform, platform):
        raise none_for(platform, [image.config.platform], subject)
    return image


def read_layer(repository: Repository, descriptor: Descriptor, host: Host) -> Iterator[bytes]:
    """The bytes of a layer in a registry, by connections of their own: whoever wants them may do so much later."""
    with open_registries(host, Silent()) as registries:
        yield from blob_chunks(registries, repository, descriptor)


def _kept(digest: str, name: str, fetch: Callable[[], bytes], store: Store) -> bytes:
    """A document from the store, where it is fetched to when it is first wanted, or has been damaged."""
    key = bytes.fromhex(digest.removeprefix("sha256:"))
    with store.reading(_KIND, key, name) as file:
        data = file.read() if file else b""
    if digest_of(data) != digest:
        data = fetch()
        with store.writing(_KIND, key, name) as file:
            file.write(data)
    return data


def _packed(image: Image, *, store: Store, host: Host, reporter: Reporter) -> Image:
    """The image with all of its layers compressed: engines save them as they are."""
    plain = {layer.descriptor.digest for layer in image.layers if layer.descriptor.media_type in PLAIN_LAYERS}
    if not plain:
        return image
    layers = [
        packed(layer, store=store, host=host, reporter=reporter) if layer.descriptor.digest in plain else layer
        for layer in image.layers
    ]
    return with_layers(image, layers)


def _checked(base: Base) -> Base:
    """The base; UsageError if Lambda would not take its layers."""
    others = sorted({each.media_type for each in base.image.manifest.layers} - GZIP_LAYERS)
    if others:
        raise UsageError(
            f"`{base.name}` has layers of `{others[0]}`, and Lambda is sure to take layers compressed by gzip alone",
            hint="push the base with gzip, as `docker push` does",
        )
    return base


def _refuse_if_frozen(wanted: Wanted, before: _Locked | None, policy: Policy) -> None:
    if policy == "frozen":
        fact = f"does not fit the base `{wanted.base}` for {wanted.platform} any more" if before else "does not exist"
        hint = f"run `lpack lock {wanted.image}` and commit the file"
        raise ResolveError(f"`{wanted.lock.name}` {fact}", hint=hint)


def _read_lock(file: Path) -> _Locked | None:
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"`{file}` can't be read: {error.strerror}") from error
    document = parse(data, f"`{file.name}`")
    if document.number("format") != _FORMAT:
        document.refuse("format", f"is {document.number('format')}, which another version of lpack has written")
    digest = document.required("digest")
    if not DIGEST.fullmatch(digest):
        document.refuse("digest", f"is `{digest}`, which is no SHA-256 digest")
    sizes = document.numbers("unzipped_sizes")
    return _Locked(document.required("base"), document.required("platform"), digest, sizes)


def _write_lock(file: Path, locked: _Locked) -> None:
    document = {
        "format": _FORMAT,
        "base": locked.base,
        "platform": locked.platform,
        "digest": locked.digest,
        "unzipped_sizes": list(locked.sizes),
    }
    with replacing(file) as stream:
        stream.write(json.dumps(document, indent=2).encode() + b"\n")


def _changes(before: _Locked | None, after: _Locked) -> Iterator[str]:
    if before is None or before.base != after.base:
        if before:
            yield f"- {before.base} {before.digest}"
        yield f"+ {after.base} {after.digest}"
    elif before.digest != after.digest:
        yield f"~ {after.base} {before.digest} → {after.digest}"
