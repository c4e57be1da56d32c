"""What compilers and build systems are told: setuptools, CMake, Meson and cargo compile for the target alone."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ....model import Target
from ....pythons import Python
from ...toolchain import TOOLCHAIN, toolchain_text
from ...tools import Compilers, compilers, glibc
from .disguise import Disguise, answer_for, disguise

_OF_THIS_MACHINE = frozenset(
    """
    CC CXX CPP LD LDSHARED LDCXXSHARED AR ARFLAGS RANLIB NM STRIP FC F77 F90 ARCHFLAGS
    CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH LIBRARY_PATH LD_RUN_PATH PKG_CONFIG_PATH
    PYTHONHOME PYTHONSTARTUP PYTHONUSERBASE CARGO_BUILD_TARGET CARGO_TARGET_DIR
    """.split()  # noqa: SIM905 - a table is read best without quotes
)
"""Variables that name compilers, headers and libraries of this machine."""

FLAGS = (
    *("CPPFLAGS", "CFLAGS", "CXXFLAGS", "LDFLAGS", "CMAKE_ARGS"),
    *("RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "MATURIN_PEP517_ARGS"),
)
"""Variables by which users tell compilers what to make; they hold for the target as well."""

# Python answers for the target, so that what CMake's modules ask it is right, and nothing else is known to them.
_NATIVE = "set(CMAKE_CROSSCOMPILING FALSE)\n"

_CROSS_FILE = """\
[binaries]
c = '{compilers.cc}'
cpp = '{compilers.cxx}'
ar = '{compilers.ar}'
ranlib = '{compilers.ranlib}'
python = '{python}'

[host_machine]
system = 'linux'
cpu_family = '{machine}'
cpu = '{machine}'
endian = 'little'

[properties]
needs_exe_wrapper = true
"""
"""For Meson: https://mesonbuild.com/Machine-files.html"""

_RUSTC = """\
#!/bin/sh
for folder in "${{CARGO_HOME:-$HOME/.cargo}}"/registry/src/*; do
  set -- "$@" "--remap-path-prefix=$folder=registry"
done
exec "$@" {options}
"""
"""The folder of the crates has the registry's name in it, and is only known when they are there."""

RECIPE = f"{TOOLCHAIN}{_NATIVE}{_CROSS_FILE}{_RUSTC}"
"""All of these texts: another one may make other wheels."""


class Workshop(NamedTuple):
    """A folder with all that compiles for the target: the variables to set, and a file for Meson."""

    environ: Mapping[str, str]
    cross_file: Path


def workshop(folder: Path, python: Python, zig: str, target: Target, given: Mapping[str, str]) -> Workshop:
    """Equip the folder, which lies beside the sources; ``given`` are the variables of the user."""
    guise = disguise(folder / "python", python, target)
    # Of the same sources two folders are to make the same code. The headers of Debian's Pythons lead to others by name.
    mapped = [f"-ffile-prefix-map={place}=." for place in names_of(folder.parent)]
    options = (*mapped, "-Wno-date-time", "-idirafter", str(guise.headers))
    used = compilers(folder / "compilers", zig, target, options)
    answer_for(guise, python, used, target)
    cross_file = folder / "cross.ini"
    place = folder / "environment" / "bin" / "python"
    cross_file.write_text(
        _CROSS_FILE.format(compilers=used, python=place, machine=target.architecture.machine), encoding="utf-8"
    )
    temporary = folder / "tmp"
    temporary.mkdir()
    kept = {name: value for name, value in given.items() if name not in _OF_THIS_MACHINE}
    return Workshop(
        {
            **kept,
            **guise.environ,
            **used.environ,
            "LDSHARED": f"{used.cc} -shared",
            "LDCXXSHARED": f"{used.cxx} -shared",
            "PKG_CONFIG_LIBDIR": str(temporary),  # where no library of this machine is described
            "TMPDIR": str(temporary),
            **_for_cmake(folder, zig, target, used, given),
            **_for_cargo(folder, target, used, guise, given),
        },
        cross_file,
    )


def _for_cmake(folder: Path, zig: str, target: Target, used: Compilers, given: Mapping[str, str]) -> Mapping[str, str]:
    after_project = folder / "project.cmake"
    after_project.write_text(_NATIVE, encoding="utf-8")
    text = toolchain_text(folder.parent, used, zig, target)
    file = folder / "toolchain.cmake"
    file.write_text(f'{text}set(CMAKE_PROJECT_INCLUDE "{after_project}")\n', encoding="utf-8")
    arguments = f"{given.get('CMAKE_ARGS', '')} -DCMAKE_TOOLCHAIN_FILE={file}".strip()
    return {"CMAKE_TOOLCHAIN_FILE": str(file), "CMAKE_ARGS": arguments}


def _for_cargo(
    folder: Path, target: Target, used: Compilers, guise: Disguise, given: Mapping[str, str]
) -> Mapping[str, str]:
    """Variables of cargo, of PyO3 and of maturin; what is compiled for this machine on the way keeps its compiler."""
    triple = f"{target.architecture.machine}-unknown-linux-gnu"
    mapped = [f"--remap-path-prefix={place}=." for place in names_of(folder.parent)]
    wrapper = folder / "rustc"
    wrapper.write_text(_RUSTC.format(options=shlex.join(mapped)), encoding="utf-8")
    wrapper.chmod(0o755)
    named = triple.replace("-", "_")
    return {
        "CARGO_BUILD_TARGET": triple,
        "CARGO_TERM_COLOR": "never",
        f"CARGO_TARGET_{named.upper()}_LINKER": str(used.cc),
        **{f"{name}_{named}": value for name, value in used.environ.items()},
        "HOST_CC": given.get("HOST_CC", "cc"),
        "HOST_CXX": given.get("HOST_CXX", "c++"),
        "RUSTC_WRAPPER": str(wrapper),
        "MATURIN_NO_INSTALL_RUST": "1",  # in the user's home, and without a library for the target
        "PYO3_CROSS_LIB_DIR": str(guise.modules),
        "PYO3_CROSS_PYTHON_VERSION": target.runtime.version,
        "MATURIN_PEP517_ARGS": f"{given.get('MATURIN_PEP517_ARGS', '')} --target={triple}".strip(),
    }


def names_of(folder: Path) -> tuple[Path, ...]:
    """The names by which programs call a folder: the one given, and the one that links in it lead to."""
    return tuple(dict.fromkeys((folder, folder.resolve())))


def glibc_tag(target: Target) -> str:
    """The platform tag of what is made: ``manylinux_2_34_aarch64``, say (PEP 600)."""
    return f"manylinux_{glibc(target).replace('.', '_')}_{target.architecture.machine}"
