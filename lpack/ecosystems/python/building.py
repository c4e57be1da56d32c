"""Wheels made from source, once for each content, and with the same bytes on every machine.

`build` makes those without native code on the host. It can make no others, as the host is not the target:
``needs_compiler`` tells them by their sources, or the tag of the finished wheel does, and then a builder of ``native``
makes the wheel.
"""

from __future__ import annotations

import hashlib
import json
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ...archive.zip_reader import read_zip
from ...archive.zip_writer import LAYOUT, write_zip
from ...download import redacted
from ...errors import InputError, LpackError, ResolveError, ToolError
from ...model import Host, Reporter, Target
from ...processes import run, shown
from ...store import Store, damaged, sha256_of
from ...tree import EXECUTABLE, REGULAR, DiskFile, Entry, Tree
from .build_system import may_compile, needs_compiler
from .local_project import copy_project, fingerprint
from .native import Builder, Job, Native, refusal
from .proving import prove
from .requirements import normalised
from .sdists import unpack_sdist
from .tags import wheel_tags
from .uv import uv_environment

_KIND = "built"
_HOLDS_NATIVE_CODE = "native-code-1"
"""The kind of the notes that tell by which sign sources were found to hold native code."""

_FORMAT = 1
"""A new number when the same sources are to make other wheels."""

_FIXED = {"SOURCE_DATE_EPOCH": "315532800", "PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
"""The time is 1980-01-01, the first day that a zip can hold."""

_GIT_HOOK_VARIABLES = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"}
"""Set where lpack is run by a hook of git; they would lead a backend's git to another repository."""

_VERSION_VARIABLES = ("SETUPTOOLS_SCM_", "PBR_", "POETRY_DYNAMIC_VERSIONING_", "PDM_BUILD_SCM_")
"""With these, users give a version to backends that would take it from a repository's history."""


@dataclass(frozen=True, slots=True)
class _Sources:
    """A project to build: its name, how messages call it, and what lays its files out in an empty folder."""

    name: str
    title: str
    lay_out: Callable[[Path], Path]


class _NativeCodeError(Exception):
    """Sources turned out to hold native code; ``sign`` says by what, ``certain`` whether there is no way without."""

    def __init__(self, sign: str, *, certain: bool = True) -> None:
        super().__init__(sign)
        self.sign = sign
        self.certain = certain


def wheel_of_folder(  # noqa: PLR0913 -- the project, the target, and lpack's companions
    folder: Path,
    *,
    name: str,
    target: Target,
    store: Store,
    host: Host,
    reporter: Reporter,
    native: Native | None = None,
) -> tuple[Path, bytes]:
    """The wheel of a local project in the store, and its SHA-256; built if the store has none of these files.

    The folder itself is not written to. ResolveError when the project does not fit the target, or holds native code
    that nobody can build; ToolError when it can't be built, InputError when it is not the project ``name``.
    """
    folder = folder.absolute()
    environ = _environment(host)
    sources = _Sources(name, f"`{name}` ({folder})", lambda place: copy_project(folder, place, environ=environ))
    key = _key(fingerprint(folder, environ=environ), environ)
    return _Wheels(target, store, environ, reporter, native).wheel(sources, key)


def wheel_of_sdist(  # noqa: PLR0913 -- as for a folder, and the version
    sdist: Path,
    *,
    name: str,
    version: str,
    target: Target,
    store: Store,
    host: Host,
    reporter: Reporter,
    native: Native | None = None,
) -> tuple[Path, bytes]:
    """The wheel of a source distribution in the store, and its SHA-256; built if the store has none.

    ResolveError when it does not fit the target, or holds native code that nobody can build; ToolError when it can't be
    built, InputError when it is broken or not the project ``name``.
    """
    environ = _environment(host)
    title = f"the source distribution of `{name}` {version}".rstrip()
    sources = _Sources(name, title, lambda place: unpack_sdist(sdist, place))
    key = _key(sha256_of(sdist), environ)
    return _Wheels(target, store, environ, reporter, native).wheel(sources, key)


def _environment(host: Host) -> dict[str, str]:
    environ = {name: value for name, value in uv_environment(host).items() if name not in _GIT_HOOK_VARIABLES}
    return {**environ, **_FIXED}


def _key(content: bytes, environ: Mapping[str, str]) -> bytes:
    """What decides about a wheel's bytes; the backend's version does not, or a wheel would never be kept for long."""
    import cramjam
    import deflate

    made_by = (_FORMAT, LAYOUT, deflate.__version__, cramjam.__version__, sys.version_info[:2])
    versions = [(name, value) for name, value in sorted(environ.items()) if name.startswith(_VERSION_VARIABLES)]
    parts = (made_by, content.hex(), versions)
    return hashlib.sha256(json.dumps(parts).encode()).digest()


def _native_key(key: bytes, builder: Builder, target: Target) -> bytes:
    made_by = (key.hex(), str(target), builder.name, builder.settings)
    return hashlib.sha256(json.dumps(made_by).encode()).digest()


@dataclass(frozen=True, slots=True)
class _Wheels:
    target: Target
    store: Store
    environ: Mapping[str, str]
    reporter: Reporter
    native: Native | None

    def wheel(self, sources: _Sources, key: bytes) -> tuple[Path, bytes]:
        """The wheel of the sources, whose content has that key, and its SHA-256; built if there is none yet."""
        note = self.store.note(_HOLDS_NATIVE_CODE, key.hex())
        if self.native and self.native.builds_all and not self.kept(key):
            note = {"sign": 'all is built in the container, by `backend = "container"`', "certain": True}
        if not note or not (note["certain"] or self.kept_native(key) or self.can_build):
            try:
                return self.once(sources, key, None)
            except _NativeCodeError as found:
                note = {"sign": found.sign, "certain": found.certain}
                self.store.make_note(_HOLDS_NATIVE_CODE, key.hex(), note)
        builder = self.kept_native(key) or (self.native.able(self.target) if self.native else ())
        if isinstance(builder, tuple):
            raise refusal(sources.title, note["sign"], self.target, builder)
        return self.once(sources, _native_key(key, builder, self.target), builder)

    def kept_native(self, key: bytes) -> Builder | None:
        """The first builder whose wheel of the sources is kept already."""
        builders = self.native.builders(self.target) if self.native else ()
        return next((each for each in builders if self.kept(_native_key(key, each, self.target))), None)

    @property
    def can_build(self) -> bool:
        """Whether anybody can make wheels with native code."""
        return self.native is not None and self.native.can_build(self.target)

    def once(self, sources: _Sources, key: bytes, builder: Builder | None) -> tuple[Path, bytes]:
        """The wheel that is kept under ``key``, built if there is none: by ``builder``, or without one on the host."""
        wheel = self.kept(key)
        if not wheel:
            with self.store.lock(key.hex()):
                wheel = self.kept(key)
                if not wheel:
                    wheel = self.build(sources, key, builder)
        _check(wheel[0], sources, self.target, builder)
        return wheel

    def kept(self, key: bytes) -> tuple[Path, bytes] | None:
        note = self.store.note(_KIND, key.hex())
        if not note:
            return None
        sha256 = bytes.fromhex(note["sha256"])
        file = self.store.find(_KIND, key, note["name"])
        return (file, sha256) if file and not damaged(file, sha256) else None

    def build(self, sources: _Sources, key: bytes, builder: Builder | None) -> tuple[Path, bytes]:
        """Build the wheel and keep it."""
        by = f" ({builder.name})" if builder else ""
        self.reporter.note(f"building a wheel of {sources.title}{by}")
        try:
            with self.store.temporary_folder() as folder:
                file, sha256 = _canonical(self.run_build(sources, key, folder, builder), folder, self.store)
                if builder:
                    prove(file, name=sources.name, title=sources.title, target=self.target, store=self.store)
                place = self.store.keep(_KIND, key, file.name, file)
        except OSError as error:
            raise LpackError(f"{sources.title} can't be built: {error.strerror or error}") from error
        self.store.make_note(_KIND, key.hex(), {"name": file.name, "sha256": sha256.hex()})
        return place, sha256

    def run_build(self, sources: _Sources, key: bytes, folder: Path, builder: Builder | None) -> Path:
        """The wheel as the backend makes it, in an empty folder."""
        # Backends look for a repository and its ignore files in the folders above: here they must come to an end.
        (folder / ".git").mkdir()
        project = sources.lay_out(folder / "sources")
        if not any((project / file).is_file() for file in ("pyproject.toml", "setup.py")):
            raise InputError(f"{sources.title} is no Python project: it has neither pyproject.toml nor setup.py")
        made = folder / "made"
        made.mkdir()
        environ = {**self.environ, "GIT_CEILING_DIRECTORIES": str(folder)}
        if builder:
            failed = partial(self.failed, sources, key)
            return builder.make(Job(sources.title, project, made, self.target, environ, self.reporter, failed))
        if tool := needs_compiler(project):
            raise _NativeCodeError(f"compiled by {tool}")
        if (sign := may_compile(project)) and self.can_build:
            raise _NativeCodeError(sign, certain=False)
        command = [sys.executable, "-m", "build", "--wheel", "--installer=uv", f"--outdir={made}", str(project)]
        # It runs in a folder without modules, as Python looks there first.
        result = run(command, folder=made, environ=environ)
        wheels = list(made.glob("*.whl"))
        if result.exit_code != 0 or len(wheels) != 1:
            raise self.failed(sources, key, f"{shown(command)}\n\n{result.stdout}\n{result.stderr}")
        return wheels[0]

    def failed(self, sources: _Sources, key: bytes, printed: str) -> ToolError:
        """The error, with the command and the end of what the build printed; all of it is kept in the store."""
        with self.store.temporary_folder() as folder:
            log = folder / "build.log"
            log.write_text(redacted(printed), encoding="utf-8")
            kept = self.store.keep("logs", key, log.name, log)
        command, *lines = (line for line in redacted(printed).splitlines() if line.strip())
        return ToolError(
            f"{sources.title} can't be built",
            hint=f"all that the build printed is in `{kept}`",
            details=[command, *lines[-15:]],
        )


def _canonical(wheel: Path, folder: Path, store: Store) -> tuple[Path, bytes]:
    """The same wheel with bytes that depend on its files alone: the backend packed it with the host's zlib."""
    entries = []
    for number, entry in enumerate(read_zip(wheel)):
        if stat.S_ISLNK(entry.mode):
            raise InputError(f"`{wheel.name}` holds a link, `{entry.path}`")
        unpacked = folder / "members" / str(number)
        unpacked.parent.mkdir(exist_ok=True)
        with unpacked.open("wb") as file:
            file.writelines(entry.source.chunks())
        mode = EXECUTABLE if entry.mode & 0o100 else REGULAR
        entries.append(Entry(entry.path, mode, DiskFile(unpacked, entry.source.size, entry.source.sha256)))
    canonical = folder / "canonical" / wheel.name
    written = write_zip(Tree.of(entries), canonical, store=store)
    return canonical, bytes.fromhex(written.sha256)


def _check(wheel: Path, sources: _Sources, target: Target, builder: Builder | None) -> None:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        name, _, _, tags = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename as error:
        raise InputError(f"{sources.title} makes a wheel of the wrong name, `{wheel.name}`: {error}") from error
    if name != normalised(sources.name):
        raise InputError(f"{sources.title} is another project: `{name}`", hint="correct its name where it is required")
    if not builder and any(tag.platform != "any" for tag in tags):
        raise _NativeCodeError(f"its wheel is `{wheel.name}`")
    if tags.isdisjoint(wheel_tags(target)):
        raise ResolveError(f"{sources.title} is not for {target}: its wheel is `{wheel.name}`")
