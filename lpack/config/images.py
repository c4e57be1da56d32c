"""What the configuration says of functions that are container images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ..values import Place, Reader, read_choice, read_file, read_switch, read_text

ImageFormat = Literal["docker", "oci"]
"""Whose media types an image carries."""


class ImageSettings(NamedTuple):
    """How a function becomes an image.

    ``base`` is what it stands on, as it was written; "" is AWS's image for the runtime. ``client`` tells whether the
    base has a runtime interface client, None when it is to be seen from what the base starts with. ``dockerfile`` is
    what the Docker Engine builds instead of all this. With ``whole``, the base's layers are in the archive, too.
    """

    base: str = ""
    client: bool | None = None
    dockerfile: Path | None = None
    format: ImageFormat = "docker"
    whole: bool = False


def _package(value: Any, place: Place) -> str | None:
    return read_choice(value, place, ("zip", "image"))


def _format(value: Any, place: Place) -> str | None:
    return read_choice(value, place, ("docker", "oci"))


IMAGE_KEYS: dict[str, Reader] = {
    "package": _package,
    "base": read_text,
    "client": read_switch,
    "dockerfile": read_file,
    "format": _format,
    "whole": read_switch,
}

_OF_IMAGES = ("base", "client", "dockerfile", "format", "whole")
_NOT_OF_IMAGES = ("layers",)

# A Dockerfile says all this by itself.
_NOT_BESIDE_DOCKERFILE = (
    *("handler", "base", "client", "format", "whole", "requirements", "extras", "groups", "include", "exclude"),
    *("exclude-packages", "trim", "bundle", "artifact", "build"),
)


def foreign_keys(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys that mean nothing to a function of these values, because of what it is packed as."""
    if values.get("package") != "image":
        return _OF_IMAGES
    return (*_NOT_OF_IMAGES, *(_NOT_BESIDE_DOCKERFILE if values.get("dockerfile") else ()))


def note_foreign_keys(own: Mapping[str, Any], merged: Mapping[str, Any], place: Place) -> None:
    """Note the keys of a function's own table that mean nothing to it."""
    for key in foreign_keys(merged):
        if key not in own:
            continue
        here = place.key(key)
        if key == "layers":
            # Lambda's own words: https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
            here.problem(
                "can't be used with an image: Lambda layers are not supported for functions created with container "
                "images"
            )
        elif key in _OF_IMAGES and merged.get("package") != "image":
            here.problem('is about images, and the function is a zip: write package = "image"')
        else:
            here.problem("says what the function's `dockerfile` has to say itself")


def image_settings(take: Callable[..., Any]) -> ImageSettings | None:
    """The settings, which ``take`` takes out of a function's values: ``take(key, default)``; None for a zip."""
    package = take("package", "zip")
    settings = {key: value for key in _OF_IMAGES if (value := take(key, None)) is not None}
    return ImageSettings(**settings) if package == "image" else None
