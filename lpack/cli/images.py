"""Images on the command line: which words name one, and how it is checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..aws.architectures import ARCHITECTURES
from ..check import Subject
from ..errors import CheckError, UsageError
from ..examine import Checked
from ..model import Target
from ..record import IMAGE, read_record
from .options import target_of
from .session import Session, today

_TAR_NAMES = (".tar", ".tar.gz", ".tgz")
_GZIP = b"\x1f\x8b"
_USTAR = b"ustar"
_USTAR_AT = 257


if TYPE_CHECKING:
    from ..image.model import Image


@dataclass(frozen=True, slots=True)
class About:
    """What the command line says of an image, as far as it does."""

    runtime: str | None
    architecture: str | None
    handler: str | None
    allow_deprecated: bool


def is_image(name: str, session: Session) -> bool:
    """Whether the name is one of an image: in the Docker Engine, in a file or a folder, or in a registry."""
    from ..image.local import is_local
    from ..image.opening import ENGINE

    if name.startswith(ENGINE):
        return True
    path = session.path(name)
    if path.is_file():
        with path.open("rb") as file:
            start = file.read(_USTAR_AT + len(_USTAR))
        return name.endswith(_TAR_NAMES) or start.startswith(_GZIP) or start[_USTAR_AT:] == _USTAR
    if is_local(name, session.folder):
        return path.is_dir()
    # A path that is mistyped is not to be asked for in a registry.
    registry, slash, _ = name.partition("/")
    return bool(slash) and (registry == "localhost" or bool({*registry} & {".", ":"}))


def check_image_named(name: str, about: About, session: Session) -> Checked:
    """The checks of the image of that name; UsageError when nobody says which runtime it is for."""
    from ..examine_images import check_foreign_image, check_own_image
    from ..image.manifest import Platform
    from ..image.opening import opened

    path = session.path(name)
    record = read_record(path) if path.is_file() else None
    runtime = about.runtime or (record.runtimes[0] if record else None)
    if runtime is None:
        raise UsageError(
            f"`{name}` does not tell which runtime it is for",
            hint="say it: `--runtime python3.13`, or `--runtime provided.al2023` for a program of your own",
        )
    if record and record.kind == IMAGE:
        target = target_of(runtime, about.architecture or record.architectures[0])
        return check_own_image(path, _subject(path.name, target, about, record.handler), host=session.host)
    wanted = (
        Platform("linux", target_of(runtime, about.architecture).architecture.image) if about.architecture else None
    )
    with (
        session.reporting() as reporter,
        opened(name, wanted, folder=session.folder, host=session.host, reporter=reporter) as image,
    ):
        target = target_of(runtime, about.architecture or _architecture(name, image))
        return check_foreign_image(name, image, _subject(name, target, about), host=session.host)


def _subject(name: str, target: Target, about: About, handler: str = "") -> Subject:
    return Subject(
        name=name,
        target=target,
        handler=about.handler or handler or None,
        allow_deprecated=about.allow_deprecated,
        today=today(),
    )


def _architecture(name: str, image: Image) -> str:
    """The architecture that the image is for, in Lambda's words."""
    platform = image.config.platform
    known = [each.name for each in ARCHITECTURES.values() if each.image == platform.architecture]
    if platform.os != "linux" or not known:
        raise CheckError(
            f"`{name}` is an image for {platform}, and Lambda runs linux/amd64 and linux/arm64",
            hint="build it for one of them: `docker build --platform linux/arm64`",
        )
    return known[0]
