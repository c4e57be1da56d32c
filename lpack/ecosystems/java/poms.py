"""pom.xml: which folders belong together, and a pom of lpack's own.

Only what lies in the files is read: what Maven makes of them is Maven's to say.
Source: https://maven.apache.org/pom.html
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from ...errors import InputError, UsageError

POM = "pom.xml"
_SETTINGS = ".mvn"

_FLOATING = re.compile(r"[\[(].*|LATEST|RELEASE|.*-SNAPSHOT", re.DOTALL)
"""Versions that may be another one tomorrow."""


class Pom(NamedTuple):
    """A pom.xml: ``parent`` is the file of its parent if that is there, ``modules`` are its modules' files.

    ``output`` is the folder that builds leave their files in; ``floating`` are dependencies whose version
    is not fixed, as "group:artifact version"; ``mentioned`` are the names of all artifacts, plugins among them, that it
    may need. ``alone`` says whether it decides about the class path without the project's other files.
    """

    file: Path
    artifact: str
    packaging: str
    parent: Path | None
    modules: tuple[Path, ...]
    output: Path
    floating: tuple[str, ...]
    mentioned: frozenset[str]
    alone: bool


def read_pom(file: Path) -> Pom:
    """The pom in a file; InputError when it can't be read or is not XML."""
    try:
        root = ET.fromstring(file.read_bytes())  # noqa: S314 -- the user's own file, and Maven reads it next
    except OSError as error:
        raise InputError(f"`{file}` can't be read: {error.strerror}") from error
    except (ET.ParseError, ValueError, LookupError) as error:
        raise InputError(f"`{file}` is not valid XML: {error}") from error
    for element in root.iter():
        # Poms are written with Maven's namespace and without.
        element.tag = str(element.tag).rpartition("}")[2]
    modules = [_text(module) for holder in root.iter("modules") for module in holder.iter("module")]
    folder = file.parent
    return Pom(
        file=file,
        artifact=_text(root.find("artifactId")),
        packaging=_text(root.find("packaging")) or "jar",
        parent=_parent(root.find("parent"), folder),
        modules=tuple(dict.fromkeys(_pom_at(folder / module) for module in modules if module)),
        output=_output(root.find("build/directory"), folder),
        floating=tuple(_floating(root)),
        mentioned=frozenset(_text(element) for element in root.iterfind(".//*/artifactId")),
        # A profile may depend on whether a file is there; a parent that is not here may be another one tomorrow.
        alone=root.find(".//activation/file") is None and not is_floating(_text(root.find("parent/version"))),
    )


def _text(element: ET.Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


def _pom_at(place: Path) -> Path:
    place = Path(os.path.normpath(place))
    return place / POM if place.is_dir() else place


def _parent(element: ET.Element | None, folder: Path) -> Path | None:
    if element is None:
        return None
    said = element.find("relativePath")
    path = "../pom.xml" if said is None else _text(said)
    file = _pom_at(folder / path) if path else None
    return file if file and file.is_file() else None


def _output(element: ET.Element | None, folder: Path) -> Path:
    said = re.sub(r"^\$\{(?:project\.)?basedir\}/", "", _text(element))
    return Path(os.path.normpath(folder / (said if said and "${" not in said else "target")))


def _floating(root: ET.Element) -> Iterator[str]:
    for element in root.iter("dependency"):
        version = _text(element.find("version"))
        if _FLOATING.fullmatch(version):
            yield f"{_text(element.find('groupId'))}:{_text(element.find('artifactId'))} {version}"


@dataclass(frozen=True, slots=True)
class Reactor:
    """A Maven project with all that Maven reads to build it.

    ``pom`` is its own; ``top`` is the pom that lists it as a module, in the end, or its own; ``poms`` are all that are
    needed, those of its parents and of the other modules among them; ``settings`` is the folder `.mvn`, if there is
    one; ``root`` is the folder that everything lies in.
    """

    pom: Pom
    top: Path
    poms: tuple[Pom, ...]
    settings: Path | None
    root: Path

    @property
    def is_module(self) -> bool:
        """Whether it is built along with other modules."""
        return self.top != self.pom.file

    @property
    def fixed(self) -> bool:
        """Whether the class path stays what it is while no pom changes."""
        return not self.is_module and all(pom.alone and not pom.floating for pom in self.poms)

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders whose files count: that of the top pom, and those of modules that lie elsewhere."""
        top = self.top.parent
        modules = (pom.file.parent for pom in self.poms if pom.file in _modules_of(self.top, self.poms))
        return tuple(dict.fromkeys((top, *(each for each in modules if not each.is_relative_to(top)))))

    @property
    def unneeded(self) -> frozenset[Path]:
        """The folders of modules that the project can't depend on, going by the names of artifacts."""
        needed = {self.pom}
        while more := {each for each in self.poms if each not in needed and _is_needed(each, needed)}:
            needed |= more
        return frozenset(each.file.parent for each in self.poms if each not in needed and each.packaging != "pom")


def _is_needed(pom: Pom, by: Iterable[Pom]) -> bool:
    names = (name for each in by for name in each.mentioned)
    return any(pom.file == each.parent for each in by) or any(name == pom.artifact or "${" in name for name in names)


def reactor_of(file: Path) -> Reactor:
    """The project of a pom.xml, with its parents and the modules that are built with it as far as they are there."""
    file = Path(os.path.normpath(file.absolute()))
    known: dict[Path, Pom] = {}
    pom = _known(file, known)
    parents = [pom]
    while (parent := parents[-1].parent) and parent not in known:
        parents.append(_known(parent, known))
    above = [folder / POM for folder in file.parent.parents if (folder / POM).is_file()]
    tops = [each for each in dict.fromkeys([*above, *known]) if file in _reach(each, known)]
    top = min(tops, key=lambda each: len(each.parts), default=file)
    chosen = {*(each.file for each in parents), top, *_reach(top, known)}
    waiting = list(chosen)
    while waiting:  # the other modules may have parents that the project itself has not
        parent = _known(waiting.pop(), known).parent
        if parent and parent not in chosen:
            chosen.add(parent)
            waiting.append(parent)
    poms = tuple(known[each] for each in sorted(chosen))
    settings = next((each / _SETTINGS for each in top.parents if (each / _SETTINGS).is_dir()), None)
    places = [*(each.file.parent for each in poms), *([settings.parent] if settings else [])]
    return Reactor(pom, top, poms, settings, Path(os.path.commonpath(places)))


def _known(file: Path, known: dict[Path, Pom]) -> Pom:
    if file not in known:
        known[file] = read_pom(file)
    return known[file]


def _reach(file: Path, known: dict[Path, Pom]) -> set[Path]:
    """The modules below a pom, and their modules."""
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        for module in _known(waiting.pop(), known).modules:
            if module not in found and module.is_file():
                found.add(module)
                waiting.append(module)
    return found


def _modules_of(top: Path, poms: Sequence[Pom]) -> set[Path]:
    return _reach(top, {pom.file: pom for pom in poms})


class Coordinates(NamedTuple):
    """What a dependency is asked for by: group:artifact[:type[:classifier]]:version."""

    group: str
    artifact: str
    kind: str
    classifier: str
    version: str


def coordinates(text: str) -> Coordinates:
    """The coordinates as Maven writes them; UsageError when they are none."""
    parts = [part.strip() for part in text.split(":")]
    if not 3 <= len(parts) <= 5 or not all(parts) or any(re.search(r"[\s<>&/\\]", part) for part in parts):
        raise UsageError(
            f"`{text}` is not what Maven calls an artifact",
            hint="write `group:artifact:version`, as in `com.fasterxml.jackson.core:jackson-databind:2.17.2`",
        )
    group, artifact, *between, version = parts
    kind, classifier = (*between, *("jar", "")[len(between) :])
    return Coordinates(group, artifact, kind, classifier, version)


def is_floating(version: str) -> bool:
    """Whether the version may be another one tomorrow: a range, or one that is still worked on."""
    return _FLOATING.fullmatch(version) is not None


def own_pom(wanted: Sequence[Coordinates]) -> str:
    """The text of a pom that has these dependencies and nothing else."""
    dependencies = "".join(
        "<dependency>"
        f"<groupId>{escape(each.group)}</groupId><artifactId>{escape(each.artifact)}</artifactId>"
        f"<version>{escape(each.version)}</version><type>{escape(each.kind)}</type>"
        + (f"<classifier>{escape(each.classifier)}</classifier>" if each.classifier else "")
        + "</dependency>\n"
        for each in wanted
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0">\n<modelVersion>4.0.0</modelVersion>\n'
        "<groupId>lpack</groupId><artifactId>layer</artifactId><version>1</version>\n"
        f"<dependencies>\n{dependencies}</dependencies>\n</project>\n"
    )
