"""User names and passwords for indexes, as uv and pip take them; for fetching only, nothing that is kept holds them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ...download import Credential
from .pyproject import tables_in
from .requirement_lines import all_lines
from .requirements import PYPROJECT, Requirements, read_toml, table

_VARIABLES = (
    *("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"),
)
_URL = re.compile(r"(?:(?P<name>[\w.-]+)=)?(?P<url>[a-z][a-z0-9+.-]*://[^\s,;'\"\])}]+)")


def credentials(requirements: Requirements, environ: Mapping[str, str]) -> tuple[Credential, ...]:
    """The credentials in the URLs of requirements, of uv's settings and of uv's and pip's variables."""
    settings = list(_settings(requirements.folder, environ))
    texts = [
        # Few lines hold an address, and looking for one among the hashes of the others takes long.
        *(line.value for line in all_lines(requirements) if "://" in line.value or "${" in line.value),
        *(environ[name] for name in _VARIABLES if environ.get(name)),
        *(json.dumps(document, default=str) for document in settings),
    ]
    found: list[Credential] = []
    for text in texts:
        expanded = re.sub(r"\$\{(\w+)\}", lambda match: environ.get(match[1], match[0]), text)
        for match in _URL.finditer(expanded):
            found += _credentials(match["url"], *_of_index(match["name"], environ))
    for document in settings:
        for index in tables_in(document.get("index")) or tables_in(table(document, "tool", "uv").get("index")):
            found += _credentials(str(index.get("url", "")), *_of_index(index.get("name"), environ))
    return tuple(dict.fromkeys(found))


def _settings(folder: Path, environ: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The documents that uv reads its indexes from.

    Source: https://docs.astral.sh/uv/concepts/configuration-files/
    """
    home = f"{environ['HOME']}/.config" if environ.get("HOME") else ""
    files = [each / name for each in (folder, *folder.parents) for name in (PYPROJECT, "uv.toml")]
    files += [Path(each, "uv", "uv.toml") for each in (environ.get("XDG_CONFIG_HOME") or home, "/etc") if each]
    files += [Path(environ["UV_CONFIG_FILE"])] if environ.get("UV_CONFIG_FILE") else []
    yield from (read_toml(file) for file in files if file.is_file())


def _of_index(name: Any, environ: Mapping[str, str]) -> tuple[str, str]:
    """The credentials of an index by its name: UV_INDEX_<NAME>_USERNAME and _PASSWORD."""
    variable = "UV_INDEX_" + re.sub(r"[^A-Z0-9]", "_", str(name or "").upper())
    return environ.get(f"{variable}_USERNAME", ""), environ.get(f"{variable}_PASSWORD", "")


def _credentials(url: str, username: str, password: str) -> Iterator[Credential]:
    """The credentials for a URL and, as an index's files lie beside its pages, for the folders above it."""
    try:
        parts = urlsplit(url.removeprefix("git+"))
        port = f":{parts.port}" if parts.port else ""
    except ValueError:  # a host or port that can't be
        return
    username = username or unquote(parts.username or "")
    password = password or unquote(parts.password or "")
    if not parts.hostname or not (username or password):
        return
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    folders = parts.path.rstrip("/").split("/")
    for depth in range(len(folders), 0, -1):
        yield Credential(f"{parts.scheme}://{host}{port}{'/'.join(folders[:depth])}", username, password)
