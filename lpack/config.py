"""lpack.toml, or [tool.lpack] of pyproject.toml, as frozen types; every mistake is reported at once, with its key path.

The keys themselves are listed in ``config_keys``.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .aws.architectures import X86_64
from .config_keys import Place, alternatives, read_project
from .errors import ConfigError, UsageError
from .model import Target

OWN_FILE = "lpack.toml"
SHARED_FILE = "pyproject.toml"

_REQUIRED = {"runtime": "python3.13", "handler": "app.handler"}
"""What every function must say, or [defaults] for it, with an example of each."""


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function of a project.

    ``requirements`` is a file, a list of requirement specifiers, or None when it is to be looked for in ``source``;
    ``memory`` and ``ephemeral_storage`` are in MB, ``timeout`` in seconds; ``provided_libraries`` are shared libraries
    (sonames) that the user vouches for. Package names are normalised; paths are absolute.
    """

    name: str
    target: Target
    source: Path
    handler: str
    requirements: Path | tuple[str, ...] | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    exclude_packages: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    memory: int = 128
    timeout: int = 3
    ephemeral_storage: int = 512
    provided_libraries: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a configuration: ``file`` is where it was read from. Functions are in the order of the file."""

    folder: Path
    file: Path
    functions: tuple[Function, ...]
    resolver: Literal["uv", "pip-tools"] = "uv"

    def function(self, name: str) -> Function:
        """The function of that name; UsageError offers the nearest."""
        return self.selected((name,))[0]

    def selected(self, names: Sequence[str]) -> tuple[Function, ...]:
        """The functions of these names, each once; all when no name is given. UsageError lists every unknown name."""
        if not names:
            return self.functions
        by_name = {function.name: function for function in self.functions}
        unknown = [name for name in dict.fromkeys(names) if name not in by_name]
        if unknown:
            they_are = f"{alternatives(unknown, 'and')} {'are not functions' if unknown[1:] else 'is not a function'}"
            near = [match for name in unknown for match in difflib.get_close_matches(name, by_name, n=1)]
            hint = f"did you mean {alternatives(near)}?" if near else f"it has {alternatives(by_name, 'and')}"
            raise UsageError(f"{they_are} of `{self.file}`", hint=hint)
        return tuple(by_name[name] for name in dict.fromkeys(names))


def configurations(folder: Path) -> tuple[Path, ...]:
    """The files in the folder that configure lpack: one, none, or two by mistake."""
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise UsageError(f"`{folder}` can't be read: {error.strerror}") from error
    found = [folder / OWN_FILE] if OWN_FILE in names else []
    if SHARED_FILE in names:
        tools = read_toml(folder / SHARED_FILE).get("tool")
        if isinstance(tools, dict) and "lpack" in tools:
            found.append(folder / SHARED_FILE)
    return tuple(found)


def find(folder: Path) -> Path:
    """The file that configures lpack in the folder; UsageError when there is none, or more than one."""
    found = configurations(folder)
    if not found:
        raise UsageError(
            f"`{folder}` has no {OWN_FILE}, and no [tool.lpack] in a {SHARED_FILE}",
            hint="run `lpack init` to start here, or name the project's folder with `-C DIR`",
        )
    if len(found) > 1:
        raise UsageError(
            f"`{folder}` configures lpack twice: in {OWN_FILE} and in [tool.lpack] of {SHARED_FILE}",
            hint="move everything to one of them",
        )
    return found[0]


def load(folder: Path) -> Project:
    """The project in the folder; ConfigError lists every mistake, first to last, then what is missing.

    A key in a function's own table replaces the one in [defaults]; only ``environment`` is merged, variable by
    variable. Paths start at the folder.
    """
    found = find(folder)
    folder = found.parent.resolve()
    file = folder / found.name
    document = read_toml(file)
    root, table = ("", document) if file.name == OWN_FILE else ("tool.lpack", document["tool"]["lpack"])
    place = Place(root, folder, [])
    top = read_project(table, place)
    defaults = top.get("defaults", {})
    merged = {name: _merged(defaults, own) for name, own in top.get("function", {}).items()}
    for name, values in merged.items():
        for key, example in _REQUIRED.items():
            if key not in values:
                place.key("function").key(name).key(key).problem(f'is missing; write, for example, {key} = "{example}"')
    if place.problems:
        raise ConfigError(str(file), place.problems)
    if not merged:
        header = f"[{place.key('function').path}.NAME]"
        raise ConfigError(
            str(file),
            [f"there is no `{header}`"],
            hint="add one, with `runtime` and `handler`: there is nothing to build",
        )
    functions = tuple(_function(name, values, folder) for name, values in merged.items())
    return Project(folder, file, functions, **top.get("build", {}))


def read_toml(file: Path) -> dict[str, Any]:
    """The document in a TOML file; ConfigError says where it is not TOML, UsageError why it can't be read."""
    import tomli

    try:
        if not file.is_file():  # a named pipe would make us wait for ever
            raise UsageError(f"`{file}` is not a file")
        # Editors on Windows begin files with a byte order mark, which says nothing.
        return tomli.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"`{file}` can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = f"line {line}: the byte 0x{error.object[error.start]:02x} is not UTF-8"
        raise ConfigError(str(file), [problem], hint="save the file as UTF-8") from error
    except tomli.TOMLDecodeError as error:
        raise ConfigError(str(file), [f"line {error.lineno}, column {error.colno}: {error.msg}"]) from error
    except (ValueError, RecursionError) as error:  # numbers too long and nesting too deep for Python
        raise ConfigError(str(file), [str(error).partition(";")[0]]) from error


def _merged(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    environment = {**defaults.get("environment", {}), **own.get("environment", {})}
    return {**defaults, **own, "environment": environment}


def _function(name: str, values: Mapping[str, Any], folder: Path) -> Function:
    fields = {key.replace("-", "_"): value for key, value in values.items()}
    del fields["runtime"]
    fields.pop("package", None)  # "zip" is the only one yet
    target = Target(values["runtime"], fields.pop("architecture", X86_64))
    return Function(name=name, target=target, source=fields.pop("source", folder), **fields)
