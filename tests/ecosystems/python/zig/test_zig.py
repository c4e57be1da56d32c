"""Real packages, compiled for Lambda by zig, and loaded where they belong."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import clean_roots
import projects
import pytest
from command_line import Run
from emulator import HERE
from native_projects import C, by_cmake, by_meson, by_setuptools

from lpack.aws.architectures import ARCHITECTURES
from lpack.aws.runtimes import runtime
from lpack.config import Building
from lpack.ecosystems.python.building import wheel_of_sdist
from lpack.ecosystems.python.native import Native
from lpack.ecosystems.python.zig import Zig, builder
from lpack.errors import ToolError
from lpack.model import Host, Silent, Target
from lpack.pythons import find_python
from lpack.store import Store

OWN = "{}.{}".format(*sys.version_info)
BUILDING = Building(native="zig")

# Zig keeps the C library that it made in the user's home, which tests without the network have not.
builds = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs("cmake")]

CONFIGURATION = """
[build]
native = "zig"
[function.orders]
runtime = "{runtime}"
architecture = "{architecture}"
source = "src"
handler = "app.handler"
"""


def target(version: str = OWN, architecture: str = "x86_64") -> Target:
    return Target(runtime(f"python{version}"), ARCHITECTURES[architecture])


def test_without_zig_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ziglang", None)  # as if it were not installed
    assert builder(BUILDING, target(), Host({"PATH": ""}, tmp_path)).why_not() == (
        "zig is not installed (`pip install 'lpack[zig]'`)"
    )


def test_without_a_python_of_the_target_s_version_it_says_which_is_needed(tmp_path: Path) -> None:
    other = "3.15" if OWN != "3.15" else "3.14"
    host = Host({"PATH": "", "HOME": str(tmp_path)}, tmp_path)
    assert builder(BUILDING, target(other), host).why_not() == (
        f"it needs a Python {other} for its headers, and found none: run `uv python install {other}`"
    )
    assert builder(BUILDING, target(), host).why_not() == ""


def test_on_other_systems_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert builder(BUILDING, target(), Host({}, tmp_path)).why_not() == "it works on Linux alone"


def test_the_user_s_flags_are_part_of_the_settings(tmp_path: Path) -> None:
    plain, again, other = (
        Zig(target(), Host(environ, tmp_path)).settings for environ in ({"TERM": "a"}, {"TERM": "b"}, {"CFLAGS": "-O3"})
    )
    assert plain == again != other


class TestBuilds:
    """Each builds a wheel or more, from the package index's own build backends."""

    pytestmark = builds

    @staticmethod
    def project(folder: Path, requirements: list[str], code: str, **configuration: str) -> Path:
        (folder / "src").mkdir(parents=True)
        (folder / "lpack.toml").write_text(CONFIGURATION.format(**configuration))
        (folder / "src" / "requirements.txt").write_text("\n".join(requirements))
        (folder / "src" / "app.py").write_text(code)
        return folder

    @clean_roots.needs(HERE)
    def test_c_and_cpp_for_this_machine_are_equal_in_two_folders_and_can_be_imported(
        self, tmp_path: Path, lpack: Callable[..., Run]
    ) -> None:
        """With Python 3.13 where there is one, as zig has made that target's C++ library for other tests already."""
        here = Host(dict(os.environ), tmp_path)
        version = OWN if isinstance(find_python("3.13", here), str) else "3.13"
        python = find_python(version, here)
        assert not isinstance(python, str), python
        sdists = tmp_path / "sdists"
        by_cmake(sdists)
        by_meson(sdists)
        code = "import by_cmake, by_meson\ndef handler(event, _): return by_cmake.turned(event), by_meson.root(2.25)\n"
        requirements = [f"--find-links {sdists}", "by-cmake", "by-meson"]
        zips = []
        for name in ("one", "two"):
            folder = self.project(tmp_path / name, requirements, code, runtime=f"python{version}", architecture=HERE)
            run = lpack("build", "-v", folder=folder, environ={"LPACK_CACHE_DIR": str(tmp_path / f"{name}-store")})
            assert run.exit_code == 0, run.stderr
            assert "building a wheel of the source distribution of `by-cmake` 1.0 (zig)" in run.stderr
            assert "Linking CXX shared module" in run.stderr  # streamed
            zips.append(folder / "dist" / "orders.zip")
        assert zips[0].read_bytes() == zips[1].read_bytes()
        again = lpack("build", "-v", folder=folder, environ={"LPACK_CACHE_DIR": str(tmp_path / "two-store")})
        assert "(zig)" not in again.stderr
        with zipfile.ZipFile(zips[0]) as archive:
            names = archive.namelist()
            archive.extractall(tmp_path / "task")
        suffix = f".cpython-{version.replace('.', '')}-{platform.machine()}-linux-gnu.so"
        assert {name for name in names if name.endswith(".so")} == {
            f"by_cmake/_core{suffix}",
            f"by_meson/_core{suffix}",
        }
        said = [python.program, "-c", "import app; print(app.handler('abc', None))"]
        process = subprocess.run(said, cwd=tmp_path / "task", capture_output=True, text=True, check=True)
        assert process.stdout == "('cba', 1.5)\n"
        result = clean_roots.invoke(tmp_path / "task", "app.handler", "abc", python=version, architecture=HERE)
        assert result == ["cba", 1.5]

    @clean_roots.needs("arm64")
    @pytest.mark.needs("cargo")
    def test_c_and_rust_for_arm64_load_there(self, tmp_path: Path, lpack: Callable[..., Run]) -> None:
        """Real packages: MarkupSafe by setuptools, and rpds-py by maturin."""
        requirements = ["--no-binary markupsafe", "--no-binary rpds-py", "markupsafe==3.0.3", "rpds-py==2026.9.1"]
        code = (
            "import rpds\nfrom markupsafe._speedups import _escape_inner\n"
            "def handler(event, _): return [_escape_inner(event), rpds.HashTrieMap({'a': 1}).insert('b', 2)['b']]\n"
        )
        folder = self.project(tmp_path / "p", requirements, code, runtime=f"python{OWN}", architecture="arm64")
        run = lpack("build", folder=folder, environ={"LPACK_CACHE_DIR": str(tmp_path / "store")})
        assert run.exit_code == 0, run.stderr
        minor = "_".join(map(str, target().runtime.system.glibc))
        wheels = [path.name for path in (tmp_path / "store" / "built").rglob("*.whl")]
        assert all(name.endswith(f"-manylinux_{minor}_aarch64.whl") for name in wheels), wheels
        with zipfile.ZipFile(folder / "dist" / "orders.zip") as archive:
            archive.extractall(tmp_path / "task")
        result = clean_roots.invoke(tmp_path / "task", "app.handler", "<a>", python=OWN, architecture="arm64")
        assert result == ["&lt;a&gt;", 2]

    def test_what_does_not_compile_leaves_nothing_but_the_log(self, tmp_path: Path) -> None:
        store = tmp_path / "store"
        error = failing(by_setuptools(tmp_path, "#include <Python.h>\nint f(void) { return missing; }\n"), store)
        assert error.message == "the source distribution of `by-setuptools` 1.0 can't be built"
        assert error.details[0] == "core.c:2:22: error: use of undeclared identifier 'missing'"
        log = Path(str(error.hint).split("`")[1])
        assert "use of undeclared identifier" in log.read_text()
        assert not list(store.glob("built/**/*.whl"))
        assert not list(store.glob("tmp/*"))

    def test_a_missing_header_is_named(self, tmp_path: Path) -> None:
        error = failing(
            by_setuptools(tmp_path, "#include <Python.h>\n#include <libxml/parser.h>\n"), tmp_path / "store"
        )
        assert "the header `libxml/parser.h` is missing" in error.message
        assert "`[build] packages`" in str(error.hint)

    def test_a_library_of_this_machine_is_not_taken_for_one_of_the_target(self, tmp_path: Path) -> None:
        error = failing(by_setuptools(tmp_path, C, library="xml2"), tmp_path / "store")
        assert "the library `xml2` is missing" in error.message

    def test_fortran_needs_the_container(self, tmp_path: Path) -> None:
        error = failing(by_meson(tmp_path, language="fortran"), tmp_path / "store")
        assert error.message.endswith("it is written in Fortran, which zig can't compile")

    def test_build_requirements_that_do_not_exist_are_told(self, tmp_path: Path) -> None:

        pyproject = '[build-system]\nrequires = ["maturin", "no-such-project-at-all"]\nbuild-backend = "maturin"\n'
        sdist = projects.make_sdist(tmp_path, "by_setuptools", {"pyproject.toml": pyproject, "lib.rs": ""})
        error = failing(sdist, tmp_path / "store")
        assert any("no-such-project-at-all was not found" in line for line in error.details)


def failing(sdist: Path, store: Path) -> ToolError:
    """The error of building it for the own Python's runtime on arm64."""
    host = Host(dict(os.environ), store)
    with pytest.raises(ToolError) as caught:
        wheel_of_sdist(
            sdist,
            name=sdist.name.partition("-")[0].replace("_", "-"),
            version="1.0",
            target=target(architecture="arm64"),
            store=Store(store),
            host=host,
            reporter=Silent(),
            native=Native(BUILDING, host),
        )
    return caught.value
