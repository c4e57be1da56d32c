"""Requirements files as lpack needs to understand them; resolving what they say is left to the resolver.

Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import difflib
import os.path
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ...errors import UsageError
from .requirements import Requirements, normalised

_OPTIONS = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-i": "--index-url",
    "-f": "--find-links",
}
_OPTION = re.compile(r"(?P<option>--[\w-]+|-\w)(\s*=\s*|\s*)(?P<value>.*)")
_OPTION_OF_REQUIREMENT = re.compile(r"(?<=\s)--[\w-]+")
_FLAGS = {"--no-index", "--pre", "--prefer-binary", "--require-hashes"}
_WITH_VALUE = {
    *_OPTIONS.values(),
    *("--extra-index-url", "--no-binary", "--only-binary", "--trusted-host", "--use-feature"),
}
_OF_REQUIREMENTS = {"--hash", "--config-setting", "--config-settings", "--global-option"}
_INCLUDING = {"--requirement", "--constraint"}
_INDEXES = {"--index-url", "--extra-index-url", "--find-links", "--no-index"}
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*(\[(?P<extras>[^\]]*)\])?\s*($|[<>=!~;@(\s])")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_ARCHIVE = re.compile(r"(?:^|/)(?P<name>[A-Za-z0-9][\w.-]*?)-\d[^/]*(?:" + "|".join(map(re.escape, _ARCHIVES)) + ")")


class Line(NamedTuple):
    """A logical line: an option (in its long form) with its value, or (with an empty option) a requirement.

    As uv has it, the paths of requirements start from ``start``, the folder in which it is run, and those of
    ``--find-links`` from ``folder``, that of the file in which the line is.
    """

    option: str
    value: str
    start: Path
    folder: Path
    is_constraint: bool = False

    @property
    def is_requirement(self) -> bool:
        """Whether it asks for a project; constraints only say which version, should anybody ask."""
        return self.option in {"", "--editable"} and not self.is_constraint

    @property
    def name(self) -> str | None:
        """The normalised name of the project that is asked for, as far as the line says it."""
        match = re.search(r"[#&]egg=(?P<name>[\w.-]+)", self.value)
        if not match and not self.option:
            match = _NAMED.match(self.value)
        if not match or match["name"].endswith(_ARCHIVES):
            match = _ARCHIVE.search(self.value)
        return normalised(match["name"]) if match else None

    @property
    def extras(self) -> frozenset[str]:
        """The normalised extras that are asked for."""
        match = re.match(r"[^\s;@\[]+\s*\[(?P<extras>[^\]]*)\]", self.value)
        return frozenset(normalised(each.strip()) for each in match["extras"].split(",")) if match else frozenset()

    @property
    def address(self) -> str:
        """The address or path that the project comes from; empty when it comes from an index."""
        text = re.split(r"\s+(?:--|#|;)|;\s", self.value, maxsplit=1)[0].strip().strip("'\"")
        named = _NAMED.match(text)
        if named and not self.option and named[0].endswith("@"):
            return text[named.end() :].strip()
        if "://" in text or text.startswith((".", "/")) or "/" in text or self.option or text.endswith(_ARCHIVES):
            return re.sub(r"\[[^\]/]*\]$", "", text)
        return ""

    @property
    def path(self) -> Path | None:
        """The local file or folder that the project comes from, if it is there."""
        address = self.address.replace("${PROJECT_ROOT}", str(self.start))
        if address.startswith("file:"):
            try:
                path = unquote(urlsplit(address).path)
            except ValueError:
                return None  # no address at all, as the resolver will say
        elif address and "://" not in address:
            path = address
        else:
            return None
        place = self.start / path
        # Path.exists raises for what no file system takes as a name.
        return place if os.path.exists(place) else None  # noqa: PTH110

    @property
    def links(self) -> Path | None:
        """The local folder (or page) that ``--find-links`` names."""
        if self.option != "--find-links" or "://" in self.value:
            return None
        return (self.folder / self.value).resolve()

    def __str__(self) -> str:
        return f"{self.option} {self.value}".strip()


def all_lines(requirements: Requirements) -> tuple[Line, ...]:
    """Every line of the list or the requirements file, and of all files that it includes.

    UsageError for a file that can't be read, and for an option that no requirements file has.
    """
    start = requirements.folder
    if requirements.kind == "list":
        return tuple(_line(specifier, start, start) for specifier in requirements.specifiers)
    if requirements.kind == "requirements" and requirements.file:
        return tuple(_included(requirements.file, start, (), set()))
    return ()


def lines_in(text: str, folder: Path) -> list[Line]:
    """The logical lines of a requirements file's text, without comments."""
    stripped = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in _joined(text))
    return [_line(line, folder, folder) for line in stripped if line]


def index_lines(lines: Iterable[Line]) -> str:
    """The text of a requirements file that names the same indexes, wherever it may lie."""
    return "\n".join(str(_moved(line)) for line in lines if line.option in _INDEXES)


def one_file(lines: Iterable[Line]) -> tuple[str, str]:
    """The text of one requirements file that says the same, wherever it may lie, and that of its constraints.

    Local folders become editable, which makes no difference for a lock.
    """
    kept = [_moved(line) for line in lines if line.option not in _INCLUDING or "://" in line.value]
    texts = ([str(line) for line in kept if line.is_constraint is constraint] for constraint in (False, True))
    requirements, constraints = ("\n".join(each) for each in texts)
    return requirements, constraints


def _joined(text: str) -> Iterator[str]:
    """Lines joined where a backslash ends one; a comment ends where its line does, as pip has it."""
    waiting = ""
    for line in text.splitlines():
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            waiting += line.rstrip("\\")
        else:
            yield f"{waiting} {line}" if is_comment else waiting + line
            waiting = ""
    yield waiting


def _line(text: str, start: Path, folder: Path) -> Line:
    match = _OPTION.fullmatch(text)
    if not match:
        return Line("", text, start, folder)
    return Line(_OPTIONS.get(match["option"], match["option"]), match["value"].strip("'\" "), start, folder)


def _included(file: Path, start: Path, including: tuple[Path, ...], seen: set[Path]) -> Iterator[Line]:
    """The lines of a file and of those that it includes, each file once; ``including`` are those on the way to it."""
    place = file.resolve()
    if place in including:
        way = " → ".join(f"`{each.name}`" for each in (*including[including.index(place) :], place))
        raise UsageError(f"requirements files include each other: {way}", hint="break the circle")
    if place in seen:
        return
    seen.add(place)
    for line in lines_in(_text(file), file.parent):
        _refuse_mistakes(line, file)
        yield line._replace(start=start)
        if line.option in _INCLUDING and "://" not in line.value:
            is_constraint = line.option == "--constraint"
            for inner in _included(file.parent / line.value, start, (*including, place), seen):
                yield inner._replace(is_constraint=inner.is_constraint or is_constraint)


def _refuse_mistakes(line: Line, file: Path) -> None:
    """UsageError for an option that pip does not know either, or that lacks its value.

    What pip knows and the resolver does not is for the resolver to say.
    """
    if line.option in _WITH_VALUE and not line.value:
        raise UsageError(f"`{file}` has `{line.option}` without a value", hint="write its value on the same line")
    alone, behind = _FLAGS | _WITH_VALUE, _OF_REQUIREMENTS
    if line.option and line.option not in alone:
        unknown, known = line.option, alone
    elif not line.option and line.value.startswith("-"):
        unknown, known = line.value, alone
    else:
        found = _OPTION_OF_REQUIREMENT.findall(line.value) if line.is_requirement else []
        unknown, known = next((each for each in found if each not in behind), ""), behind
    if unknown:
        near = difflib.get_close_matches(unknown, sorted(known), n=1)
        raise UsageError(
            f"`{file}` has `{unknown}`, which is not an option of requirements files",
            hint=f"did you mean `{near[0]}`?" if near else "remove it, or write it where it belongs",
        )


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"`{file}` does not exist", hint="correct the path, or make the file") from error
    except OSError as error:
        raise UsageError(f"`{file}` can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"`{file}` is not UTF-8", hint="save the file as UTF-8") from error


def _moved(line: Line) -> Line:
    """The line with its path, if it has one, made absolute."""
    if line.links:
        return line._replace(value=str(line.links))
    path = line.path
    if not line.is_requirement or not path or line.address.startswith("file:"):
        return line
    moved = line._replace(value=line.value.replace(line.address, str(path.resolve()), 1))
    return moved._replace(option="--editable") if path.is_dir() and " @" not in line.value else moved
