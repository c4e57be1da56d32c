"""What is told of a build that failed in the container: what it lacked, and where all that it printed is."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TypeVar

from ..errors import LpackError
from ..store import Store

_Error = TypeVar("_Error", bound=LpackError)

_SIGNS = (
    (r"fatal error: ['\"]?([\w./+-]+)['\"]?(?:: No such file| file not found)", "the header `{}`"),
    (r"(?:cannot find|unable to find library|library not found for) -l([\w.+-]+)", "the library `{}`"),
    (r"Package '?([\w.+-]+)'?, required by|No package '([\w.+-]+)' found", "the library `{}`"),
    (r"Package ([\w.+-]+) was not found in the pkg-config search path", "the library `{}`"),
    (r"Could NOT find (\w+) \(missing:", "`{}`"),
    (r"Dependency \"?([\w.+-]+)\"? not found", "the library `{}`"),
    (r"([\w+-]*[_-]config) (?:executable )?(?:was )?not found", "the program `{}`"),
    (r"(?:: |line )\d+: ([\w.+-]+): (?:command )?not found", "the program `{}`"),
    (r"can't find Rust compiler|(cargo), the Rust package manager, is not installed", "the program `cargo`"),
    (r"unable to execute '?([\w.+-]+)'?: No such file", "the program `{}`"),
    (r"error: command '([\w.+-]+)' failed: No such file", "the program `{}`"),
    (r"Unknown compiler\(s\): \[\['?([\w.+-]+)", "the program `{}`"),
    (r"required library \"([\w.+-]+)\" could not be located", "the library `{}`"),
)
"""Patterns, and how messages call what their first group names."""

_PACKAGES = {
    "ffi.h": "libffi-devel",
    "libxml/xmlversion.h": "libxml2-devel",
    "libxslt/xsltconfig.h": "libxslt-devel",
    "openssl/ssl.h": "openssl-devel",
    "openssl/opensslv.h": "openssl-devel",
    "sodium.h": "libsodium-devel",
    "yaml.h": "libyaml-devel",
    "zlib.h": "zlib-devel",
    "sqlite3.h": "sqlite-devel",
    "jpeglib.h": "libjpeg-turbo-devel",
    "libpq-fe.h": "libpq-devel",
    "pg_config": "libpq-devel",
    "xml2-config": "libxml2-devel",
    "mysql_config": "mariadb-connector-c-devel",
    "xmlsec1": "xmlsec1-devel",
    "curl-config": "libcurl-devel",
    "gfortran": "gcc-gfortran",
    "g++": "gcc-c++",
    "gcc": "gcc",
    "cargo": "cargo",
    "cmake": "cmake",
}
"""Amazon Linux's packages of what is missed most."""


def explained(error: _Error, printed: str) -> _Error:
    """The error with a hint at what of the system the build lacked, as far as that shows in what was printed."""
    found = _lacking(printed)
    if not found:
        return error
    name, called = found
    package = _PACKAGES.get(name) or f"{re.sub(r'[.]h(pp)?$', '', name.rpartition('/')[2])}-devel"
    return _hinted(error, f'it lacks {called}: add the package that has it to [build], `packages = ["{package}"]` say')


def with_log(error: _Error, printed: str, store: Store) -> _Error:
    """The error with a hint at the file of the store in which all that was printed is kept."""
    return _hinted(error, f"all that the build printed is in `{keep_log(printed, store)}`")


def keep_log(printed: str, store: Store) -> Path:
    """The file of the store in which all that was printed is kept."""
    with store.temporary_folder() as folder:
        log = folder / "build.log"
        log.write_text(printed, encoding="utf-8")
        return store.keep("logs", hashlib.sha256(printed.encode()).digest(), log.name, log)


def _hinted(error: _Error, hint: str) -> _Error:
    return type(error)(error.message, hint="; ".join(filter(None, (hint, error.hint))), details=error.details)


def _lacking(printed: str) -> tuple[str, str] | None:
    for pattern, called in _SIGNS:
        if match := re.search(pattern, printed):
            name = next((group for group in match.groups() if group), "cargo")
            return name, called.format(name)
    return None
