from __future__ import annotations

from pathlib import Path

import pytest

from lpack.container import explained, with_log
from lpack.errors import ToolError
from lpack.store import Store


@pytest.mark.parametrize(
    ("printed", "lacks", "package"),
    [
        ("salty.c:3:10: fatal error: sodium.h: No such file or directory", "the header `sodium.h`", "libsodium-devel"),
        ("x.c:1:10: fatal error: 'ffi.h' file not found", "the header `ffi.h`", "libffi-devel"),
        ("a.c:2:10: fatal error: libxml/xmlversion.h: No such file", "`libxml/xmlversion.h`", "libxml2-devel"),
        ("/usr/bin/ld: cannot find -lgmp: No such file or directory", "the library `gmp`", "gmp-devel"),
        ("Package libfoo was not found in the pkg-config search path.", "the library `libfoo`", "libfoo-devel"),
        ("Package 'cairo', required by 'virtual:world', not found", "the library `cairo`", "cairo-devel"),
        ("Error: pg_config executable not found.", "the program `pg_config`", "libpq-devel"),
        ("error: can't find Rust compiler", "the program `cargo`", "cargo"),
        ("error: command 'gcc' failed: No such file or directory", "the program `gcc`", "gcc"),
        ("/lpack/script: 4: cmake: not found", "the program `cmake`", "cmake"),
        ('meson.build:1:0: ERROR: Dependency "openblas" not found, tried pkgconfig', "`openblas`", "openblas-devel"),
        (
            'ValueError: Cannot repair wheel, because required library "libfoo.so.1" could not be located',
            "`libfoo.so.1`",
            "",
        ),
    ],
)
def test_what_of_the_system_is_missing_is_named(printed: str, lacks: str, package: str) -> None:
    error = explained(ToolError("`demo` can't be built", hint="the log", details=["gcc"]), f"before\n{printed}\nafter")
    assert str(error.hint).startswith("it lacks the ")
    assert lacks in str(error.hint)
    assert f'`packages = ["{package}' in str(error.hint)
    assert str(error.hint).endswith("; the log")
    assert (error.message, error.details) == ("`demo` can't be built", ("gcc",))


def test_other_errors_stay_as_they_are() -> None:
    error = ToolError("`demo` can't be built", hint="the log")
    assert explained(error, "demo.c:1:1: error: expected ';'") is error


def test_a_log_is_kept_in_the_store(tmp_path: Path) -> None:
    error = with_log(ToolError("`demo` can't be built"), "all of it\n", Store(tmp_path))
    (log,) = tmp_path.glob("logs/*/*/build.log")
    assert log.read_text() == "all of it\n"
    assert error.hint == f"all that the build printed is in `{log}`"
