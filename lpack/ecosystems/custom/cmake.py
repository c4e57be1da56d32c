"""C and C++: a target `bootstrap` of a CMake project, compiled with zig for the target's machine and C library."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...errors import ToolError
from ...model import Target
from ...processes import run
from .. import Ask
from ..toolchain import TOOLCHAIN, toolchain_text
from ..tools import compilers, found, glibc
from .building import Recipe, Workshop, compiler_environment, compiler_settings
from .inputs import copy_inputs
from .origin import BOOTSTRAP, Origin

MANIFEST = "CMakeLists.txt"
SOURCES = (
    *("*.c", "*.cc", "*.cpp", "*.cxx", "*.h", "*.hh", "*.hpp", "*.hxx", "*.inl", "*.ipp", "*.o", "*.a"),
    *("CMakeLists.txt", "CMakePresets.json", "CMakeUserPresets.json", "*.cmake", "*.cmake.in", "Makefile"),
)


def recipe(origin: Origin, target: Target, ask: Ask, output: Path) -> Recipe:
    """How the project in the source is built: in a copy, as CMake lets projects write to their source."""
    title = f"`{origin.name}` with CMake"
    cmake = found("cmake", ask.host, needed_for=title)
    compiler = found("zig", ask.host, needed_for=title)
    environ = {name: value for name, value in compiler_environment(ask).items() if name not in {"CC", "CXX"}}
    versions = [
        run((program, option), folder=origin.source, environ=environ).stdout.partition("\n")[0]
        for program, option in ((cmake, "--version"), (compiler, "version"))
    ]

    def make(workshop: Workshop) -> Path:
        folder = workshop.folder
        copy_inputs(origin.source, folder / "source", output)
        toolchain = folder / "toolchain.cmake"
        used = compilers(folder / "compilers", compiler, target)
        toolchain.write_text(toolchain_text(folder, used, compiler, target), encoding="utf-8")
        generator = ("-G", "Ninja") if shutil.which("ninja", path=environ.get("PATH", "")) else ()
        configure = (cmake, "-S", folder / "source", "-B", folder / "build", *generator)
        options = (f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", "-DCMAKE_BUILD_TYPE=Release")
        places = (f"-DCMAKE_RUNTIME_OUTPUT_DIRECTORY={folder / 'made'}",)
        workshop.run((*configure, *options, *places), folder=folder, environ=environ)
        build = (cmake, "--build", folder / "build", "--target", BOOTSTRAP, "--parallel", str(ask.host.workers))
        workshop.run(build, folder=folder, environ=environ)
        return _program(folder, title)

    return Recipe(
        title=title,
        folders=(origin.source,),
        settings={
            "versions": versions,
            "machine": target.architecture.machine,
            "glibc": glibc(target),
            "toolchain": TOOLCHAIN,
            **compiler_settings(ask),
        },
        make=make,
        sources=SOURCES,
    )


def _program(folder: Path, title: str) -> Path:
    """The program, which the project itself may have put elsewhere."""
    places = (folder / "made" / BOOTSTRAP, *sorted((folder / "build").rglob(BOOTSTRAP)))
    program = next((place for place in places if place.is_file()), None)
    if program is None:
        raise ToolError(f"{title} was built, but no program `{BOOTSTRAP}` was made", hint="see its add_executable()")
    return program
