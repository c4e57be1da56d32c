from __future__ import annotations

import pytest
from own_store import own_store

from lpack.aws.architectures import ARM64
from lpack.aws.runtimes import RUNTIMES
from lpack.ecosystems.custom import check_handler
from lpack.model import Finding, Severity, Target
from lpack.tree import EXECUTABLE, LINK, Content, Entry, Tree

TARGET = Target(RUNTIMES["provided.al2023"], ARM64)


def entry(path: str, data: bytes, mode: int = EXECUTABLE) -> Entry:
    return Entry(path, mode, Content.of(data))


def findings(data: bytes, *beside: Entry) -> list[Finding]:
    return check_handler(Tree.of([entry("bootstrap", data), *beside]), "any text", TARGET, own_store())


@pytest.mark.parametrize(
    "script",
    [
        "#!/bin/sh\n",
        "#!/bin/bash -e\n",
        "#! /usr/bin/bash\n",
        "#!/usr/bin/env bash\n",
        "#!/bin/sh",
        "#!/opt/bin/node\n",
        "#!/var/task/bin/tool\n",
    ],
)
def test_a_script_is_fine_when_its_interpreter_is_there(script: str) -> None:
    assert not findings(script.encode(), entry("bin/tool", b"\x7fELF"))


@pytest.mark.parametrize("first", ["#!/usr/bin/env python3", "#!/usr/bin/perl", "#!/var/task/tool", "#!/usr/bin/env"])
def test_an_interpreter_that_amazon_linux_lacks_is_worth_a_warning(first: str) -> None:
    (found,) = findings(f"{first}\n".encode())
    assert found.severity is Severity.WARNING
    assert found.message == f"`bootstrap` is run by `{first[2:]}`, which Amazon Linux 2023 has not by itself"


@pytest.mark.parametrize("script", [b"#!/bin/sh\r\necho\r\n", b"#!/bin/sh\necho\r\n", b"#!/bin/sh\r"])
def test_line_ends_of_windows_are_an_error(script: bytes) -> None:
    (found,) = findings(script)
    assert found.severity is Severity.ERROR
    assert "line ends of Windows" in found.message
    assert "eol=lf" in str(found.hint)


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (b"", "is empty"),
        (b"echo hello\n", "neither a program for Linux nor a script"),
        (b"\xef\xbb\xbf#!/bin/sh\n", "byte order mark"),
        (b"#!\n", "does not say what runs it"),
        (b"MZ\x90\x00", "a program for Windows"),
        (b"\xcf\xfa\xed\xfe\x0c", "a program for macOS"),
    ],
)
def test_what_linux_can_not_start_is_an_error(data: bytes, fact: str) -> None:
    (found,) = findings(data)
    assert found.severity is Severity.ERROR
    assert fact in found.message


def test_a_program_is_left_to_the_checks_of_native_code() -> None:
    assert not findings(b"\x7fELF")


def test_a_link_is_followed() -> None:
    program = entry("bin/runtime", b"\x7fELF")
    assert not check_handler(Tree.of([program, entry("bootstrap", b"bin/runtime", LINK)]), "", TARGET, own_store())
    circle = Tree.of([entry("bootstrap", b"./bootstrap", LINK)])
    assert [found.severity for found in check_handler(circle, "", TARGET, own_store())] == [Severity.ERROR]


def test_without_a_bootstrap_the_error_says_where_one_can_come_from() -> None:
    (found,) = check_handler(Tree.of([]), "any text", TARGET, own_store())
    assert found.severity is Severity.ERROR
    assert "was not found at the root" in found.message
    assert all(word in str(found.hint) for word in ("go.mod", "Cargo.toml", "CMakeLists.txt", "`artifact`", "layer"))


def test_a_bootstrap_in_a_folder_is_pointed_out() -> None:
    (found,) = check_handler(Tree.of([entry("out/bootstrap", b"\x7fELF")]), "any text", TARGET, own_store())
    assert found.hint == "`out/bootstrap` is there: let `source` be its folder, or name it with `artifact`"
