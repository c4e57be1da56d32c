"""Which image is built in, and that Dockerfile.build says the same to Docker."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import base_images
import docker_engine
import pytest

from lpack.aws.architectures import ARM64, X86_64
from lpack.aws.runtimes import runtime
from lpack.config import Building
from lpack.container import build_image_for
from lpack.model import Target

CHECKOUT = Path(__file__).parent.parent.parent
PYTHON = Target(runtime("python3.13"), X86_64)


@pytest.mark.parametrize(
    ("name", "architecture", "base"),
    [
        ("python3.13", X86_64, "public.ecr.aws/sam/build-python3.13:latest-x86_64"),
        ("python3.11", ARM64, "public.ecr.aws/sam/build-python3.11:latest-arm64"),
        ("nodejs22.x", X86_64, "public.ecr.aws/sam/build-nodejs22.x:latest-x86_64"),
        ("java21", ARM64, "public.ecr.aws/sam/build-java21:latest-arm64"),
        ("provided.al2023", X86_64, "public.ecr.aws/amazonlinux/amazonlinux:2023"),
        ("provided.al2", ARM64, "public.ecr.aws/amazonlinux/amazonlinux:2"),
    ],
)
def test_aws_s_own_images_are_the_bases(name: str, architecture: object, base: str) -> None:
    assert build_image_for(Building(), Target(runtime(name), architecture)).base == base  # type: ignore[arg-type]


def test_the_reference_stands_for_all_that_goes_in() -> None:
    ways = [
        build_image_for(Building(), PYTHON),
        build_image_for(Building(packages=("libxml2-devel",)), PYTHON),
        build_image_for(Building(base="debian:13"), PYTHON),
        build_image_for(Building(), Target(PYTHON.runtime, ARM64)),
        build_image_for(Building(), Target(runtime("python3.12"), X86_64)),
    ]
    assert len({each.reference for each in ways}) == len(ways)
    assert ways[0].reference == build_image_for(Building(native="zig"), PYTHON).reference
    assert all(each.reference.startswith("lpack-build:") for each in ways)


def test_an_image_of_the_user_s_own_has_its_own_name() -> None:
    image = build_image_for(Building(image="registry.example.com/build:1"), PYTHON)
    assert image.finished
    assert image.reference == "registry.example.com/build:1"


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.needs("mmdebstrap")
def test_docker_reads_the_dockerfile_too() -> None:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        tar.add(CHECKOUT / "Dockerfile.build", "Dockerfile")
    context.seek(0)
    with docker_engine.connected() as client:
        image, _ = client.images.build(
            fileobj=context,
            custom_context=True,
            rm=True,
            buildargs={"BASE": base_images.image(base_images.PLAIN)},
            labels={docker_engine.LABEL: "dockerfile"},
        )
        client.images.remove(image.id)
