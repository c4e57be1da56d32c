import os
import sys
import time
from pathlib import Path

import pytest

from lpack.errors import ToolError
from lpack.processes import Result, listen, run, shown


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


def test_lines_are_heard_as_they_come_from_both_streams(tmp_path: Path) -> None:
    heard: list[tuple[str, bool]] = []
    gone_on = tmp_path / "gone-on"
    code = (
        "import pathlib, sys, time; print('out é', flush=True); print('err', file=sys.stderr, flush=True)\n"
        "while not pathlib.Path('gone-on').exists(): time.sleep(0.01)\n"
        "sys.exit(3)"
    )

    def hear(line: str) -> None:
        heard.append((line, gone_on.exists()))
        if line == "err":
            gone_on.touch()

    environ = {"PATH": os.environ["PATH"]}
    result = listen([sys.executable, "-c", code], folder=tmp_path, environ=environ, heard=hear)
    assert heard == [("out é", False), ("err", False)]
    assert result == Result(3, "out é\nerr\n", "")
    assert result.last_lines(1) == ("err",)


def test_whoever_stops_listening_ends_the_program_and_what_it_started(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "process = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(process.pid, flush=True); time.sleep(60)"
    )
    started = []

    def hear(line: str) -> None:
        started.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        listen([sys.executable, "-c", code], folder=tmp_path, environ={"PATH": os.environ["PATH"]}, heard=hear)
    (state,) = {_state(pid) for pid in started}
    assert state in {"", "Z"}


def _state(pid: int) -> str:
    """How the kernel calls what the process does; "" when there is none."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return ""
        if state == "Z":
            break
        time.sleep(0.02)
    return state


def test_the_last_lines_are_those_of_standard_error_if_it_says_anything() -> None:
    assert Result(1, "out", " a\nb\nc\n").last_lines(2) == ("b", "c")
    assert Result(1, "out\n", "\n").last_lines() == ("out",)
    assert Result(1, "", "").last_lines() == ()


def test_a_command_is_shown_as_one_would_type_it() -> None:
    assert shown(["git", "log", Path("a b"), "$HOME"]) == "git log 'a b' '$HOME'"
