"""npm: how it is run, in folders of lpack's own, and what of its words is worth repeating."""

from __future__ import annotations

import contextlib
import json
import os.path
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...download import redacted
from ...errors import LpackError, ResolveError, ToolError
from ...model import Host, Target
from ...processes import Result, run
from ...store import Store
from .lockfile import platform_of
from .manifests import PACKAGE, Manifest, local_places

_OLDEST = (10, 3)
"""The first version that knows --libc: https://github.com/npm/cli/pull/6914. Older ones pass over it in silence."""

_QUIET = ("--no-audit", "--no-fund", "--no-update-notifier", "--no-progress", "--no-color", "--loglevel=error")
_LAYOUT = ("--no-global", "--no-dry-run", "--install-strategy=hoisted", "--no-engine-strict")
"""What users may have set for their own machine, and what would give another tree, or none."""

OPTIONS = (*_QUIET, *_LAYOUT)
"""What npm is always told."""

_LEFT_OUT = re.compile(
    r"npm_config_(workspaces?|include_workspace_root|include|only|also|production|location|prefix|local_prefix)"
    r"|npm_(lifecycle|package|command)_?.*|INIT_CWD",
    re.IGNORECASE,
)
"""Set by npm where lpack is one of its scripts, or meant for the user's own installation."""

_RESOLVING = re.compile(
    r"E(RESOLVE|TARGET|OVERRIDE|40\d|5\d\d|INTEGRITY|NOVERSIONS|NOTFOUND|INVALIDPACKAGENAME|INVALIDTAGNAME"
    r"|AI_AGAIN|CONN\w+|TIMEDOUT|SOCKETTIMEDOUT|NOTCACHED|UNSUPPORTEDPROTOCOL|NEEDAUTH)|FETCH_ERROR|ERR_SOCKET_TIMEOUT"
    r"|\w*CERT\w*"
)
_PLATFORM = re.compile(r"Unsupported platform for (?P<package>\S+): wanted (?P<wanted>\{.*?\}) \(")
_INSTALL = "install Node.js 20.12 or newer, which brings npm, and see with `lpack doctor` whether it is found"


def node_programs(host: Host, needed_for: str) -> str:
    """Where npm is; ToolError when it, or Node.js, is not installed. ``needed_for`` ends a sentence."""
    path = host.environ.get("PATH")
    for program in ("node", "npm"):
        if not shutil.which(program, path=path):
            raise ToolError(f"`{program}` is not installed, and is needed to {needed_for}", hint=_INSTALL)
    return str(shutil.which("npm", path=path))


def node_version(host: Host) -> str:
    """The major version of the Node.js on this machine; "" when there is none."""
    program = shutil.which("node", path=host.environ.get("PATH"))
    if not program:
        return ""
    result = run([program, "--version"], folder=Path.cwd(), environ=host.environ)
    match = re.match(r"v(\d+)\.", result.stdout)
    return match[1] if match else ""


def run_npm(arguments: Sequence[str], folder: Path, host: Host, *, needed_for: str) -> Result:
    """Run npm in a folder, with the user's settings as far as they are about registries, network and cache."""
    npm = node_programs(host, needed_for)
    environ = {name: value for name, value in host.environ.items() if not _LEFT_OUT.fullmatch(name)}
    result = run([npm, *arguments, f"--prefix={folder}", *OPTIONS], folder=folder, environ=environ)
    if result.exit_code != 0:
        _refuse_old(npm, folder, host)
    return result


def _refuse_old(npm: str, folder: Path, host: Host) -> None:
    said = run([npm, "--version"], folder=folder, environ=host.environ).stdout.strip()
    match = re.match(r"(\d+)\.(\d+)", said)
    if match and (int(match[1]), int(match[2])) < _OLDEST:
        raise ToolError(f"npm {said} is too old: it can't install for other machines", hint=_INSTALL)


def platform_options(target: Target) -> tuple[str, ...]:
    """The options that make npm install for the target."""
    return tuple(f"--{key}={value}" for key, value in platform_of(target).items())


@contextlib.contextmanager
def staged(manifest: Manifest, lock: Mapping[str, Any], store: Store) -> Iterator[Path]:
    """A folder of lpack's own with what npm reads of a project: package.json files, the lock, and its settings."""
    local = local_places(manifest, lock)
    depth = max((path.split("/").count("..") for path in local), default=0)
    with store.temporary_folder() as folder:
        # npm asks for its folder's real path, and would take one that leads over a link for another project's.
        root = folder.resolve().joinpath(*(["above"] * depth), "project")
        try:
            _lay_out(manifest, lock, local, root)
        except OSError as error:
            raise LpackError(f"`{error.filename}` can't be copied: {error.strerror}") from error
        yield root


def _lay_out(manifest: Manifest, lock: Mapping[str, Any], local: Mapping[str, Path], root: Path) -> None:
    root.mkdir(parents=True)
    (root / PACKAGE).write_text(json.dumps(manifest.document), encoding="utf-8")
    if lock:
        (root / "package-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    settings = manifest.folder / ".npmrc"
    if settings.is_file():
        (root / ".npmrc").write_bytes(settings.read_bytes())
    for path, place in local.items():
        copy = Path(os.path.normpath(root / path))
        if place.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place, copy)
        elif (place / PACKAGE).is_file():
            copy.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place / PACKAGE, copy / PACKAGE)


def failure(result: Result, subject: str, lock: str) -> LpackError:
    """The error for what npm failed at, which it was asked for ``subject`` with the lock of that name."""
    said = what_npm_says(result)
    code = next((line.removeprefix("code ") for line in said if line.startswith("code ")), "")
    details = tuple(line for line in said if not line.startswith("code "))
    text = "\n".join(details)
    if platform := _PLATFORM.search(text):
        return ResolveError(
            f"`{platform['package']}` has no build for {subject}: it is for {platform['wanted']} only",
            hint="ask for another version or package, or leave it out with `exclude-packages`",
        )
    if code == "EUSAGE" and "in sync" in text:
        mismatches = tuple(line for line in details if line.startswith(("Invalid:", "Missing:")))
        return ResolveError(
            f"`{lock}` does not fit `{PACKAGE}`",
            hint=f"run `npm install --package-lock-only` beside `{lock}`, and commit it",
            details=mismatches or details,
        )
    if _RESOLVING.fullmatch(code):
        return ResolveError(f"npm can't get the packages for {subject} ({code})", details=details)
    return ToolError(f"npm failed for {subject}" + (f" ({code})" if code else ""), details=details)


def what_npm_says(result: Result) -> tuple[str, ...]:
    """The lines that npm printed, without its usage and what only means something to those who ran it themselves."""
    text = redacted(result.stderr.strip() or result.stdout.strip())
    lines = [re.sub(r"^npm (error|ERR!) ?", "", line).rstrip() for line in text.splitlines() if "npm warn" not in line]
    end = next((number for number, line in enumerate(lines) if line in {"Clean install a project", "Usage:"}), None)
    return tuple(line for line in lines[:end] if line and "complete log of this run" not in line)[-20:]
