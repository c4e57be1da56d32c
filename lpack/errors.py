"""Everything lpack raises on purpose.

::

    LpackError              1    something else went wrong
    ├── UsageError          2    the command line
    │   └── ConfigError     2    lpack.toml: every mistake at once
    ├── ResolveError        3    no versions, no wheels, no download
    ├── ToolError           4    another program failed
    ├── CheckError          5    a limit of Lambda, or a check of the artifact
    ├── FunctionError       6    the function ran and failed
    ├── PublishError        7    an upload, or a registry of images
    └── InputError          1    a file that is not what it claims to be
        └── UnsafeArchiveError  1    an archive that must not be unpacked

A message names the subject and the fact; the hint says what to do next. The numbers are exit codes, and stable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class LpackError(Exception):
    """A failure that a user can understand and act on.

    ``message`` names the subject and the fact, ``hint`` the next step, ``details`` are further lines (a tool's last
    output, say).
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)

    def __reduce__(self) -> tuple[Any, ...]:
        # Python would make the copy by the class, whose parameters are not always what ``args`` holds.
        return _copied, (type(self), self.args, self.__dict__)


def _copied(kind: type[LpackError], args: tuple[object, ...], state: dict[str, Any]) -> LpackError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class UsageError(LpackError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = 2


class ConfigError(UsageError):
    """The configuration is wrong; ``problems`` holds every mistake found, each with its key path."""

    def __init__(self, file: str, problems: Sequence[str], *, hint: str | None = None) -> None:
        count = f"{len(problems)} mistakes" if len(problems) > 1 else "a mistake"
        super().__init__(f"`{file}` has {count}", hint=hint, details=problems)
        self.problems = tuple(problems)


class ResolveError(LpackError):
    """The dependencies can't be resolved for the target, or can't be had."""

    exit_code = 3


class ToolError(LpackError):
    """Another program, run by lpack, failed or is missing."""

    exit_code = 4


class CheckError(LpackError):
    """The artifact breaks a limit of Lambda or would not load there."""

    exit_code = 5


class FunctionError(LpackError):
    """The function was invoked and failed."""

    exit_code = 6


class PublishError(LpackError):
    """An upload failed, or a registry of images does not give what it is asked for."""

    exit_code = 7


class InputError(LpackError):
    """A file that lpack was given, or fetched, is not what it claims to be."""


class UnsafeArchiveError(InputError):
    """An archive whose members must not be unpacked: they leave the root, lie about their size, or clash."""
