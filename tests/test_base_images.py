"""What the images that tests stand on promise."""

from dataclasses import replace

import base_images
import docker_engine
import pytest

pytestmark = base_images.needs(base_images.PLAIN)


def test_an_image_runs_and_is_made_once() -> None:
    reference = base_images.image(base_images.PLAIN)
    with docker_engine.connected() as client:
        first = client.images.get(reference)
        assert first.labels == {docker_engine.LABEL: "base"}
        said = client.containers.run(reference, ["cat", "/etc/os-release"], remove=True)
        assert b"bookworm" in said
        assert client.images.get(base_images.image(base_images.PLAIN)).id == first.id


@pytest.mark.needs("qemu-aarch64-static")
def test_an_image_of_the_other_architecture_runs_in_emulation() -> None:
    other = "arm64" if base_images.HERE == "x86_64" else "x86_64"
    machine = {"arm64": "aarch64", "x86_64": "x86_64"}[other]
    reference = base_images.image(replace(base_images.PLAIN, architecture=other))
    with docker_engine.connected() as client:
        platform = {"arm64": "linux/arm64", "x86_64": "linux/amd64"}[other]
        said = client.containers.run(reference, ["uname", "-m"], remove=True, platform=platform)
        assert said.decode().strip() == machine
