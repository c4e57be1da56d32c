from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import sample_wheels

from lpack.ecosystems.python.wheels import read_wheel
from lpack.ecosystems.python.zig.finishing import finished
from lpack.errors import InputError
from lpack.store import sha256_of

PLATFORM = "manylinux_2_34_aarch64"
FOLDER = Path("/store/tmp/0123")


@pytest.mark.parametrize(
    ("tag", "new"),
    [
        ("cp313-cp313-linux_aarch64", "cp313-cp313-manylinux_2_34_aarch64"),
        ("cp39-abi3-linux_aarch64", "cp39-abi3-manylinux_2_34_aarch64"),
        ("py2.py3-none-linux_aarch64", "py2.py3-none-manylinux_2_34_aarch64"),
        ("py3-none-any", "py3-none-any"),
    ],
)
def test_the_platform_is_the_target_s_and_the_rest_stays(tmp_path: Path, tag: str, new: str) -> None:
    wheel = finished(sample_wheels.make_wheel(tmp_path, "demo", tag=tag, executables=["demo.py"]), PLATFORM, FOLDER)
    assert wheel.name == f"demo-1.0-{new}.whl"
    read = read_wheel(wheel, wheel.name, sha256_of(wheel))  # which holds it against its RECORD
    assert oct(next(entry.mode for entry in read.entries if entry.path == "demo.py")) == "0o100755"
    description = zipfile.ZipFile(wheel).read("demo-1.0.dist-info/WHEEL").decode()
    tags = {line for line in description.splitlines() if line.startswith("Tag: ")}
    assert tags == {f"Tag: {each}-{'-'.join(new.split('-')[1:])}" for each in new.split("-", maxsplit=1)[0].split(".")}


def test_texts_do_not_tell_where_it_was_built_and_compiled_code_is_left_alone(tmp_path: Path) -> None:
    files = {
        "demo.py": f'FOLDER = "{FOLDER}/sources"\n',
        "demo.so": f"\x7fELF\0{FOLDER}".encode(),
        "{dist_info}/sboms/demo.json": f'{{"ref": "path+file://{FOLDER}/sources/demo-1.0"}}',
    }
    wheel = finished(sample_wheels.make_wheel(tmp_path, "demo", files=files), PLATFORM, FOLDER)
    contents = {entry.path: entry.read() for entry in read_wheel(wheel, wheel.name, sha256_of(wheel)).entries}
    assert contents["demo.py"] == b'FOLDER = "/build/sources"\n'
    assert contents["demo-1.0.dist-info/sboms/demo.json"] == b'{"ref": "path+file:///build/sources/demo-1.0"}'
    assert contents["demo.so"] == f"\x7fELF\0{FOLDER}".encode()


def test_a_wheel_without_a_description_is_none(tmp_path: Path) -> None:
    wheel = tmp_path / "demo-1.0-cp313-cp313-linux_aarch64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("demo.py", "")
    with pytest.raises(InputError, match="is no wheel: it lacks WHEEL or RECORD"):
        finished(wheel, PLATFORM, FOLDER)
