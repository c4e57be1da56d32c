"""What images stand on: found once, written down by digest, and kept, so that the next build needs no network.

Of a base in a registry only the manifest and the config are fetched; its layers are read when something wants their
bytes, which a build does not.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from ..errors import InputError, ResolveError, UsageError
from ..means import Means
from ..model import Host, Silent
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
    ``lock`` is the file that says so, and ``changes`` are those of it, in words.
    """

    name: str
    image: Image
    sizes: tuple[int | None, ...]
    lock: Path
    changes: tuple[str, ...] = ()


class Wanted(NamedTuple):
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


def resolve_base(wanted: Wanted, policy: Policy, means: Means) -> Base:
    """The base that the lock names, or else one that is looked for and written down there.

    UsageError when there is none, or none for the platform; PublishError when its registry can't be asked; ResolveError
    when the lock would have to be changed and may not be.
    """
    before = _read_lock(wanted.lock)
    try:
        base, locked = _resolved(wanted, before, policy, means)
    except InputError as error:
        raise UsageError(f"the base of `{wanted.image}` can't be used: {error.message}", hint=error.hint) from error
    if locked != before:
        _write_lock(wanted.lock, locked)
        if before is None:
            means.reporter.note(
                f"`{wanted.image}` has no lock of its base: made `{wanted.lock.name}`, keep it with your code"
            )
    return base._replace(changes=tuple(_changes(before, locked)))


class _Found(NamedTuple):
    """An image, what it is called with its digest, and what the lock says of it; sizes are None until measured."""

    image: Image
    name: str
    digest: str
    sizes: tuple[int | None, ...] | None


def _resolved(wanted: Wanted, before: _Locked | None, policy: Policy, means: Means) -> tuple[Base, _Locked]:
    """The base, and what is to be said of it in the lock: what was ``before``, where that still fits."""
    fits = before if before and (before.base, before.platform) == (wanted.base, str(wanted.platform)) else None
    if is_local(wanted.base, wanted.folder):
        found = _in_file(wanted, fits)
    elif fits and policy != "upgrade":
        found = _locked(wanted, fits, means)
    else:
        _refuse_if_frozen(wanted, before, policy)
        found = _looked_for(wanted, means)
    if not fits or fits.digest != found.digest:
        _refuse_if_frozen(wanted, before, policy)
    image = _checked(_packed(found.image, means), found.name)
    sizes = tuple(map(size_of_local, image.layers)) if found.sizes is None else found.sizes
    return Base(found.name, image, sizes, wanted.lock), _Locked(wanted.base, str(wanted.platform), found.digest, sizes)


def _in_file(wanted: Wanted, fits: _Locked | None) -> _Found:
    image = read_local(wanted.folder / wanted.base, wanted.platform)
    digest = image.manifest.config.digest  # that of a manifest may depend on how layers are compressed here
    return _Found(image, f"{wanted.base}@{digest}", digest, fits.sizes if fits and fits.digest == digest else None)


def _locked(wanted: Wanted, fits: _Locked, means: Means) -> _Found:
    reference = parse_reference(wanted.base)._replace(digest=fits.digest)
    try:
        image = _of_registry(reference, wanted.platform, means)
    except UsageError as error:
        hint = f"see what its name leads to now: run `lpack lock {wanted.image} --upgrade`"
        raise UsageError(f"{error.message}; `{wanted.lock.name}` names it", hint=hint) from error
    return _Found(image, str(reference), fits.digest, fits.sizes)


def _looked_for(wanted: Wanted, means: Means) -> _Found:
    with open_registries(means.host, means.reporter) as registries:
        reference = _find(parse_reference(wanted.base), wanted.platform, registries)
        image = _of_registry(reference, wanted.platform, means, registries)
        sizes = sizes_in_registry(registries, reference.repository, image.manifest.layers)
    return _Found(image, str(reference), reference.digest, sizes)


def image_in_registry(reference: Reference, platform: Platform | None, means: Means) -> Image:
    """The image that a reference leads to now, for a platform if there are several."""
    with open_registries(means.host, means.reporter) as registries:
        found = _find(reference, platform, registries)
        return _of_registry(found, platform, means, registries)


def _find(reference: Reference, platform: Platform | None, registries: Registries) -> Reference:
    """The image for the platform, by its digest."""
    document = read_manifest(registries, reference)
    manifest = parse_manifest(document.data, f"the manifest of `{reference}`", media_type=document.media_type)
    if isinstance(manifest, Index):
        return reference._replace(digest=choose(manifest, platform, f"`{reference}`").digest)
    return reference._replace(digest=document.digest)


def _of_registry(
    reference: Reference, platform: Platform | None, means: Means, registries: Registries | None = None
) -> Image:
    """The image of a digest; what the store lacks of its manifest and config is fetched."""
    with contextlib.ExitStack() as stack:

        def connected() -> Registries:
            return registries or stack.enter_context(open_registries(means.host, Silent()))

        def fetch_manifest() -> bytes:
            return read_manifest(connected(), reference).data

        subject = f"`{reference}`"
        manifest_bytes = _kept(reference.digest, "manifest.json", fetch_manifest, means.store)
        manifest = parse_manifest(manifest_bytes, f"the manifest of {subject}")
        if isinstance(manifest, Index):
            raise UsageError(f"{subject} is an index of several images, and the lock names one image")

        def fetch_config() -> bytes:
            return read_blob(connected(), reference.repository, manifest.config)

        config_bytes = _kept(manifest.config.digest, "config.json", fetch_config, means.store)

    def layer(descriptor: Descriptor, diff_id: str) -> Layer:
        chunks = functools.partial(read_layer, reference.repository, descriptor, means.host)
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


def _packed(image: Image, means: Means) -> Image:
    """The image with all of its layers compressed: engines save them as they are."""
    plain = {layer.descriptor.digest for layer in image.layers if layer.descriptor.media_type in PLAIN_LAYERS}
    if not plain:
        return image
    layers = [packed(layer, means) if layer.descriptor.digest in plain else layer for layer in image.layers]
    return with_layers(image, layers)


def _checked(image: Image, name: str) -> Image:
    """The image; UsageError if Lambda would not take its layers."""
    others = sorted({each.media_type for each in image.manifest.layers} - GZIP_LAYERS)
    if others:
        raise UsageError(
            f"`{name}` has layers of `{others[0]}`, and Lambda is sure to take layers compressed by gzip alone",
            hint="push the base with gzip, as `docker push` does",
        )
    return image


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
