"""Why a build failed, as far as it can be told from what it printed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ....errors import ToolError

COMMAND = "$ "
"""How a line begins that shows a command."""

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
        r"lld: error: (\S+) is incompatible with",
        "it is linked with `{name}`, a library of this machine",
        _IN_CONTAINER,
    ),
    (
        r"library `([^`]+)` required by crate|ould not find (\S+) via pkg-config|(\w+_config) executable not found",
        "`{name}` is missing, and zig brings the C library alone",
        _IN_CONTAINER,
    ),
    (
        r"rustup target add ([\w-]+)",
        "Rust has no standard library for {name}",
        "run `rustup target add {name}`",
    ),
    (
        r"rust compiler, is not installed|can't find Rust compiler|Do you have cargo in your PATH",
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

_FIRST_ERROR = re.compile(r"\berror(\[\w+\])?: |^CMake Error|: ERROR: |^E(RROR|rror): |^\s*undefined reference|^💥")
_SAYS_NOTHING = re.compile(
    r"(?i)error: command |^Traceback|^A full log can be found|^Compile failed: "
    r"|^\s*cargo:|^\s*--- std(out|err)|note: To improve backtraces"
)
_LONGEST_LINE = 200


def explained(error: ToolError, printed: Sequence[str], folder: str) -> ToolError:
    """The error with what was the cause, and with the compiler's own lines in place of the last ones.

    In ``printed`` commands stand before what they said. ``folder`` is where it was built, which is gone afterwards.
    """
    there = re.compile(rf"(?<![\w./]){re.escape(folder)}/")
    details = [there.sub("", line)[:_LONGEST_LINE] for line in _told(printed)]
    for pattern, cause, way in _CAUSES:
        if found := re.search(pattern, "\n".join(details)):
            name = next((each for each in found.groups() if each), "")
            return ToolError(
                f"{error.message}: {cause.format(name=name)}",
                hint=f"{way.format(name=name)}; {error.hint}",
                details=details,
            )
    return ToolError(error.message, hint=error.hint, details=details)


def _told(printed: Sequence[str]) -> list[str]:
    """What the last command said, from the first error on; its last lines where nothing looks like one."""
    start = max((number for number, line in enumerate(printed) if line.startswith(COMMAND)), default=-1)
    lines = [line.rstrip() for line in printed[start + 1 :] if line.strip() and not _SAYS_NOTHING.search(line)]
    first = next((number for number, line in enumerate(lines) if _FIRST_ERROR.search(line)), None)
    return lines[-_MOST_LINES:] if first is None else lines[first : first + _MOST_LINES]
