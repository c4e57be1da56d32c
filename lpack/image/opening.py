"""An image by any of its names: in a registry, in a file or a folder, or in the Docker Engine."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..engine import connect, understood
from ..errors import UsageError
from ..means import Means
from ..model import Host, Reporter
from ..store import Store
from .bases import image_in_registry, read_layer
from .local import is_local, read_local
from .manifest import Descriptor, Platform
from .model import Image, Layer
from .reference import parse_reference

ENGINE = "docker-daemon:"
"""What a name begins with that the Docker Engine knows: other tools call it so, too."""


@contextmanager
def opened(text: str, wanted: Platform | None, *, folder: Path, host: Host, reporter: Reporter) -> Iterator[Image]:
    """The image that ``text`` names, seen from ``folder``, as long as the block lasts.

    Of several in one it is that for the platform. UsageError when there is none; InputError for what is no image;
    PublishError for a registry, ToolError for an engine, that does not give it.
    """
    store = Store(host.cache)
    if text.startswith(ENGINE):
        with _saved(text.removeprefix(ENGINE), store, host, reporter) as file:
            yield read_local(file, wanted)
    elif is_local(text, folder):
        yield read_local(folder / text, wanted)
    else:
        yield image_in_registry(parse_reference(text), wanted, Means(store, host, reporter))


def of_archive(file: Path, base: str, host: Host) -> Image:
    """The image in an archive that lpack made, on a ``base`` whose layers may be in its registry alone.

    ``base`` is "" for the image of a Dockerfile. InputError for what is no such archive.
    """
    if not base or is_local(base.partition("@")[0], file.parent):
        return read_local(file, None)

    def layer(descriptor: Descriptor, diff_id: str) -> Layer:
        repository = parse_reference(base).repository
        chunks = functools.partial(read_layer, repository, descriptor, host)
        return Layer(descriptor, diff_id, chunks, repository)

    return read_local(file, None, elsewhere=layer)


@contextmanager
def _saved(name: str, store: Store, host: Host, reporter: Reporter) -> Iterator[Path]:
    """An archive of an image that the engine has."""
    from docker.errors import ImageNotFound

    with store.temporary_folder() as folder, connect(host.environ) as client:
        file = folder / "image.tar"
        with understood(f"saving `{name}`"):
            try:
                image = client.images.get(name)
            except ImageNotFound as error:
                raise UsageError(f"the Docker Engine has no image `{name}`", hint="see `docker image ls`") from error
            with file.open("xb") as stream:
                for chunk in image.save(chunk_size=1 << 20):
                    stream.write(chunk)
                    reporter.progress(f"saving {name}", stream.tell(), 0)
        yield file
