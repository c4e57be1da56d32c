"""Images of every family answer in containers of the real engine, under AWS's emulator, on bases of both kinds.

They are loaded from the archive that a build leaves, or pulled from the registry that it was pushed to.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker_engine
import lambda_bases
import local_registry
import pytest
import tomli_w
from command_line import Run, lpack
from docker.errors import ImageNotFound
from emulator import HERE
from lambda_bases import EMULATOR, FAMILIES
from local_registry import LocalRegistry

from lpack.image.push import push
from lpack.image.reference import Repository
from lpack.image.registry import open_registries
from lpack.model import Host, Silent

pytestmark = [
    pytest.mark.engine,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.needs(*local_registry.PROGRAMS, "mmdebstrap", "skopeo"),
]

PATIENCE = 60.0
"""Seconds for a container to start, and for a function to answer."""

FIXTURES = {
    "python": ("image-python", {"message": "Hello, Ada!", "folder": "/var/task"}),
    "node": ("node-plain", {"statusCode": 200, "body": "Hello, Ada!"}),
    "java": ("java-maven", {"greeting": "Hello, Ada!"}),
    "custom": ("custom-go", {"greeting": f"Hello, Ada! This is Go on {HERE.replace('x86_64', 'amd64')}."}),
}

Copy = Callable[[str], Path]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRegistry]:
    """A registry for bases and for what stands on them."""
    with local_registry.serving(tmp_path_factory.mktemp("registry")) as serving:
        yield serving


def of_families() -> list[Any]:
    """Every family on both kinds of bases; where its programs are missing, it is skipped."""
    return [
        pytest.param(family, kind == "client", id=f"{family}-{kind}", marks=pytest.mark.needs(*FAMILIES[family].needs))
        for family in FAMILIES
        for kind in ("client", "bare")
    ]


def served(registry: LocalRegistry, family: str, *, with_client: bool) -> str:
    """The reference of a base, in the registry; its layers are sent once."""
    repository = Repository(registry.host, f"lambda/{family}")
    image = lambda_bases.base(family, with_client=with_client)
    with open_registries(Host({}, Path("/nonexistent")), Silent()) as registries:
        push(image, repository, ["client" if with_client else "bare"], registries=registries)
    return f"{repository}:{'client' if with_client else 'bare'}"


def project_on(folder: Path, family: str, base: str) -> Path:
    """The fixture, its function an image on the base for this machine."""
    file = folder / "lpack.toml"
    document = tomllib.loads(file.read_text())
    (function,) = document["function"].values()
    function |= {"runtime": FAMILIES[family].runtime, "architecture": HERE, "package": "image", "base": base}
    file.write_text(tomli_w.dumps(document))
    return folder


def built(folder: Path, *options: str) -> dict[str, Any]:
    run: Run = lpack("build", "--allow-deprecated", "--json", *options, folder=folder)
    assert run.exit_code == 0, run.stdout + run.stderr
    (artifact,) = run.json["artifacts"]
    found: dict[str, Any] = artifact
    return found


@contextlib.contextmanager
def loaded(archive: Path) -> Iterator[str]:
    """The id of the image in the engine, which forgets it when the block ends."""
    with docker_engine.connected() as client, archive.open("rb") as file:
        (image,) = client.images.load(file)
        identity = str(image.id)
        try:
            yield identity
        finally:
            with contextlib.suppress(ImageNotFound):
                client.images.remove(identity, force=True)


def answer(image: str, event: Any, *, emulator: Path | None) -> Any:
    """What the function in the image answers, started as Lambda's documentation says images are tested."""
    name = docker_engine.unique("image")
    with docker_engine.connected() as client:
        container = client.containers.run(
            image,
            name=name,
            detach=True,
            labels=[docker_engine.LABEL],
            ports={"8080/tcp": ("127.0.0.1", None)},
            volumes=[f"{emulator}:{EMULATOR}:ro"] if emulator else [],
        )
        try:
            container.reload()
            port = int(container.ports["8080/tcp"][0]["HostPort"])
            return posted(port, event)
        finally:
            print(container.logs().decode(errors="replace"))  # which pytest shows when the test fails
            container.remove(force=True)


def posted(port: int, event: Any) -> Any:
    deadline = time.monotonic() + PATIENCE
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        with contextlib.closing(connection):
            try:
                connection.request("POST", "/2015-03-31/functions/function/invocations", json.dumps(event))
                return json.loads(connection.getresponse().read())
            except (ConnectionError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
        time.sleep(0.1)


@pytest.mark.parametrize(("family", "with_client"), of_families())
def test_a_loaded_image_answers(
    family: str,
    with_client: bool,  # noqa: FBT001
    registry: LocalRegistry,
    copied_fixture: Copy,
) -> None:
    name, expected = FIXTURES[family]
    folder = project_on(copied_fixture(name), family, served(registry, family, with_client=with_client))
    artifact = built(folder, "--whole")
    emulator = None if with_client else lambda_bases.emulator()
    with loaded(Path(artifact["path"])) as image:
        response = answer(image, {"name": "Ada"}, emulator=emulator)
    assert response == expected or expected.items() <= response.items()
    checked = lpack("check", "--allow-deprecated", folder=folder)
    assert checked.exit_code == 0, checked.stderr


def test_a_pushed_image_is_pulled_and_answers(registry: LocalRegistry, copied_fixture: Copy, tmp_path: Path) -> None:
    base = served(registry, "python", with_client=True)
    folder = project_on(copied_fixture("python-plain"), "python", base)
    repository = f"{registry.host}/shop/orders"
    artifact = built(folder, "--push", "--repository", f"{repository}:v1")
    digest = artifact["record"]["image"]["digest"]
    assert registry.tags("shop/orders") == {"v1": digest}
    with docker_engine.connected() as client:
        image = client.images.pull(f"{repository}@{digest}")
        try:
            assert answer(str(image.id), {"name": "Ada"}, emulator=None) == {"message": "Hello, Ada!"}
        finally:
            client.images.remove(str(image.id), force=True)
    of_others = lpack("check", f"{repository}:v1", "--runtime", "python3.11", folder=folder)
    assert of_others.exit_code == 0, of_others.stderr
    inspected = skopeo("inspect", "--tls-verify=false", f"docker://{repository}:v1")
    assert json.loads(inspected)["Digest"] == digest
    skopeo("copy", "--src-tls-verify=false", f"docker://{repository}:v1", f"oci:{tmp_path}/layout:v1")
    (described,) = json.loads((tmp_path / "layout" / "index.json").read_text())["manifests"]
    assert described["annotations"]["org.opencontainers.image.ref.name"] == "v1"


def test_a_thin_archive_loads_where_the_engine_has_the_base(registry: LocalRegistry, copied_fixture: Copy) -> None:
    base = served(registry, "custom", with_client=False)
    folder = project_on(copied_fixture("python-plain"), "custom", base)
    source = folder / "src"
    (source / "bootstrap").write_text("#!/bin/sh\n")
    (source / "bootstrap").chmod(0o755)
    artifact = built(folder)
    assert artifact["record"]["image"]["whole"] is False
    assert Path(artifact["path"]).stat().st_size < 100_000
    with docker_engine.connected() as client:
        client.images.pull(base)
        try:
            with loaded(Path(artifact["path"])) as image:
                settings = client.images.get(image).attrs["Config"]
                assert settings["Entrypoint"] == ["/lambda-entrypoint.sh"]
        finally:
            client.images.remove(base)  # by its name: other tests have the same image under another one


def test_packages_of_the_project_itself_have_a_layer(registry: LocalRegistry, copied_fixture: Copy) -> None:
    base = served(registry, "python", with_client=False)
    folder = project_on(copied_fixture("python-local-package"), "python", base)
    names = [layer["name"] for layer in built(folder)["record"]["image"]["layers"]]
    assert names[:2] == ["base layer 1", "awslambdaric 4.2.2"]
    assert names[-2:] == ["own packages", "source"]


def test_two_places_give_the_same_image(
    registry: LocalRegistry, copied_fixture: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = served(registry, "python", with_client=False)
    digests = set()
    for place in ("one", "other"):
        monkeypatch.setenv("LPACK_CACHE_DIR", str(tmp_path / f"store of {place}"))
        folder = project_on(copied_fixture("python-plain"), "python", base)
        folder = folder.rename(tmp_path / place)
        digests.add(built(folder)["record"]["image"]["digest"])
    assert len(digests) == 1


def skopeo(*arguments: str) -> str:
    command = ["skopeo", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
