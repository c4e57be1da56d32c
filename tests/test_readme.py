"""The README's sessions are run, and must print what the README says; numbers and hashes may differ."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"


def sessions(text: str) -> list[str]:
    """The console blocks of the README."""
    return re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def steps(session: str) -> Iterator[tuple[str, str]]:
    """Each command of a session, with what it prints."""
    for step in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        command, _, output = step.partition("\n")
        yield command, output.rstrip("\n")


def run(command: str, folder: Path) -> tuple[str, Path]:
    """What the command prints on both streams, and the folder it ends in."""
    programs = str(Path(sys.executable).parent)
    marker = "--ended-in--"
    plain = folder / ".plain"  # most readers have no compiler: an empty package stands before the real one
    (plain / "ziglang").mkdir(parents=True, exist_ok=True)
    (plain / "ziglang" / "__init__.py").touch()
    without_compilers = {"PYTHONPATH": str(plain), "DOCKER_HOST": "unix:///run/no-engine.sock"}
    process = subprocess.run(
        ["bash", "-c", f"{command}\nprintf '%s%s' '{marker}' \"$PWD\""],
        cwd=folder,
        env={**os.environ, **without_compilers, "PATH": f"{programs}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    output, _, ended_in = process.stdout.rpartition(marker)
    return output.rstrip("\n"), Path(ended_in)


def shape(output: str) -> list[str]:
    """The output without what differs from day to day: numbers, hashes, and the width of columns."""
    text = re.sub(r"\b[A-Za-z0-9+/]{43}=", "HASH", output)
    text = re.sub(r"`unix://[^`]*`", "ENGINE", text)
    text = re.sub(r"^note: getting .*, once\n", "", text, flags=re.MULTILINE)  # which depends on what the store holds
    return [re.sub(r"\s+", " ", re.sub(r"[\d.,]*\d(\.post\d+)?", "0", line)).strip() for line in text.splitlines()]


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.needs("bwrap", "python3.13")
@pytest.mark.parametrize("number", range(len(sessions(README.read_text(encoding="utf-8")))))
def test_a_session_prints_what_the_readme_says(tmp_path: Path, number: int) -> None:
    session = sessions(README.read_text(encoding="utf-8"))[number]
    folder = tmp_path
    for command, expected in steps(session):
        printed, folder = run(command, folder)
        assert shape(printed) == shape(expected), f"$ {command}\n{printed}"


def test_the_readme_names_every_command() -> None:
    from lpack.cli.app import app

    text = README.read_text(encoding="utf-8")
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert names
    assert [name for name in names if f"lpack {name}" not in text] == []


def test_the_readme_shows_keys_that_there_are() -> None:
    from lpack.config.building import BUILD_KEYS
    from lpack.config.images import IMAGE_KEYS
    from lpack.config.keys import FUNCTION_KEYS, LAYER_KEYS
    from lpack.config.publish import PUBLISH_KEYS
    from lpack.config.tests import TEST_KEYS

    text = README.read_text(encoding="utf-8")
    supported = {"runtime", "handler", "source", "exclude-packages", "provided-libraries", "memory"}
    assert supported <= set(FUNCTION_KEYS)
    shown = re.findall(r"^([a-z-]+) = ", text, re.MULTILINE)
    known = (FUNCTION_KEYS, LAYER_KEYS, TEST_KEYS, BUILD_KEYS, IMAGE_KEYS, PUBLISH_KEYS)
    assert set(shown) <= {key for keys in known for key in keys}


def test_the_readme_shows_every_key_of_a_test() -> None:
    from lpack.config.tests import TEST_KEYS

    text = README.read_text(encoding="utf-8")
    assert [key for key in TEST_KEYS if not re.search(rf"^{key} = ", text, re.MULTILINE)] == []
