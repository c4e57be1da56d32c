from __future__ import annotations

import pytest
from check_samples import layer, native, subject
from elf_files import PROGRAM, elf_file

from lpack.check import LayerPart
from lpack.model import Severity


def needs(*libraries: str, runpath: str = "", rpath: str = "") -> bytes:
    return elf_file(needed=libraries, runpath=runpath, rpath=rpath)


def test_a_library_that_is_nowhere_is_an_error_with_a_way_out() -> None:
    (finding,) = native({"cv2/cv2.so": needs("libGL.so.1", "libc.so.6")}, packages={"cv2": "4.12"})
    assert (finding.severity, finding.check) == (Severity.ERROR, "elf-libraries")
    assert finding.message == "`cv2` 4.12 needs `libGL.so.1`, which is neither in the artifact nor in Amazon Linux 2023"
    assert finding.hint is not None
    assert finding.hint.endswith('`provided-libraries = ["libGL.so.1"]`')
    assert finding.details == ("libGL.so.1: needed by cv2/cv2.so",)


def test_a_package_that_does_without_is_offered() -> None:
    (finding,) = native({"opencv-python/cv2.so": needs("libGL.so.1")}, packages={"opencv-python": "4.12"})
    assert finding.hint == "use `opencv-python-headless` instead"


def test_all_that_a_package_misses_is_one_finding() -> None:
    files = {f"pkg/m{number}.so": needs("libX11.so.6", f"libx{number}.so.1") for number in range(20)}
    (finding,) = native(files, packages={"pkg": "1"})
    assert "`libX11.so.6`" in finding.message
    assert finding.details[0] == "libX11.so.6: needed by pkg/m0.so, pkg/m1.so, pkg/m2.so and 17 more"
    assert finding.details[-1] == "and 11 more"


def test_the_user_can_vouch_for_a_library() -> None:
    vouched = subject(provided_libraries=frozenset({"libGL.so.1"}))
    assert native({"x.so": needs("libGL.so.1")}, vouched) == []


def test_pythons_own_library_is_there() -> None:
    assert native({"bin/run": elf_file(kind=PROGRAM, needed=["libpython3.13.so.1.0"])}) == []
    assert len(native({"bin/run": elf_file(kind=PROGRAM, needed=["libpython3.12.so.1.0"])})) == 1
    assert len(native({"bin/run": elf_file(kind=PROGRAM, needed=["libpython3.13.so.1.0"])}, subject("nodejs24.x"))) == 1


def test_systems_differ() -> None:
    assert native({"x.so": needs("libssl.so.3")}) == []
    assert [finding.severity for finding in native({"x.so": needs("libssl.so.3")}, subject("python3.11"))] == [
        Severity.ERROR
    ]
    assert [finding.severity for finding in native({"x.so": needs("libssl.so.10")}, subject("python3.11"))] == [
        Severity.NOTE
    ]


def test_likely_libraries_are_one_note() -> None:
    files = {"a.so": needs("libz.so.1"), "b.so": needs("libz.so.1", "libexpat.so.1")}
    (finding,) = native(files, subject("python3.11"))
    assert (finding.severity, finding.check) == (Severity.NOTE, "elf-likely-libraries")
    assert finding.message == (
        "`libexpat.so.1` and `libz.so.1` are expected in Amazon Linux 2, but AWS does not promise it"
    )


def test_libraries_that_a_package_does_without_are_a_note() -> None:
    pool = {"numba/tbbpool.so": needs("libtbb.so.12")}
    assert [finding.check for finding in native(pool, packages={"numba": "0.68"})] == ["elf-optional-libraries"]


# Libraries in the artifact


@pytest.mark.parametrize(
    "files",
    [
        {"x.so": needs("liba.so.1"), "lib/liba.so.1": needs()},
        {"x.so": needs("liba.so.1"), "liba.so.1": needs()},
        {"pkg/x.so": needs("liba.so.1", runpath="$ORIGIN/../pkg.libs"), "pkg.libs/liba.so.1": needs()},
        {"pkg/x.so": needs("liba.so.1", rpath="/nowhere:${ORIGIN}"), "pkg/liba.so.1": needs()},
        {"pkg/x.so": needs("liba.so.1", runpath="/var/task/vendor"), "vendor/liba.so.1": needs()},
        {"x.so": needs("liba.so.1"), "lib/liba.so.1": "liba.so.1.2.3", "lib/liba.so.1.2.3": needs()},
        {"x.so": needs("lib/liba.so.1"), "lib/liba.so.1": needs()},
    ],
)
def test_the_loader_finds_it(files: dict[str, bytes | str]) -> None:
    assert native(files) == []


@pytest.mark.parametrize("runpath", ["", "$ORIGIN", "/opt/vendor", "$ORIGIN/../../vendor"])
def test_out_of_the_loaders_reach_is_a_note(runpath: str) -> None:
    files = {"pkg/x.so": needs("liba.so.1", runpath=runpath), "vendor/liba.so.1": needs()}
    (finding,) = native(files)
    assert (finding.severity, finding.check) == (Severity.NOTE, "elf-run-path")
    assert finding.details == ("vendor/liba.so.1: needed by pkg/x.so",)


def test_packages_may_load_their_libraries_by_hand() -> None:
    files = {"torch/x.so": needs("libcudart.so.12"), "nvidia/lib/libcudart-1a2b.so": elf_file(soname="libcudart.so.12")}
    assert native(files, packages={"torch": "2.9", "nvidia": "12"}) == []


def test_a_library_for_another_machine_does_not_count() -> None:
    files = {"x.so": needs("liba.so.1"), "lib/liba.so.1": elf_file(machine=183)}
    assert [finding.check for finding in native(files)] == ["elf-architecture", "elf-libraries"]


# Libraries in layers


ARN = "arn:aws:lambda:eu-west-1:123456789012:layer:theirs:3"


@pytest.mark.parametrize(
    ("runpath", "library"),
    [
        ("", "lib/liba.so.1"),
        ("/opt/python/libs", "python/libs/liba.so.1"),
        ("$ORIGIN/../../opt/x", "x/liba.so.1"),
    ],
)
def test_the_loader_looks_in_layers(runpath: str, library: str) -> None:
    files = {"x.so": needs("liba.so.1", runpath=runpath)}
    assert native(files, layers=[layer("one", {library: needs()})]) == []
    assert [finding.check for finding in native(files)] == ["elf-libraries"]


def test_packages_may_load_what_is_in_a_layer_by_hand() -> None:
    files = {"torch/x.so": needs("libcudart.so.12")}
    nvidia = layer("nvidia", {"python/nvidia/libcudart-1a2b.so": elf_file(soname="libcudart.so.12")}, {"nvidia": "12"})
    assert native(files, packages={"torch": "2.9"}, layers=[nvidia]) == []


def test_out_of_reach_in_a_layer_is_a_note_with_its_path() -> None:
    files = {"x.so": needs("liba.so.1", "libb.so.1"), "far/libb.so.1": needs()}
    findings = native(files, layers=[layer("one", {"vendor/liba.so.1": needs()})])
    assert sorted((finding.message, finding.details) for finding in findings) == [
        ("`liba.so.1` is in a layer, but not where the loader looks", ("/opt/vendor/liba.so.1: needed by x.so",)),
        ("`libb.so.1` is in the artifact, but not where the loader looks", ("far/libb.so.1: needed by x.so",)),
    ]


def test_only_what_the_function_could_load_counts() -> None:
    files = {"x.so": needs("liba.so.1")}
    foreign = layer("foreign", {"lib/liba.so.1": elf_file(machine=183)})
    unseen = layer("unseen", {"python/lib/python3.12/site-packages/liba.so.1": needs()})
    (finding,) = native(files, layers=[foreign, unseen])
    assert finding.message == (
        "the artifact needs `liba.so.1`, which is neither in the artifact, nor in its layers, nor in Amazon Linux 2023"
    )


def test_an_unknown_layer_may_have_it() -> None:
    (finding,) = native({"x.so": needs("liba.so.1")}, layers=[LayerPart(name=ARN, unzipped_size=1)])
    assert (finding.severity, finding.check) == (Severity.WARNING, "elf-libraries")
    assert finding.message == (
        "the artifact needs `liba.so.1`, which is neither in the artifact nor in Amazon Linux 2023, "
        f"but may be in `{ARN}`"
    )


def test_what_a_layer_lacks_is_not_the_functions_matter() -> None:
    assert native({"app.py": b""}, layers=[layer("one", {"lib/x.so": needs("libnowhere.so.1")})]) == []
