"""The command line: parses, makes one call, prints. The only place that prints, exits or reads the environment."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

_INTERRUPTED, _TERMINATED = 130, 143


class _Terminated(KeyboardInterrupt):
    """SIGTERM: the same way out as Ctrl-C, so that nothing half-made stays behind."""


def main() -> NoReturn:
    """Run lpack with the process's arguments and end the process with the exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    _prepare_streams()
    code = run(sys.argv[1:])
    if code in {_INTERRUPTED, _TERMINATED}:
        sys.stdout.flush()
        os._exit(code)  # a thread may sit before a silent server, and Python would wait for it
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run lpack with these arguments and return the exit code; what goes wrong is printed."""
    try:
        return _run(arguments)
    except KeyboardInterrupt as interrupt:
        from .output import report_interruption

        terminated = isinstance(interrupt, _Terminated)
        code = _TERMINATED if terminated else _INTERRUPTED
        report_interruption("terminated" if terminated else "interrupted", code, as_json="--json" in arguments)
        return code


def _run(arguments: list[str]) -> int:
    import typer

    from ..errors import LpackError
    from .app import app
    from .output import report_bug, report_error, report_misuse

    as_json, verbose = "--json" in arguments, bool({"-v", "--verbose"} & set(arguments))
    try:
        code = app(args=arguments, prog_name="lpack", standalone_mode=False)
        sys.stdout.flush()
    except LpackError as error:
        return report_error(error, as_json=as_json)
    except typer.TyperException as error:
        return report_misuse(error, as_json=as_json)
    except typer.Abort as abort:
        raise abort.__cause__ or KeyboardInterrupt from None
    except BrokenPipeError:
        # Whoever read the output has seen enough; what Python would still flush has no reader.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        from ..build import understood

        return report_error(understood(error), as_json=as_json)
    except Exception as error:  # noqa: BLE001 -- the last resort, which says that lpack itself is wrong
        return report_bug(error, as_json=as_json, verbose=verbose)
    return code if isinstance(code, int) else 0


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Terminated


def _prepare_streams() -> None:
    """Streams that take whatever is printed: closed ones swallow it, and no encoding is too small for a file's name."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 -- open to the end
        getattr(sys, name).reconfigure(errors="backslashreplace")
