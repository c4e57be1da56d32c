import os
import sys
from pathlib import Path

import pytest

from lpack.errors import ToolError
from lpack.processes import Result, run, shown


def python(code: str, folder: Path, **options: float) -> Result:
    return run([sys.executable, "-c", code], folder=folder, environ={"PATH": os.environ["PATH"]}, **options)


def test_a_program_leaves_its_exit_code_and_two_streams(tmp_path: Path) -> None:
    code = "import sys; print('out é'); print('err', file=sys.stderr); sys.exit(3)"
    assert python(code, tmp_path) == Result(3, "out é\n", "err\n")


def test_it_runs_in_the_folder_with_the_given_environment_alone(tmp_path: Path) -> None:
    assert python("import os; print(os.getcwd(), 'HOME' in os.environ)", tmp_path).stdout == f"{tmp_path} False\n"


def test_it_has_nothing_to_read(tmp_path: Path) -> None:
    assert python("import sys; print(repr(sys.stdin.read()))", tmp_path).stdout == "''\n"


def test_what_is_no_text_is_replaced(tmp_path: Path) -> None:
    assert python(r"import sys; sys.stdout.buffer.write(b'a\xff')", tmp_path).stdout == "a\ufffd"


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="`no-such-program` can't be run: No such file or directory"):
        run(["no-such-program"], folder=tmp_path, environ={})


def test_a_program_that_takes_too_long_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"took more than 0\.1 seconds"):
        python("import time; time.sleep(60)", tmp_path, timeout=0.1)


def test_the_last_lines_are_those_of_standard_error_if_it_says_anything() -> None:
    assert Result(1, "out", " a\nb\nc\n").last_lines(2) == ("b", "c")
    assert Result(1, "out\n", "\n").last_lines() == ("out",)
    assert Result(1, "", "").last_lines() == ()


def test_a_command_is_shown_as_one_would_type_it() -> None:
    assert shown(["git", "log", Path("a b"), "$HOME"]) == "git log 'a b' '$HOME'"
