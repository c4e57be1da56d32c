"""`lpack build --push`, to a real registry."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import command_line
import local_registry
import pytest
import registry_faults as faulty
from local_registry import LocalRegistry
from registry_faults import in_front_of
from sample_images import noise, sample_image, write_layout

from lpack.image.push import push
from lpack.image.reference import Repository
from lpack.image.registry import open_registries
from lpack.model import Host, Silent

pytestmark = pytest.mark.needs(*local_registry.PROGRAMS)

Lpack = Callable[..., command_line.Run]
Project = Callable[[Mapping[str, str | bytes]], Path]

BASE = sample_image(
    {"lambda-entrypoint.sh": b"#!/bin/sh\n", "noise": noise(300_000)}, entrypoint=("/lambda-entrypoint.sh",)
)


@pytest.fixture
def base(registry: LocalRegistry, tmp_path: Path) -> str:
    """The name of a base in the registry."""
    with open_registries(Host({}, tmp_path), Silent()) as registries:
        push(BASE, Repository(registry.host, "base"), ["1"], registries=registries)
    return f"{registry.host}/base:1"


def function(name: str, base: str) -> str:
    lines = [f"[function.{name}]", 'runtime = "python3.13"', f'source = "{name}"', 'handler = "app.handler"']
    return "\n".join([*lines, 'package = "image"', f'base = "{base}"', "client = true", ""])


def code(number: int) -> str:
    return f"def handler(event, context):\n    return {number}\n"


@pytest.fixture
def orders(project: Project, base: str) -> Path:
    return project({"lpack.toml": function("orders", base), "orders/app.py": code(1)})


def test_an_image_is_built_and_pushed(lpack: Lpack, orders: Path, registry: LocalRegistry) -> None:
    run = lpack("build", "--push", "--repository", f"{registry.host}/shop", folder=orders)
    assert run.exit_code == 0, run.stderr
    digest = registry.tags("shop")["orders"]
    assert run.stdout.splitlines()[-1] == f"{registry.host}/shop:orders@{digest}"
    assert "orders: locked the base" in run.stderr
    assert "orders: sent" in run.stderr
    assert digest == json.loads((orders / "dist" / "orders.tar.json").read_bytes())["image"]["digest"]
    manifest = registry.manifest("shop", "orders")
    base_layers = [layer.descriptor.digest for layer in BASE.layers]
    assert [each["digest"] for each in manifest["layers"]][: len(base_layers)] == base_layers


def test_a_lock_of_a_base_alone(lpack: Lpack, orders: Path) -> None:
    assert "orders: locked the base" in lpack("lock", folder=orders).stdout
    assert "orders: up to date" in lpack("lock", "--upgrade", folder=orders).stdout
    document = lpack("lock", "--check", "--json", folder=orders).json
    assert "image-lock.orders.json" in str(document)


def test_an_edit_sends_a_few_kilobytes(lpack: Lpack, orders: Path, registry: LocalRegistry) -> None:
    options = ("build", "--push", "--repository", f"{registry.host}/shop:v1", "--json")
    first = json.loads(lpack(*options, folder=orders).stdout)["artifacts"][0]["pushed"]
    assert first["mounted"] == sum(layer.descriptor.size for layer in BASE.layers)
    again = json.loads(lpack(*options, folder=orders).stdout)["artifacts"][0]
    assert (again["status"], again["pushed"]["uploaded"]) == ("unchanged", 0)
    (orders / "orders" / "app.py").write_text(code(2))
    edited = json.loads(lpack(*options, folder=orders).stdout)["artifacts"][0]["pushed"]
    assert 0 < edited["uploaded"] < 10_000
    assert edited["mounted"] == 0
    assert registry.tags("shop") == {"v1": edited["digest"]}
    assert edited["reference"] == f"{registry.host}/shop:v1@{edited['digest']}"


def test_the_configuration_says_where_to(lpack: Lpack, orders: Path, registry: LocalRegistry) -> None:
    config = orders / "lpack.toml"
    config.write_text(f'{config.read_text()}[publish]\nrepository = "{registry.host}/configured"\n')
    assert lpack("build", "--push", folder=orders).exit_code == 0
    assert list(registry.tags("configured")) == ["orders"]


def test_several_images_have_a_tag_each(lpack: Lpack, project: Project, base: str, registry: LocalRegistry) -> None:
    text = function("one", base) + function("two", base)
    folder = project({"lpack.toml": text, "one/app.py": code(1), "two/app.py": code(2)})
    run = lpack("build", "--push", "--repository", f"{registry.host}/shop", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert sorted(registry.tags("shop")) == ["one", "two"]
    run = lpack("build", "--push", "--repository", f"{registry.host}/shop:v1", folder=folder)
    assert run.exit_code == 2
    assert "has a tag, and 2 images are to be pushed" in run.stderr


def test_a_base_in_a_file_goes_with_the_image(lpack: Lpack, project: Project, registry: LocalRegistry) -> None:
    folder = project({"lpack.toml": function("orders", "./layout"), "orders/app.py": code(1)})
    write_layout(folder / "layout", BASE)
    run = lpack("build", "--push", "--repository", f"{registry.host}/shop", folder=folder)
    assert run.exit_code == 0, run.stderr
    assert registry.blobs() >= {layer.descriptor.digest for layer in BASE.layers}


def test_a_dry_run_sends_nothing(lpack: Lpack, orders: Path, registry: LocalRegistry) -> None:
    run = lpack("build", "--dry-run", "--push", "--repository", f"{registry.host}/shop", folder=orders)
    assert run.exit_code == 0, run.stderr
    assert registry.tags("shop") == {}


def test_a_push_that_fails(lpack: Lpack, orders: Path, registry: LocalRegistry) -> None:
    with in_front_of(registry) as proxy:
        proxy.always("PUT", "/blobs/uploads/", faulty.status(403, "DENIED", "not for you"))
        run = lpack("build", "--push", "--repository", f"{proxy.host}/shop", folder=orders)
    assert run.exit_code == 7
    assert "DENIED: not for you" in run.stderr
    assert "hint: run `docker login" in run.stderr
    assert (orders / "dist" / "orders.tar").is_file()
    assert registry.tags("shop") == {}


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        (["--push"], "nobody says to which repository"),
        (["--repository", "localhost:5000/shop"], "`--repository` says where to push images"),
        (["--push", "--repository", "Shop"], "is not the name of an image"),
        (["--push", "--repository", f"localhost:5000/shop@sha256:{'0' * 64}"], "has a digest"),
    ],
)
def test_options_that_can_not_be(lpack: Lpack, orders: Path, options: list[str], fact: str) -> None:
    run = lpack("build", *options, folder=orders)
    assert run.exit_code == 2
    assert fact in run.stderr


def test_zips_are_not_pushed(lpack: Lpack, project: Project) -> None:
    text = '[function.orders]\nruntime = "python3.13"\nsource = "orders"\nhandler = "app.handler"\n'
    folder = project({"lpack.toml": text, "orders/app.py": code(1)})
    run = lpack("build", "--push", "--repository", "localhost:5000/shop", folder=folder)
    assert run.exit_code == 2
    assert "none of what is to be built is one" in run.stderr
