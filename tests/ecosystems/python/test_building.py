from __future__ import annotations

import io
import os
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lpack.aws.architectures import ARM64
from lpack.aws.runtimes import runtime
from lpack.ecosystems.python.building import wheel_of_folder, wheel_of_sdist
from lpack.ecosystems.python.wheels import open_wheel
from lpack.errors import InputError, ResolveError, ToolError
from lpack.model import Host, Silent, Target
from lpack.store import Store, sha256_of

pytestmark = pytest.mark.slow  # each builds a wheel or more

TARGET = Target(runtime("python3.13"), ARM64)

BACKEND = '''
"""A build backend that needs nothing, and is as careless as one can be."""
import base64, hashlib, os, random, time, zipfile

NAME, TAG = os.environ.get("DEMO_WHEEL", "demo-1.0-py3-none-any").split("-1.0-")
INFO = f"{NAME}-1.0.dist-info"

def hashed(text):
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    print("building with https://ann:secret@index.invalid/simple")
    if "DEMO_FAILS" in os.environ:
        raise RuntimeError("no luck today")
    os.mkdir("build")
    open("build/leftover", "w").close()
    seen = "\\n".join(f"{key}={value}" for key, value in sorted(os.environ.items()))
    files = {
        "demo/__init__.py": open("demo/__init__.py").read(),
        "demo/run.sh": "#!/bin/sh",
        "demo/seen.txt": seen if "DEMO_SEES" in os.environ else "",
        "demo/large.txt": "".join(map(str, range(100_000))),
        f"{INFO}/METADATA": f"Metadata-Version: 2.1\\nName: {NAME}\\nVersion: 1.0\\n",
        f"{INFO}/WHEEL": f"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: {TAG}\\n",
    }
    files[f"{INFO}/RECORD"] = "".join(f"{name},{hashed(text)},\\n" for name, text in files.items())
    shuffled = list(files)
    random.Random(time.time()).shuffle(shuffled)
    name = f"{NAME}-1.0-{TAG}.whl"
    level = random.Random(time.time()).randrange(1, 10)
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w", zipfile.ZIP_DEFLATED, compresslevel=level) as wheel:
        for path in shuffled:
            entry = zipfile.ZipInfo(path, time.gmtime()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            umask = os.umask(0o077)
            os.umask(umask)
            entry.external_attr = ((0o777 if path.endswith(".sh") else 0o666) & ~umask | 0o100000) << 16
            wheel.writestr(entry, files[path])
    return name
'''
FILES = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "backend.py": BACKEND,
    "demo/__init__.py": "answer = 42\n",
}


class Listening(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.fixture
def store(store_folder: Path) -> Store:
    return Store(store_folder)


def wheel_of(sources: Path, store: Store, reporter: Silent | None = None, **environ: str) -> tuple[Path, bytes]:
    host = Host({**os.environ, **environ}, store.folder)
    reporter = reporter or Silent()
    if sources.is_dir():
        return wheel_of_folder(sources, name="demo", target=TARGET, store=store, host=host, reporter=reporter)
    return wheel_of_sdist(sources, name="demo", version="1.0", target=TARGET, store=store, host=host, reporter=reporter)


def listing(folder: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_local_project_becomes_a_wheel_and_its_folder_stays_as_it_was(
    project: Callable[..., Path], store: Store
) -> None:
    folder = project(FILES)
    before = listing(folder)
    file, sha256 = wheel_of(folder, store)
    assert file.name == "demo-1.0-py3-none-any.whl"
    assert sha256 == sha256_of(file)
    wheel = open_wheel(file, sha256, store)
    contents = {entry.path: (oct(entry.mode), entry.read()) for entry in wheel.entries}
    assert contents["demo/__init__.py"] == ("0o100644", b"answer = 42\n")
    assert contents["demo/run.sh"] == ("0o100755", b"#!/bin/sh")
    assert listing(folder) == before


def test_the_bytes_do_not_depend_on_time_order_compressor_or_umask(
    project: Callable[..., Path], tmp_path: Path
) -> None:
    folder = project(FILES)
    first = wheel_of(folder, Store(tmp_path / "first"))
    umask = os.umask(0o077)
    try:
        second = wheel_of(folder.rename(tmp_path / "elsewhere"), Store(tmp_path / "second"))
    finally:
        os.umask(umask)
    assert first[0].read_bytes() == second[0].read_bytes()
    assert first[1] == second[1]


def test_it_is_built_once_until_something_changes_or_the_kept_wheel_is_damaged(
    project: Callable[..., Path], store: Store
) -> None:
    folder, reporter = project(FILES), Listening()
    first, _ = wheel_of(folder, store, reporter)
    assert wheel_of(folder, store, reporter)[0] == first
    assert reporter.notes == [f"building a wheel of `demo` ({folder})"]
    first.write_bytes(first.read_bytes()[:100])
    assert wheel_of(folder, store, reporter)[1] == sha256_of(first)
    assert len(reporter.notes) == 2
    (folder / "demo" / "__init__.py").write_text("answer = 43\n")
    changed, _ = wheel_of(folder, store, reporter)
    assert len(reporter.notes) == 3
    wheel_of(folder, store, reporter, SETUPTOOLS_SCM_PRETEND_VERSION="2.0")
    assert len(reporter.notes) == 4
    assert zipfile.ZipFile(changed).read("demo/__init__.py") == b"answer = 43\n"


def test_two_builds_at_once_build_it_once(project: Callable[..., Path], store: Store) -> None:
    folder, reporter = project(FILES), Listening()
    builds = [threading.Thread(target=wheel_of, args=(folder, store, reporter)) for _ in range(2)]
    for build in builds:
        build.start()
    for build in builds:
        build.join()
    assert len(reporter.notes) == 1


def test_the_build_has_a_fixed_time_and_the_user_s_settings_but_not_those_of_a_git_hook(
    project: Callable[..., Path], store: Store
) -> None:
    index = "https://index.invalid"
    file, _ = wheel_of(project(FILES), store, DEMO_SEES="1", UV_INDEX_URL=index, GIT_DIR="/elsewhere", TZ="Asia/Tokyo")
    seen = zipfile.ZipFile(file).read("demo/seen.txt").decode().splitlines()
    assert "SOURCE_DATE_EPOCH=315532800" in seen
    assert "PYTHONHASHSEED=0" in seen
    assert "TZ=UTC" in seen
    assert f"UV_INDEX_URL={index}" in seen
    assert not any(line.startswith("GIT_DIR=") for line in seen)


@pytest.mark.parametrize("form", ["tar.gz", "zip"])
def test_a_source_distribution_becomes_a_wheel(tmp_path: Path, store: Store, form: str) -> None:
    sdist = tmp_path / f"demo-1.0.{form}"
    if form == "zip":
        with zipfile.ZipFile(sdist, "w") as archive:
            for name, text in FILES.items():
                archive.writestr(f"demo-1.0/{name}", text)
    else:
        with tarfile.open(sdist, "w:gz") as archive:
            for name, text in FILES.items():
                member = tarfile.TarInfo(f"demo-1.0/{name}")
                member.size, member.mtime = len(text), int(time.time())
                archive.addfile(member, io.BytesIO(text.encode()))
    file, sha256 = wheel_of(sdist, store)
    assert "demo/__init__.py" in {entry.path for entry in open_wheel(file, sha256, store).entries}


# What can't be built


def test_a_failing_build_shows_its_end_and_keeps_the_rest_without_passwords(
    project: Callable[..., Path], store: Store
) -> None:
    with pytest.raises(ToolError, match=r"`demo` \(.*project\) can't be built") as caught:
        wheel_of(project(FILES), store, DEMO_FAILS="1")
    assert "-m build --wheel" in caught.value.details[0]
    assert any("no luck today" in line for line in caught.value.details)
    (log,) = store.folder.glob("logs/*/*/build.log")
    assert f"`{log}`" in str(caught.value.hint)
    assert "building with https://index.invalid/simple" in log.read_text()
    assert not list(store.folder.glob("tmp/*"))


def test_native_code_that_shows_only_in_the_wheel_is_refused_without_building_it_again(
    project: Callable[..., Path], store: Store
) -> None:
    folder, reporter = project(FILES), Listening()
    for _ in range(2):
        with pytest.raises(ResolveError, match="holds native code") as caught:
            wheel_of(folder, store, reporter, DEMO_WHEEL="demo-1.0-cp311-cp311-linux_x86_64")
        assert "there is no wheel of it for python3.13 on arm64 (Amazon Linux 2023, glibc 2.34)" in caught.value.message
        assert "`exclude-packages`" in str(caught.value.hint)
    assert len(reporter.notes) == 1


def test_native_code_is_refused_before_it_is_compiled(project: Callable[..., Path], store: Store) -> None:
    files = {"pyproject.toml": '[build-system]\nrequires = ["maturin>=1"]\nbuild-backend = "maturin"', "src/lib.rs": ""}
    with pytest.raises(ResolveError, match=r"`demo` \(.*\) holds native code \(compiled by maturin\)"):
        wheel_of(project(files), store)


@pytest.mark.parametrize(
    ("wheel", "error", "fact"),
    [
        ("other-1.0-py3-none-any", InputError, "is another project: `other`"),
        ("demo-1.0-py2-none-any", ResolveError, "is not for python3.13 on arm64"),
        ("demo-1.0-nonsense", InputError, "makes a wheel of the wrong name"),
    ],
)
def test_a_wheel_that_is_not_what_was_asked_for_is_refused(
    project: Callable[..., Path], store: Store, wheel: str, error: type[Exception], fact: str
) -> None:
    with pytest.raises(error, match=fact):
        wheel_of(project(FILES), store, DEMO_WHEEL=wheel)


def test_a_folder_that_is_no_project_is_refused(project: Callable[..., Path], store: Store) -> None:
    with pytest.raises(InputError, match="is no Python project"):
        wheel_of(project({"demo.py": ""}), store)


# Real backends, from the package index


def built_by(backend: str, requirement: str, more: str = "") -> dict[str, str]:
    tables = f"""
        [project]
        name = "demo"
        version = "1.0"
        description = "A demo."
        [build-system]
        requires = ["{requirement}"]
        build-backend = "{backend}"
        {more}
    """
    return {"pyproject.toml": tables}


@pytest.mark.network
@pytest.mark.parametrize(
    "files",
    [
        {"setup.py": 'from setuptools import setup\nsetup(name="demo", version="1.0", packages=["demo"])'},
        built_by("setuptools.build_meta", "setuptools"),
        built_by("hatchling.build", "hatchling"),
        built_by("flit_core.buildapi", "flit_core"),
        built_by("uv_build", "uv_build", '[tool.uv.build-backend]\nmodule-root = ""'),
    ],
    ids=["setup.py", "setuptools", "hatchling", "flit", "uv"],
)
def test_a_real_backend_builds_and_leaves_the_folder_alone(
    project: Callable[..., Path], tmp_path: Path, files: dict[str, str]
) -> None:
    folder = project({**files, "demo/__init__.py": '"""Demo."""\n'})
    store, before = Store(tmp_path / "store"), listing(folder)
    file, sha256 = wheel_of(folder, store)
    wheel = open_wheel(file, sha256, store)
    assert (wheel.name, wheel.version) == ("demo", "1.0")
    assert "demo/__init__.py" in {entry.path for entry in wheel.entries}
    assert listing(folder) == before
