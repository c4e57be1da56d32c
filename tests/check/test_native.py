from __future__ import annotations

from typing import Any

import pytest
from check_samples import layer, native, subject
from elf_files import AARCH64, CUDA, I386, PROGRAM, X86_64, elf_file, elf_header

from lpack.model import Severity

HERE = elf_file(machine=X86_64, needed=["libc.so.6"], versions={"libc.so.6": ["GLIBC_2.17"]})
THERE = elf_file(machine=AARCH64, needed=["libc.so.6"])
ANY_WHEEL = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\n"
LINUX_WHEEL = b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp313-cp313-manylinux_2_17_x86_64\n"


def needs(**versions: str) -> bytes:
    return elf_file(versions={"libc.so.6": [f"{family}_{version}" for family, version in versions.items()]})


def test_files_that_fit_are_not_worth_a_word() -> None:
    assert native({"app.py": b"", "lib/a.so": HERE, "bin/tool": elf_file(kind=PROGRAM)}) == []
    assert native({"lib/a.so": THERE}, subject(architecture="arm64")) == []


# Machine


def test_a_file_for_another_machine_is_an_error_that_names_both() -> None:
    (finding,) = native({"lib/a.so": HERE}, subject(architecture="arm64"))
    assert (finding.severity, finding.check) == (Severity.ERROR, "elf-architecture")
    assert finding.message == "the artifact has `lib/a.so` for x86_64, and the target is arm64"
    assert finding.details == ("lib/a.so: x86_64",)


def test_many_files_of_one_package_are_one_finding() -> None:
    files = {f"numpy/core/m{number:02}.so": THERE for number in range(30)}
    (finding,) = native(files, packages={"numpy": "2.3.1"})
    assert finding.message == "`numpy` 2.3.1 has 30 files for arm64, and the target is x86_64"
    assert len(finding.details) == 11
    assert finding.details[-1] == "and 20 more"


def test_each_package_has_its_own_finding() -> None:
    findings = native({"a/x.so": THERE, "b/x.so": THERE, "x.so": THERE}, packages={"a": "1", "b": "2"})
    assert [finding.message.split(" has ")[0] for finding in findings] == ["`a` 1", "`b` 2", "the artifact"]


def test_32_bits_are_another_machine() -> None:
    findings = native({"a.so": elf_header(I386, bits=32), "b.so": elf_header(X86_64, bits=32)})
    assert [finding.details for finding in findings] == [("a.so: 32-bit x86", "b.so: x32")]


def test_code_for_graphics_cards_is_data() -> None:
    assert native({"kernel.cubin": elf_header(CUDA)}) == []


def test_a_package_that_also_has_the_right_one_gets_a_warning() -> None:
    files = {"tool/linux-x64/run": HERE, "tool/linux-arm64/run": THERE}
    (finding,) = native(files, packages={"tool": "1"})
    assert (finding.severity, finding.details) == (Severity.WARNING, ("tool/linux-arm64/run: arm64",))


def test_a_wheel_for_any_platform_gets_a_warning() -> None:
    files = {"tool/run": THERE, "tool-1.dist-info/WHEEL": ANY_WHEEL}
    assert [finding.severity for finding in native(files, packages={"tool": "1"})] == [Severity.WARNING]
    files = {"tool/run": THERE, "tool-1.dist-info/WHEEL": LINUX_WHEEL}
    assert [finding.severity for finding in native(files, packages={"tool": "1"})] == [Severity.ERROR]


def test_the_users_own_files_need_a_twin_for_a_warning() -> None:
    files = {"bin/x86_64/run": HERE, "bin/aarch64/run": THERE, "lib/lost.so": THERE}
    error, warning = native(files)
    assert (error.severity, error.details) == (Severity.ERROR, ("lib/lost.so: arm64",))
    assert (warning.severity, warning.details) == (Severity.WARNING, ("bin/aarch64/run: arm64",))


# C library


@pytest.mark.parametrize(
    "options",
    [
        {"needed": ["libc.musl-x86_64.so.1"]},
        {"needed": ["libc.so"]},
        {"needed": ["libc.so.7"]},
        {"interpreter": "/lib/ld-musl-x86_64.so.1"},
        {"interpreter": "/nix/store/abc-glibc-2.40/lib/ld-linux-x86-64.so.2", "kind": PROGRAM},
    ],
)
def test_another_c_library_is_an_error(options: dict[str, Any]) -> None:
    (finding,) = native({"x.so": elf_file(**options)})
    assert (finding.severity, finding.check) == (Severity.ERROR, "elf-libc")
    assert finding.message == (
        "the artifact has `x.so` for a C library other than glibc, and `python3.13` runs on Amazon Linux 2023"
    )
    assert (options.get("interpreter") or options["needed"][0]) in finding.details[0]


def test_musl_next_to_glibc_is_a_warning() -> None:
    files = {"a/m.glibc.node": HERE, "a/m.musl.node": elf_file(needed=["libc.so"])}
    assert [finding.severity for finding in native(files)] == [Severity.WARNING]


@pytest.mark.parametrize("folder", ["/lib64", "/usr/lib64", "/lib"])
def test_the_systems_own_loader_is_fine(folder: str) -> None:
    assert native({"run": elf_file(kind=PROGRAM, interpreter=f"{folder}/ld-linux-x86-64.so.2")}) == []


# Symbol versions


def test_a_newer_glibc_is_an_error_that_names_both() -> None:
    (finding,) = native({"crypto/rust.so": needs(GLIBC="2.39")}, packages={"crypto": "50.0"})
    assert (finding.severity, finding.check) == (Severity.ERROR, "elf-glibc")
    assert finding.message == (
        "`crypto` 50.0 needs GLIBC_2.39, and Amazon Linux 2023, under `python3.13`, has GLIBC_2.34"
    )
    assert finding.hint == "pin an older version of `crypto`"
    assert finding.details == ("crypto/rust.so: GLIBC_2.39",)


def test_a_newer_runtime_is_offered_when_it_helps() -> None:
    (finding,) = native({"a.so": needs(GLIBC="2.28")}, subject("python3.11"))
    assert finding.hint == (
        "build it on Amazon Linux 2, with glibc 2.26, or use `python3.12` or another runtime on Amazon Linux 2023"
    )


def test_versions_are_compared_as_numbers() -> None:
    assert native({"a.so": needs(GLIBC="2.9")}, subject("python3.11")) == []
    assert native({"a.so": needs(GLIBC="2.26")}, subject("python3.11")) == []
    assert len(native({"a.so": needs(GLIBC="2.27")}, subject("python3.11"))) == 1


def test_libstdcxx_is_checked_too() -> None:
    findings = native({"a.so": needs(GLIBCXX="3.4.30", CXXABI="1.3.14")})
    assert [finding.check for finding in findings] == ["elf-glibcxx", "elf-cxxabi"]
    assert {finding.severity for finding in findings} == {Severity.ERROR}
    assert "has GLIBCXX_3.4.29" in findings[0].message


def test_a_libstdcxx_in_the_artifact_may_be_the_one_that_is_loaded() -> None:
    files = {"a.so": needs(GLIBCXX="3.4.32"), "lib/libstdc++.so.6": elf_file(soname="libstdc++.so.6")}
    assert [finding.severity for finding in native(files)] == [Severity.WARNING]
    ours = layer("ours", {"lib/libstdc++.so.6": elf_file(soname="libstdc++.so.6")})
    assert [each.severity for each in native({"a.so": needs(GLIBCXX="3.4.32")}, layers=[ours])] == [Severity.WARNING]


# The rest


def test_segments_off_the_page_are_an_error() -> None:
    (finding,) = native({"pkg/a.so": elf_file(skew=8)}, packages={"pkg": "1"})
    assert (finding.severity, finding.check) == (Severity.ERROR, "elf-alignment")
    assert "`pkg/a.so`" in finding.message


def test_broken_files_are_a_warning() -> None:
    (finding,) = native({"a.so": HERE[:100]})
    assert (finding.severity, finding.check) == (Severity.WARNING, "elf-unreadable")
    assert finding.details == ("a.so: it is cut short",)


def test_names_inside_of_files_can_not_reach_the_terminal() -> None:
    hostile = "\x1b[2J\u202e\x9b31m\nerror: gone"
    needy = elf_file(needed=[hostile, f"libc.so.{hostile}"], soname=hostile, runpath=hostile)
    stranger = elf_file(interpreter=hostile, kind=PROGRAM)
    files = {
        "a.so": needy,
        "b": stranger,
        "far/c.so": elf_file(soname="x" + hostile),
        "d.so": elf_file(needed=["x" + hostile]),
    }
    findings = native(files)
    assert {finding.check for finding in findings} == {"elf-libc", "elf-libraries", "elf-run-path"}
    for finding in findings:
        assert all(text.isprintable() for text in (finding.message, finding.hint or "", *finding.details))
    assert any(r"`\x1b[2J\u202e\x9b31m\nerror: gone`" in finding.message for finding in findings)
