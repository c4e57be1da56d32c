"""The hashes that requirements name: what is locked must be among them, which resolvers do not see to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import ResolveError
from .requirement_lines import Line

_HASH = re.compile(r"--hash[=\s]+(\w+):([0-9a-fA-F]+)")


def allowed_hashes(lines: Iterable[Line]) -> dict[str, frozenset[str]]:
    """For each project whose hashes are given, the SHA-256 (hex) that its files may have."""
    allowed: dict[str, frozenset[str]] = {}
    for line in lines:
        found = _HASH.findall(line.value)
        if found and line.name:
            digests = frozenset(digest.lower() for algorithm, digest in found if algorithm == "sha256")
            allowed[line.name] = allowed.get(line.name, frozenset()) | digests
    return allowed


def only_allowed(document: Mapping[str, Any], allowed: Mapping[str, frozenset[str]], subject: str) -> dict[str, Any]:
    """The lock without the files that are not allowed; ResolveError when a package has no other."""
    packages = [
        _only_allowed(package, allowed.get(package["name"]), subject) for package in document.get("packages", ())
    ]
    return {**document, "packages": packages}


def _only_allowed(package: Mapping[str, Any], allowed: frozenset[str] | None, subject: str) -> Mapping[str, Any]:
    if allowed is None:
        return package
    kept = {key: value for key, value in package.items() if key not in {"wheels", "sdist", "archive"}}
    wheels = [wheel for wheel in package.get("wheels", ()) if wheel.get("hashes", {}).get("sha256") in allowed]
    if wheels:
        kept["wheels"] = wheels
    for kind in ("sdist", "archive"):
        if kind in package and package[kind].get("hashes", {}).get("sha256") in allowed:
            kept[kind] = package[kind]
    if not kept.keys() & {"wheels", "sdist", "archive", "directory", "vcs"}:
        title = f"`{package['name']}` {package.get('version', '')}".rstrip()
        raise ResolveError(
            f"{title} has no file for the target whose hash is in {subject}",
            hint="add the hashes of its wheels for Linux (sha256), or find out who replaced the files",
        )
    return kept
