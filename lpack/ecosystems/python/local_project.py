"""The files of a local project that its wheel can be made from, and a copy of them to build in.

The user's folder is only read: build backends write into the folder that they build (`build/`, `*.egg-info`).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError
from ...processes import Result, run
from .build_system import build_system, version_is_in_history

_NEVER_SOURCES = {
    *(".git", ".hg", ".svn", ".bzr", "__pycache__", ".eggs", "node_modules", ".tox", ".nox"),
    *(".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"),
}
_OUTPUT_AT_THE_ROOT = {"build", "dist"}


class ProjectFile(NamedTuple):
    """A file of a project: its path in the project, where it is, and whether it may be executed."""

    path: str
    place: Path
    executable: bool


def project_files(folder: Path) -> tuple[ProjectFile, ...]:
    """What a wheel can be made from, sorted by the bytes of the path.

    All files, less those of version control, byte code, virtual environments, caches of known tools, `*.egg-info`, and
    `build` and `dist` at the root unless they are packages. Links are followed. InputError for what can't be read.
    """
    try:
        found = _walk(folder, "", (os.path.realpath(folder),))
        return tuple(sorted(found, key=lambda file: os.fsencode(file.path)))
    except OSError as error:
        raise InputError(f"`{error.filename}` can't be read: {error.strerror}") from error


def _walk(folder: Path, prefix: str, above: tuple[str, ...]) -> Iterator[ProjectFile]:
    with os.scandir(folder) as entries:
        for entry in entries:
            place = Path(entry.path)
            if entry.is_dir():
                real = os.path.realpath(place)
                # A link to a folder that it lies in would never end.
                if real not in above and not _left_out(place, at_the_root=not prefix):
                    yield from _walk(place, f"{prefix}{entry.name}/", (*above, real))
            elif entry.is_file() and entry.name not in _NEVER_SOURCES:
                yield ProjectFile(prefix + entry.name, place, bool(entry.stat().st_mode & 0o100))


def _left_out(folder: Path, *, at_the_root: bool) -> bool:
    name = folder.name
    if name in _NEVER_SOURCES or name.endswith(".egg-info") or (folder / "pyvenv.cfg").is_file():
        return True
    return at_the_root and name in _OUTPUT_AT_THE_ROOT and not (folder / "__init__.py").is_file()


def fingerprint(folder: Path, *, environ: Mapping[str, str]) -> bytes:
    """A digest of everything in a local project that can influence its wheel.

    Those are its files, the ignore files of the repository around it, and, where the version is made from the
    repository's history, the current commit and the tags.
    """
    digest = hashlib.sha256()
    for file in (*project_files(folder), *_ignore_files(folder)):
        mode = b"x" if file.executable else b"-"
        digest.update(b"%b\0%b%b" % (os.fsencode(file.path), mode, _sha256(file.place)))
    if version_is_in_history(build_system(folder), folder):
        for question in (("rev-parse", "HEAD"), ("for-each-ref", "refs/tags")):
            digest.update(_git(question, folder, environ).stdout.encode())
    return digest.digest()


def _sha256(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").digest()
    except OSError as error:
        raise InputError(f"`{file}` can't be read: {error.strerror}") from error


def copy_project(folder: Path, destination: Path, *, environ: Mapping[str, str]) -> Path:
    """Copy the project into the empty folder ``destination``, to be built there; where in it the project is.

    If the project is in a git repository, so is the copy: backends that ask git for the version, or for what is
    ignored, get the same answers. The copy's repository borrows the objects of the original, and writes nothing there.
    Without git, or with another version control system, a backend that asks for the version says itself what it lacks.
    """
    files = project_files(folder)
    top = _repository(folder)
    project = destination / folder.relative_to(top) if top else destination
    if top:
        _copy_history(folder, top, destination, files, environ)
    _copy((*files, *_ignore_files(folder)), project)
    return project


def copy_files(folder: Path, destination: Path) -> None:
    """Copy the files of a project alone, without those above it and its history."""
    _copy(project_files(folder), destination)


def _copy(files: Iterable[ProjectFile], destination: Path) -> None:
    destination.mkdir(parents=True, exist_ok=True)
    for file in files:
        copy = destination / file.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(file.place, copy)
        except OSError as error:
            raise InputError(f"`{file.place}` can't be copied: {error.strerror}") from error
        copy.chmod(0o755 if file.executable else 0o644)


def make_self_contained(project: Path, *, environ: Mapping[str, str]) -> Path:
    """Give a copy the objects that its repository borrows; the folder that holds all of it, project and history."""
    for folder in (project, *project.parents):
        borrowed = folder / ".git" / "objects" / "info" / "alternates"
        if borrowed.is_file():
            if _git(("repack", "-a", "-d", "-q"), folder, environ).exit_code == 0:
                borrowed.unlink()
            return folder
    return project


def _repository(folder: Path) -> Path | None:
    """The root of the git work tree that the folder is in."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)


def _ignore_files(folder: Path) -> tuple[ProjectFile, ...]:
    """The .gitignore files above the project, up to the repository's root."""
    top = _repository(folder)
    found = []
    if top:
        for depth, above in enumerate(folder.parents[: len(folder.relative_to(top).parts)], start=1):
            if (above / ".gitignore").is_file():
                found.append(ProjectFile("../" * depth + ".gitignore", above / ".gitignore", executable=False))
    return tuple(found)


def _copy_history(
    folder: Path, top: Path, destination: Path, files: Iterable[ProjectFile], environ: Mapping[str, str]
) -> None:
    """Clone the repository without its files, and tell git which of them are not missed.

    Tracked files that are not copied, or that are links, must not look deleted or changed: many backends mark the
    version of a changed work tree.
    """
    settings = ("--config=core.sparseCheckout=true", "--config=sparse.expectFilesOutsideOfPatterns=true")
    clone = ("clone", "--quiet", "--shared", "--no-checkout", *settings, str(top), str(destination))
    if _git(clone, top, environ).exit_code != 0:
        return
    project = "".join(f"{part}/" for part in folder.relative_to(top).parts)
    same = {project + file.path for file in files if not file.place.is_symlink()}
    tracked = _git(("ls-tree", "-r", "-z", "--name-only", "HEAD"), destination, environ).stdout.split("\0")
    missed = (path for path in tracked if path and path.startswith(project) and path not in same)
    there = (path for path in missed if os.path.lexists(top / path))
    patterns = [f"/{_escaped(project) or '*'}", *(f"!/{_escaped(path)}" for path in there)]
    sparse = destination / ".git" / "info" / "sparse-checkout"
    sparse.parent.mkdir(exist_ok=True)
    sparse.write_text("\n".join([*patterns, ""]), encoding="utf-8")
    _git(("read-tree", "HEAD"), destination, environ)
    _git(("sparse-checkout", "reapply"), destination, environ)


def _escaped(path: str) -> str:
    return re.sub(r"([\\*?\[ ])", r"\\\1", path)


def _git(arguments: tuple[str, ...], folder: Path, environ: Mapping[str, str]) -> Result:
    if not shutil.which("git", path=environ.get("PATH")):
        return Result(127, "", "")
    return run(["git", *arguments], folder=folder, environ=environ)
