"""Builds that are interrupted, killed, run beside each other, or run out of disk: what is in place stays whole."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import pytest
from index_server import IndexServer, _Handler

from lpack.build import MANY
from lpack.record import read_record

pytestmark = pytest.mark.slow  # each starts several builds and ends them

Project = Callable[[Mapping[str, str | bytes]], Path]

LPACK = [sys.executable, "-m", "lpack"]
CODE = "def handler(event, context): ...\n"
FUNCTION = '[function.{name}]\nruntime = "python3.13"\nhandler = "app.handler"\nsource = "{name}"\n'


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*LPACK, "build", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def build(folder: Path, *arguments: str) -> None:
    process = start(folder, *arguments)
    _, told = process.communicate()
    assert process.returncode == 0, told


def assert_whole(artifact: Path) -> None:
    """The zip is whole, and the record beside it is its own."""
    with zipfile.ZipFile(artifact) as archive:
        assert archive.testzip() is None
    record = read_record(artifact)
    assert record is not None
    assert record.sha256 == sha256(artifact.read_bytes()).hexdigest()


# Interrupted by the user or the system


@pytest.fixture
def sending(index: IndexServer, make_wheel: Callable[..., Path]) -> Iterator[threading.Event]:
    """An index that has begun to send a wheel when the event is set, and takes its time for the rest."""
    begun, enough = threading.Event(), threading.Event()

    def trickle(handler: _Handler, data: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        for start in range(0, len(data), 1 << 18):
            handler.wfile.write(data[start : start + (1 << 18)])
            begun.set()
            if enough.wait(0.1):
                break

    for name in ("demo", "helper"):
        wheel = make_wheel(name, "1.0", {f"{name}.bin": random.Random(name).randbytes(8 << 20)}, method=0)
        index.answers[wheel.name] = iter([trickle] * 9)
    yield begun
    enough.set()


@pytest.mark.parametrize(
    ("functions", "number", "exit_code", "word"),
    [
        (["north"], signal.SIGINT, 130, "interrupted"),
        (["north", "east", "south"], signal.SIGINT, 130, "interrupted"),
        (["north", "east", "south"], signal.SIGTERM, 143, "terminated"),
        ([f"f{number}" for number in range(MANY)], signal.SIGINT, 130, "interrupted"),
        ([f"f{number}" for number in range(MANY)], signal.SIGTERM, 143, "terminated"),
    ],
    ids=["one function", "three functions", "SIGTERM", "many functions", "many functions, SIGTERM"],
)
def test_an_interrupted_build_leaves_nothing_half_made(
    functions: list[str],
    number: int,
    exit_code: int,
    word: str,
    *,
    index: IndexServer,
    sending: threading.Event,
    project: Project,
    store_folder: Path,
) -> None:
    configuration = "".join(FUNCTION.format(name=name) for name in functions)
    requirements = f"--index-url {index.index_url}\ndemo\nhelper\n"
    files = {f"{name}/app.py": CODE for name in functions}
    files |= {f"{name}/requirements.txt": requirements for name in functions}
    folder = project({"lpack.toml": configuration, **files})
    process = start(folder, "--json")
    assert sending.wait(30)
    process.send_signal(number)
    told, remark = process.communicate(timeout=20)
    assert process.returncode == exit_code
    assert remark == f"lpack: {word}\n"
    assert json.loads(told)["error"]["exit_code"] == exit_code
    assert not (folder / "dist").exists()
    assert not list(store_folder.glob("wheels/**/*.whl"))
    assert not list(store_folder.glob("tmp/*"))


# Killed


def _large_project(project: Project) -> Path:
    """One whose artifact takes a while to write: its files can't be compressed, and are all in the zip."""
    noise = random.Random(0)
    files = {f"north/data/{number}.bin": noise.randbytes(1 << 20) for number in range(24)}
    return project({"lpack.toml": FUNCTION.format(name="north"), "north/app.py": CODE, **files})


def test_a_killed_build_leaves_the_old_artifact_or_the_new_one(project: Project) -> None:
    folder = _large_project(project)
    artifact = folder / "dist" / "north.zip"
    build(folder)
    (folder / "north" / "app.py").write_text(f"{CODE}# again\n")
    started = time.monotonic()
    build(folder)  # with all that is packed in the store, as those that are killed
    duration = time.monotonic() - started
    complete = {sha256(artifact.read_bytes()).hexdigest()}
    chance = random.Random(1)
    interrupted = 0
    for turn in range(15):
        (folder / "north" / "app.py").write_text(f"{CODE}# {turn}\n")
        process = start(folder)
        time.sleep(chance.uniform(0.3, 1.0) * duration)
        process.kill()
        process.communicate()
        interrupted += process.returncode != 0
        with zipfile.ZipFile(artifact) as archive:
            assert archive.testzip() is None
        now = sha256(artifact.read_bytes()).hexdigest()
        if now not in complete:  # the new one: it is what an undisturbed build makes
            build(folder)
            assert sha256(artifact.read_bytes()).hexdigest() == now
            complete.add(now)
        assert {path.name for path in artifact.parent.iterdir() if not path.name.startswith(".")} == {
            "north.zip",
            "north.zip.json",
        }
    assert interrupted > 3
    build(folder)
    assert_whole(artifact)
    assert sorted(path.name for path in artifact.parent.iterdir()) == ["north.zip", "north.zip.json"]


LAYER = '[layer.shared]\nruntimes = ["python3.13"]\nsource = { python = "shared" }\n'


def test_a_build_that_is_killed_in_the_middle_of_a_layer_leaves_the_old_one(project: Project) -> None:
    noise = random.Random(7)
    files = {f"shared/data/{number}.bin": noise.randbytes(1 << 20) for number in range(24)}
    folder = project({"lpack.toml": LAYER, **files})
    artifact = folder / "dist" / "shared.zip"
    build(folder)
    old = artifact.read_bytes()
    (folder / "shared" / "new.py").write_text("")
    process = start(folder)
    while not list(artifact.parent.glob(".shared.zip.*.partial")):
        assert process.poll() is None, "it was too quick to be killed"
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert artifact.read_bytes() == old
    assert_whole(artifact)
    build(folder)
    assert_whole(artifact)
    assert artifact.read_bytes() != old
    assert sorted(path.name for path in artifact.parent.iterdir()) == ["shared.zip", "shared.zip.json"]


def test_a_build_that_is_killed_while_it_fills_the_store_does_no_harm(
    index: IndexServer, make_wheel: Callable[..., Path], project: Project, store_folder: Path
) -> None:
    noise = random.Random(2)
    names = [f"part{number}" for number in range(6)]
    for name in names:
        make_wheel(name, "1.0", {f"{name}.bin": noise.randbytes(3 << 20), f"{name}.txt": f"{name}\n" * 20_000})
    requirements = f"--index-url {index.index_url}\n" + "\n".join(names)
    files = {"lpack.toml": FUNCTION.format(name="north"), "north/app.py": CODE, "north/requirements.txt": requirements}
    folder = project(files)
    chance = random.Random(3)
    for _ in range(10):
        process = start(folder)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.2, 1.2))
        process.kill()
        process.communicate()
        for wheel in store_folder.rglob("wheels/**/*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                assert archive.testzip() is None
    build(folder)
    assert_whole(folder / "dist" / "north.zip")


# Beside each other


def test_builds_beside_each_other_share_store_and_output(
    project: Project, make_wheel: Callable[..., Path], store_folder: Path
) -> None:
    make_wheel("demo", "1.0", {"demo.txt": "demo\n" * 50_000})
    requirements = "--no-index\n--find-links ../../wheels\ndemo\n"
    files = {
        f"{name}/{file}": text
        for name in ("north", "east")
        for file, text in (("app.py", CODE), ("requirements.txt", requirements), ("text.txt", f"{name}\n" * 50_000))
    }
    configuration = "".join(FUNCTION.format(name=name) + 'layers = ["shared"]\n' for name in ("north", "east"))
    folder = project({"lpack.toml": configuration + LAYER, "shared/shared.py": "", **files})
    processes = [start(folder) for _ in range(4)]
    told = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0, 0], told
    names = ("east", "north", "shared")
    for name in names:
        assert_whole(folder / "dist" / f"{name}.zip")
    made = [f"{name}{end}" for name in names for end in (".zip", ".zip.json")]
    assert sorted(path.name for path in (folder / "dist").iterdir()) == made
    assert len(list(store_folder.rglob("*.whl"))) == 1
    assert not list(store_folder.glob("tmp/*"))


def test_of_different_builds_one_wins_whole(project: Project, tmp_path: Path) -> None:
    """Two checkouts that write to one place: the record is never the other's."""
    first = project({"lpack.toml": FUNCTION.format(name="north"), "north/app.py": CODE})
    second = tmp_path / "second"
    (second / "north").mkdir(parents=True)
    (second / "lpack.toml").write_text(FUNCTION.format(name="north"))
    (second / "north" / "app.py").write_text(CODE + "# second\n")
    output = tmp_path / "dist"
    processes = [start(folder, "-o", str(output)) for _ in range(3) for folder in (first, second)]
    told = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 6, told
    assert_whole(output / "north.zip")
    assert sorted(path.name for path in output.iterdir()) == ["north.zip", "north.zip.json"]


# Out of disk


Mounted = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def in_own_mounts() -> Mounted:
    """Runs a shell script where it may mount what it likes, and then `lpack build`; nobody else sees the mounts."""
    own_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    unshare = ["unshare", *own_user, "--mount"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount anything")

    def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
        command = [*unshare, "sh", "-eu", "-c", f'{script}\n"$@"', "sh", *LPACK, "build"]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    return run


@pytest.mark.needs("unshare", "mount")
def test_a_full_disk_leaves_the_old_artifact_whole(project: Project, in_own_mounts: Mounted) -> None:
    noise = random.Random(4)
    folder = project({"lpack.toml": FUNCTION.format(name="north"), "north/app.py": CODE})
    build(folder)
    (folder / "north" / "data.bin").write_bytes(noise.randbytes(200_000))
    script = """
        cp -r dist kept
        mount -t tmpfs -o size=100k tmpfs dist
        cp kept/* dist
        trap 'ls -A dist; cmp dist/north.zip kept/north.zip' EXIT
    """
    process = in_own_mounts(script, folder)
    assert process.returncode == 1
    assert f"error: `{folder / 'dist' / 'north.zip'}` can't be written: No space left on device" in process.stderr
    assert "hint: " in process.stderr
    assert process.stdout.split() == ["north.zip", "north.zip.json"]


@pytest.mark.needs("unshare", "mount")
def test_a_full_store_is_told(
    project: Project, make_wheel: Callable[..., Path], store_folder: Path, in_own_mounts: Mounted
) -> None:
    make_wheel("demo", "1.0", {"demo.bin": random.Random(5).randbytes(300_000)})
    requirements = "--no-index\n--find-links ../../wheels\ndemo\n"
    files = {"north/app.py": CODE, "north/requirements.txt": requirements}
    folder = project({"lpack.toml": FUNCTION.format(name="north"), **files})
    store_folder.mkdir()
    process = in_own_mounts(f"mount -t tmpfs -o size=200k tmpfs '{store_folder}'", folder)
    assert process.returncode == 1
    assert "full" in process.stderr
    assert "LPACK_CACHE_DIR" in process.stderr
    assert not (folder / "dist" / "north.zip").exists()


@pytest.mark.needs("unshare", "mount")
def test_a_read_only_output_folder_is_told(project: Project, in_own_mounts: Mounted) -> None:
    folder = project({"lpack.toml": FUNCTION.format(name="north"), "north/app.py": CODE, "dist/other": ""})
    process = in_own_mounts("mount --bind dist dist && mount -o remount,bind,ro dist", folder)
    assert process.returncode == 1
    assert f"error: `{folder / 'dist' / 'north.zip'}` can't be written: Read-only file system" in process.stderr
    assert "hint: choose another folder with `--output`" in process.stderr


@pytest.mark.needs("unshare", "mount")
def test_a_read_only_store_is_told(project: Project, store_folder: Path, in_own_mounts: Mounted) -> None:
    folder = project({"lpack.toml": FUNCTION.format(name="north"), "north/app.py": CODE})
    store_folder.mkdir()
    script = f"mount --bind '{store_folder}' '{store_folder}' && mount -o remount,bind,ro '{store_folder}'"
    process = in_own_mounts(script, folder)
    assert process.returncode == 1
    assert "Read-only file system" in process.stderr
    assert "LPACK_CACHE_DIR" in process.stderr
