"""What a Python function asks for: where its requirements stand, and what they say."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import tomli

from ...config import Function
from ...download import Credential, redacted
from ...errors import InputError, UsageError
from ...model import Target

Kind = Literal["nothing", "list", "requirements", "pyproject", "pylock", "uv", "poetry"]

LOOKED_FOR = ("pylock.toml", "uv.lock", "poetry.lock", "requirements.txt", "pyproject.toml")
"""In this order, in the function's source."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """What to resolve: a file of some kind, or a list of specifiers; ``folder`` is what relative paths start from."""

    kind: Kind
    folder: Path
    file: Path | None = None
    specifiers: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def is_lock(self) -> bool:
        """Whether another tool has resolved it: read, never replaced."""
        return self.kind in {"pylock", "uv", "poetry"}


def requirements_of(function: Function, project: Path) -> Requirements:
    """The function's requirements: what its configuration names, else the first file known in its source."""
    extras, groups = function.extras, function.groups
    asked = function.requirements
    if isinstance(asked, tuple):
        return Requirements("list", project, specifiers=asked)
    if asked is not None:
        return Requirements(_kind(asked), asked.parent, asked, extras=extras, groups=groups)
    for name in LOOKED_FOR:
        file = function.source / name
        if file.is_file() and not (name == "pyproject.toml" and "project" not in read_toml(file)):
            return Requirements(_kind(file), function.source, file, extras=extras, groups=groups)
    return Requirements("nothing", project)


def _kind(file: Path) -> Kind:
    match file.name:
        case "pyproject.toml":
            return "pyproject"
        case "uv.lock":
            return "uv"
        case "poetry.lock":
            return "poetry"
        case name if re.fullmatch(r"pylock(\.[^.]+)?\.toml", name):
            return "pylock"
        case name if name.endswith((".txt", ".in")):
            return "requirements"
    raise UsageError(
        f"`{file.name}` is no requirements file that lpack knows",
        hint="use requirements.txt (or another .txt or .in), pyproject.toml, pylock.toml, uv.lock or poetry.lock",
    )


def read_toml(file: Path) -> dict[str, Any]:
    """The TOML document; InputError when it is none."""
    try:
        with file.open("rb") as stream:
            return tomli.load(stream)
    except OSError as error:
        raise InputError(f"`{file}` can't be read: {error.strerror}") from error
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"`{file}` is not TOML: {error}") from error


# Requirement files


@dataclass(frozen=True, slots=True)
class Line:
    """A logical line of a requirements file: an option with its value, or (with an empty option) a requirement."""

    option: str
    value: str


_OPTION_NAMES = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-i": "--index-url",
    "-f": "--find-links",
}


def lines_of(file: Path) -> list[Line]:
    """The logical lines of one requirements file, without comments; UsageError when it can't be read.

    Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"`{file}` does not exist", hint="mend the path, or make the file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"`{file}` can't be read: {error}") from error
    return lines_in(text)


def lines_in(text: str) -> list[Line]:
    """The logical lines of a requirements file's text."""
    joined = re.sub(r"\\\r?\n", " ", text)
    return [_line(stripped) for raw in joined.splitlines() if (stripped := re.sub(r"(^|\s)#.*$", "", raw).strip())]


def _line(text: str) -> Line:
    if not text.startswith("-"):
        return Line("", text)
    option, _, value = text.partition("=" if "=" in text.split(maxsplit=1)[0] else " ")
    if option[:2] in _OPTION_NAMES and not option.startswith("--") and len(option) > 2:
        option, value = option[:2], option[2:] + value
    return Line(_OPTION_NAMES.get(option, option), value.strip())


def all_lines(requirements: Requirements) -> Iterator[tuple[Path, Line]]:
    """Every line, with the folder of its file, of the requirements and all files that they include."""
    if requirements.kind == "list":
        yield from ((requirements.folder, _line(specifier)) for specifier in requirements.specifiers)
    elif requirements.kind == "requirements" and requirements.file:
        yield from _included(requirements.file, set())


def _included(file: Path, seen: set[Path]) -> Iterator[tuple[Path, Line]]:
    if file.resolve() in seen:
        return
    seen.add(file.resolve())
    for line in lines_of(file):
        yield file.parent, line
        if line.option in {"--requirement", "--constraint"} and "://" not in line.value:
            yield from _included(file.parent / line.value, seen)


# What they say


def fingerprint(requirements: Requirements, target: Target, resolver: str) -> str:
    """A digest (hex) of everything in the requirements that can change the lock; comments and credentials can't."""
    said: list[Any] = [1, str(target), resolver, requirements.extras, requirements.groups]
    if requirements.kind == "pyproject" and requirements.file:
        said.append(_resolved_tables(read_toml(requirements.file)))
    for folder, line in all_lines(requirements):
        said.append([line.option, _without_credentials(line.value)])
        local = _local_path(folder, requirements.folder, line)
        if local and local.is_dir():
            said.append(_local_metadata(local))
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _resolved_tables(pyproject: Mapping[str, Any]) -> Any:
    project = pyproject.get("project", {})
    wanted = ("name", "dependencies", "optional-dependencies", "requires-python", "dynamic")
    uv = pyproject.get("tool", {}).get("uv", {})
    poetry = pyproject.get("tool", {}).get("poetry", {})
    return [
        {key: project.get(key) for key in wanted},
        pyproject.get("dependency-groups"),
        {key: value for key, value in uv.items() if key != "index"},
        {key: value for key, value in poetry.items() if key in {"dependencies", "group", "extras"}},
    ]


def _local_metadata(folder: Path) -> list[Any]:
    """What a local project says about its dependencies: its code may change without a new lock, this may not."""
    said: list[Any] = []
    if (folder / "pyproject.toml").is_file():
        said.append(_resolved_tables(read_toml(folder / "pyproject.toml")))
    said.extend(
        hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("setup.cfg", "setup.py")
        if (folder / name).is_file()
    )
    return said


def _local_path(folder: Path, start: Path, line: Line) -> Path | None:
    """The local file or folder that a line asks for; uv and pip take it as relative to where they run."""
    if line.option not in {"", "--editable"}:
        return None
    text = re.split(r"\s+--|\s*;|\[", line.value, maxsplit=1)[0].strip()
    if " @ " in text:
        text = text.partition(" @ ")[2].strip()
    if text.startswith("file:"):
        return Path(unquote(urlsplit(text).path))
    if "://" in text or not (line.option or text.startswith((".", "/")) or "/" in text):
        return None
    return next((place / text for place in (start, folder) if (place / text).exists()), None)


def _without_credentials(text: str) -> str:
    return " ".join(redacted(word) if "://" in word else word for word in text.split())


def direct_names(requirements: Requirements) -> dict[str, frozenset[str]] | None:
    """The normalised names that are asked for directly, with their extras.

    None when the file doesn't tell: the lock of another tool.
    """
    match requirements.kind:
        case "pylock":
            return None
        case "uv" | "poetry" | "pyproject":
            pyproject = requirements.folder / "pyproject.toml"
            named = _named_in_pyproject(pyproject, requirements) if pyproject.is_file() else None
        case _:
            lines = (line.value for _, line in all_lines(requirements) if line.option in {"", "--editable"})
            named = (each for line in lines if (each := _named(line)))
    if named is None:
        return None
    found: dict[str, frozenset[str]] = {}
    for name, extras in named:
        found[name] = found.get(name, frozenset()) | extras
    return found


def _named_in_pyproject(pyproject: Path, requirements: Requirements) -> Iterator[tuple[str, frozenset[str]]]:
    document = read_toml(pyproject)
    project = document.get("project", {})
    groups = document.get("dependency-groups", {})
    lists = [project.get("dependencies", ())]
    lists += [project.get("optional-dependencies", {}).get(extra, ()) for extra in requirements.extras]
    lists += [groups.get(group, ()) for group in requirements.groups]
    for specifiers in lists:
        for specifier in specifiers:
            if isinstance(specifier, str) and (named := _named(specifier)):
                yield named
    for name, value in document.get("tool", {}).get("poetry", {}).get("dependencies", {}).items():
        if name != "python":
            extras = value.get("extras", ()) if isinstance(value, dict) else ()
            yield normalised(name), frozenset(extras)


def _named(specifier: str) -> tuple[str, frozenset[str]] | None:
    egg = re.search(r"#egg=([\w.-]+)", specifier)
    match = egg or re.match(r"([A-Za-z0-9][\w.-]*)\s*($|[\[<>=!~;@(\s])", specifier)
    if not match or match[1].endswith((".whl", ".tar.gz", ".zip")):
        file = re.search(r"([A-Za-z0-9_.]+)-[^/]*\.whl", specifier)
        return (normalised(file[1]), frozenset()) if file else None
    extras = re.match(r"[\w.-]+\s*\[([^\]]*)\]", specifier)
    return normalised(match[1]), frozenset(
        normalised(each.strip()) for each in extras[1].split(",")
    ) if extras else frozenset()


def normalised(name: str) -> str:
    """The name of a project in its one spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


# Credentials

_INDEX_VARIABLES = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
)


def credentials(requirements: Requirements, environ: Mapping[str, str]) -> tuple[Credential, ...]:
    """The user names and passwords in the requirements' URLs and in uv's and pip's variables.

    They are for fetching only: nothing that lpack writes holds them.
    """
    texts = [line.value for _, line in all_lines(requirements)]
    texts += [environ[name] for name in _INDEX_VARIABLES if environ.get(name)]
    expanded = (re.sub(r"\$\{(\w+)\}", lambda match: environ.get(match[1], match[0]), text) for text in texts)
    found = [_credential(url, "", "") for text in expanded for url in re.findall(r"[a-z+]+://[^\s,;]+", text)]
    found += _named_indexes(requirements, environ)
    return tuple(dict.fromkeys(each for each in found if each))


def _named_indexes(requirements: Requirements, environ: Mapping[str, str]) -> Iterator[Credential | None]:
    """Those of ``[[tool.uv.index]]``, whose user name and password stand in UV_INDEX_<NAME>_USERNAME and _PASSWORD."""
    for folder in (requirements.folder, *requirements.folder.parents):
        for name, table in (("pyproject.toml", ("tool", "uv")), ("uv.toml", ())):
            if not (folder / name).is_file():
                continue
            document = read_toml(folder / name)
            for key in table:
                document = document.get(key, {})
            for index in document.get("index", ()):
                variable = "UV_INDEX_" + re.sub(r"[^A-Z0-9]", "_", str(index.get("name", "")).upper())
                user, password = environ.get(f"{variable}_USERNAME", ""), environ.get(f"{variable}_PASSWORD", "")
                yield _credential(str(index.get("url", "")), user, password)


def _credential(url: str, username: str, password: str) -> Credential | None:
    parts = urlsplit(url.removeprefix("git+"))
    username = username or unquote(parts.username or "")
    password = password or unquote(parts.password or "")
    if not parts.hostname or not (username or password):
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Credential(f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else ""), username, password)
