"""The image of a container, and what the emulator starts in it."""

from __future__ import annotations

import contextlib
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..aws.base_images import base_image
from ..clients import FOLDER, Client, client_for
from ..engine import understood
from ..errors import InputError, ToolError
from ..means import Means
from ..model import Target
from .files import Folders, bootstrap, laid_out
from .runnable import Runnable
from .surroundings import LAYERS, TASK, java_options, variables

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

_ENTRY_SCRIPT = "/lambda-entrypoint.sh"
"""What AWS's base images start with; it starts their own runtime interface client."""

_PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
_MACHINES = {"x86_64": "amd64", "arm64": "arm64"}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Start:
    """What the emulator starts in the container, with what around it."""

    image: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    mounts: tuple[tuple[Path, str], ...]
    folder: str
    client: str


def image_for(engine: DockerClient, runnable: Runnable, base: str | None, means: Means) -> Image:
    """The function's own image, or the one that its zip runs in; the engine has it afterwards."""
    if runnable.is_image:
        return _loaded(engine, runnable, means)
    reference = base or base_image(runnable.target.runtime)
    try:
        return _pulled(engine, reference, runnable.target, means)
    except ToolError as error:
        hint = "name one that the engine has or can pull, with the runtime's language in it (`--base IMAGE`)"
        fact = f"`{reference}`, the image to run in, can't be had"
        raise ToolError(fact, hint=hint, details=[error.message]) from error


def _pulled(engine: DockerClient, reference: str, target: Target, means: Means) -> Image:
    from docker.errors import ImageNotFound

    with contextlib.suppress(ImageNotFound):
        image = engine.images.get(reference)
        if image.attrs.get("Architecture") == _MACHINES[target.architecture.name]:
            return image
    means.reporter.note(f"pulling `{reference}` for {target.architecture}")
    repository, tag = _parted(reference)
    with understood(f"pulling `{reference}`"):
        return engine.images.pull(repository, tag=tag, platform=_PLATFORMS[target.architecture.name])


def _parted(reference: str) -> tuple[str, str]:
    """The repository of a reference, and its digest or else its tag."""
    reference, _, digest = reference.partition("@")
    folder, slash, name = reference.rpartition("/")
    name, _, tag = name.partition(":")
    return f"{folder}{slash}{name}", digest or tag or "latest"


def _loaded(engine: DockerClient, runnable: Runnable, means: Means) -> Image:
    """The image of an archive, loaded unless the engine has it: it knows images by their configuration."""
    from docker.errors import ImageNotFound

    file = runnable.artifact.file
    with contextlib.suppress(ImageNotFound):
        return engine.images.get(f"sha256:{_config_digest(file)}")
    if runnable.base:
        _have_base(engine, runnable, means)
    means.reporter.note(f"loading `{file.name}` into the Docker Engine")
    with understood(f"loading `{file.name}`"), file.open("rb") as archive:
        (image, *_) = engine.images.load(archive)
    return image


def _have_base(engine: DockerClient, runnable: Runnable, means: Means) -> None:
    """Have the engine get the layers that the archive lacks."""
    try:
        _pulled(engine, runnable.base, runnable.target, means)
    except ToolError as error:
        fact = f"`{runnable.artifact.file.name}` has its own layers alone, and those of its base can't be had"
        hint = f"build it with `whole = true`, or have the engine pull `{runnable.base}`"
        raise ToolError(fact, hint=hint, details=[error.message]) from error


def _config_digest(archive: Path) -> str:
    try:
        with tarfile.open(archive) as tar:
            member = tar.extractfile("manifest.json")
            manifest = json.load(member)[0] if member else {}
            return str(manifest["Config"]).rpartition("/")[2].removesuffix(".json")
    except (tarfile.TarError, KeyError, ValueError, TypeError, OSError) as error:
        raise InputError(f"`{archive}` is no archive of an image: {error}", hint="build it again") from error


def start_of(runnable: Runnable, image: Image, means: Means, stack: contextlib.ExitStack) -> Start:
    """What is started in the image, and what of the function lies in it for as long as the stack lasts."""
    settings = image.attrs.get("Config") or {}
    own = (*(settings.get("Entrypoint") or ()), *(settings.get("Cmd") or ()))
    title = next(iter(image.tags), str(image.id))
    if runnable.is_image:
        environ = variables(runnable, None, has_own=True)
        return Start(title, own, environ, (), settings.get("WorkingDir") or "/", "")
    is_aws = bool(own) and own[0] == _ENTRY_SCRIPT
    client = None if is_aws else client_for(runnable.target, means)
    folders = stack.enter_context(laid_out(runnable, client, means.store))
    mounts = [(folders.task, TASK), (folders.layers, LAYERS)]
    mounts += [(folders.runtime, FOLDER)] if folders.runtime else []
    command = (_ENTRY_SCRIPT, runnable.handler) if is_aws else _command(runnable, client, folders)
    environ = variables(runnable, client, has_own=is_aws)
    if not is_aws:
        environ["PATH"] = f"{_path_of(settings)}:{LAYERS}/bin"
    return Start(title, command, environ, tuple(mounts), TASK, "" if is_aws else str(client or ""))


def _command(runnable: Runnable, client: Client | None, folders: Folders) -> tuple[str, ...]:
    if client is None:
        return (bootstrap(runnable, folders), runnable.handler)
    options = java_options(runnable.memory) if client.interpreter == "java" else ()
    language = {"python": f"python{runnable.target.runtime.version}"}.get(client.interpreter, client.interpreter)
    return (language, *options, *client.arguments, runnable.handler)


def _path_of(settings: Mapping[str, Any]) -> str:
    given = dict(each.partition("=")[::2] for each in settings.get("Env") or ())
    return given.get("PATH") or _PATH
