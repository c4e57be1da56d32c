"""AWS's base images for container images of functions.

Source: https://docs.aws.amazon.com/lambda/latest/dg/images-create.html and https://gallery.ecr.aws/lambda
"""

from __future__ import annotations

from .runtimes import Runtime

_REGISTRY = "public.ecr.aws/lambda"


def base_image(runtime: Runtime) -> str:
    """The runtime's own image; the tag is that of an index, in which there is an image for each architecture."""
    tag = runtime.name.removeprefix(runtime.family).removeprefix(".").removesuffix(".x")
    return f"{_REGISTRY}/{runtime.family}:{tag}"
