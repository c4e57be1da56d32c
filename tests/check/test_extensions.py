from __future__ import annotations

import pytest
from check_samples import native, subject
from elf_files import AARCH64, elf_file

from lpack.model import Severity

MODULE = elf_file()
OTHER = "pkg/fast.cpython-312-x86_64-linux-gnu.so"


def test_a_module_for_another_python_is_an_error() -> None:
    (finding,) = native({OTHER: MODULE}, packages={"pkg": "1.0"})
    assert (finding.severity, finding.check) == (Severity.ERROR, "python-extension")
    assert finding.message == "`pkg` 1.0 has an extension module for another Python, and none for `python3.13`"
    assert finding.hint is not None
    assert "`.cpython-313-x86_64-linux-gnu.so`" in finding.hint
    assert finding.details == (OTHER,)


@pytest.mark.parametrize(
    "suffix",
    [
        "cpython-313t-x86_64-linux-gnu",
        "cpython-313d-x86_64-linux-gnu",
        "cpython-313-x86_64-linux-musl",
        "cpython-313-aarch64-linux-gnu",
        "cpython-36m-x86_64-linux-gnu",
        "pypy310-pp73-x86_64-linux-gnu",
        "graalpy250-312-native-x86_64-linux",
    ],
)
def test_names_that_python_does_not_look_for(suffix: str) -> None:
    assert [finding.check for finding in native({f"pkg/fast.{suffix}.so": MODULE})] == ["python-extension"]


@pytest.mark.parametrize("suffix", ["cpython-313-x86_64-linux-gnu.so", "abi3.so", "so", "so.1"])
def test_names_that_python_looks_for(suffix: str) -> None:
    assert native({f"pkg/fast.{suffix}": MODULE}) == []


@pytest.mark.parametrize(
    "other",
    [
        "pkg/fast.cpython-313-x86_64-linux-gnu.so",
        "pkg/fast.abi3.so",
        "pkg/fast.so",
        "pkg/fast.py",
        "pkg/fast/__init__.py",
    ],
)
def test_another_form_of_the_module_makes_it_harmless(other: str) -> None:
    assert native({OTHER: MODULE, other: MODULE}) == []


def test_what_python_ignores_is_judged_no_further() -> None:
    unloadable = elf_file(needed=["libnowhere.so.1"], versions={"libc.so.6": ["GLIBC_2.99"]})
    assert native({OTHER: unloadable, "pkg/fast.abi3.so": MODULE}) == []


def test_arm64_has_its_own_names() -> None:
    module = elf_file(machine=AARCH64)
    arm64 = subject(architecture="arm64")
    assert native({"fast.cpython-313-aarch64-linux-gnu.so": module}, arm64) == []
    assert len(native({"fast.cpython-313-x86_64-linux-gnu.so": module}, arm64)) == 1


def test_other_languages_do_not_care() -> None:
    assert native({OTHER: MODULE}, subject("nodejs24.x")) == []
