from __future__ import annotations

import re

import pytest

from lpack.aws.architectures import ARCHITECTURES
from lpack.aws.limits import ENVIRONMENT_KEY, FUNCTION_NAME, HANDLER, RESERVED_ENVIRONMENT_KEYS
from lpack.aws.runtimes import RUNTIMES, runtime, span
from lpack.aws.systems import AMAZON_LINUX_2, AMAZON_LINUX_2023
from lpack.errors import UsageError


@pytest.mark.parametrize("known", RUNTIMES.values(), ids=str)
def test_dates_of_a_runtime_come_in_order(known: object) -> None:
    dates = RUNTIMES[str(known)].lifecycle
    if dates.deprecated is None:
        assert dates.create_blocked is dates.update_blocked is None
    else:
        assert dates.create_blocked is not None
        assert dates.update_blocked is not None
        assert dates.deprecated <= dates.create_blocked < dates.update_blocked


def test_runtimes_are_found_by_their_identifier() -> None:
    assert all(runtime(name).name == name for name in RUNTIMES)
    assert runtime("python3.13").system is AMAZON_LINUX_2023
    assert runtime("python3.11").system is AMAZON_LINUX_2
    assert runtime("python3.11").version == "3.11"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("python3.133", "`python3.13`"),
        ("Python3.13", "`python3.13`"),
        ("node24", "`nodejs24.x`"),
        ("cobol", "`java25`"),
    ],
)
def test_an_unknown_runtime_offers_the_nearest(typed: str, offered: str) -> None:
    with pytest.raises(UsageError) as caught:
        runtime(typed)
    assert caught.value.message == f"`{typed}` is not a Lambda runtime"
    assert offered in (caught.value.hint or "")


def test_previews_are_not_offered_as_examples() -> None:
    with pytest.raises(UsageError) as caught:
        runtime("zzz")
    assert "python3.15" not in (caught.value.hint or "")


def test_the_newer_system_has_the_newer_libraries() -> None:
    assert AMAZON_LINUX_2.glibc < AMAZON_LINUX_2023.glibc
    assert AMAZON_LINUX_2.glibcxx < AMAZON_LINUX_2023.glibcxx
    assert AMAZON_LINUX_2.cxxabi < AMAZON_LINUX_2023.cxxabi


@pytest.mark.parametrize("system", [AMAZON_LINUX_2, AMAZON_LINUX_2023], ids=lambda system: system.name)
def test_libraries_are_sonames_and_in_one_table_only(system: object) -> None:
    known = AMAZON_LINUX_2 if system is AMAZON_LINUX_2 else AMAZON_LINUX_2023
    assert not known.libraries & known.likely_libraries
    names = known.libraries | known.likely_libraries
    assert all(re.fullmatch(r"(lib|ld-)[\w.+-]+\.so(\.\d+)*", name) for name in names)
    assert {"libc.so.6", "libstdc++.so.6", "libgcc_s.so.1"} <= known.libraries


@pytest.mark.parametrize("name", ["libgomp.so.1", "libGL.so.1", "libX11.so.6", "libatomic.so.1", "libpq.so.5"])
def test_what_lambda_lacks_is_in_no_table(name: str) -> None:
    for system in (AMAZON_LINUX_2, AMAZON_LINUX_2023):
        assert name not in system.libraries | system.likely_libraries


def test_architectures_have_their_names_everywhere() -> None:
    assert [(each.name, each.machine) for each in ARCHITECTURES.values()] == [
        ("x86_64", "x86_64"),
        ("arm64", "aarch64"),
    ]


def test_patterns_are_those_of_the_api() -> None:
    assert HANDLER.fullmatch("app.handler")
    assert not HANDLER.fullmatch("app handler")
    assert FUNCTION_NAME.fullmatch("my-function_2")
    assert not FUNCTION_NAME.fullmatch("my.function")
    assert ENVIRONMENT_KEY.fullmatch("A1")
    assert not ENVIRONMENT_KEY.fullmatch("A")
    assert len(RESERVED_ENVIRONMENT_KEYS) == 21


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["python3.13"], "python3.13"),
        (["python3.13", "python3.14"], "python3.13, python3.14"),
        (["python3.14", "python3.11", "python3.13", "python3.12"], "python3.11 to python3.14"),
        (["python3.11", "python3.12", "python3.14"], "python3.11, python3.12, python3.14"),
        (["nodejs26.x", "python3.8", "python3.9"], "nodejs26.x, python3.8, python3.9"),
        (["python4.1", "python4.2", "python4.3"], "python4.1, python4.2, python4.3"),
        ([], ""),
    ],
    ids=str,
)
def test_runtimes_without_a_gap_are_told_shortly(names: list[str], shown: str) -> None:
    assert span(names) == shown
