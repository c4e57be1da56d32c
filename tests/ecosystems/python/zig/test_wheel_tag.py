from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import sample_wheels

from lpack.ecosystems.python.wheels import read_wheel
from lpack.ecosystems.python.zig.wheel_tag import retagged
from lpack.errors import InputError
from lpack.store import sha256_of

PLATFORM = "manylinux_2_34_aarch64"


@pytest.mark.parametrize(
    ("tag", "new"),
    [
        ("cp313-cp313-linux_aarch64", "cp313-cp313-manylinux_2_34_aarch64"),
        ("cp39-abi3-linux_aarch64", "cp39-abi3-manylinux_2_34_aarch64"),
        ("py2.py3-none-linux_aarch64", "py2.py3-none-manylinux_2_34_aarch64"),
    ],
)
def test_the_platform_is_the_target_s_and_the_rest_stays(tmp_path: Path, tag: str, new: str) -> None:
    wheel = retagged(sample_wheels.make_wheel(tmp_path, "demo", tag=tag, executables=["demo.py"]), PLATFORM)
    assert wheel == tmp_path / f"demo-1.0-{new}.whl"
    read = read_wheel(wheel, wheel.name, sha256_of(wheel))  # which holds it against its RECORD
    assert oct(next(entry.mode for entry in read.entries if entry.path == "demo.py")) == "0o100755"
    description = zipfile.ZipFile(wheel).read("demo-1.0.dist-info/WHEEL").decode()
    tags = {line for line in description.splitlines() if line.startswith("Tag: ")}
    assert tags == {f"Tag: {each}-{'-'.join(new.split('-')[1:])}" for each in new.split("-", maxsplit=1)[0].split(".")}


def test_a_wheel_for_every_system_stays_one(tmp_path: Path) -> None:
    wheel = sample_wheels.make_wheel(tmp_path, "demo")
    assert retagged(wheel, PLATFORM) == wheel


def test_a_wheel_without_a_description_is_none(tmp_path: Path) -> None:
    wheel = tmp_path / "demo-1.0-cp313-cp313-linux_aarch64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("demo.py", "")
    with pytest.raises(InputError, match=r"`demo-1\.0-.*` is no wheel|is no wheel: it lacks WHEEL or RECORD"):
        retagged(wheel, PLATFORM)
