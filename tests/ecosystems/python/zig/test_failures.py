"""What build systems print when they fail, as they printed it, and what is made of it."""

from __future__ import annotations

import pytest

from lpack.ecosystems.python.zig.failures import explained
from lpack.errors import ToolError

FOLDER = "/store/tmp/0123"
ERROR = ToolError("`demo` can't be built", hint="all is in `build.log`", details=["python _in_process.py", "the end"])


def explain(*printed: str) -> ToolError:
    return explained(ERROR, printed, FOLDER)


@pytest.mark.parametrize(
    ("printed", "cause", "way"),
    [
        (
            "header.c:2:10: fatal error: 'libxml/parser.h' file not found",
            "the header `libxml/parser.h` is missing, and zig brings those of the C library alone",
            "build it in the container, with the library's package in `[build] packages`",
        ),
        (
            'error: unable to find dynamic system library "xml2" using strategy paths_first. searched paths: none',
            "the library `xml2` is missing, and zig brings the C library alone",
            "build it in the container, with the library's package in `[build] packages`",
        ),
        (
            "ld.lld: error: /usr/lib/x86_64-linux-gnu/libpq.so is incompatible with aarch64linux",
            "it is linked with `/usr/lib/x86_64-linux-gnu/libpq.so`, a library of this machine",
            "build it in the container, with the library's package in `[build] packages`",
        ),
        (
            "  Could not find openssl via pkg-config:",
            "`openssl` is missing, and zig brings the C library alone",
            "build it in the container, with the library's package in `[build] packages`",
        ),
        (
            "Error: pg_config executable not found.",
            "`pg_config` is missing, and zig brings the C library alone",
            "build it in the container, with the library's package in `[build] packages`",
        ),
        (
            "../meson.build:1:0: ERROR: 'fortran' compiler binary not defined in cross file [binaries] section",
            "it is written in Fortran, which zig can't compile",
            "build it in the container",
        ),
        (
            "../meson.build:2:0: ERROR: Dependency lookup for libxml-2.0 with method 'pkg-config' failed: Giving up.",
            "`libxml-2.0` is missing, and zig brings the C library alone",
            "build it in the container, with the library's package in `[build] packages`",
        ),
        (
            "  Could NOT find LibXml2 (missing: LIBXML2_LIBRARY LIBXML2_INCLUDE_DIR)",
            "`LibXml2` is missing, and zig brings the C library alone",
            "build it in the container, with the library's package in `[build] packages`",
        ),
        (
            "  = help: consider downloading the target with `rustup target add aarch64-unknown-linux-gnu`",
            "Rust has no standard library for aarch64-unknown-linux-gnu",
            "run `rustup target add aarch64-unknown-linux-gnu`",
        ),
        (
            "  Caused by: Cargo metadata failed. Do you have cargo in your PATH?",
            "it is written in Rust, and cargo is not installed",
            "install Rust with rustup (https://rustup.rs)",
        ),
    ],
)
def test_a_known_cause_is_told_with_the_next_step(printed: str, cause: str, way: str) -> None:
    error = explain("building", printed, "error: Command '['cc']' returned non-zero exit status 1.")
    assert error.message == f"`demo` can't be built: {cause}"
    assert error.hint == f"{way}; all is in `build.log`"


def test_the_compiler_s_own_lines_are_shown_without_the_folder_that_is_gone() -> None:
    error = explain(
        "building 'demo' extension",
        f"{FOLDER}/made/compilers/cc -c demo.c",
        f"{FOLDER}/sources/demo.c:2:22: error: use of undeclared identifier 'missing'",
        "    2 | int f(void) { return missing; }",
        "",
        "1 error generated.",
        "error: Command '['cc']' returned non-zero exit status 1.",
        *("noise" for _ in range(100)),
    )
    assert error.message == "`demo` can't be built"
    assert error.details[:4] == (
        "sources/demo.c:2:22: error: use of undeclared identifier 'missing'",
        "    2 | int f(void) { return missing; }",
        "1 error generated.",
        "noise",
    )
    assert len(error.details) == 15


def test_where_nothing_looks_like_an_error_the_end_is_shown() -> None:
    error = explain("$ uv venv", "made it", "$ python _in_process.py", "building", "Killed")
    assert (error.message, error.details) == (ERROR.message, ("building", "Killed"))
