"""What infrastructure code reads of a publish: one module for each format, in one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...config import Project
from .. import Published
from . import cloudformation, github, sam, terraform
from .declared import Declared, declared

TEMPLATES: dict[str, Callable[[Declared], str]] = {
    "cloudformation": cloudformation.template,
    "sam": sam.template,
    "terraform": terraform.template,
}
"""Formats that declare functions and layers, so that another tool makes them."""

REPORTS: dict[str, Callable[[Sequence[Published]], str]] = {"github": github.report}
"""Formats that tell where everything is."""

FORMATS = (*TEMPLATES, *REPORTS)


def written(format_name: str, artifacts: Sequence[Published], project: Project) -> str:
    """The artifacts in that format; PublishError when a template would lack some of them."""
    if format_name in REPORTS:
        return REPORTS[format_name](artifacts)
    return TEMPLATES[format_name](declared(artifacts, project))
