"""The keys of `[build]` in lpack's configuration, and what reads their values."""

from __future__ import annotations

import re
from typing import Any

from ..values import Place, Reader, quoted, read_choice, read_table, read_text, read_texts


def read_build(value: Any, place: Place) -> dict[str, Any]:
    """The values of the table; the problems are in ``place``."""
    values = read_table(value, place, BUILD_KEYS)
    for key in ("base", "packages") if values.get("image") else ():
        if key in values:
            place.key(key).problem("goes into an image that lpack makes, and `image` names one that is taken as it is")
    return values


def _resolver(value: Any, place: Place) -> str | None:
    return read_choice(value, place, ("uv", "pip-tools"))


def _backend(value: Any, place: Place) -> str | None:
    return read_choice(value, place, ("host", "container"))


def _image(value: Any, place: Place) -> str | None:
    """The reference of a container image."""
    reference = read_text(value, place)
    if reference and (re.search(r"\s", reference) or "://" in reference or reference.startswith("-")):
        place.problem(f"names {quoted(reference)}, which is not an image, such as `registry.example.com/build:1`")
        return None
    return reference


def _system_packages(value: Any, place: Place) -> tuple[str, ...]:
    """Names of packages, as dnf or apt-get take them."""
    names = read_texts(value, place)
    for index, name in enumerate(names):
        if not re.fullmatch(r"[A-Za-z0-9][\w.+:=~@-]*", name):
            place.item(index).problem(f"names {quoted(name)}, which is not a package of an operating system")
    return names


def _native(value: Any, place: Place) -> str | None:
    return read_choice(value, place, ("auto", "container", "zig", "never"))


BUILD_KEYS: dict[str, Reader] = {
    "backend": _backend,
    "resolver": _resolver,
    "native": _native,
    "image": _image,
    "base": _image,
    "packages": _system_packages,
}
