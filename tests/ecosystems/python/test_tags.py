from __future__ import annotations

import pytest
from packaging.markers import Marker
from workshop import target

from lpack.ecosystems.python.tags import environment, fits, tags_of, wheel_tags

AL2 = target("python3.11")
AL2023 = target("python3.13")


@pytest.mark.parametrize(
    ("tag", "accepted"),
    [
        ("cp311-cp311-manylinux1_x86_64", True),
        ("cp311-cp311-manylinux2010_x86_64", True),
        ("cp311-cp311-manylinux2014_x86_64", True),
        ("cp311-cp311-manylinux_2_17_x86_64", True),
        ("cp311-cp311-manylinux_2_24_x86_64", True),
        ("cp311-cp311-manylinux_2_26_x86_64", True),
        ("cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64", True),
        ("cp311-cp311-manylinux_2_27_x86_64", False),
        ("cp311-cp311-manylinux_2_28_x86_64", False),
        ("cp311-cp311-manylinux_2_34_x86_64", False),
        ("cp311-cp311-manylinux_2_17_aarch64", False),
        ("cp311-cp311-linux_x86_64", True),
        ("cp311-cp311-linux_aarch64", False),
        ("cp311-cp311-musllinux_1_1_x86_64", False),
        ("cp311-cp311-win_amd64", False),
        ("cp311-cp311-macosx_11_0_x86_64", False),
        ("cp38-abi3-manylinux_2_17_x86_64", True),
        ("cp311-abi3-manylinux_2_17_x86_64", True),
        ("cp312-abi3-manylinux_2_17_x86_64", False),
        ("cp310-cp310-manylinux_2_17_x86_64", False),
        ("py3-none-manylinux_2_17_x86_64", True),
        ("py2.py3-none-any", True),
        ("py311-none-any", True),
        ("py312-none-any", False),
        ("py2-none-any", False),
        ("cp311-none-any", True),
        ("pp311-pypy311_pp73-manylinux_2_17_x86_64", False),
    ],
)
def test_amazon_linux_2_takes_manylinux_up_to_glibc_2_26(tag: str, *, accepted: bool) -> None:
    assert fits(f"demo-1.0-{tag}.whl", AL2) is accepted


@pytest.mark.parametrize(
    ("tag", "accepted"),
    [
        ("cp313-cp313-manylinux_2_28_x86_64", True),
        ("cp313-cp313-manylinux_2_34_x86_64", True),
        ("cp313-cp313-manylinux_2_35_x86_64", False),
        ("cp313-cp313t-manylinux_2_28_x86_64", False),
        ("cp38-abi3-manylinux1_x86_64", True),
        ("cp314-abi3-manylinux_2_28_x86_64", False),
    ],
)
def test_amazon_linux_2023_takes_manylinux_up_to_glibc_2_34(tag: str, *, accepted: bool) -> None:
    assert fits(f"demo-1.0-{tag}.whl", AL2023) is accepted


@pytest.mark.parametrize(
    ("tag", "accepted"),
    [
        ("cp314-cp314-manylinux_2_17_aarch64", True),
        ("cp314-cp314-manylinux2014_aarch64", True),
        ("cp314-cp314-manylinux_2_5_aarch64", False),
        ("cp314-cp314-linux_aarch64", True),
        ("cp314-cp314t-manylinux_2_28_aarch64", False),
        ("cp314-abi3t-manylinux_2_28_aarch64", False),
        ("cp314-cp314-manylinux_2_28_x86_64", False),
    ],
)
def test_arm_starts_with_glibc_2_17(tag: str, *, accepted: bool) -> None:
    assert fits(f"demo-1.0-{tag}.whl", target("python3.14", "arm64")) is accepted


def test_the_newest_glibc_and_the_own_abi_are_preferred() -> None:
    tags = list(map(str, wheel_tags(AL2)))
    assert tags[0] == "cp311-cp311-manylinux_2_26_x86_64"
    assert tags.index("cp311-cp311-linux_x86_64") < tags.index("cp311-abi3-manylinux_2_26_x86_64")
    assert tags.index("cp38-abi3-manylinux_2_26_x86_64") < tags.index("py3-none-any")


@pytest.mark.parametrize("name", ["demo.whl", "demo-1.0.tar.gz", "", "demo-1.0-py3-none.whl", "a-b-c-d-e-f-g.whl"])
def test_what_is_no_wheel_has_no_tags(name: str) -> None:
    assert tags_of(name) == frozenset()
    assert not fits(name, AL2)


@pytest.mark.parametrize(
    ("marker", "holds"),
    [
        ("sys_platform == 'linux'", True),
        ("platform_system == 'Linux' and os_name == 'posix'", True),
        ("platform_machine == 'aarch64'", True),
        ("platform_machine == 'x86_64'", False),
        ("platform_machine == 'arm64'", False),
        ("python_version == '3.11'", True),
        ("python_full_version >= '3.11.0'", True),
        ("python_full_version < '3.11.1'", True),
        ("python_version < '3.9'", False),
        ("implementation_name == 'cpython'", True),
        ("platform_python_implementation == 'PyPy'", False),
        ("implementation_version >= '3.11'", True),
        ("platform_release >= '20'", False),
        ("platform_version == ''", True),
        ("extra == 'test'", False),
    ],
)
def test_markers_are_those_of_the_target(marker: str, *, holds: bool) -> None:
    values = {**environment(target("python3.11", "arm64")), "extra": ""}
    assert Marker(marker).evaluate(values) is holds
