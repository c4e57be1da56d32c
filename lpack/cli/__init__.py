"""The command line: parses, makes one call, prints. The only place that prints, exits or reads the environment."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from ..errors import LpackError, UsageError

_INTERRUPTED = 130


def main() -> NoReturn:
    """Run lpack with the process's arguments and end the process with the exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run lpack with these arguments and return the exit code; what goes wrong is printed."""
    import typer

    from .app import app
    from .output import report_bug, report_error

    as_json, verbose = "--json" in arguments, bool({"-v", "--verbose"} & set(arguments))
    try:
        code = app(args=arguments, prog_name="lpack", standalone_mode=False)
        sys.stdout.flush()
    except LpackError as error:
        report_error(error, as_json=as_json)
        return error.exit_code
    except typer.TyperException as error:
        usage = UsageError(error.format_message(), hint="`lpack --help` and `lpack COMMAND --help` tell what there is")
        report_error(usage, as_json=as_json)
        return usage.exit_code
    except (KeyboardInterrupt, typer.Abort):
        print("lpack: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; what Python would still flush has no reader.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 -- the last resort, which says that lpack itself is wrong
        return report_bug(error, as_json=as_json, verbose=verbose)
    return code if isinstance(code, int) else 0
