"""What CMake is told about a target for which zig compiles."""

from __future__ import annotations

from pathlib import Path

from ..model import Target
from .tools import Compilers

TOOLCHAIN = """\
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR {machine})
set(CMAKE_C_COMPILER "{compilers.cc}")
set(CMAKE_CXX_COMPILER "{compilers.cxx}")
set(CMAKE_AR "{compilers.ar}")
set(CMAKE_RANLIB "{compilers.ranlib}")
set(CMAKE_C_FLAGS_INIT "-ffile-prefix-map={folder}=.")
set(CMAKE_CXX_FLAGS_INIT "-ffile-prefix-map={folder}=.")
# The libraries of this machine are for another C library, if not for another processor.
set(CMAKE_FIND_ROOT_PATH "{folder}" "{headers.parent}")
set(CMAKE_SYSTEM_INCLUDE_PATH "/{headers.name}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
"""
"""A toolchain file: https://cmake.org/cmake/help/latest/manual/cmake-toolchains.7.html"""


def toolchain_text(folder: Path, compilers: Compilers, zig: str, target: Target) -> str:
    """The toolchain file for a build in the folder; where zig has glibc's headers, projects can find them."""
    headers = Path(zig).resolve().parent / "lib" / "libc" / "include" / "generic-glibc"
    return TOOLCHAIN.format(folder=folder, compilers=compilers, headers=headers, machine=target.architecture.machine)
