"""The ELF check held against readelf and auditwheel, on real wheels for both architectures."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from check_samples import package, subject
from filelock import FileLock

from lpack.archive.zip_reader import read_zip
from lpack.check import check, elf_facts
from lpack.check.elf import ElfFacts
from lpack.model import Finding, Severity
from lpack.store import Store, replacing
from lpack.tree import REGULAR, Tree

pytestmark = [pytest.mark.network, pytest.mark.slow]

# Native code of many kinds: C, C++, Cython, Fortran, Rust, Go's cgo; vendored libraries, abi3, programs.
WHEELS = [
    "numpy==2.2.6",
    "pandas==2.2.3",
    "scipy==1.15.3",
    "cryptography==45.0.7",
    "pydantic-core==2.33.2",
    "psycopg-binary==3.2.10",
    "lxml==5.4.0",
    "pillow==11.3.0",
    "markupsafe==3.0.2",
    "grpcio==1.74.0",
    "greenlet==3.2.4",
    "bcrypt==4.3.0",
]
NOT_SOUND = ["lightgbm==4.6.0", "opencv-python==4.12.0.88"]
ARCHITECTURES = {"x86_64": "x86_64", "arm64": "aarch64"}


def fetched(requirement: str, architecture: str) -> Path:
    """The requirement's wheel for python3.13 on Lambda, downloaded once by pip into a folder beside the store."""
    machine = ARCHITECTURES[architecture]
    folder = Path(os.environ["LPACK_CACHE_DIR"]).with_name("elf-wheels") / machine / requirement
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{requirement}.lock")):
        if not folder.exists():
            platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(34, 16, -1)]
            platforms.append(f"manylinux2014_{machine}")
            tags = [f"--platform={platform}" for platform in platforms]
            tags += [f"--abi={abi}" for abi in ("cp313", "abi3", "none")]
            with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
                partial = Path(temporary, "wheel")
                command = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--python-version=3.13", *tags]
                subprocess.run([sys.executable, *command, "--quiet", "--dest", partial, requirement], check=True)
                partial.rename(folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(shared_folder: Path) -> Store:
    """One for all tests, so that each wheel's files are looked through once."""
    return Store(shared_folder / "elf-store")


@functools.cache
def unzipped(requirement: str, architecture: str) -> Tree:
    return read_zip(fetched(requirement, architecture))


def numbers(family: str, text: Iterable[str]) -> tuple[int, ...]:
    """The highest version of a family among symbol versions such as "GLIBC_2.17"."""
    found = [match[1] for name in text if (match := re.fullmatch(rf"{family}_(\d[\d.]*)", name))]
    return max((tuple(map(int, version.split("."))) for version in found), default=())


def as_readelf_says(paths: Sequence[Path]) -> list[ElfFacts]:
    """What one start of readelf says of several files."""
    # Where there is one file alone, readelf does not tell whose words these are: another follows, which is no ELF file.
    command = ["readelf", "-hldVW", *paths, os.devnull]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    parts = re.split(r"^File: (.+)$", said, flags=re.MULTILINE)
    assert parts[1::2][: len(paths)] == list(map(str, paths))
    return [_facts(part) for part in parts[2::2][: len(paths)]]


def _facts(said: str) -> ElfFacts:
    def tagged(tag: str) -> tuple[str, ...]:
        return tuple(re.findall(rf"\({tag}\) .*\[(.*)\]", said))

    versions = re.findall(r"Name: (\S+)  Flags: none", said.partition("Version needs section")[2])
    paths = tagged("RUNPATH") or tagged("RPATH")
    machine = {"Advanced Micro Devices X86-64": "EM_X86_64", "AArch64": "EM_AARCH64"}
    return ElfFacts(
        machine=machine[re.findall(r"Machine: +(.+)", said)[0]],
        bits=int(re.findall(r"Class: +ELF(\d+)", said)[0]),
        interpreter="".join(re.findall(r"Requesting program interpreter: (.+)\]", said)),
        soname="".join(tagged("SONAME")),
        needed=tagged("NEEDED"),
        run_paths=tuple(part for path in paths for part in path.split(":") if part),
        glibc=numbers("GLIBC", versions),
        glibcxx=numbers("GLIBCXX", versions),
        cxxabi=numbers("CXXABI", versions),
    )


@pytest.mark.needs("readelf")
@pytest.mark.parametrize("requirement", WHEELS + NOT_SOUND)
def test_readelf_says_the_same_of_every_file(requirement: str, architecture: str, store: Store, tmp_path: Path) -> None:
    tree = unzipped(requirement, architecture)
    files = {}
    for number, entry in enumerate(tree):
        data = entry.read()
        if data[:4] == b"\x7fELF":
            files[entry.path] = tmp_path / str(number)
            files[entry.path].write_bytes(data)
    found = elf_facts(tree, store)
    assert found
    assert found == dict(zip(files, as_readelf_says(list(files.values())), strict=True))


def as_auditwheel_says(wheel: Path) -> Any:
    """What auditwheel says of a wheel; asked once, as it takes seconds, and both are always the same."""
    answer = wheel.with_name(f"auditwheel-{version('auditwheel')}.json")
    with FileLock(wheel.with_name("auditwheel.lock")):
        if not answer.exists():
            command: list[str | Path] = [sys.executable, "-m", "auditwheel", "show", "--json", wheel]
            said = subprocess.run(command, capture_output=True, check=True).stdout
            json.loads(said)
            with replacing(answer) as file:
                file.write(said)
    return json.loads(answer.read_bytes())


# auditwheel demangles every symbol, which takes it a while on SciPy's hundred libraries.
@pytest.mark.parametrize("requirement", [each for each in WHEELS if not each.startswith("scipy")])
def test_auditwheel_needs_the_same_versions(requirement: str, architecture: str, store: Store) -> None:
    said = as_auditwheel_says(fetched(requirement, architecture))
    versions = [name for names in said["versioned_symbols"].values() for name in names]
    found = elf_facts(unzipped(requirement, architecture), store).values()
    assert max(facts.glibc for facts in found) == numbers("GLIBC", versions)
    assert max(facts.glibcxx for facts in found) == numbers("GLIBCXX", versions)
    assert max(facts.cxxabi for facts in found) == numbers("CXXABI", versions)


def findings_about(requirement: str, architecture: str, store: Store, runtime: str = "python3.13") -> list[Finding]:
    name, _, number = requirement.partition("==")
    entries = unzipped(requirement, architecture)
    tree = Tree.of(entry._replace(package=name, mode=REGULAR) for entry in entries)
    target = subject(runtime, architecture)
    return check(tree, target, packages=[package(name, number)], elf=elf_facts(tree, store))


@pytest.mark.parametrize("requirement", WHEELS)
def test_wheels_that_work_in_lambda_pass(requirement: str, architecture: str, store: Store) -> None:
    assert findings_about(requirement, architecture, store) == []


@pytest.mark.parametrize(
    ("requirement", "library", "way_out"),
    [
        ("lightgbm==4.6.0", "libgomp.so.1", "provided-libraries"),
        ("opencv-python==4.12.0.88", "libGL.so.1", "opencv-python-headless"),
    ],
)
def test_wheels_that_do_not_work_in_lambda_are_errors(
    requirement: str, library: str, way_out: str, architecture: str, store: Store
) -> None:
    (finding,) = findings_about(requirement, architecture, store)
    assert (finding.severity, finding.check) == (Severity.ERROR, "elf-libraries")
    assert library in finding.message
    assert finding.hint is not None
    assert way_out in finding.hint


@pytest.mark.parametrize("requirement", ["numpy==2.2.6", "markupsafe==3.0.2", "pydantic-core==2.33.2"])
def test_wheels_for_another_target_are_errors(requirement: str, store: Store) -> None:
    name, _, number = requirement.partition("==")
    tree = Tree.of(entry._replace(package=name) for entry in unzipped(requirement, "x86_64"))
    facts = elf_facts(tree, store)
    for runtime, architecture, rule in (
        ("python3.13", "arm64", "elf-architecture"),
        ("python3.12", "x86_64", "python-extension"),
    ):
        findings = check(tree, subject(runtime, architecture), packages=[package(name, number)], elf=facts)
        assert [(finding.severity, finding.check) for finding in findings] == [(Severity.ERROR, rule)]
