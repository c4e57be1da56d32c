"""What Lambda asks of a container image, besides the files that a zip could hold as well.

Source: https://docs.aws.amazon.com/lambda/latest/dg/images-create.html, "Requirements".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from ..aws.limits import (
    IMAGE_BYTES,
    IMAGE_LAYERS,
    IMAGE_MANIFEST_BYTES,
    IMAGE_SETTINGS_BYTES,
    RESERVED_ENVIRONMENT_KEYS,
)
from ..image.config import Execution
from ..image.manifest import Platform
from ..image.media_types import GZIP_LAYERS
from ..image.starting import ENTRY_SCRIPT
from ..model import Finding, Severity
from ..sizes import shown
from .subject import ImageFacts, Subject
from .wording import details, quoted

_WRITTEN_TO = re.compile(
    r"TMPDIR|TEMP|TMP|HISTFILE|PYTHONPYCACHEPREFIX|MPLCONFIGDIR|XDG_(CACHE|STATE|RUNTIME)_(HOME|DIR)|"
    r"(NPM_CONFIG|npm_config)_cache|UV_CACHE_DIR|PIP_CACHE_DIR|NUMBA_CACHE_DIR"
)
"""Variables that name folders into which programs write."""

_OF_THE_IMAGE = frozenset({"LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"})
"""Variables that Lambda reserves, and that AWS's own base images set."""


def check_image(image: ImageFacts, subject: Subject) -> list[Finding]:
    """Findings about the image as a whole: what it is for, how large it is, and how it starts."""
    return [
        *_platform(image, subject),
        *_size(image, subject),
        *_layers(image),
        *_start(image.execution, subject),
        *_settings(image.execution),
        *_variables(image.execution),
        *_places(image.execution),
    ]


def _platform(image: ImageFacts, subject: Subject) -> list[Finding]:
    wanted = Platform("linux", subject.target.architecture.image)
    there = Platform(image.platform.os, image.platform.architecture)
    if there == wanted:
        return []
    fact = f"`{subject.name}` is an image for {there}, and the target is {subject.target.architecture} ({wanted})"
    return [Finding(Severity.ERROR, "image-platform", fact, hint="build it for that platform, or set `architecture`")]


def _size(image: ImageFacts, subject: Subject) -> list[Finding]:
    total = sum(size for _, size in image.sizes)
    if total <= IMAGE_BYTES:
        return []
    largest = sorted(image.sizes, key=lambda each: -each[1])
    at_least = "" if image.exact else "at least "
    fact = (
        f"`{subject.name}` is {at_least}{total:,} bytes unpacked ({shown(total)}), with all its layers, and Lambda "
        f"takes {IMAGE_BYTES:,} ({shown(IMAGE_BYTES)})"
    )
    hint = "leave out what the function does not need, or stand on a smaller base"
    lines = details([f"{name}: {shown(size)}" for name, size in largest])
    return [Finding(Severity.ERROR, "image-size", fact, hint, lines)]


def _layers(image: ImageFacts) -> Iterable[Finding]:
    count = len(image.media_types)
    others = sorted({each for each in image.media_types if each not in GZIP_LAYERS})
    if others:
        yield Finding(
            Severity.ERROR,
            "image-layer-type",
            f"the image has layers of {quoted(others)}, and Lambda is sure to take layers compressed by gzip alone",
            hint="push it with gzip: `docker push` does, as does `--output type=registry,compression=gzip` of buildx",
        )
    if image.history != count:
        yield Finding(
            Severity.WARNING,
            "image-history",
            f"the image has {count} layers, and its history tells of {image.history}: Lambda has refused such images",
            hint="build it with a tool that writes a history entry for each layer",
        )
    if count > IMAGE_LAYERS:
        fact = f"the image has {count} layers, and engines take {IMAGE_LAYERS}"
        yield Finding(Severity.ERROR, "image-layers", fact, hint="join commands of its Dockerfile")
    if image.manifest_size > IMAGE_MANIFEST_BYTES:
        yield Finding(
            Severity.WARNING,
            "image-manifest-size",
            f"the manifest has {image.manifest_size:,} bytes; AWS advises to stay below {IMAGE_MANIFEST_BYTES:,}",
            hint="fewer layers, labels and annotations make it smaller",
        )


def _start(execution: Execution, subject: Subject) -> Iterable[Finding]:
    start = (*execution.entrypoint, *execution.cmd)
    if not start:
        yield Finding(
            Severity.ERROR,
            "image-entry-point",
            "the image has neither an entry point nor a command: Lambda would not know what to start",
            hint="stand on AWS's base image, or let lpack add a runtime interface client (`client = false`)",
        )
    elif start == (subject.handler,) and not execution.entrypoint:
        yield Finding(
            Severity.ERROR,
            "image-entry-point",
            f"the image has no entry point that could start `{subject.handler}`",
            hint="leave out `client`, so that lpack adds a runtime interface client, or name a base that starts one",
        )
    elif start[0] == ENTRY_SCRIPT and len(start) != 2:
        given = f"{len(start) - 1} arguments" if start[1:] else "none"
        yield Finding(
            Severity.ERROR,
            "image-command",
            f"`{ENTRY_SCRIPT}` wants the handler as its one argument, and the image's command has {given}",
            hint='write the handler alone: CMD ["app.handler"]',
        )


def _settings(execution: Execution) -> Iterable[Finding]:
    settings = [list(execution.entrypoint), list(execution.cmd), execution.working_dir]
    size = len(json.dumps(settings, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass"))
    if size > IMAGE_SETTINGS_BYTES:
        fact = f"entry point, command and working folder take {size:,} bytes, and Lambda takes {IMAGE_SETTINGS_BYTES:,}"
        yield Finding(Severity.ERROR, "image-settings", fact, hint="put long commands into a script of the image")
    if execution.user not in {"", "0", "root", "0:0", "root:root"}:
        yield Finding(
            Severity.WARNING,
            "image-user",
            f"the image wants to run as `{execution.user}`, and Lambda runs it as a user of its own",
            hint="remove USER: all files have to be readable by any user",
        )


def _variables(execution: Execution) -> Iterable[Finding]:
    names = {name for name, _, _ in (each.partition("=") for each in execution.env)}
    reserved = sorted(names & RESERVED_ENVIRONMENT_KEYS - _OF_THE_IMAGE)
    if reserved:
        yield Finding(
            Severity.WARNING,
            "image-environment",
            f"the image sets {quoted(reserved)}, which Lambda sets itself",
            hint="remove them: what the image says is not what the function will see",
        )


def _places(execution: Execution) -> Iterable[Finding]:
    """Whatever the image's settings say of folders that are to be written to: only /tmp can be."""
    volumes = execution.others.get("Volumes") or {}
    outside = sorted(path for path in volumes if not _is_in_tmp(path))
    if outside:
        yield Finding(
            Severity.WARNING,
            "image-volumes",
            f"the image has volumes at {quoted(outside)}, and in Lambda only `/tmp` can be written to",
            hint="remove VOLUME, and write to `/tmp`",
        )
    variables = [each.partition("=")[::2] for each in execution.env]
    wrong = [
        f"{name}={value}"
        for name, value in variables
        if _WRITTEN_TO.fullmatch(name) and value.startswith("/") and not _is_in_tmp(value)
    ]
    if wrong:
        yield Finding(
            Severity.WARNING,
            "image-places",
            f"the image has programs write to {quoted(wrong)}, and in Lambda only `/tmp` can be written to",
            hint="name a folder in `/tmp`",
        )


def _is_in_tmp(path: str) -> bool:
    return path == "/tmp" or path.startswith("/tmp/")  # noqa: S108 -- Lambda's
