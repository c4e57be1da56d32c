"""Why a build failed, as far as it can be told from what it printed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from ....errors import ToolError

_MOST_LINES = 15

_IN_CONTAINER = "build it in the container, with the library's package in `[build] packages`"
_CAUSES = (
    (
        r"fatal error: '([^']+)' file not found",
        "the header `{name}` is missing, and zig brings those of the C library alone",
        _IN_CONTAINER,
    ),
    (
        r"unable to find (?:dynamic system )?library ['\"]([^'\"]+)['\"]",
        "the library `{name}` is missing, and zig brings the C library alone",
        _IN_CONTAINER,
    ),
    (
        r"rustup target add ([\w-]+)",
        "Rust has no standard library for {name}",
        "run `rustup target add {name}`",
    ),
    (
        r"rust compiler, is not installed|can't find Rust compiler|cargo, the rust package manager, is not installed",
        "it is written in Rust, and cargo is not installed",
        "install Rust with rustup (https://rustup.rs)",
    ),
    (
        r"(?i)fortran compiler|'fortran' compiler binary not defined|no CMAKE_Fortran_COMPILER|gfortran.*not found",
        "it is written in Fortran, which zig can't compile",
        "build it in the container",
    ),
    (
        r"Could NOT find (\w+)|Dependency \"([^\"]+)\" not found|ERROR: Dependency lookup for (\S+)",
        "`{name}` is missing, and zig brings the C library alone",
        _IN_CONTAINER,
    ),
)
"""What is printed, what it means, and the next step."""

_FIRST_ERROR = re.compile(r"\berror(\[\w+\])?: |^CMake Error|: ERROR: |^ERROR: |^\s*undefined reference")
_SAYS_NOTHING = re.compile(r"(?i)error: command |^Traceback|^A full log can be found")


def explained(error: ToolError, printed: Sequence[str], folder: str) -> ToolError:
    """The error with what was the cause, and with the compiler's own lines in place of the last ones.

    ``folder`` is where it was built, which means nothing to anybody afterwards.
    """
    # The first line of the last ones is the command, which is one of `build` and of a folder that is gone.
    details = [line.replace(f"{folder}/", "") for line in _told(printed) or error.details[1:]]
    for pattern, cause, way in _CAUSES:
        if found := re.search(pattern, "\n".join(printed)):
            name = next((each for each in found.groups() if each), "")
            return ToolError(
                f"{error.message}: {cause.format(name=name)}",
                hint=f"{way.format(name=name)}; {error.hint}",
                details=details,
            )
    return ToolError(error.message, hint=error.hint, details=details)


def _told(printed: Sequence[str]) -> list[str]:
    """The lines from the first error on; none when nothing looks like one."""
    for number, line in enumerate(printed):
        if _FIRST_ERROR.search(line) and not _SAYS_NOTHING.search(line):
            said = (each.rstrip() for each in printed[number:] if each.strip() and not _SAYS_NOTHING.search(each))
            return list(itertools.islice(said, _MOST_LINES))
    return []
