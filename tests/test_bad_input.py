"""Whatever is wrong with what lpack is given: a message that names it, the next step, and the right exit code."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from command_line import Run
from in_process import lpack
from index_server import IndexServer, replaced

Project = Callable[[Mapping[str, str | bytes]], Path]
MakeWheel = Callable[..., Path]

FUNCTION = '[function.orders]\nruntime = "python3.13"\nhandler = "app.handler"\n'
CODE = "def handler(event, context): ...\n"
FILES: dict[str, str | bytes] = {"lpack.toml": FUNCTION, "app.py": CODE}
LOCAL = "--no-index\n--find-links ../wheels\n"


def errors(run: Run) -> str:
    """What a failed build says; it made no artifact, no traceback, and no bug of lpack's own."""
    assert run.exit_code != 0
    assert "Traceback" not in run.stderr
    assert "bug in lpack" not in run.stderr
    return run.stderr


# Configuration


@pytest.mark.parametrize(
    ("configuration", "message", "hint"),
    [
        ("[function.orders", "line 1, column 17: ", ""),
        (FUNCTION + "memory = 1\nmemory = 2\n", "line 5, column 1", ""),
        (FUNCTION + "handlr = 1\n", "`function.orders.handlr` is not known; did you mean `handler`?", ""),
        (FUNCTION.replace("3.13", "3.31"), "`python3.31`, which is not a Lambda runtime; did you mean `python3.", ""),
        (FUNCTION.replace("python3.13", "cobol"), "`cobol`, which is not a Lambda runtime; known runtimes are", ""),
        (FUNCTION + 'architecture = "amd64"\n', "is not a Lambda architecture; did you mean `x86_64`?", ""),
        (FUNCTION + 'source = "nowhere"\n', "nowhere`: no such file or directory", ""),
        (FUNCTION + 'requirements = "nope.txt"\n', "nope.txt`: no such file or directory", ""),
        (FUNCTION + 'memory = "lots"\n', "`function.orders.memory` must be a whole number, not a string", ""),
        (FUNCTION + "environment = { TABLE = 5 }\n", "`function.orders.environment.TABLE` must be a string", ""),
        ("", "there is no `[function.NAME]`", "add one"),
        ("[function.orders]\n", "`function.orders.runtime` is missing", ""),
        (FUNCTION.replace("python3.13", "ruby3.4"), "`ruby3.4`, which is not supported", ""),
        ("\xff", "is not UTF-8", "save the file as UTF-8"),
    ],
)
def test_a_configuration_with_a_mistake(project: Project, configuration: str, message: str, hint: str) -> None:
    run = lpack("build", folder=project({**FILES, "lpack.toml": configuration.encode("latin-1")}))
    assert run.exit_code == 2
    assert message in errors(run)
    assert hint in run.stderr


def test_all_mistakes_are_told_at_once(project: Project) -> None:
    configuration = '[defaults]\nmemry = 5\n[function.orders]\nruntime = "python3.31"\n'
    told = errors(lpack("build", folder=project({"lpack.toml": configuration})))
    assert "has 3 mistakes" in told
    assert all(each in told for each in ("`defaults.memry`", "`function.orders.runtime`", "`function.orders.handler`"))


def test_an_unknown_function(project: Project) -> None:
    run = lpack("build", "order", folder=project(FILES))
    assert run.exit_code == 2
    assert "error: `order` is not a function of" in errors(run)
    assert "hint: did you mean `orders`?" in run.stderr


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("memory = 64\n", "error: `memory = 64` is not possible\nhint: Lambda takes 128 to "),
        ("timeout = 901\n", "error: `timeout = 901` is not possible\nhint: Lambda takes 1 to 900 seconds"),
        ("ephemeral-storage = 1\n", "error: `ephemeral-storage = 1` is not possible"),
        ('environment = { AWS_REGION = "x" }\n', "error: Lambda sets `AWS_REGION` itself"),
        (f'environment = {{ SECRET = "{"x" * 5000}" }}\n', "bytes"),
    ],
)
def test_settings_that_lambda_would_refuse(project: Project, settings: str, message: str) -> None:
    run = lpack("build", folder=project({**FILES, "lpack.toml": FUNCTION + settings}))
    assert run.exit_code == 5
    assert message in errors(run)
    assert "xxxxx" not in run.stderr  # a variable's value may be a secret


# The function's own files


@pytest.mark.parametrize(
    ("handler", "message", "hint"),
    [
        ("app.handle", "`app.py` does not define `handle`", "did you mean `app.handler`?"),
        ("main.handler", "neither `main.py` nor `main/__init__.py` is there", "own modules are `app.py`"),
        ("deep.app.handler", "neither `deep/app.py` nor `deep/app/__init__.py` is there", "`app.py` is there"),
        ("handler", "is not of the form `module.function`", "write `app.handler`, say"),
    ],
)
def test_a_handler_that_is_not_there(project: Project, handler: str, message: str, hint: str) -> None:
    run = lpack("build", folder=project({**FILES, "lpack.toml": FUNCTION.replace("app.handler", handler)}))
    assert run.exit_code == 5
    assert message in errors(run)
    assert hint in run.stderr
    assert not (project({}) / "dist").exists()


def test_a_handler_that_is_not_python(project: Project) -> None:
    configuration = FUNCTION.replace("3.13", "3.11")  # which no Python that runs lpack is too old to read
    run = lpack("build", folder=project({"lpack.toml": configuration, "app.py": "def handler(:\n"}))
    assert run.exit_code == 5
    assert "error: `app.py`, line 1, the handler's module, is not valid Python" in errors(run)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere", "the link `link` is broken: it leads to `nowhere`"),
        ("..", "the link `link` leaves the source: it leads to `..`"),
        ("link", "the link `link` is broken"),
    ],
)
def test_links_that_lead_nowhere_or_outside(project: Project, target: str, message: str) -> None:
    folder = project(FILES)
    (folder / "link").symlink_to(target)
    run = lpack("build", folder=folder)
    assert run.exit_code == 1
    assert f"error: {message}" in errors(run)
    assert "exclude it" in run.stderr


def test_a_pattern_that_is_none(project: Project) -> None:
    run = lpack("build", folder=project({**FILES, ".lpackignore": "[\n!\n"}))
    assert run.exit_code in {0, 1, 2}
    assert "bug in lpack" not in run.stderr


# Requirements


def test_no_compatible_wheel(project: Project, make_wheel: MakeWheel) -> None:
    make_wheel("demo", "2.0", tag="cp313-cp313-win_amd64")
    make_wheel("demo", "1.0")
    run = lpack("build", folder=project({**FILES, "requirements.txt": LOCAL + "demo>=2\n"}))
    assert run.exit_code == 3
    told = errors(run)
    assert "`demo`" in told
    assert "python3.13 on x86_64" in told
    assert "1.0" in told  # which version has one
    assert "hint: " in told


def test_only_a_wheel_for_a_newer_glibc(project: Project, make_wheel: MakeWheel) -> None:
    make_wheel("demo", "2.0", tag="cp311-abi3-manylinux_2_28_x86_64")
    configuration = FUNCTION.replace("3.13", "3.11")
    run = lpack(
        "build", folder=project({"app.py": CODE, "lpack.toml": configuration, "requirements.txt": LOCAL + "demo"})
    )
    assert run.exit_code == 3
    assert "`demo`" in errors(run)
    assert "glibc 2.28" in run.stderr
    assert "python3.12" in run.stderr


def test_requirements_that_contradict_each_other(project: Project, make_wheel: MakeWheel) -> None:
    make_wheel("demo", "1.0", requires=["helper<2"])
    make_wheel("other", "1.0", requires=["helper>=2"])
    make_wheel("helper", "1.0")
    make_wheel("helper", "2.0")
    run = lpack("build", folder=project({**FILES, "requirements.txt": LOCAL + "demo\nother\n"}))
    assert run.exit_code == 3
    assert "error: the requirements of `orders` can't be met for python3.13 on x86_64" in errors(run)
    assert "demo" in run.stderr
    assert "other" in run.stderr
    assert "hint: " in run.stderr


@pytest.mark.parametrize(
    ("requirements", "exit_codes", "message"),
    [
        ("demo ==\n", {2, 3}, "demo =="),
        ("-r more.txt\n", {2, 3}, "more.txt"),
        ("nothing-of-this-name\n", {3}, "nothing-of-this-name"),
        ("./gone-1.0-py3-none-any.whl\n", {2, 3}, "gone"),
        (f"demo --hash=sha256:{'0' * 64}\n", {3}, "demo"),
    ],
)
def test_requirements_with_a_mistake(
    project: Project, make_wheel: MakeWheel, requirements: str, exit_codes: set[int], message: str
) -> None:
    make_wheel("demo", "1.0")
    run = lpack("build", folder=project({**FILES, "requirements.txt": LOCAL + requirements}))
    assert message in errors(run)
    assert run.exit_code in exit_codes


def test_a_package_to_leave_out_that_is_not_there(project: Project, make_wheel: MakeWheel) -> None:
    make_wheel("demo", "1.0")
    configuration = FUNCTION + 'exclude-packages = ["dmeo"]\n'
    run = lpack("build", folder=project({**FILES, "lpack.toml": configuration, "requirements.txt": LOCAL + "demo\n"}))
    assert run.exit_code == 2
    assert "error: `exclude-packages` names `dmeo`, which is not among the packages" in errors(run)
    assert "hint: did you mean `demo`?" in run.stderr


def test_a_lock_that_is_none(project: Project) -> None:
    run = lpack("build", folder=project({**FILES, "pylock.toml": 'lock-version = "9.0"\n'}))
    assert run.exit_code in {1, 2}
    assert "pylock.toml" in errors(run)


# Downloads


@pytest.fixture
def locked(index: IndexServer, project: Project, make_wheel: MakeWheel) -> tuple[Path, Path]:
    """A project that is locked to a wheel of the index, and the wheel."""
    wheel = make_wheel("demo", "1.0")
    folder = project({**FILES, "requirements.txt": f"--index-url {index.index_url}\ndemo\n"})
    assert lpack("lock", folder=folder).exit_code == 0
    return folder, wheel


def test_a_wheel_with_another_hash_than_the_lock_s(locked: tuple[Path, Path], index: IndexServer) -> None:
    folder, wheel = locked
    index.answers[wheel.name] = iter([replaced(b"something else")])
    run = lpack("build", folder=folder)
    assert run.exit_code == 1
    assert f"error: `{wheel.name}` from `{index.url}` has SHA-256 " in errors(run)
    assert f"but the lock says {hashlib.sha256(wheel.read_bytes()).hexdigest()}" in run.stderr
    assert "hint: someone replaced the file" in run.stderr


def test_a_wheel_that_is_gone(locked: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, wheel = locked
    monkeypatch.setenv("PIP_RETRIES", "0")
    wheel.unlink()
    run = lpack("build", folder=folder)
    assert run.exit_code == 3
    assert f"error: `{wheel.name}` can't be fetched from `" in errors(run)


# Wheels


def lock_to(wheel: Path) -> str:
    """A lock, PEP 751's, to a wheel that no resolver would have chosen."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return (
        'lock-version = "1.0"\ncreated-by = "tests"\n[[packages]]\nname = "demo"\nversion = "1.0"\n'
        f'[[packages.wheels]]\nname = "{wheel.name}"\npath = "../wheels/{wheel.name}"\n'
        f'hashes = {{ sha256 = "{digest}" }}\n'
    )


def build_with(project: Project, wheel: Path) -> Run:
    """Build a function whose lock asks for the wheel, and see that nothing of it stays."""
    folder = project({**FILES, "pylock.toml": lock_to(wheel)})
    run = lpack("build", folder=folder)
    assert not (folder / "dist").exists()
    assert {path.name for path in folder.iterdir()} == {"lpack.toml", "app.py", "pylock.toml"}
    assert {path.name for path in folder.parent.iterdir()} <= {"project", "wheels"}
    return run


class Members:
    """A wheel's bytes, to be changed in ways that no writer offers."""

    def __init__(self, wheel: Path) -> None:
        self.wheel = wheel

    def add(self, name: str, data: bytes = b"", *, method: int = zipfile.ZIP_STORED, mode: int = 0o100644) -> None:
        info = zipfile.ZipInfo(name)
        info.compress_type, info.create_system, info.external_attr = method, 3, mode << 16
        with zipfile.ZipFile(self.wheel, "a") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a name is there twice is what it is about
            archive.writestr(info, data)

    def patch(self, name: str, *, offset: int, value: bytes, local_offset: int | None = None) -> None:
        """Overwrite a field of the member's header in the directory, and in the local header where that has it."""
        data = bytearray(self.wheel.read_bytes())
        encoded = name.encode()
        central = data.rindex(encoded) - 46
        data[central + offset : central + offset + len(value)] = value
        if local_offset is not None:
            [local] = struct.unpack_from("<I", data, central + 42)
            data[local + local_offset : local + local_offset + len(value)] = value
        self.wheel.write_bytes(data)


def _leaves_the_root(wheel: Members) -> None:
    wheel.add("../../escaped.py")


def _absolute(wheel: Members) -> None:
    wheel.add("/etc/escaped.py")


def _twice(wheel: Members) -> None:
    wheel.add("demo.py", b"other\n")


def _bzip2(wheel: Members) -> None:
    wheel.add("packed.txt", b"text " * 100, method=zipfile.ZIP_BZIP2)


def _encrypted(wheel: Members) -> None:
    wheel.patch("demo.py", offset=8, local_offset=6, value=struct.pack("<H", 1))


def _smaller_than_said(wheel: Members) -> None:
    wheel.patch("demo.py", offset=24, local_offset=22, value=struct.pack("<I", 500))


def _larger_than_said(wheel: Members) -> None:
    wheel.patch("demo.py", offset=24, local_offset=22, value=struct.pack("<I", 3))


def _bomb(wheel: Members) -> None:
    """Gigabytes in the directory, of which a few bytes are there."""
    wheel.add("bomb.bin", b"\0" * 1000, method=zipfile.ZIP_DEFLATED)
    wheel.patch("bomb.bin", offset=24, local_offset=22, value=struct.pack("<I", 4_000_000_000))


def _device(wheel: Members) -> None:
    wheel.add("device", mode=0o020644)


def _wrong_checksum(wheel: Members) -> None:
    wheel.patch("demo.py", offset=16, local_offset=14, value=b"\1\2\3\4")


def _unlisted(wheel: Members) -> None:
    wheel.add("sneaked.py", b"import os\n")


def _cut(wheel: Members) -> None:
    data = wheel.wheel.read_bytes()
    wheel.wheel.write_bytes(data[: len(data) - 30])


def _no_zip(wheel: Members) -> None:
    wheel.wheel.write_bytes(b"<html>not found</html>")


def _overlapping(wheel: Members) -> None:
    """A member whose data is another member, header and all: how bombs multiply what they hold."""
    inner_local, inner_central = _one_member("inner", b"data")
    outer_local, outer_central = _one_member("outer", inner_local)
    start = struct.pack("<I", len(outer_local) - len(inner_local))
    central = outer_central + inner_central[:42] + start + inner_central[46:]
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 2, 2, len(central), len(outer_local), 0)
    wheel.wheel.write_bytes(outer_local + central + end)


def _one_member(name: str, data: bytes) -> tuple[bytes, bytes]:
    """A member with its header, and its entry in the directory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, data)
    written = buffer.getvalue()
    return written[: written.rindex(b"PK\1\2")], written[written.rindex(b"PK\1\2") : written.rindex(b"PK\5\6")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_leaves_the_root, ["../../escaped.py", "leaves the root"]),
        (_absolute, ["/etc/escaped.py", "is absolute"]),
        (_twice, ["`demo.py`", "twice"]),
        (_bzip2, ["`packed.txt`", "12"]),
        (_encrypted, ["`demo.py`", "encrypted"]),
        (_smaller_than_said, ["`demo.py`", "lies about"]),
        (_larger_than_said, ["`demo.py`", "lies about"]),
        (_bomb, ["`bomb.bin`", "lies about"]),
        (_device, ["`device`", "neither a file nor a"]),
        (_wrong_checksum, ["`demo.py`", "checksum"]),
        (_unlisted, ["`sneaked.py`", "its RECORD does not list"]),
        (_cut, ["is not a zip", "cut off"]),
        (_no_zip, ["is not a zip"]),
        (_overlapping, ["`inner`", "twice", "bomb"]),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_a_wheel_that_must_not_be_unpacked(
    project: Project, make_wheel: MakeWheel, change: Callable[[Members], None], words: list[str]
) -> None:
    wheel = make_wheel("demo", "1.0")
    change(Members(wheel))
    run = build_with(project, wheel)
    assert run.exit_code == 1
    told = errors(run)
    assert [word for word in ["demo-1.0-py3-none-any.whl", *words] if word not in told] == []


def test_a_wheel_of_another_platform(project: Project, make_wheel: MakeWheel) -> None:
    run = build_with(project, make_wheel("demo", "1.0", tag="cp313-cp313-win_amd64"))
    assert run.exit_code == 3
    assert "`demo`" in errors(run)
    assert "python3.13 on x86_64" in run.stderr


def test_a_wheel_of_another_python(project: Project, make_wheel: MakeWheel) -> None:
    run = build_with(project, make_wheel("demo", "1.0", tag="cp313-cp313t-manylinux_2_17_x86_64"))
    assert run.exit_code == 3
    assert "`demo`" in errors(run)


@pytest.fixture
def zips(project: Project) -> Path:
    folder = project(FILES)
    (folder / "x.zip").write_bytes(b"PK\5\6" + b"\0" * 18)
    return folder


def test_an_empty_zip_has_no_handler(zips: Path) -> None:
    run = lpack("check", "x.zip", "--runtime", "python3.13", "--handler", "app.handler", folder=zips)
    assert run.exit_code == 5
    assert "the artifact has no Python file of its own" in errors(run)
