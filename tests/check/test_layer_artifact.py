from __future__ import annotations

from typing import Any

import pytest
from check_samples import facts, package, subject, tree
from elf_files import AARCH64, elf_file

from lpack.check import Subject, check_layer
from lpack.model import Finding, Severity
from lpack.tree import EXECUTABLE, REGULAR, Content, Entry, Tree

PYTHON = "python3.13"
SITE_PACKAGES = "python/lib/python{}/site-packages"


def layer_for(*runtimes: str, architecture: str = "x86_64", **settings: Any) -> list[Subject]:
    return [subject(runtime, architecture, name="shared", **settings) for runtime in runtimes]


def found(files: dict[str, bytes | str], *runtimes: str, **settings: Any) -> list[Finding]:
    return check_layer(tree(files), layer_for(*(runtimes or [PYTHON]), **settings), packages=[], elf=facts(files))


def with_modes(modes: dict[str, int]) -> Tree:
    return Tree.of(Entry(path, mode, Content.of(b"x")) for path, mode in modes.items())


def needs(glibc: str) -> bytes:
    return elf_file(versions={"libc.so.6": [f"GLIBC_{glibc}"]})


def test_a_sound_layer_has_no_findings() -> None:
    files: dict[str, bytes | str] = {
        "python/a.py": b"",
        "python/pkg/fast.cpython-313-x86_64-linux-gnu.so": elf_file(needed=["libx.so.1"]),
        "lib/libx.so.1": elf_file(needed=["libc.so.6"]),
        "README.md": b"",
    }
    assert found(files, layer_name="shared", description="what all need", license="MIT") == []


def test_a_layer_without_files_is_an_error() -> None:
    (finding,) = found({})
    assert (finding.severity, finding.check) == (Severity.ERROR, "layer-empty")


# Its settings


@pytest.mark.parametrize(
    ("setting", "fine", "wrong"),
    [
        ("layer_name", ["a" * 140, "shared-v2_x"], ["a" * 141, "", "shared.v2"]),
        ("description", ["", "d" * 256], ["d" * 257]),
        ("license", ["", "MIT", "l" * 512], ["l" * 513]),
    ],
)
def test_settings_have_limits(setting: str, fine: list[str], wrong: list[str]) -> None:
    for value in fine:
        assert found({"python/a.py": b""}, PYTHON, "python3.12", **{setting: value}) == []
    for value in wrong:
        (finding,) = found({"python/a.py": b""}, PYTHON, "python3.12", **{setting: value})
        assert (finding.severity, finding.check) == (Severity.ERROR, setting.replace("_", "-"))


def test_a_layer_is_for_15_runtimes_at_most() -> None:
    runtimes = [f"python3.{minor}" for minor in range(8, 16)]
    runtimes += ["nodejs26.x", "nodejs24.x", "nodejs22.x", "nodejs20.x", "java25", "java21", "java17", "java11"]
    files: dict[str, bytes | str] = {"lib/x": b""}
    many, fewer = (found(files, *names, allow_deprecated=True) for names in (runtimes, runtimes[:15]))
    (number,) = [finding for finding in many if finding.severity is Severity.ERROR]
    assert number.message == "`shared` is for 16 runtimes, and Lambda takes 15"
    assert not [finding for finding in fewer if finding.severity is Severity.ERROR]


def test_two_architectures_are_the_same_runtime() -> None:
    subjects = [*layer_for("python3.9"), *layer_for("python3.9", architecture="arm64")]
    (finding,) = check_layer(tree({"python/a.py": b""}), subjects, packages=[], elf={})
    assert finding.check == "runtime-deprecated"


# What its targets see


def test_each_target_is_judged_by_what_it_sees() -> None:
    old, new = SITE_PACKAGES.format("3.11"), SITE_PACKAGES.format("3.13")
    files: dict[str, bytes | str] = {
        f"{old}/a.cpython-311-x86_64-linux-gnu.so": needs("2.26"),
        f"{new}/a.cpython-313-x86_64-linux-gnu.so": needs("2.34"),
    }
    assert found(files, "python3.11", "python3.13") == []
    wrong: dict[str, bytes | str] = {f"{old}/a.abi3.so": needs("2.34"), f"{new}/a.abi3.so": needs("2.34")}
    (finding,) = found(wrong, "python3.11", "python3.13")
    assert finding.check == "elf-glibc"
    assert finding.details == (f"{old}/a.abi3.so: GLIBC_2.34",)


def test_a_shared_file_is_judged_for_all_targets() -> None:
    findings = found({"python/a.abi3.so": needs("2.34")}, "python3.11", "python3.10", "python3.13")
    assert [finding.message for finding in findings if finding.check == "elf-glibc"] == [
        "the artifact needs GLIBC_2.34, and Amazon Linux 2, under `python3.11`, has GLIBC_2.26",
        "the artifact needs GLIBC_2.34, and Amazon Linux 2, under `python3.10`, has GLIBC_2.26",
    ]


def test_a_version_without_its_module_is_an_error_for_that_version() -> None:
    files: dict[str, bytes | str] = {"python/a.cpython-313-x86_64-linux-gnu.so": elf_file()}
    (finding,) = found(files, "python3.12", "python3.13")
    assert finding.check == "python-extension"
    assert "none for `python3.12`" in finding.message


def test_what_holds_for_several_targets_is_said_once() -> None:
    files: dict[str, bytes | str] = {
        "python/a.so": elf_file(machine=AARCH64),
        "lib/b.so": elf_file(needed=["libno.so"]),
    }
    findings = found(files, "python3.12", "python3.13", "python3.14")
    assert [finding.check for finding in findings] == ["elf-architecture", "elf-libraries"]


def test_versions_of_packages_are_those_that_the_target_sees() -> None:
    old, new = SITE_PACKAGES.format("3.11"), SITE_PACKAGES.format("3.13")
    files: dict[str, bytes | str] = {f"{root}/six/a.so": elf_file(machine=AARCH64) for root in (old, new)}
    entries = Tree.of(entry._replace(package="six") for entry in tree(files))
    packages = [package("six", "1.17", new), package("six", "1.16", old)]
    subjects = layer_for("python3.11", "python3.13")
    findings = check_layer(entries, subjects, packages=packages, elf=facts(files))
    assert [finding.message.split(" has ")[0] for finding in findings] == ["`six` 1.16", "`six` 1.17"]


@pytest.mark.parametrize(
    ("library", "runpath", "checks"),
    [
        ("lib/libx.so.1", "", []),
        ("libx.so.1", "", ["elf-run-path"]),
        ("python/libs/libx.so.1", "$ORIGIN/../libs", []),
        ("python/libs/libx.so.1", "/opt/python/libs", []),
        ("python/libs/libx.so.1", "/var/task/python/libs", ["elf-run-path"]),
    ],
)
def test_libraries_are_found_below_opt(library: str, runpath: str, checks: list[str]) -> None:
    files: dict[str, bytes | str] = {
        "python/mine/a.so": elf_file(needed=["libx.so.1"], runpath=runpath),
        library: elf_file(),
    }
    assert [finding.check for finding in found(files)] == checks


# Where runtimes look


def test_a_layer_in_which_nobody_looks_is_a_warning() -> None:
    (finding,) = found({"six.py": b"", "numpy/__init__.py": b""}, "python3.12", "python3.13")
    assert (finding.severity, finding.check) == (Severity.WARNING, "layer-folders")
    assert finding.message == (
        "nothing in `shared` is where functions with `python3.12` and `python3.13` look for the files of layers"
    )
    assert finding.hint is not None
    assert "`python`" in finding.hint
    assert finding.hint.endswith('`source = { python = "FOLDER" }` puts a folder\'s files there')


def test_only_those_that_see_nothing_are_named() -> None:
    files: dict[str, bytes | str] = {f"{SITE_PACKAGES.format('3.12')}/six.py": b""}
    (finding,) = found(files, "python3.12", "python3.13", "nodejs22.x")
    assert "with `python3.13` and `nodejs22.x` look" in finding.message


@pytest.mark.parametrize("path", ["bin/tool", "lib/x.dat", "extensions/more/x", "python/x.py"])
def test_all_runtimes_look_in_some_folders(path: str) -> None:
    assert found({path: b""}) == []


def test_a_custom_runtime_looks_for_its_bootstrap() -> None:
    layer = with_modes({"bootstrap": EXECUTABLE})
    assert check_layer(layer, layer_for("provided.al2023"), packages=[], elf={}) == []
    layer = with_modes({"bootstrap": REGULAR})
    (finding,) = check_layer(layer, layer_for("provided.al2023"), packages=[], elf={})
    assert (finding.severity, finding.check) == (Severity.ERROR, "permissions")


def test_modules_out_of_place_are_a_note_when_others_are_in_theirs() -> None:
    files: dict[str, bytes | str] = {"python/six.py": b"", "ours/a.py": b"", "bin/tool.py": b"", "data.json": b""}
    (finding,) = found(files)
    assert (finding.severity, finding.check) == (Severity.NOTE, "layer-modules")
    assert (
        finding.message == "`shared` has `ours/a.py` outside of `python`, where `python3.13` does not look for modules"
    )


# Extensions and links


def test_extensions_have_to_be_executable() -> None:
    layer = with_modes({"extensions/agent": REGULAR, "extensions/other": EXECUTABLE, "extensions/shared/a.py": REGULAR})
    (finding,) = check_layer(layer, layer_for(PYTHON), packages=[], elf={})
    assert (finding.severity, finding.check) == (Severity.ERROR, "permissions")
    assert finding.message == "`shared` has `extensions/agent` among its extensions, which Lambda can't run"
    assert finding.details == ("extensions/agent: 0644",)


def test_ten_extensions_are_allowed() -> None:
    names = [f"extensions/agent{number:02}" for number in range(11)]
    for number, findings in ((10, []), (11, ["extensions-number"])):
        layer = with_modes(dict.fromkeys(names[:number], EXECUTABLE))
        assert [each.check for each in check_layer(layer, layer_for(PYTHON), packages=[], elf={})] == findings


def test_links_are_a_warning_and_broken_ones_an_error() -> None:
    files: dict[str, bytes | str] = {"lib/libx.so": "libx.so.1", "lib/libx.so.1": b"", "lib/gone": "nothing"}
    error, warning = found(files, "python3.12", "python3.13")
    assert (error.severity, error.check) == (Severity.ERROR, "links")
    assert error.details == ("lib/gone -> nothing is broken",)
    assert (warning.severity, warning.check) == (Severity.WARNING, "layer-links")
    assert warning.message == "the artifact has a link that Lambda may refuse in a layer"
    assert warning.details == ("lib/libx.so -> libx.so.1",)


def test_files_that_nobody_can_read_are_an_error() -> None:
    layer = with_modes({"python/a.py": 0o100600, f"{SITE_PACKAGES.format('3.8')}/b.py": 0o100600})
    (finding,) = check_layer(layer, layer_for("python3.12", "python3.13"), packages=[], elf={})
    assert finding.check == "permissions"
    assert len(finding.details) == 2
