"""AWS's images to build in: Amazon Linux as it lies under a runtime, with the language and a compiler.

Sources: https://gallery.ecr.aws/sam (for each managed runtime) and https://gallery.ecr.aws/amazonlinux/amazonlinux
"""

from __future__ import annotations

from .architectures import Architecture
from .runtimes import Runtime

_OF_CUSTOM_RUNTIMES = {
    "provided.al2023": "public.ecr.aws/amazonlinux/amazonlinux:2023",
    "provided.al2": "public.ecr.aws/amazonlinux/amazonlinux:2",
}
"""Plain Amazon Linux: what a custom runtime is compiled with is its own matter."""


def build_image(runtime: Runtime, architecture: Architecture) -> str:
    """The reference of the image in which packages for the runtime are built."""
    plain = _OF_CUSTOM_RUNTIMES.get(runtime.name)
    return plain or f"public.ecr.aws/sam/build-{runtime}:latest-{architecture}"
