from __future__ import annotations

from pathlib import Path

import pytest
import sample_wheels
from elf_files import AARCH64, X86_64, elf_file
from workshop import target

from lpack.ecosystems.python.proving import prove
from lpack.errors import CheckError
from lpack.store import Store

SUFFIX = ".cpython-313-aarch64-linux-gnu.so"


def proved(tmp_path: Path, name: str, code: bytes) -> None:
    wheel = sample_wheels.make_wheel(tmp_path, "demo", files={name: code}, tag="cp313-cp313-linux_aarch64")
    store = Store(tmp_path / "store")
    prove(wheel, name="demo", title="`demo` 1.0", target=target(architecture="arm64"), store=store)


def test_what_the_target_loads_is_fine_whatever_libraries_it_needs(tmp_path: Path) -> None:
    code = elf_file(
        machine=AARCH64, needed=["libc.so.6", "libbrought-by-another.so"], versions={"libc.so.6": ["GLIBC_2.34"]}
    )
    proved(tmp_path, f"demo{SUFFIX}", code)


@pytest.mark.parametrize(
    ("name", "code", "fact"),
    [
        (f"demo{SUFFIX}", elf_file(machine=X86_64), "for x86_64, and the target is arm64"),
        ("demo.cpython-312-aarch64-linux-gnu.so", elf_file(machine=AARCH64), "an extension module for another Python"),
        (
            f"demo{SUFFIX}",
            elf_file(machine=AARCH64, needed=["libc.so.6"], versions={"libc.so.6": ["GLIBC_2.38"]}),
            "needs GLIBC_2.38, and Amazon Linux 2023",
        ),
    ],
    ids=["machine", "python", "glibc"],
)
def test_what_it_can_not_load_is_refused(tmp_path: Path, name: str, code: bytes, fact: str) -> None:
    with pytest.raises(CheckError, match=r"`demo` 1\.0 was built, and can't be loaded: ") as caught:
        proved(tmp_path, name, code)
    assert fact in caught.value.message
