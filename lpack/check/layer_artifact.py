"""A layer by itself: what each of its targets sees of it has to load there."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence

from ..aws.layer_paths import BOOTSTRAP, EXTENSIONS, LIBRARIES, PROGRAMS, package_folders, searched_folders
from ..aws.limits import EXTENSIONS as MOST_EXTENSIONS
from ..aws.limits import LAYER_RUNTIMES
from ..aws.runtimes import Family, Runtime
from ..model import Finding, Package, Severity
from ..tree import Entry, Tree
from ..weights import is_inside
from .configuration import check_configuration
from .elf import ElfFacts
from .lifecycle import check_lifecycle
from .limits import check_layer_size
from .native import check_layer_native
from .permissions import check_layer_permissions
from .subject import Subject
from .visibility import sees_in_layers, visible
from .wording import details, files, quoted

_EXECUTABLE = 0o111

_MODULES: dict[Family, tuple[str, ...]] = {
    "python": (".py",),
    "nodejs": (".js", ".mjs", ".cjs"),
    "java": (".jar",),
    "ruby": (".rb",),
}
"""How the names of a language's modules end."""


def check_layer(
    tree: Tree, subjects: Sequence[Subject], *, packages: Sequence[Package], elf: Mapping[str, ElfFacts]
) -> list[Finding]:
    """All that is wrong or worth a remark about a layer; each subject is one of its targets, and there is at least one.

    What holds for several targets is said once. ``elf`` are the tree's own ``elf_facts``.
    """
    runtimes = list(dict.fromkeys(subject.target.runtime for subject in subjects))
    first = subjects[0]
    found = [
        *(finding for subject in subjects for finding in check_lifecycle(subject)),
        *(finding for subject in subjects for finding in check_configuration(subject)),
        *_runtimes(first.name, runtimes),
        *check_layer_size(tree, first, packages),
        *_empty(tree, first.name),
        *_out_of_sight(tree, first.name, runtimes),
        *_astray(tree, first.name, runtimes),
        *_extensions(tree, first.name),
        *(finding for subject in subjects for finding in check_layer_permissions(tree, subject, packages)),
        *(finding for subject in subjects for finding in _native(tree, subject, packages, elf, runtimes)),
    ]
    return list(dict.fromkeys(found))


def extensions_in(tree: Tree) -> list[Entry]:
    """The layer's extensions: Lambda starts every file that is right in their folder."""
    return [entry for entry in tree if entry.path.rpartition("/")[0] == EXTENSIONS]


def _native(
    tree: Tree,
    subject: Subject,
    packages: Sequence[Package],
    elf: Mapping[str, ElfFacts],
    runtimes: Sequence[Runtime],
) -> list[Finding]:
    runtime, families = subject.target.runtime, {runtime.family for runtime in runtimes}
    sees = sees_in_layers(runtime, families)
    seen_packages = [package for package in packages if sees(f"{package.root}/{package.name}")]
    seen_elf = {path: facts for path, facts in elf.items() if sees(path)}
    return check_layer_native(visible(tree, runtime, families), subject, seen_packages, seen_elf)


def _runtimes(name: str, runtimes: Sequence[Runtime]) -> list[Finding]:
    if len(runtimes) <= LAYER_RUNTIMES:
        return []
    message = f"`{name}` is for {len(runtimes)} runtimes, and Lambda takes {LAYER_RUNTIMES}"
    return [Finding(Severity.ERROR, "layer-runtimes", message, hint="leave out those that nobody uses")]


def _empty(tree: Tree, name: str) -> list[Finding]:
    if tree.entries:
        return []
    hint = "give it `requirements`, or a `source` with files that nothing leaves out"
    return [Finding(Severity.ERROR, "layer-empty", f"`{name}` is a layer without files", hint)]


def _out_of_sight(tree: Tree, name: str, runtimes: Sequence[Runtime]) -> list[Finding]:
    """A warning when nothing of the layer is where runtimes look by themselves: usually a folder is missing above."""
    blind = [runtime for runtime in runtimes if tree.entries and not _sees_anything(runtime, tree)]
    if not blind:
        return []
    folders = dict.fromkeys(folder for runtime in blind for folder in searched_folders(runtime))
    message = f"nothing in `{name}` is where functions with {quoted(map(str, blind))} look for the files of layers"
    hint = f"they look in {quoted(folders, most=10)}; {_how_to_place(blind[0])}"
    return [Finding(Severity.WARNING, "layer-folders", message, hint)]


def _sees_anything(runtime: Runtime, tree: Tree) -> bool:
    sees = sees_in_layers(runtime, ())
    places = searched_folders(runtime)
    return any(sees(path) and any(path == place or is_inside(path, place) for place in places) for path in tree.by_path)


def _how_to_place(runtime: Runtime) -> str:
    folder = next(reversed(package_folders(runtime)), PROGRAMS)
    key = f'"{folder}"' if "/" in folder else folder
    return f'`source = {{ {key} = "FOLDER" }}` puts a folder\'s files there'


def _astray(tree: Tree, name: str, runtimes: Sequence[Runtime]) -> list[Finding]:
    """A note about modules that only code which knows their path can load, while others are in their place."""
    findings = []
    seeing: dict[Family, Runtime] = {}
    for runtime in runtimes:
        if runtime.family in _MODULES and _sees_anything(runtime, tree):
            seeing.setdefault(runtime.family, runtime)
    for family, runtime in seeing.items():
        places = {family, PROGRAMS, LIBRARIES, EXTENSIONS, BOOTSTRAP}
        paths = [
            path for path in tree.by_path if path.endswith(_MODULES[family]) and path.partition("/")[0] not in places
        ]
        if paths:
            folder = package_folders(runtime)[-1]
            message = f"`{name}` has {files(paths)} outside of `{folder}`, where `{runtime}` does not look for modules"
            findings.append(Finding(Severity.NOTE, "layer-modules", message, _how_to_place(runtime), details(paths)))
    return findings


def _extensions(tree: Tree, name: str) -> list[Finding]:
    extensions = extensions_in(tree)
    findings = []
    if len(extensions) > MOST_EXTENSIONS:
        message = f"`{name}` has {len(extensions)} extensions, and Lambda takes {MOST_EXTENSIONS}"
        hint = f"each file in `{EXTENSIONS}` is one: put what they share into a folder below it"
        listed = details([entry.path for entry in extensions])
        findings.append(Finding(Severity.ERROR, "extensions-number", message, hint, listed))
    bad = [entry for entry in extensions if not stat.S_ISLNK(entry.mode) and entry.mode & _EXECUTABLE != _EXECUTABLE]
    if bad:
        message = f"`{name}` has {files([entry.path for entry in bad])} among its extensions, which Lambda can't run"
        hint = "give programs mode 755: `chmod 755 FILE`, in your source"
        listed = details([f"{entry.path}: {stat.S_IMODE(entry.mode):04o}" for entry in bad])
        findings.append(Finding(Severity.ERROR, "permissions", message, hint, listed))
    return findings
