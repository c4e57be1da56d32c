"""The image to build in: the user's own, or Dockerfile.build on top of a base, made once and kept in the engine."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..aws.build_images import build_image
from ..config import Building
from ..engine import understood
from ..errors import ToolError
from ..means import Means
from ..model import Reporter, Target
from .settings import Settings
from .task import LABEL, PLATFORMS, Task, perform

if TYPE_CHECKING:
    from docker import DockerClient

REPOSITORY = "lpack-build"

_INSTALLED = Path(__file__).parent.parent / "_Dockerfile.build"
_IN_CHECKOUT = Path(__file__).parent.parent.parent / "Dockerfile.build"


@dataclass(frozen=True, slots=True)
class BuildImage:
    """An image to build in for a target: as it is if it is ``finished``, else a base for Dockerfile.build.

    ``arguments`` are those of Dockerfile.build.
    """

    base: str
    target: Target
    finished: bool = False
    arguments: tuple[tuple[str, str], ...] = ()

    @property
    def reference(self) -> str:
        """The name of the image in the engine, by the hash of all that goes in."""
        if self.finished:
            return self.base
        steps = _instructions(_dockerfile())
        said = [self.base, self.target.architecture.name, self.arguments, list(steps)]
        return f"{REPOSITORY}:{hashlib.sha256(json.dumps(said).encode()).hexdigest()[:24]}"

    def ready(self, client: DockerClient, settings: Settings, means: Means) -> str:
        """The image's reference, once the engine has it: fetched, or made. ToolError when it can't be had."""
        reference, reporter = self.reference, means.reporter
        if self.finished:
            self._fetch(client, reporter)
        elif not _known(client, reference):
            with means.store.lock(f"image-{reference.rpartition(':')[2]}"):  # functions side by side need the same one
                if not _known(client, reference):
                    self._fetch(client, reporter)
                    reporter.note(f"making the build image of {self.target} from `{self.base}`, once")
                    self._make(client, settings, reference, reporter)
        return reference

    def _fetch(self, client: DockerClient, reporter: Reporter) -> None:
        """Pull the base unless the engine has it for the architecture."""
        platform = PLATFORMS[self.target.architecture.name]
        if _known(client, self.base, platform):
            return
        reporter.note(f"fetching the image `{self.base}`, once")
        repository, tag = _split(self.base)
        said: list[str] = []
        try:
            with understood(f"fetching `{self.base}`"):
                answers = client.api.pull(repository, tag=tag, platform=platform, stream=True, decode=True)
                said = [answer["error"] for answer in answers if "error" in answer]
        except ToolError as error:
            raise self._unavailable(error.message) from error
        if said:
            raise self._unavailable(said[0])

    def _unavailable(self, reason: str) -> ToolError:
        return ToolError(
            f"the image `{self.base}` can't be had: {reason}",
            hint="see that the engine reaches its registry (`docker pull`), or name another image in [build]: "
            '`base = "…"` for one to build upon, `image = "…"` for one that has all',
        )

    def _make(self, client: DockerClient, settings: Settings, reference: str, reporter: Reporter) -> None:
        arguments = dict(self.arguments)
        lines = [
            *(f"{name}={shlex.quote(arguments.get(name, default))}" for name, default in _arguments(_dockerfile())),
            *(f"( {step} )" for name, step in _instructions(_dockerfile()) if name == "RUN"),
        ]
        task = Task(
            doing=f"preparing `{self.base}`",
            image=self.base,
            architecture=self.target.architecture,
            script="\n".join(lines),
            files=settings.files,
            variables=settings.variables,
            root=True,
            host_network=settings.host_network,
        )

        def keep(container: str) -> None:
            repository, tag = _split(reference)
            with understood(f"keeping the image `{reference}`"):
                client.api.commit(
                    container,
                    repository,
                    tag,
                    changes=["ENTRYPOINT []", 'CMD ["/bin/sh"]', "USER root", "WORKDIR /", f"LABEL {LABEL}=image"],
                )

        outcome = perform(client, task, printing=reporter.printed, afterwards=keep)
        if outcome.exit_code != 0:
            raise ToolError(
                f"the build image of {self.target} can't be made from `{self.base}`",
                hint="correct `packages` in [build], or name another `base`",
                details=[line for line in outcome.printed.splitlines() if line.strip()][-15:],
            )


def build_image_for(building: Building, target: Target) -> BuildImage:
    """The image that the project's settings give for the target."""
    if building.image:
        return BuildImage(building.image, target, finished=True)
    family, system = target.runtime.family, target.runtime.system
    arguments = {
        "PACKAGES": " ".join(building.packages),
        "PYTHON": target.runtime.version if family == "python" else "",
        "LIBRARIES": " ".join(sorted(system.libraries)) if family == "python" else "",
    }
    base = building.base or build_image(target.runtime, target.architecture)
    return BuildImage(base, target, arguments=tuple(arguments.items()))


def _known(client: DockerClient, reference: str, platform: str = "") -> bool:
    from docker.errors import ImageNotFound

    try:
        found = client.images.get(reference).attrs
    except ImageNotFound:
        return False
    return not platform or f"{found['Os']}/{found['Architecture']}" == platform


def _split(reference: str) -> tuple[str, str | None]:
    """Repository and tag; what is named by its digest has none."""
    if "@" in reference:
        return reference, None
    repository, colon, tag = reference.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (reference, "latest")


# Dockerfile.build


def _dockerfile() -> str:
    place = _INSTALLED if _INSTALLED.is_file() else _IN_CHECKOUT
    return place.read_text(encoding="utf-8")


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """The instructions with what follows them, lines joined as Docker does."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for line in filter(None, re.sub(r"\\\n", "", lines).splitlines()):
        name, _, rest = line.partition(" ")
        yield name, rest.strip()


def _arguments(text: str) -> Iterator[tuple[str, str]]:
    for name, rest in _instructions(text):
        if name == "ARG":
            key, _, value = rest.partition("=")
            yield key, value.strip('"')
