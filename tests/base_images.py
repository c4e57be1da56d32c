"""Images to build and run in, where no registry of images can be reached: Debian releases, by mmdebstrap.

Each is made when a test first asks for it. Its file system is kept under .cache/images, and the image in the engine, by
the hash of its recipe: the next run of the tests finds both. Nothing of this machine goes in; certificates and the like
are given to a container when it runs.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import subprocess
import tarfile
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import clean_roots
import docker_engine
import pytest
from filelock import FileLock

IMAGES = Path(os.environ.get("LPACK_TEST_IMAGES") or Path(__file__).parent.parent / ".cache" / "images").absolute()
REPOSITORY = "lpack-test-base"
HERE = "arm64" if platform.machine() == "aarch64" else "x86_64"

_FORMAT = 1
"""A new number when the same recipe is to make another image."""

_DEBIAN_NAMES = {"x86_64": "amd64", "arm64": "arm64"}
_NOT_NEEDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")

_CONFIGURED = (
    "--variant=minbase",
    # The packages of Java want to put links here, and fail where it is not there.
    '--essential-hook=mkdir -p "$1"/usr/share/man/man1',
    # Nothing is to be kept of how this machine reaches the mirror.
    '--customize-hook=cd "$1"/etc; rm -f apt/apt.conf.d/99mmdebstrap resolv.conf hostname',
)
_UNPACKED = (
    "--variant=extract",
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
)
_SHELL = ("base-files", "coreutils", "dash")
_TOOLS = (*_SHELL, "bash", "findutils", "grep", "gzip", "sed", "sysvinit-utils", "tar")

_PYTHON = ("python3", "python3-dev", "python3-pip", "python3-venv")
_COMPILER = ("gcc", "g++", "libc6-dev", "make")


@dataclass(frozen=True)
class Recipe:
    """What is in an image: a Debian release with packages, an architecture as Lambda calls it, and its settings.

    Of those that are not ``configured``, the packages are unpacked alone, which takes a few seconds: programs run, but
    nothing was done that packages do when they are installed; ``commands`` do what is missed, with the root in ``$1``.
    """

    release: str
    packages: tuple[str, ...] = ()
    architecture: str = HERE
    command: tuple[str, ...] = ("/bin/bash",)
    entrypoint: tuple[str, ...] = ()
    environment: tuple[str, ...] = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)
    folder: str = ""
    configured: bool = True
    commands: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name of what is made of it."""
        digest = hashlib.sha256(json.dumps([_FORMAT, asdict(self)]).encode()).hexdigest()
        return f"{self.release}-{_DEBIAN_NAMES[self.architecture]}-{digest[:16]}"


PLAIN = Recipe(
    "bookworm",
    _TOOLS,
    configured=False,
)
"""A shell and what it needs; the smallest that can run something."""

PYTHON = Recipe("trixie", (*_PYTHON, *_COMPILER, "cargo", "ca-certificates", "git"))
"""Python 3.13 with compilers, pip and venv, to build in."""

_CERTIFICATES = 'cat "$1"/usr/share/ca-certificates/mozilla/*.crt > "$1"/etc/ssl/certs/ca-certificates.crt'
_COMPILER_LINKS = 'cd "$1"/usr/bin && ln -s gcc cc && ln -s g++ c++'
_JAVA_LINKS = 'cd "$1"/usr/bin && ln -s ../lib/jvm/java-17-openjdk-*/bin/java java'
_JAVAC_LINKS = (
    f"{_JAVA_LINKS} && ln -s ../lib/jvm/java-17-openjdk-*/bin/javac javac && ln -s ../share/maven/bin/mvn mvn"
)

NODE = Recipe(
    "trixie",
    (*_TOOLS, "nodejs", "npm", "libnode-dev", "python3", *_COMPILER, "ca-certificates"),
    configured=False,
    commands=(_CERTIFICATES, _COMPILER_LINKS),
)
JAVA = Recipe(
    "bookworm",
    (*_TOOLS, "openjdk-17-jdk-headless", "maven", "ca-certificates"),
    configured=False,
    commands=(_CERTIFICATES, _JAVAC_LINKS),
)

TO_RUN = {
    "python": Recipe("bookworm", (*_SHELL, "python3", "libstdc++6", "zlib1g"), configured=False),
    "node": Recipe("trixie", (*_SHELL, "nodejs"), configured=False),
    "java": Recipe(
        "bookworm",
        (*_SHELL, "openjdk-17-jre-headless"),
        configured=False,
        commands=(_JAVA_LINKS,),
    ),
    "custom": PLAIN,
}
"""By the family: what runs its functions, and can build nothing."""


def needs(recipe: Recipe) -> list[pytest.MarkDecorator]:
    """The marks for a test that uses the image: ``pytestmark = base_images.needs(PLAIN)``."""
    emulator = clean_roots.emulator(recipe.architecture)
    return [pytest.mark.engine, pytest.mark.slow, pytest.mark.needs(*filter(None, ("mmdebstrap", emulator)))]


def image(recipe: Recipe) -> str:
    """The reference of the image in the engine, made if it is not there."""
    reference = f"{REPOSITORY}:{recipe.key}"
    if not _known(reference):
        IMAGES.mkdir(parents=True, exist_ok=True)
        with FileLock(IMAGES / f".{recipe.key}.lock"):
            if not _known(reference):
                _load(recipe, file_system(recipe), reference)
    return reference


def file_system(recipe: Recipe) -> Path:
    """The image's files as a tar, made if it is not there."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    tar = IMAGES / f"{recipe.key}.tar"
    with FileLock(IMAGES / f".{recipe.key}.tar.lock"):
        if not tar.is_file():
            partial = IMAGES / f".{recipe.key}.partial.tar"
            _run(
                [
                    *("mmdebstrap", "--quiet", "--format=tar"),
                    *(_CONFIGURED if recipe.configured else _UNPACKED),
                    *(f"--extract-hook={command}" for command in recipe.commands),
                    f"--architectures={_DEBIAN_NAMES[recipe.architecture]}",
                    *([f"--include={','.join(recipe.packages)}"] if recipe.packages else []),
                    *(f"--dpkgopt=path-exclude={path}" for path in _NOT_NEEDED),
                    '--aptopt=Acquire::Check-Valid-Until "false"',  # a mirror may be some days behind
                    '--aptopt=Acquire::Retries "5"',
                    recipe.release,
                    str(partial),
                ]
            )
            partial.rename(tar)
    return tar


def _known(reference: str) -> bool:
    with docker_engine.connected() as client:
        return bool(client.images.list(name=reference))


def _load(recipe: Recipe, file_system: Path, reference: str) -> None:
    """Bring the image into the engine as an archive of `docker load`: `docker import` mistakes the architecture."""
    with file_system.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    config = {
        "architecture": _DEBIAN_NAMES[recipe.architecture],
        "os": "linux",
        "config": {
            "Cmd": recipe.command,
            "Entrypoint": recipe.entrypoint or None,
            "Env": recipe.environment,
            "WorkingDir": recipe.folder,
            "Labels": {docker_engine.LABEL: "base"},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created_by": f"mmdebstrap {recipe.release}"}],
    }
    manifest = [{"Config": "config.json", "RepoTags": [reference], "Layers": ["layer.tar"]}]
    with tempfile.TemporaryFile(dir=IMAGES) as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            for name, document in (("manifest.json", manifest), ("config.json", config)):
                data = json.dumps(document).encode()
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
            archive.add(file_system, "layer.tar")
        file.seek(0)
        with docker_engine.connected() as client:
            client.images.load(file)


def _run(command: list[str]) -> None:
    process = subprocess.run(
        command, env=clean_roots.ENVIRON, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
