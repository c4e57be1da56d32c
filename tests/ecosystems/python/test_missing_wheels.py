from __future__ import annotations

import pytest
from workshop import target

from lpack.ecosystems.python.missing_wheels import explain, has_native_wheels, why_not

X86, ARM = target("python3.13"), target("python3.13", "arm64")
AL2 = target("python3.11")


def wheels(*tags: str) -> list[str]:
    return [f"demo-1.0-{tag}.whl" for tag in tags]


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ([], "it has only a source distribution"),
        (["cp313-cp313-win_amd64", "cp313-cp313-win32"], "its wheels are for Windows"),
        (["cp313-cp313-macosx_11_0_arm64", "cp313-cp313-win_amd64"], "its wheels are for Windows and macOS"),
        (
            ["cp313-cp313-manylinux_2_17_aarch64", "cp313-cp313-musllinux_1_2_s390x", "cp313-cp313-linux_armv7l"],
            "its wheels are for Linux on aarch64, Linux on armv7l and Linux on s390x",
        ),
        (["cp313-cp313-manylinux2014_ppc64le", "cp313-cp313-ios_13_0_arm64_iphoneos"], "Linux on ppc64le and iOS"),
        (["cp313-cp313-manylinux_2_35_x86_64", "cp313-cp313-manylinux_2_39_x86_64"], "its wheels need glibc 2.35"),
        (["cp313-cp313-musllinux_1_2_x86_64"], "its wheels need musl, and Amazon Linux has glibc"),
        (["cp311-cp311-manylinux_2_17_x86_64", "cp39-cp39-any"], "its wheels are for Python 3.9 and 3.11"),
        (["cp314-abi3-manylinux_2_17_x86_64"], "its wheels need Python 3.14 or newer"),
        (["cp313-cp313t-manylinux_2_17_x86_64"], "its wheels are for free-threaded Python alone"),
        (["cp313-cp313t-manylinux_2_17_x86_64", "cp312-cp312-manylinux_2_17_x86_64"], "its wheels are for Python 3.12"),
        (["pp311-pypy311_pp73-manylinux_2_17_x86_64"], "its wheels are for other implementations of Python alone"),
        (["py2-none-any"], "its wheels are for Python 2"),
    ],
)
def test_the_nearest_miss_is_the_reason(tags: list[str], reason: str) -> None:
    assert why_not(wheels(*tags), X86).endswith(reason)


def test_wheels_for_machines_mean_native_code() -> None:
    named = {"name": "demo", "wheels": [{"name": "demo-1.0-py3-none-any.whl"}]}
    assert not has_native_wheels(named)
    assert not has_native_wheels({"name": "demo"})
    by_url = {"url": "https://files.invalid/demo-1.0-cp313-cp313-win_amd64.whl#sha256=x"}
    assert has_native_wheels({"name": "demo", "wheels": [*named["wheels"], by_url]})
    assert has_native_wheels({"name": "demo", "wheels": [{"path": "wheels/demo-1.0-py3-none-linux_x86_64.whl"}]})


def test_the_ways_out_are_those_that_there_are() -> None:
    names = wheels("cp311-cp311-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_x86_64")
    package = {"name": "demo", "version": "1.0", "wheels": [{"name": name} for name in names]}
    error = explain(package, AL2, newest="0.9")
    assert error.message == (
        "`demo` 1.0 has no wheel for python3.11 on x86_64 (Amazon Linux 2, glibc 2.26): its wheels need glibc 2.28"
    )
    assert error.hint == (
        "ask for `demo==0.9`, the newest version that has one, or use runtime python3.12 or newer, "
        "or give a wheel that you built for Amazon Linux (`--find-links`, or its path)"
    )
    only_arm = {"name": "demo", "version": "1.0", "wheels": [{"name": wheels("cp313-cp313-linux_aarch64")[0]}]}
    assert explain(only_arm, X86, newest=None).hint == (
        "give a wheel that you built for Amazon Linux (`--find-links`, or its path)"
    )
