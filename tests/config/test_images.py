"""What lpack.toml says of container images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lpack import config
from lpack.config import Function
from lpack.config.images import ImageSettings

IMAGE = """
[function.orders]
runtime = "python3.13"
handler = "app.handler"
package = "image"
"""
ZIP = IMAGE.replace('package = "image"', "")
DOCKERFILE = """
[function.orders]
runtime = "python3.13"
package = "image"
dockerfile = "Dockerfile"
"""

Load = Callable[[str], Function]
Problems = Callable[[str], tuple[str, ...]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    (tmp_path / "Dockerfile").write_text("FROM scratch")

    def load(text: str) -> Function:
        (tmp_path / "lpack.toml").write_text(text)
        return config.load(tmp_path).function("orders")

    return load


def test_a_zip_is_no_image(load: Load) -> None:
    assert load(ZIP).image is None
    assert load(ZIP + 'package = "zip"').image is None


def test_an_image_stands_on_what_aws_has_unless_told_otherwise(load: Load) -> None:
    assert load(IMAGE).image == ImageSettings(base="", client=None, dockerfile=None, format="docker", whole=False)


def test_all_that_can_be_said_of_an_image(load: Load) -> None:
    keys = 'base = "debian:12"\nclient = true\nformat = "oci"\nwhole = true'
    assert load(IMAGE + keys).image == ImageSettings("debian:12", client=True, format="oci", whole=True)


def test_a_dockerfile_says_the_handler(load: Load, tmp_path: Path) -> None:
    function = load(DOCKERFILE)
    assert function.handler == ""
    assert function.image == ImageSettings(dockerfile=tmp_path / "Dockerfile")


@pytest.mark.parametrize("key", ['base = "debian"', "client = false", 'dockerfile = "Dockerfile"', 'format = "oci"'])
def test_keys_of_images_mean_nothing_to_a_zip(problems: Problems, key: str) -> None:
    name = key.partition(" ")[0]
    assert problems(ZIP + key) == (
        f'`function.orders.{name}` is about images, and the function is a zip: write package = "image"',
    )


@pytest.mark.parametrize("key", ['handler = "app.handler"', 'base = "x"', 'requirements = ["x"]', 'exclude = ["x"]'])
def test_what_a_dockerfile_says_is_not_said_again(problems: Problems, key: str) -> None:
    name = key.partition(" ")[0]
    assert problems(DOCKERFILE + key) == (
        f"`function.orders.{name}` says what the function's `dockerfile` has to say itself",
    )


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ('format = "v1"', "`function.orders.format` must be `docker` or `oci`, not `v1`"),
        ("client = 1", "`function.orders.client` must be a boolean, not a whole number"),
        ('base = ""', "`function.orders.base` must not be empty"),
        ('layers = ["x"]', "`function.orders.layers` can't be used with an image: Lambda layers are not supported"),
    ],
)
def test_mistakes_are_told(problems: Problems, key: str, problem: str) -> None:
    assert problems(IMAGE + key)[0].startswith(problem)


def test_defaults_are_for_the_functions_that_they_mean_something_to(load: Load) -> None:
    defaults = '[defaults]\nbase = "debian:12"\nlayers = ["shared"]\nhandler = "app.handler"\n'
    layer = '[layer.shared]\nruntimes = ["python3.13"]\nrequirements = ["x"]\n'
    zipped, image = load(defaults + layer + ZIP), load(defaults + layer + IMAGE)
    assert (zipped.image, zipped.layers) == (None, ("shared",))
    assert (image.image, image.layers) == (ImageSettings("debian:12"), ())
    assert load(defaults + DOCKERFILE + layer).handler == ""
