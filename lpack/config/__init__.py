"""lpack.toml, or [tool.lpack] of pyproject.toml, as frozen types; every mistake is reported at once, with its key path.

The keys themselves are listed in ``config.keys``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ..aws.architectures import X86_64, Architecture
from ..aws.runtimes import Runtime
from ..errors import ConfigError, UsageError
from ..model import Target
from ..values import Place, alternatives, quoted
from .images import ImageSettings, foreign_keys, image_settings, note_foreign_keys
from .keys import KEYS_OF_FAMILIES, Bundle, LayerArn, note_keys_of_others, read_layer, read_project
from .packages import Groups, fit_packages
from .publish import Destination
from .tests import FunctionTest

OWN_FILE = "lpack.toml"
SHARED_FILE = "pyproject.toml"

_REQUIRED = {"runtime": "python3.13", "handler": "app.handler"}
"""What every function must say, or [defaults] for it, with an example of each."""


Trim = tuple[tuple[str, tuple[str, ...]], ...]
"""For names of packages, and "*" for all, gitignore's patterns of the files that are left out of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """The packages that a function or layer, called ``name``, asks for, and the targets that they are for.

    ``requirements`` is a file, a list of requirement specifiers, groups of a pyproject.toml, or None when it is to be
    looked for in ``source``. Package names are normalised.
    """

    name: str
    targets: tuple[Target, ...]
    source: Path | None = None
    requirements: Path | tuple[str, ...] | Groups | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    exclude_packages: tuple[str, ...] = ()
    trim: Trim = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function of a project.

    ``layers`` are names of the project's layers and ARNs of others. ``memory`` and ``ephemeral_storage`` are in MB,
    ``timeout`` in seconds; ``provided_libraries`` are shared libraries (sonames) that the user vouches for. Paths are
    absolute; what ``Dependencies`` says of their fields holds here too.

    For languages that are compiled, ``artifact`` is the jar or program that holds the function, relative to the source,
    and ``build`` the command that makes it, run in the source. ``image`` is how the function becomes a container image,
    None when it is a zip; ``handler`` is "" where a Dockerfile says it.
    """

    name: str
    target: Target
    source: Path
    handler: str
    requirements: Path | tuple[str, ...] | Groups | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    exclude_packages: tuple[str, ...] = ()
    trim: Trim = ()
    layers: tuple[str | LayerArn, ...] = ()
    bundle: Bundle | Literal[False] | None = None
    artifact: str | None = None
    build: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    memory: int = 128
    timeout: int = 3
    ephemeral_storage: int = 512
    provided_libraries: frozenset[str] = frozenset()
    tests: tuple[FunctionTest, ...] = ()
    image: ImageSettings | None = None

    @property
    def own_layers(self) -> tuple[str, ...]:
        """The names of the project's layers that it uses, in its order."""
        return tuple(layer for layer in self.layers if isinstance(layer, str))

    @property
    def dependencies(self) -> Dependencies:
        """The packages that it asks for."""
        return Dependencies(
            name=self.name,
            targets=(self.target,),
            source=self.source,
            requirements=self.requirements,
            extras=self.extras,
            groups=self.groups,
            exclude_packages=self.exclude_packages,
            trim=self.trim,
        )


class Layer(NamedTuple):
    """A layer of a project, for one or several runtimes and architectures.

    ``source`` pairs folders of the layer, "" for its root, with the folders whose files go there. With ``per_runtime``
    each runtime gets an artifact of its own, instead of one with a folder for each.
    """

    name: str
    runtimes: tuple[Runtime, ...]
    architectures: tuple[Architecture, ...] = (X86_64,)
    source: tuple[tuple[str, Path], ...] = ()
    requirements: Path | tuple[str, ...] | Groups | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    exclude_packages: tuple[str, ...] = ()
    trim: Trim = ()
    provided_libraries: frozenset[str] = frozenset()
    per_runtime: bool = False
    description: str = ""
    license: str = ""

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every runtime on every architecture."""
        return tuple(Target(runtime, each) for runtime in self.runtimes for each in self.architectures)

    @property
    def splits(self) -> tuple[tuple[str, tuple[Runtime, ...]], ...]:
        """The runtimes of each of its artifacts, with what follows the layer's name in the artifact's."""
        if not self.per_runtime or len(self.runtimes) == 1:
            return (("", self.runtimes),)
        return tuple((f"-{each.name.replace('.', '')}", (each,)) for each in self.runtimes)

    @property
    def artifact_names(self) -> tuple[str, ...]:
        """All names that its artifacts can have: whether they differ by architecture, only a build can tell."""
        names = [f"{self.name}{suffix}" for suffix, _ in self.splits]
        architectures = self.architectures if len(self.architectures) > 1 else ()
        return (*names, *(f"{name}-{each}" for name in names for each in architectures))

    @property
    def dependencies(self) -> Dependencies:
        """The packages that it asks for."""
        return Dependencies(
            name=self.name,
            targets=self.targets,
            requirements=self.requirements,
            extras=self.extras,
            groups=self.groups,
            exclude_packages=self.exclude_packages,
            trim=self.trim,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """How a project is built, from `[build]`: who resolves, and who makes wheels with native code if there is none.

    With the backend "container" all that is not fetched ready is made in the container. That runs the ``image``, or is
    made from ``base`` with further ``packages`` of its system; None stands for AWS's image for the runtime.
    """

    backend: Literal["host", "container"] = "host"
    resolver: Literal["uv", "pip-tools"] = "uv"
    native: Literal["auto", "container", "zig", "never"] = "auto"
    image: str | None = None
    base: str | None = None
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a configuration: ``file`` is where it was read from.

    Functions and layers are in the order of the file; no two have the same name.
    """

    folder: Path
    file: Path
    functions: tuple[Function, ...]
    layers: tuple[Layer, ...] = ()
    building: Building = Building()
    publish: Destination = field(default_factory=Destination)

    def in_container(self) -> Project:
        """The same, where all that is not fetched ready is made in the container."""
        return replace(self, building=replace(self.building, backend="container"))

    @property
    def parts(self) -> tuple[Layer | Function, ...]:
        """All that is to be built, in the order in which it has to be: layers first."""
        return (*self.layers, *self.functions)

    def function(self, name: str) -> Function:
        """The function of that name; UsageError offers the nearest."""
        return next(part for part in replace(self, layers=()).selected([name]) if isinstance(part, Function))

    def layer(self, name: str) -> Layer:
        """The layer of that name, which the configuration is known to have."""
        return next(layer for layer in self.layers if layer.name == name)

    def selected(self, names: Sequence[str]) -> tuple[Layer | Function, ...]:
        """The parts of these names, each once; all when no name is given. UsageError lists every unknown name."""
        if not names:
            return self.parts
        by_name = {part.name: part for part in self.parts}
        unknown = [name for name in dict.fromkeys(names) if name not in by_name]
        if unknown:
            kind = ("functions", "a function") if not self.layers else ("functions or layers", "a function or layer")
            they_are = f"{alternatives(unknown, 'and')} {f'are not {kind[0]}' if unknown[1:] else f'is not {kind[1]}'}"
            near = [match for name in unknown for match in difflib.get_close_matches(name, by_name, n=1)]
            there = f"it has {alternatives(by_name, 'and')}" if by_name else "it has none"
            hint = f"did you mean {alternatives(near)}?" if near else there
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
            if key not in values and key not in foreign_keys(values):
                place.key("function").key(name).key(key).problem(f'is missing; write, for example, {key} = "{example}"')
    functions, layers = top.get("function", {}), top.get("layer", {})
    for name, values in merged.items():
        if values.get("runtime"):
            merged[name] = fit_packages(values, values["runtime"].family, _places(name, functions[name], place))
    _note_keys_of_others(functions, defaults, place)
    _note_unknown_layers(functions, defaults, layers, place)
    if place.problems:
        raise ConfigError(str(file), list(dict.fromkeys(place.problems)))
    project = Project(
        folder,
        file,
        tuple(_function(name, values, folder) for name, values in merged.items()),
        tuple(_layer(name, values) for name, values in layers.items()),
        Building(**top.get("build", {})),
        top.get("publish") or Destination(),
    )
    _note_unfit_layers(project, place)
    _note_equal_names(project, place)
    _note_strangers(project, place)
    if place.problems:
        raise ConfigError(str(file), list(dict.fromkeys(place.problems)))
    if not project.parts:
        header = f"[{place.key('function').path}.NAME]"
        raise ConfigError(
            str(file),
            [f"there is no `{header}`"],
            hint="add one, with `runtime` and `handler`: there is nothing to build",
        )
    return project


def _places(name: str, own: Mapping[str, Any], place: Place) -> Callable[[str], Place]:
    """Where the keys of a function stand: in its own table, or in [defaults]."""
    return lambda key: (place.key("function").key(name) if key in own else place.key("defaults")).key(key)


def _note_keys_of_others(functions: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Any], place: Place) -> None:
    """Keys that mean nothing to a function's runtime, or to what it is packed as.

    In [defaults] they are for the functions that know them.
    """
    for name, own in functions.items():
        runtime = own.get("runtime") or defaults.get("runtime")
        here = place.key("function").key(name)
        if runtime:
            note_keys_of_others(own, runtime, here)
        note_foreign_keys(own, {**defaults, **own}, here)


def layer_from(document: Mapping[str, Any], name: str, *, folder: Path, file: Path) -> Layer:
    """The layer that a document of the keys of ``[layer.NAME]`` describes; its paths start at the folder.

    ConfigError lists every mistake; its messages name the file.
    """
    place = Place("", folder, [])
    values = read_layer(document, place)
    if place.problems:
        raise ConfigError(str(file), list(dict.fromkeys(place.problems)))
    return _layer(name, values)


def _layer(name: str, values: Mapping[str, Any]) -> Layer:
    return Layer(name=name, **{key.replace("-", "_"): value for key, value in values.items()})


def _note_unknown_layers(
    functions: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Any], layers: Collection[str], place: Place
) -> None:
    """Problems for the names of layers that there are none of, each where it stands."""
    of_functions = ((place.key("function").key(name), values) for name, values in functions.items())
    for here, values in (*of_functions, (place.key("defaults"), defaults)):
        for layer in values.get("layers", ()):
            if isinstance(layer, str) and layer not in layers:
                near = difflib.get_close_matches(layer, layers, n=1)
                there = f"it has {alternatives(layers, 'and')}" if layers else "it has none"
                hint = f"did you mean {alternatives(near)}?" if near else there
                here.key("layers").problem(f"names {quoted(layer)}, which is not a layer of this project; {hint}")


def _note_unfit_layers(project: Project, place: Place) -> None:
    """Problems for functions that use layers which are for other targets."""
    for function in project.functions:
        here = place.key("function").key(function.name).key("layers")
        for layer in map(project.layer, function.own_layers):
            if function.target not in layer.targets:
                runtimes, architectures = map(str, layer.runtimes), map(str, layer.architectures)
                there = f"{alternatives(runtimes, 'and')} on {alternatives(architectures, 'and')}"
                fact = f"which is for {there}, and the function is for {function.target}"
                here.problem(f"names {quoted(layer.name)}, {fact}")


def _note_equal_names(project: Project, place: Place) -> None:
    """Problems for layers with an artifact that could be the same file as another's."""
    owners = {function.name: f"the function {quoted(function.name)}" for function in project.functions}
    for layer in project.layers:
        here = place.key("layer").key(layer.name)
        for name in layer.artifact_names:
            owner = owners.setdefault(name, f"the layer {quoted(layer.name)}")
            if owner != f"the layer {quoted(layer.name)}":
                here.problem(f"can have an artifact `{name}.zip`, and so can {owner}: rename one of them")


def _note_strangers(project: Project, place: Place) -> None:
    """Problems for names in AWS that are given to functions which are none of the project's."""
    names = [function.name for function in project.functions]
    for name in project.publish.functions:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"; did you mean {alternatives(near)}?" if near else ""
            here = place.key("publish").key("functions").key(name)
            here.problem(f"is about a function that this project does not have{hint}")


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
    """A function's values; of the defaults, those that mean something to its runtime."""
    runtime = own.get("runtime") or defaults.get("runtime")
    others = {key for key, families in KEYS_OF_FAMILIES.items() if runtime and runtime.family not in families}
    others |= {*foreign_keys({**defaults, **own})}
    defaults = {key: value for key, value in defaults.items() if key not in others}
    environment = {**defaults.get("environment", {}), **own.get("environment", {})}
    return {**defaults, **own, "environment": environment}


def _function(name: str, values: Mapping[str, Any], folder: Path) -> Function:
    fields = {key.replace("-", "_"): value for key, value in values.items()}
    del fields["runtime"]
    image = image_settings(fields.pop)
    handler = fields.pop("handler", "")
    target = Target(values["runtime"], fields.pop("architecture", X86_64))
    return Function(
        name=name, target=target, source=fields.pop("source", folder), handler=handler, image=image, **fields
    )
