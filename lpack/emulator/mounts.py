"""The file system of a sandbox: the function's own files, those of the system and of the language, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from ..clients import FOLDER
from .files import Folders
from .interpreters import Interpreter
from .surroundings import GROUP, LANGUAGE, LAYERS, TASK, USER, USER_NAME

RIE = "/usr/local/bin/aws-lambda-rie"
"""Where the emulator lies, as in AWS's base images."""

_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SETTINGS = (
    *("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "timezone", "locale.alias"),
    *("ssl/certs", "ssl/openssl.cnf", "pki", "ca-certificates", "crypto-policies", "nsswitch.conf", "host.conf"),
    *("resolv.conf", "hosts", "protocols", "services", "mime.types", "fonts"),
)
"""What libraries of the system read of /etc, and nothing that is anybody's own."""

_PASSWD = f"root:x:0:0::/root:/sbin/nologin\n{USER_NAME}:x:{USER}:{GROUP}::/tmp:/sbin/nologin\n"
_GROUP = f"root:x:0:\n{USER_NAME}:x:{GROUP}:\n"


@dataclass(frozen=True, slots=True)
class Files:
    """Files for the sandbox that are on no disk, by their descriptors, which are closed with the block."""

    numbers: list[int] = field(default_factory=list)

    def holding(self, text: str) -> str:
        """The descriptor of a file that holds the text."""
        number = os.memfd_create("lpack")
        self.numbers.append(number)
        os.write(number, text.encode())
        os.lseek(number, 0, os.SEEK_SET)
        return str(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for number in self.numbers:
            os.close(number)


def mounts(
    folders: Folders, interpreter: Interpreter | None, rie: Path, files: Files, *, storage: int
) -> Iterator[str]:
    """Bubblewrap's options for all of it; ``storage`` is the size of /tmp in MB."""
    yield from _system(files)
    yield from ("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev")
    yield from ("--perms", "1777", "--size", str(storage << 20), "--tmpfs", "/tmp")  # noqa: S108 -- the sandbox's own
    if interpreter:
        yield from _language(interpreter)
    yield from ("--ro-bind", str(folders.task), TASK, "--ro-bind", str(folders.layers), LAYERS)
    yield from ("--ro-bind", str(folders.runtime), FOLDER) if folders.runtime else ("--dir", FOLDER)
    yield from ("--ro-bind", str(rie), RIE)
    yield from ("--remount-ro", "/")


def _system(files: Files) -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr", "--tmpfs", "/usr/local")
    for name in _SYSTEM:
        place = Path("/", name)
        if place.is_symlink():
            yield from ("--symlink", str(place.readlink()), str(place))
        elif place.is_dir():
            yield from ("--ro-bind", str(place), str(place))
    for name in _SETTINGS:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    for place in sorted(Path("/etc").glob("java*")):  # where Debian's Java has its settings
        yield from ("--ro-bind", str(place), str(place))
    for text, file in ((_PASSWD, "/etc/passwd"), (_GROUP, "/etc/group")):
        yield from ("--perms", "0444", "--ro-bind-data", files.holding(text), file)


def _language(interpreter: Interpreter) -> Iterator[str]:
    """The language without the packages that its user has installed: those of the function are to be enough."""
    home = interpreter.home
    if not home.is_relative_to("/usr") or home.is_relative_to("/usr/local"):
        yield from ("--ro-bind", str(home), str(home))
    for folder in interpreter.hidden:
        yield from ("--tmpfs", str(folder))
    for name in interpreter.names:
        yield from ("--symlink", str(interpreter.program), f"{LANGUAGE}/bin/{name}")
