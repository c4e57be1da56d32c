"""The command line: parses, makes one call, prints. The only place that prints, exits or reads the environment."""

from __future__ import annotations

import contextlib
import copy
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from typer import Typer

    from .output import Output

_SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class _Ended(BaseException):
    """The process was told to end: everything on the way out cleans up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.word = _SIGNALS[signal.Signals(number)]
        self.exit_code = 128 + number  # as a shell tells it


def main() -> NoReturn:
    """Run lpack with the process's arguments and end the process with the exit code."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    _prepare_streams()
    try:
        code = run(sys.argv[1:])
    except _Ended as end:
        from .output import report_end

        code = end.exit_code
        # A server's one document is the one that it began with.
        words = [word for word in sys.argv[1:] if word != "--json" or "--keep" not in sys.argv]
        with contextlib.suppress(BrokenPipeError):  # whoever read the output is gone, too
            report_end(end.word, end.exit_code, _last_words(words))
            sys.stdout.flush()
        os._exit(code)  # a thread may sit before a silent server, and Python would wait for it
    sys.exit(code)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)  # whoever asks twice does not want to wait
    raise _Ended(number)


def run(arguments: list[str]) -> int:
    """Run lpack with these arguments and return the exit code; what goes wrong is printed."""
    try:
        code = _answer(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has seen enough; what Python would still flush has no reader.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        from ..locks import understood
        from .output import report_error

        return report_error(understood(error), _last_words(arguments))
    except Exception as error:  # noqa: BLE001 -- the last resort, which says that lpack itself is wrong
        from .output import report_bug

        return report_bug(error, _last_words(arguments))
    return code


def _answer(arguments: list[str]) -> int:
    import typer

    from ..errors import LpackError
    from .output import report_error, report_misuse

    try:
        code = _commands(arguments)(args=arguments, prog_name="lpack", standalone_mode=False)
    except LpackError as error:
        return report_error(error, _last_words(arguments))
    except typer.TyperException as error:
        return report_misuse(error, _last_words(arguments))
    return code if isinstance(code, int) else 0


def _commands(arguments: list[str]) -> Typer:
    """The command that is asked for, or all where none of them is: to prepare them takes longer than some take."""
    from .app import app

    wanted = arguments[0] if arguments else ""
    commands = {each.name or getattr(each.callback, "__name__", ""): each for each in app.registered_commands}
    groups = {each.name: each for each in app.registered_groups}
    if wanted not in commands and wanted not in groups:
        return app
    alone = copy.copy(app)
    alone.registered_commands = [commands[wanted]] if wanted in commands else []
    alone.registered_groups = [groups[wanted]] if wanted in groups else []
    return alone


def _last_words(arguments: list[str]) -> Output:
    """The output for what ends a command: its options may be what could not be understood."""
    from .output import output_of

    given = set(arguments)
    return output_of(
        json="--json" in given,
        verbose=bool(given & {"-v", "--verbose"}),
        quiet=bool(given & {"-q", "--quiet"}),
        no_color="--no-color" in given,
    )


def _prepare_streams() -> None:
    """Streams that take whatever is printed: closed ones swallow it, and no encoding is too small for a file's name."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 -- open to the end
        getattr(sys, name).reconfigure(errors="backslashreplace")
