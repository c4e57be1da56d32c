"""Functions as container images, on a base in a file: built, checked, inspected, and left alone."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from in_process import lpack
from sample_images import sample_image, write_layout

from lpack.image.config import Execution
from lpack.image.local import read_local
from lpack.image.model import Image, assembled
from lpack.image.starting import ENTRY_SCRIPT
from lpack.record import FORMAT

Project = Callable[[Mapping[str, str | bytes]], Path]

CONFIGURATION = """
[function.orders]
runtime = "python3.13"
source = "src"
handler = "app.handler"
package = "image"
base = "./base"
environment = { TABLE = "orders" }
"""
CUSTOM = CONFIGURATION.replace("python3.13", "provided.al2023")
CODE = "def handler(event, context): ...\n"
AWS = Execution(env=("PATH=/var/lang/bin:/bin", "LAMBDA_TASK_ROOT=/var/task"), entrypoint=(ENTRY_SCRIPT,))


def base_of(execution: Execution, architecture: str = "amd64") -> Image:
    sample = sample_image({"bin/sh": b"#!", "etc/passwd": b"root"}, architecture=architecture)
    return assembled(replace(sample.config, execution=execution), sample.layers)


@pytest.fixture
def orders(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A function on a base that is like AWS's own, in the folder that the test is in."""
    folder = project({"lpack.toml": CONFIGURATION, "src/app.py": CODE})
    write_layout(folder / "base", base_of(AWS))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def custom(project: Project) -> Path:
    """A custom runtime on a base that starts no client."""
    folder = project({"lpack.toml": CUSTOM, "src/bootstrap": "#!/bin/sh\n", "src/data.txt": "data"})
    (folder / "src" / "bootstrap").chmod(0o755)
    write_layout(folder / "base", base_of(Execution(cmd=("bash",))))
    return folder


def built(folder: Path, *options: str) -> dict[str, Any]:
    run = lpack("build", "--json", *options, folder=folder)
    assert run.exit_code == 0, run.stdout + run.stderr
    (artifact,) = run.json["artifacts"]
    found: dict[str, Any] = artifact
    return found


def files_in(folder: Path) -> dict[str, list[str]]:
    """The files of the image's own layers, by what its history says of each."""
    image = read_local(folder / "dist" / "orders.tar", None)
    found = {}
    for layer, history in zip(image.layers, image.config.history, strict=True):
        if history.created_by.startswith("lpack: "):
            with (folder / "layer").open("wb") as file:
                file.writelines(layer.chunks())
            with tarfile.open(folder / "layer") as archive:
                found[history.created_by] = [member.name for member in archive if not member.isdir()]
    return found


def test_an_image_is_built_and_then_left_alone(orders: Path) -> None:
    first = built(orders)
    assert (first["kind"], first["status"]) == ("image", "built")
    assert sorted(path.name for path in (orders / "dist").iterdir()) == ["orders.tar", "orders.tar.json"]
    assert built(orders)["status"] == "unchanged"
    (orders / "src" / "app.py").write_text(CODE + "# changed\n")
    again = built(orders)
    assert again["status"] == "built"
    assert again["record"]["image"]["digest"] != first["record"]["image"]["digest"]


def test_the_record_has_all_that_is_to_be_known_of_an_image(orders: Path) -> None:
    record = built(orders)["record"]
    image = read_local(orders / "dist" / "orders.tar", None)
    assert (record["format"], record["kind"], record["artifact"]) == (FORMAT, "image", "orders.tar")
    assert record == json.loads((orders / "dist" / "orders.tar.json").read_text())
    said = record["image"]
    assert said["digest"] == image.digest
    assert record["code_sha256"] == image.digest.removeprefix("sha256:")
    assert said["media_type"] == image.manifest.media_type
    assert said["base"].startswith("./base@sha256:")
    assert said["size"] == image.size
    assert [layer["diff_id"] for layer in said["layers"]] == [*image.config.diff_ids]
    assert said["unzipped_size"] == record["unzipped_size"] == sum(each["unzipped_size"] for each in said["layers"])
    assert (said["base_layers"], said["whole"]) == (1, True)


def test_a_base_with_a_client_starts_it(orders: Path) -> None:
    built(orders)
    execution = read_local(orders / "dist" / "orders.tar", None).config.execution
    assert (execution.entrypoint, execution.cmd) == ((ENTRY_SCRIPT,), ("app.handler",))
    assert execution.env[-1] == "TABLE=orders"
    assert execution.working_dir == "/var/task"
    assert files_in(orders) == {"lpack: source": ["var/task/app.py"]}


def test_a_custom_runtime_gets_the_entry_script_and_lies_where_it_is_looked_for(custom: Path) -> None:
    built(custom)
    execution = read_local(custom / "dist" / "orders.tar", None).config.execution
    assert (execution.entrypoint, execution.cmd) == ((ENTRY_SCRIPT,), ("app.handler",))
    assert files_in(custom) == {
        "lpack: entry script": ["lambda-entrypoint.sh"],
        "lpack: source": ["var/runtime/bootstrap", "var/task/data.txt"],
    }


def test_what_the_user_says_of_the_client_counts(custom: Path) -> None:
    (custom / "lpack.toml").write_text(CUSTOM + "client = true\n")
    built(custom)
    image = read_local(custom / "dist" / "orders.tar", None)
    assert image.config.execution.entrypoint == ("/var/runtime/bootstrap",)  # without a script, or a shell for it
    assert files_in(custom) == {"lpack: source": ["var/runtime/bootstrap", "var/task/data.txt"]}


def test_a_client_that_is_not_there_is_noticed(orders: Path) -> None:
    shutil.rmtree(orders / "base")
    write_layout(orders / "base", base_of(Execution(cmd=("bash",))))
    (orders / "lpack.toml").write_text(CONFIGURATION + "client = true\n")
    run = lpack("build", folder=orders)
    assert run.exit_code == 5
    assert "the image has no entry point that could start `app.handler`" in run.stderr


def test_the_layers_of_a_base_in_a_file_are_in_the_archive(orders: Path) -> None:
    built(orders)
    shutil.rmtree(orders / "base")
    layers = read_local(orders / "dist" / "orders.tar", None).layers
    assert [layer.descriptor.size for layer in layers] == [len(b"".join(layer.chunks())) for layer in layers]
    assert built_error(orders).endswith("/base` does not exist")


def built_error(folder: Path, *options: str) -> str:
    run = lpack("build", "--json", *options, folder=folder)
    assert run.exit_code != 0
    (artifact,) = run.json["artifacts"]
    return str(artifact["error"]["message"])


def test_the_format_is_the_users_to_choose(orders: Path) -> None:
    assert built(orders)["record"]["image"]["media_type"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert built(orders, "--format", "oci")["record"]["image"]["media_type"] == (
        "application/vnd.oci.image.manifest.v1+json"
    )
    (orders / "lpack.toml").write_text(CONFIGURATION + 'format = "oci"\n')
    assert built(orders)["status"] == "unchanged"
    run = lpack("build", "--format", "v1", folder=orders)
    assert (run.exit_code, run.stderr.splitlines()[0]) == (2, "error: `v1` is not a format of images")


def test_two_builds_in_two_places_are_the_same(orders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = built(orders)["record"]
    other = shutil.copytree(orders, tmp_path / "other", ignore=shutil.ignore_patterns("dist"))
    monkeypatch.setenv("LPACK_CACHE_DIR", str(tmp_path / "another-store"))
    assert built(other)["record"] == first
    assert (other / "dist" / "orders.tar").read_bytes() == (orders / "dist" / "orders.tar").read_bytes()


def test_an_edit_makes_one_layer_anew(custom: Path) -> None:
    first = built(custom)["record"]["image"]["layers"]
    (custom / "src" / "data.txt").write_text("other")
    second = built(custom)["record"]["image"]["layers"]
    assert [one == other for one, other in zip(first, second, strict=True)] == [True, True, False]


def test_a_dry_run_writes_nothing(orders: Path) -> None:
    run = lpack("build", "--dry-run", folder=orders)
    assert run.exit_code == 0
    assert "app.py" in run.stdout
    assert not (orders / "dist").exists()


def test_a_base_for_the_other_architecture_is_refused(orders: Path) -> None:
    shutil.rmtree(orders / "base")
    write_layout(orders / "base", base_of(AWS, "arm64"))
    assert "has no image for linux/amd64" in built_error(orders)


def test_a_damaged_store_is_mended(orders: Path, store_folder: Path) -> None:
    record = built(orders)["record"]
    for file in (store_folder / "image-layers").rglob("layer.tar.gz"):
        file.write_bytes(b"damaged")
    (orders / "dist" / "orders.tar").unlink()
    assert built(orders)["record"] == record


def test_what_is_wrong_is_not_written(orders: Path) -> None:
    (orders / "src" / "app.py").write_text("def other(event, context): ...\n")
    run = lpack("build", folder=orders)
    assert run.exit_code == 5
    assert "handler" in run.stderr
    assert not (orders / "dist" / "orders.tar").exists()


def test_a_table_of_zips_and_images(orders: Path) -> None:
    zipped = CONFIGURATION.replace("orders", "plain").replace('package = "image"\nbase = "./base"\n', "")
    (orders / "lpack.toml").write_text(CONFIGURATION + zipped)
    run = lpack("build", folder=orders)
    header, image, plain = run.stdout.splitlines()
    assert header.split() == ["artifact", "runtime", "architecture", "packages", "packed", "unpacked", "of", "limit"]
    assert image.split()[0] == "dist/orders.tar"
    assert plain.split()[0] == "dist/plain.zip"


def test_a_built_image_is_checked_by_its_name_and_by_its_file(orders: Path) -> None:
    built(orders)
    by_name, by_file = lpack("check", "orders", folder=orders), lpack("check", "dist/orders.tar", folder=orders)
    assert by_name.exit_code == by_file.exit_code == 0
    assert by_name.stdout.splitlines()[1].split()[0] == "dist/orders.tar"
    assert by_name.stdout.splitlines()[1].split()[-1] == "fine"
    assert by_file.stdout.splitlines()[1].split()[-1] == "fine"


def test_an_image_that_is_not_that_of_its_record_is_told(orders: Path) -> None:
    built(orders)
    data = (orders / "dist" / "orders.tar").read_bytes()
    (orders / "src" / "app.py").write_text(CODE + "# changed\n")
    built(orders)
    (orders / "dist" / "orders.tar").write_bytes(data)
    run = lpack("check", "orders", folder=orders)
    assert run.exit_code == 5
    assert "is not the artifact that `orders.tar.json` describes" in run.stderr


def test_an_image_that_was_not_built_is_missing(orders: Path) -> None:
    run = lpack("check", folder=orders)
    assert run.exit_code == 2
    assert "`orders` was not built: there is no `dist/orders.tar`" in run.stderr.replace(f"{orders}/", "")


def test_images_of_others_are_checked(orders: Path) -> None:
    execution = Execution(entrypoint=("/entry.sh",), cmd=("app.handler",), working_dir="/var/task", user="nobody")
    sample = sample_image({"entry.sh": b"#!/bin/sh\n", "var/task/app.py": CODE.encode()})
    write_layout(orders / "foreign", assembled(replace(sample.config, execution=execution), sample.layers))
    run = lpack("check", "./foreign", "--runtime", "python3.13", folder=orders)
    assert run.exit_code == 5
    assert "the image starts with `/entry.sh`, which has mode 0644, so that Lambda's user can't run it" in run.stderr
    assert "the image wants to run as `nobody`" in run.stderr


def test_the_runtime_of_an_image_of_others_has_to_be_said(orders: Path) -> None:
    run = lpack("check", "./base", folder=orders)
    assert (run.exit_code, run.stderr.splitlines()[0]) == (
        2,
        "error: `./base` does not tell which runtime it is for",
    )


def test_what_is_in_an_image_is_shown(orders: Path) -> None:
    built(orders)
    run = lpack("inspect", "dist/orders.tar", folder=orders)
    assert run.exit_code == 0
    headline = "python3.13 on x86_64 · handler app.handler · 0 % of the limit"
    assert run.stdout.startswith(f"orders.tar · {headline} with its base")
    assert "app.py" in run.stdout
    by_name = lpack("inspect", "orders", folder=orders)
    assert by_name.stdout.startswith(f"orders · {headline} without its base")


def test_a_lock_of_the_base_is_kept_until_it_is_upgraded(orders: Path) -> None:
    run = lpack("lock", folder=orders)
    assert run.exit_code == 0
    assert (orders / "image-lock.orders.json").is_file()
    assert lpack("build", "--frozen", folder=orders).exit_code == 0
    shutil.rmtree(orders / "base")
    write_layout(orders / "base", base_of(replace(AWS, labels={"new": "yes"})))
    frozen = lpack("build", "--frozen", folder=orders)
    assert frozen.exit_code == 3
    assert "`image-lock.orders.json` does not fit the base" in frozen.stderr
    assert lpack("lock", "--upgrade", folder=orders).exit_code == 0
    assert lpack("build", "--frozen", folder=orders).exit_code == 0


def test_a_dockerfile_is_nothing_to_lock_and_can_be_looked_into_when_it_was_built(orders: Path) -> None:
    text = CONFIGURATION.replace('handler = "app.handler"\n', "").replace(
        'base = "./base"', 'dockerfile = "Dockerfile"'
    )
    (orders / "lpack.toml").write_text(text)
    (orders / "Dockerfile").write_text("FROM scratch\n")
    (orders / "src" / "requirements.txt").write_text("no-such-package\n")
    assert lpack("lock", folder=orders).exit_code == 0
    assert list(orders.glob("*lock*")) == []
    run = lpack("inspect", "orders", folder=orders)
    assert run.exit_code == 2
    assert "`orders` was not built: there is no `dist/orders.tar`" in run.stderr
